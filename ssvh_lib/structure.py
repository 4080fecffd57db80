"""Global structure of the training set, found without labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np


class Videos(Protocol):
    """What the functions here need of a set of videos: features ``(B, T, D)`` batch by batch."""

    def batches(self, size: int = 512) -> Iterator[np.ndarray]:
        """Features in order, ``size`` videos at a time."""
        ...


def mean_pooled(videos: Videos) -> np.ndarray:
    """The temporal mean of each video's features, ``(N, D)`` float32, read batch by batch."""
    return np.concatenate([frames.mean(axis=1) for frames in videos.batches()])
