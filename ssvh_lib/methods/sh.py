"""SH: spectral hashing (Weiss, Torralba and Fergus, NIPS 2008), on the temporal mean of a video's features.

The principal components are taken to be uniform between their extremes and independent. The smoothest functions on
such a box that keep data apart, the eigenfunctions of its Laplacian, are then known: cosines along one direction.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..clustering.reduction import mean_pooled, principal_directions
from ..data.batch import Videos
from .base import MethodConfig
from .base.linear_hash import LinearHash


class SpectralHashing(LinearHash):
    """The signs of the K cosines of lowest frequency; a direction of large range gives several bits.

    Nothing is drawn at random: every seed gives the same codes. The steps are recalled from the paper and were compared
    with a public copy of the authors' MATLAB code (``[code]``:
    github.com/willard-yuan/hashing-baseline-for-image-retrieval, folder SH).
    """

    TITLE = "SH"

    start: Tensor  # (K,), the least coordinate along a bit's principal direction in the training set
    frequency: Tensor  # (K,), how fast the cosine turns from there

    def __init__(self, config: MethodConfig):
        super().__init__(config)
        self.register_buffer("start", torch.zeros(config.bits))
        self.register_buffer("frequency", torch.zeros(config.bits))

    def solve(self, videos: Videos, rng: np.random.Generator) -> None:
        """Choose a direction and a frequency for each bit; ``rng`` is not used."""
        pooled = mean_pooled(videos).astype(np.float64)
        mean = pooled.mean(axis=0)
        principal = principal_directions(pooled - mean, min(self.config.bits, *pooled.shape))  # (D, q) [code]
        coordinates = (pooled - mean) @ principal
        start, end = extremes(coordinates)
        direction, mode = lowest_modes(end - start, self.config.bits)
        self.store(mean, principal[:, direction])
        self.start.copy_(torch.from_numpy(start[direction]))
        self.frequency.copy_(torch.from_numpy(mode * np.pi / (end - start)[direction]))

    def encode(self, frames: Tensor) -> Tensor:
        """Map frames ``(B, T, D)`` to the eigenfunctions' values ``(B, K)``, also outside the training set's range."""
        coordinates = super().encode(frames)
        return torch.cos(self.frequency * (coordinates - self.start))  # sin(pi / 2 + ...) in the paper


def extremes(coordinates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and the largest value in each column of ``coordinates (N, q)``, a hair apart if equal."""
    hair = np.finfo(np.float64).eps  # [code]
    return coordinates.min(axis=0) - hair, coordinates.max(axis=0) + hair


def lowest_modes(ranges: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return direction and mode m = 1, 2, … of the ``count`` eigenfunctions of least eigenvalue, ``(count,)`` each.

    ``ranges (q,)`` are the widths R of the box; the eigenvalue of mode m along a direction grows with (m pi / R)².
    Modes up to ``count`` are enough, as the widest direction has as many of no larger eigenvalue.
    """
    frequency = np.arange(1, count + 1)[:, None] * np.pi / ranges  # (count, q)
    mode, direction = np.unravel_index(np.argsort(frequency, axis=None, kind="stable")[:count], frequency.shape)
    return direction, mode + 1
