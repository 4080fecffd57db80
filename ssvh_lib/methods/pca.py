"""PCA sign: the signs of the principal components, on the temporal mean of a video's features.

The plainest learned code, which ITQ (Gong and Lazebnik, CVPR 2011) compares itself with under the name PCA-Direct.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ..clustering.kmeans import Videos
from ..clustering.reduction import mean_pooled, principal_directions
from ..errors import SSVHError


class PCASign(nn.Module):
    """PCA to K dimensions, each cut at the mean; ITQ without its rotation.

    Nothing is drawn at random: every seed gives the same codes.
    """

    @dataclass(frozen=True)
    class Config:
        """There is nothing to choose; the description is recalled from the ITQ paper."""

        bits: int  # K, at most min(N, D)
        frames: int  # T; not used, the features are averaged over frames
        features: int  # D
        variant: str = "paper"

    PRESETS: dict[str, dict] = {}  # noqa: RUF012 - a constant; nothing to choose
    VARIANTS = ("paper",)

    def __init__(self, config: Config):
        super().__init__()
        if config.bits > config.features:
            raise SSVHError(
                f"PCA sign needs a principal direction for each bit: at most {config.features} bits "
                f"on features of size {config.features}, got {config.bits}."
            )
        self.config = config
        self.register_buffer("mean", torch.zeros(config.features))
        self.register_buffer("projection", torch.zeros(config.features, config.bits))

    def solve(self, videos: Videos, rng: np.random.Generator) -> None:
        """Find the K directions of largest variance; ``rng`` is not used."""
        pooled = mean_pooled(videos).astype(np.float64)
        mean = pooled.mean(axis=0)
        self.mean.copy_(torch.from_numpy(mean))
        self.projection.copy_(torch.from_numpy(principal_directions(pooled - mean, self.config.bits).copy()))

    def encode(self, frames: Tensor) -> Tensor:
        """Frames ``(B, T, D)`` -> principal components ``(B, K)``, that of largest variance first."""
        return (frames.mean(dim=1) - self.mean) @ self.projection
