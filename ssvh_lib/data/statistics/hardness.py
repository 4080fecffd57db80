"""Hardness of frames, and what it goes with: the class, or whether a frame is informative."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

_ROUNDING = 1e-6  # of float32: squared distances below this part of the squared lengths count as 0


class RankCorrelation:
    """Spearman's rank correlation within a video, averaged over the videos in which both quantities vary."""

    def __init__(self) -> None:
        self._sum, self._videos = 0.0, 0

    def add(self, one: np.ndarray, other: np.ndarray) -> None:
        """Take in two quantities of each frame of some videos, ``(B, T)`` each."""
        if not one.size:
            return
        ranks = [rankdata(values, axis=1) - (values.shape[1] + 1) / 2 for values in (one, other)]
        squares = [(values**2).sum(axis=1) for values in ranks]
        varies = (squares[0] > 0) & (squares[1] > 0)
        covered = (ranks[0] * ranks[1]).sum(axis=1)[varies]
        self._sum += float((covered / np.sqrt(squares[0] * squares[1])[varies]).sum())
        self._videos += int(varies.sum())

    def mean(self) -> float | None:
        """Return the mean, or None if there was no such video."""
        return self._sum / self._videos if self._videos else None


def hardness(frames: np.ndarray) -> np.ndarray:
    """Return the distance ``(B, T)`` of each of ``frames (B, T, D)`` to the nearest other frame of its video, T > 1."""
    rest = frames - frames.mean(axis=1, keepdims=True)  # so that little is lost in the differences of squares
    products = rest @ rest.transpose(0, 2, 1)
    squares = np.einsum("btt->bt", products)
    both = squares[:, :, None] + squares[:, None]
    distances = both - 2 * products
    distances[distances < _ROUNDING * both] = 0
    every = np.arange(frames.shape[1])
    distances[:, every, every] = np.inf
    return np.sqrt(distances.min(axis=2))


class Hardness:
    """The rank correlations of hardness with class evidence and with ``informative (N, T)``, where there is one.

    ``mean (D,)``, ``class_means (L, D)`` and ``counts (L,)`` are those of ``Moments``; ``labels (N, L)`` are multi-hot.
    """

    def __init__(
        self,
        mean: np.ndarray,
        class_means: np.ndarray,
        counts: np.ndarray,
        classes: np.ndarray,
        labels: np.ndarray,
        informative: np.ndarray | None,
    ):
        self._mean, self._class_means, self._counts = mean, class_means, counts
        self._classes, self._labels, self._informative = classes, labels, informative
        self.with_class, self.with_informative = RankCorrelation(), RankCorrelation()

    def add(self, start: int, frames: np.ndarray) -> None:
        """Take in a slab of videos."""
        if frames.shape[1] < 2:
            return
        hard, rows = hardness(frames), slice(start, start + len(frames))
        if self._informative is not None:
            self.with_informative.add(hard, self._informative[rows])
        usable = self._usable(rows)
        if usable.any():
            evidence = self._evidence(frames[usable] - self._mean, np.arange(start, rows.stop)[usable])
            self.with_class.add(hard[usable], evidence)

    def _usable(self, rows: slice) -> np.ndarray:
        """Tell which videos have a class with other videos, and a class that they do not have."""
        classes = self._classes[rows]
        fellows = np.where(classes >= 0, self._counts[classes], 0) > 1
        return fellows & ((self._counts > 0) & (self._labels[rows] == 0)).any(axis=1)

    def _evidence(self, centred: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return the class evidence ``(B, T)`` of ``centred (B, T, D)`` frames of the videos ``rows``."""
        classes, videos = self._classes[rows], centred.mean(axis=1)
        count = self._counts[classes][:, None].astype(np.float32)
        own = (count * self._class_means[classes] - videos) / (count - 1)
        to_own = np.einsum("bd,bd->b", own, own)[:, None] - 2 * np.einsum("btd,bd->bt", centred, own)
        squares = np.einsum("ld,ld->l", self._class_means, self._class_means)
        to_all = squares - 2 * (centred @ self._class_means.T)
        others = (self._counts > 0) & (self._labels[rows] == 0)
        return np.where(others[:, None], to_all, np.inf).min(axis=2) - to_own
