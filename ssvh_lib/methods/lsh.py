"""LSH: signs of random projections (Charikar, 2002), on the temporal mean of a video's features."""

from __future__ import annotations

import numpy as np

from ..clustering.reduction import mean_pooled
from ..data.batch import Videos
from .base.linear_hash import LinearHash


class LSH(LinearHash):
    """Random hyperplanes through the mean of the training videos; learns nothing but that mean.

    The paper's hyperplanes pass through the origin; ours through the mean, as ReLU features are all positive.
    """

    TITLE = "LSH"

    def solve(self, videos: Videos, rng: np.random.Generator) -> None:
        """Draw the hyperplanes."""
        mean = mean_pooled(videos).mean(axis=0)
        self.store(mean, rng.standard_normal((self.config.features, self.config.bits)))
