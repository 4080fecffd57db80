"""ITQ: iterative quantisation (Gong and Lazebnik, CVPR 2011), on the temporal mean of a video's features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..clustering.reduction import mean_pooled, principal_directions
from ..data.batch import Videos
from .base import MethodConfig
from .base.linear_hash import PrincipalHash


class ITQ(PrincipalHash):
    """PCA to K dimensions, then the rotation that brings the data nearest to the corners of the hypercube."""

    TITLE = "ITQ"

    @dataclass(frozen=True, kw_only=True)
    class Config(MethodConfig):
        """As in the paper, section 3: 50 iterations from a random rotation."""

        iterations: int = 50  # paper, section 3.2

    config: Config

    def solve(self, videos: Videos, rng: np.random.Generator) -> None:
        """Alternate the best codes for a rotation and the best rotation for those codes (paper, equations 2 and 3)."""
        pooled = mean_pooled(videos).astype(np.float64)
        mean = pooled.mean(axis=0)
        principal = principal_directions(pooled - mean, self.config.bits)  # (D, K)
        reduced = (pooled - mean) @ principal  # V, (N, K)
        rotation, _ = np.linalg.qr(rng.standard_normal((self.config.bits, self.config.bits)))
        for _ in range(self.config.iterations):
            codes = np.where(reduced @ rotation >= 0, 1.0, -1.0)
            left, _, right = np.linalg.svd(reduced.T @ codes)
            rotation = left @ right
        self.store(mean, principal @ rotation)
