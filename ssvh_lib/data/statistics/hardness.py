"""The hardness of frames, and how it goes with the class and with whether a frame is informative."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from ..features import VideoFeatures
from .frames import Found, Moments, ratio, squares

_ROUNDING = 1e-6  # of float32: a squared distance below this part of the squares it is computed from counts as 0


def hardness(frames: np.ndarray) -> np.ndarray:
    """Return the distance ``(B, T)`` of each of ``frames (B, T, D)`` to the nearest other frame of its video, T > 1."""
    rest = frames - frames.mean(axis=1, keepdims=True)  # so that differences of squares lose little
    products = rest @ rest.transpose(0, 2, 1)
    own = np.einsum("btt->bt", products)
    both = own[:, :, None] + own[:, None]
    distances = both - 2 * products
    distances[distances < _ROUNDING * both] = 0
    every = np.arange(frames.shape[1])
    distances[:, every, every] = np.inf
    nearest: np.ndarray = np.sqrt(distances.min(axis=2))
    return nearest


class RankCorrelation:
    """Spearman's rank correlation within a video, averaged over the videos in which both quantities vary."""

    def __init__(self) -> None:
        self._sum, self._videos = 0.0, 0

    def add(self, one: np.ndarray, other: np.ndarray) -> None:
        """Take in two quantities of each frame of some videos, ``(B, T)`` each, B > 0."""
        first, second = (rankdata(values, axis=1) - (values.shape[1] + 1) / 2 for values in (one, other))
        norms = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
        vary = norms > 0
        self._sum += float(((first * second).sum(axis=1)[vary] / norms[vary]).sum())
        self._videos += int(vary.sum())

    def mean(self) -> float | None:
        """Return the mean, or None if there was no such video."""
        return ratio(self._sum, self._videos)


class Hardness:
    """The rank correlations of hardness with class evidence and with being informative."""

    def __init__(self, moments: Moments, videos: VideoFeatures):
        self._mean, self._classes, self._counts = moments.mean, moments.classes, moments.counts
        self._class_means = moments.class_means().astype(np.float32)
        self._labels, self._informative = videos.labels, videos.informative
        self._with_class, self._with_informative = RankCorrelation(), RankCorrelation()

    def add(self, start: int, frames: np.ndarray) -> None:
        """Take in a slab of videos."""
        if frames.shape[1] < 2:
            return
        hard, rows = hardness(frames), slice(start, start + len(frames))
        if self._informative is not None:
            self._with_informative.add(hard, self._informative[rows])
        classes = self._classes[rows]
        others = (self._counts > 0) & (self._labels[rows] == 0)  # (B, L): classes to be mistaken for a video's own
        clear = (classes >= 0) & (self._counts[classes] > 1) & others.any(axis=1)
        if clear.any():
            evidence = self._evidence(frames[clear] - self._mean, classes[clear], others[clear])
            self._with_class.add(hard[clear], evidence)

    def found(self) -> Found:
        """Return both correlations and the share of informative frames."""
        return {
            "hardness_class": self._with_class.mean(),
            "hardness_informative": self._with_informative.mean(),
            "informative_share": None if self._informative is None else float(self._informative.mean()),
        }

    def _evidence(self, centred: np.ndarray, classes: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Return the class evidence ``(B, T)`` of ``centred (B, T, D)`` frames of videos of ``classes (B,)``.

        The squared length of the frame itself is in both distances, and left out of both.
        """
        means, count = self._class_means, self._counts[classes][:, None].astype(np.float32)
        own = (count * means[classes] - centred.mean(axis=1)) / (count - 1)  # without the video itself
        to_own = squares(own)[:, None] - 2 * np.einsum("btd,bd->bt", centred, own)
        to_all = squares(means) - 2 * (centred @ means.T)
        evidence: np.ndarray = np.where(others[:, None], to_all, np.inf).min(axis=2) - to_own
        return evidence
