"""ITQ: iterative quantisation (Gong and Lazebnik, CVPR 2011), on the temporal mean of a video's features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ..clustering.kmeans import Videos
from ..clustering.reduction import mean_pooled, principal_directions
from ..errors import SSVHError


class ITQ(nn.Module):
    """PCA to K dimensions, then the rotation that brings the data nearest to the corners of the hypercube."""

    @dataclass(frozen=True)
    class Config:
        """As in the paper, section 3: 50 iterations from a random rotation."""

        bits: int  # K, at most min(N, D)
        frames: int  # T; not used, the features are averaged over frames
        features: int  # D
        variant: str = "paper"
        iterations: int = 50  # paper, section 3.2

    PRESETS: dict[str, dict] = {}  # noqa: RUF012 - a constant; nothing to choose
    VARIANTS = ("paper",)

    def __init__(self, config: Config):
        super().__init__()
        if config.bits > config.features:
            raise SSVHError(
                f"ITQ needs a principal direction for each bit: at most {config.features} bits "
                f"on features of size {config.features}, got {config.bits}."
            )
        self.config = config
        self.register_buffer("mean", torch.zeros(config.features))
        self.register_buffer("projection", torch.zeros(config.features, config.bits))

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
        self.mean.copy_(torch.from_numpy(mean))
        self.projection.copy_(torch.from_numpy(principal @ rotation))

    def encode(self, frames: Tensor) -> Tensor:
        """Frames ``(B, T, D)`` -> coordinates in the rotated principal space ``(B, K)``."""
        return (frames.mean(dim=1) - self.mean) @ self.projection
