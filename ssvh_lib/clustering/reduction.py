"""Reduction of the training set: each video to a vector, vectors to their principal components."""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh

from ..data.batch import Videos
from ..errors import SSVHError


def mean_pooled(videos: Videos) -> np.ndarray:
    """Average each video's features over time, ``(N, D)`` float32, batch by batch."""
    means, done = np.empty((len(videos), 0), np.float32), 0
    for frames in videos.batches():
        if not means.shape[1]:
            means = np.empty((len(videos), frames.shape[2]), np.float32)  # once: FCVID's are 750 MB
        means[done : done + len(frames)] = frames.mean(axis=1)
        done += len(frames)
    return means


def principal_directions(vectors: np.ndarray, count: int) -> np.ndarray:
    """Return the ``count`` directions of largest variance of centred ``vectors (N, D)``, as columns ``(D, count)``.

    Exact; from the data or from their covariance, whichever is smaller. Raises SSVHError if there are fewer than
    ``count``.
    """
    N, D = vectors.shape
    if count > min(N, D):
        raise SSVHError(
            f"{N} vectors of size {D} have at most {min(N, D)} principal directions; {count} were asked for. "
            "Ask for fewer, such as shorter codes, or give more videos."
        )
    if N < D:
        return np.linalg.svd(vectors, full_matrices=False)[2][:count].T
    directions: np.ndarray
    _, directions = eigh(vectors.T @ vectors, subset_by_index=[D - count, D - 1])
    return directions[:, ::-1]
