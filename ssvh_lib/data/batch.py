"""The two views of a training set that a method gets: all of its videos, and one batch of them.

Shapes: N videos, B of a batch, T frames, D feature size.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
from torch import Tensor


class Batch(NamedTuple):
    """Videos of one training step."""

    frames: Tensor  # (B, T, D) float32
    rows: Tensor  # (B,), their places in the training set


class Videos(Protocol):
    """A training set, whose features are read when they are asked for. ``VideoFeatures`` is one."""

    @property
    def informative(self) -> np.ndarray | None:
        """Tell which frames show what their video is about, ``(N, T)`` bool; None if that is not known."""
        ...

    def __len__(self) -> int: ...

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return the features of some videos, ``(len(rows), T, D)`` float32."""
        ...

    def batches(self, size: int = 512) -> Iterator[np.ndarray]:
        """Yield the features of all videos in order, ``(size, T, D)`` float32 at a time."""
        ...
