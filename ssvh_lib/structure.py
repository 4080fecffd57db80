"""Global structure of the training set, found without labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from scipy.linalg import eigh

from .errors import SSVHError


class Videos(Protocol):
    """What the functions here need of a set of videos: features ``(B, T, D)`` batch by batch."""

    def batches(self, size: int = 512) -> Iterator[np.ndarray]:
        """Features in order, ``size`` videos at a time."""
        ...


def mean_pooled(videos: Videos) -> np.ndarray:
    """The temporal mean of each video's features, ``(N, D)`` float32, read batch by batch."""
    return np.concatenate([frames.mean(axis=1) for frames in videos.batches()])


def principal_directions(vectors: np.ndarray, count: int) -> np.ndarray:
    """The ``count`` directions of largest variance of centred ``vectors (N, D)``, as columns ``(D, count)``.

    Exact; from the smaller of the data and its covariance. Raises SSVHError if there are fewer than ``count``.
    """
    N, D = vectors.shape
    if count > min(N, D):
        raise SSVHError(
            f"{N} vectors of size {D} have at most {min(N, D)} principal directions; {count} were asked for."
        )
    if N < D:
        return np.linalg.svd(vectors, full_matrices=False)[2][:count].T
    _, directions = eigh(vectors.T @ vectors, subset_by_index=[D - count, D - 1])
    return directions[:, ::-1]
