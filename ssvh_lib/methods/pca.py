"""PCA sign: the signs of the principal components, on the temporal mean of a video's features.

The plainest learned code, which ITQ (Gong and Lazebnik, CVPR 2011) compares itself with under the name PCA-Direct; the
description is recalled from that paper.
"""

from __future__ import annotations

import numpy as np

from ..clustering.reduction import mean_pooled, principal_directions
from ..data.batch import Videos
from .base.linear_hash import PrincipalHash


class PCASign(PrincipalHash):
    """PCA to K dimensions, that of largest variance first, each cut at the mean; ITQ without its rotation.

    Nothing is drawn at random: every seed gives the same codes.
    """

    TITLE = "PCA sign"

    def solve(self, videos: Videos, rng: np.random.Generator) -> None:
        """Find the K directions of largest variance; ``rng`` is not used."""
        pooled = mean_pooled(videos).astype(np.float64)
        mean = pooled.mean(axis=0)
        self.store(mean, principal_directions(pooled - mean, self.config.bits))
