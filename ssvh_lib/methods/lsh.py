"""LSH: signs of random projections (Charikar, 2002), on the temporal mean of a video's features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ..clustering.kmeans import Videos
from ..clustering.reduction import mean_pooled


class LSH(nn.Module):
    """Random hyperplanes through the mean of the training videos; learns nothing but that mean."""

    @dataclass(frozen=True)
    class Config:
        """The paper's hyperplanes pass through the origin; ours through the mean, as ReLU features are all positive."""

        bits: int  # K
        frames: int  # T; not used, the features are averaged over frames
        features: int  # D
        variant: str = "paper"

    PRESETS: dict[str, dict] = {}  # noqa: RUF012 - a constant; nothing to choose
    VARIANTS = ("paper",)

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        self.register_buffer("mean", torch.zeros(config.features))
        self.register_buffer("projection", torch.zeros(config.features, config.bits))

    def solve(self, videos: Videos, rng: np.random.Generator) -> None:
        """Draw the hyperplanes."""
        self.mean.copy_(torch.from_numpy(mean_pooled(videos).mean(axis=0)))
        self.projection.copy_(torch.from_numpy(rng.standard_normal(self.projection.shape)))

    def encode(self, frames: Tensor) -> Tensor:
        """Frames ``(B, T, D)`` -> signed distances to the hyperplanes ``(B, K)``."""
        return (frames.mean(dim=1) - self.mean) @ self.projection
