"""MFH: multiple feature hashing (Song et al., MM 2011). Formulas recalled: the paper was not at hand.

Key frames that are near neighbours should have near codes. Relaxed codes Y of the training frames come from one
eigenvalue problem, which weighs the neighbour graph against how well a linear map of the features can give Y; the map
then hashes new frames. The paper joins several kinds of features by a consensus over their graphs; a dataset here has
one kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.linalg import eigh

from ..clustering.reduction import principal_directions
from ..data.batch import Videos
from ..errors import SSVHError
from .base import MethodConfig, Presets
from .base.linear_hash import MedianHash

CHUNK = 256  # videos read at a time


class MFH(MedianHash):
    """Spectral codes of key frames, and the ridge regression that gives them from features.

    With the neighbour graph's Laplacian L, n key frames X and a regression W, b, it minimises over Y, Ȳ and W, b

        tr(Ȳᵀ L Ȳ) + gamma |Y − Ȳ|² + alpha (|X W + 1 bᵀ − Y|² + mu |W|²)   with Yᵀ Y = I

    and columns of Y that sum to 0. A video's output is the mean over its frames, which for a linear map is that of its
    mean frame; a bit says whether it is above the median of the training videos. There are fewer bits than key frames.
    """

    TITLE = "MFH †"

    @dataclass(frozen=True, kw_only=True)
    class Config(MethodConfig):
        """``recalled`` marks what is remembered of the paper, without its value; ``ours`` fills a gap.

        Matrices are (n, n) with n = ``videos`` · ``key_frames``, which bounds memory whatever the size of the dataset:
        about 2 GB with these values.
        """

        videos: int = 2_500  # ours: at most this many training videos, drawn at random
        key_frames: int = 2  # ours: of each, drawn at random in place of a key frame detector
        principal: int = 512  # ours: the regression sees at most this many principal directions of the features
        neighbours: int = 10  # ours; k of the graph, recalled without its value
        consensus_weight: float = 1.0  # ours; gamma, recalled without its value
        regression_weight: float = 1.0  # ours; alpha, recalled without its value
        ridge: float = 1.0  # ours; mu, recalled without its value; for features of mean squared length 1, which is ours

    config: Config

    PRESETS: ClassVar[Presets] = {
        "small": {"videos": 1_250},  # ours: seconds
        "smoke": {"videos": 100},  # ours
    }

    def solve(self, videos: Videos, rng: np.random.Generator) -> None:
        """Take as Y the eigenvectors of least eigenvalue of the cost that remains when Ȳ, W and b are optimal."""
        config = self.config
        frames, pooled = self._read(videos, rng)  # (n, D), (at most videos, D)
        centred = frames - frames.mean(axis=0)
        directions = principal_directions(centred, min(config.principal, *centred.shape))  # (D, q)
        directions = directions / max(np.sqrt(np.mean(np.sum(centred**2, axis=1))), np.finfo(float).tiny)
        reduced = centred @ directions  # X, (n, q), centred: b takes up the mean
        regress = np.linalg.solve(reduced.T @ reduced + config.ridge * np.eye(reduced.shape[1]), reduced.T)  # Y -> W
        cost = graph_cost(laplacian(centred, config.neighbours), config.consensus_weight)
        cost += config.regression_weight * (np.eye(len(reduced)) - reduced @ regress)
        projection = directions @ (regress @ smoothest(cost, config.bits))
        self.store(projection, pooled)

    def _read(self, videos: Videos, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Read key frames ``(n, D)`` and mean frames ``(at most videos, D)`` of videos drawn at random, float64."""
        config = self.config
        rows = np.sort(rng.permutation(len(videos))[: config.videos])
        keys, means = [], []
        for frames in chunks(videos, rows):
            drawn = rng.random(frames.shape[:2]).argsort(axis=1)[:, : config.key_frames]
            keys.append(np.take_along_axis(frames, drawn[:, :, None], axis=1).reshape(-1, config.features))
            means.append(frames.mean(axis=1))
        found = np.concatenate(keys).astype(np.float64)
        if len(found) <= config.bits:
            raise SSVHError(
                f"MFH needs more key frames than bits: {len(rows)} videos gave {len(found)}, {config.bits} bits "
                "were asked for. Raise videos or key_frames."
            )
        return found, np.concatenate(means).astype(np.float64)


def chunks(videos: Videos, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the features of the videos in ``rows``, ``(at most CHUNK, T, D)`` at a time."""
    for start in range(0, len(rows), CHUNK):
        yield videos.read(rows[start : start + CHUNK])


def laplacian(vectors: np.ndarray, neighbours: int) -> np.ndarray:
    """Return the Laplacian ``(n, n)`` of the graph that joins p and q if either is among the nearest to the other."""
    square = (vectors**2).sum(axis=1)
    distance = square[:, None] + square - 2 * vectors @ vectors.T
    np.fill_diagonal(distance, np.inf)
    count = min(neighbours, len(vectors) - 1)
    near = np.argpartition(distance, count - 1, axis=1)[:, :count]
    joined = np.zeros(distance.shape, bool)
    np.put_along_axis(joined, near, True, axis=1)
    joined |= joined.T
    return np.diag(joined.sum(axis=1).astype(np.float64)) - joined


def graph_cost(laplacian: np.ndarray, weight: float) -> np.ndarray:
    """Return the matrix Q ``(n, n)`` with tr(Yᵀ Q Y) = min over Ȳ of tr(Ȳᵀ L Ȳ) + weight |Y − Ȳ|².

    The minimum is at Ȳ = weight (L + weight I)⁻¹ Y.
    """
    identity = np.eye(len(laplacian))
    return weight * identity - weight**2 * np.linalg.inv(laplacian + weight * identity)


def smoothest(cost: np.ndarray, count: int) -> np.ndarray:
    """Return the orthonormal eigenvectors of least eigenvalue orthogonal to the constant, ``(n, count)``.

    ``cost`` is positive semidefinite with the constant among its eigenvectors, which is moved to the other end.
    """
    moved = cost + np.trace(cost) / len(cost)
    vectors: np.ndarray = eigh(moved, subset_by_index=[0, count - 1])[1]
    return vectors
