"""Statistics of frames: variance, cosines, dimensions and blemishes, each added up slab by slab.

Every class here is given all videos once, in order, by ``add(start, frames)``: ``frames (B, T, D)`` float32, of which
the first belongs to video number ``start``. Sums are float64.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

LARGEST_SAMPLE = 1 << 26  # values of the frames from which dimensions are counted: 256 MB


class Reader(Protocol):
    """What is given a set of videos, a slab at a time."""

    def add(self, start: int, frames: np.ndarray) -> None:
        """Take in the videos ``start``, ``start + 1`` … with their ``frames (B, T, D)``."""


class Shares(NamedTuple):
    """Shares of the variance; that between classes is None without labels, and the next then goes beyond classes."""

    between_classes: float
    between_videos: float
    within_videos: float


def first_labels(labels: np.ndarray) -> np.ndarray:
    """Return the class ``(N,)`` of videos by their multi-hot ``labels (N, L)``: the first one, or -1 without any."""
    return np.where(labels.any(axis=1), labels.argmax(axis=1), -1)


class Moments:
    """The mean frame, the mean of each class and the three parts of the variance.

    All sums are of differences to the first frame, so that a large mean costs no precision and constant features have
    a variance of exactly 0.
    """

    def __init__(self, classes: np.ndarray, count: int, size: int):
        self.classes, self.counts = classes, np.bincount(classes[classes >= 0], minlength=count)
        self._origin = np.zeros(size, np.float32)
        self._sums, self._unlabelled = np.zeros((count, size)), np.zeros(size)
        self._of_means = self._within = 0.0
        self._videos = len(classes)

    def add(self, start: int, frames: np.ndarray) -> None:
        """Take in a slab of videos."""
        if start == 0:
            self._origin = frames[0, 0].copy()
        shifted = frames - self._origin
        means = shifted.mean(axis=1)
        shifted -= means[:, None]
        self._within += float(_squares(shifted).sum() / frames.shape[1])
        self._of_means += float(_squares(means).sum())
        classes = self.classes[start : start + len(frames)]
        np.add.at(self._sums, classes[classes >= 0], means[classes >= 0])
        self._unlabelled += means[classes < 0].sum(axis=0, dtype=np.float64)

    @property
    def _shift(self) -> np.ndarray:
        return (self._sums.sum(axis=0) + self._unlabelled) / self._videos

    @property
    def mean(self) -> np.ndarray:
        """The mean frame ``(D,)`` float32."""
        return (self._origin + self._shift).astype(np.float32)

    def class_means(self) -> np.ndarray:
        """Return the centred means of the classes ``(L, D)`` float32; of a class without videos, 0."""
        means = self._sums / np.maximum(self.counts, 1)[:, None] - self._shift
        return np.where(self.counts[:, None] > 0, means, 0).astype(np.float32)

    def shares(self) -> Shares | None:
        """Return the shares of the variance, or None if there is none."""
        between = self._of_means / self._videos - float(_squares(self._shift))
        by_class = self._sums / np.maximum(self.counts, 1)[:, None] - self._shift
        classes = float((self.counts * _squares(by_class)).sum() / self._videos)
        parts = np.maximum([classes, between - classes, self._within / self._videos], 0)
        total = parts.sum()
        return Shares(*(parts / total).tolist()) if total > 0 else None


def _squares(vectors: np.ndarray) -> np.ndarray:
    """Return the squared lengths of vectors ``(…, D)`` as float64."""
    return np.einsum("...d,...d->...", vectors, vectors).astype(np.float64)


class Cosines:
    """Mean cosines of centred frames: of neighbours, of frames of one video, and of frames of different videos.

    The sum over all pairs of frames is the squared length of the sum of unit vectors, so no pair is left out and none
    is looked at by itself.
    """

    def __init__(self, mean: np.ndarray):
        self._mean = mean
        self._total = np.zeros(len(mean))
        self._successive = self._of_videos = 0.0
        self._frames = self._successions = self._squared_frames = 0

    def add(self, start: int, frames: np.ndarray) -> None:
        """Take in a slab of videos."""
        units = frames - self._mean
        lengths = np.sqrt(np.einsum("btd,btd->bt", units, units))
        there = lengths > 0
        units /= np.where(there, lengths, 1)[:, :, None]
        self._successive += float(np.einsum("btd,btd->bt", units[:, 1:], units[:, :-1]).sum(dtype=np.float64))
        self._successions += int((there[:, 1:] & there[:, :-1]).sum())
        sums, counts = units.sum(axis=1), there.sum(axis=1)
        self._of_videos += float(_squares(sums).sum())
        self._total += sums.sum(axis=0, dtype=np.float64)
        self._frames += int(counts.sum())
        self._squared_frames += int((counts**2).sum())

    def neighbours(self) -> float | None:
        """Return the mean cosine of successive frames."""
        return _ratio(self._successive, self._successions)

    def same_video(self) -> float | None:
        """Return the mean cosine of two different frames of a video."""
        return _ratio(self._of_videos - self._frames, self._squared_frames - self._frames)

    def other_videos(self) -> float | None:
        """Return the mean cosine of frames of different videos."""
        return _ratio(float(_squares(self._total)) - self._of_videos, self._frames**2 - self._squared_frames)


def _ratio(total: float, count: int) -> float | None:
    return total / count if count else None


class Blemishes:
    """Blank frames, and frames that equal the one before."""

    def __init__(self) -> None:
        self._blank = self._repeated = self._frames = self._successions = 0

    def add(self, start: int, frames: np.ndarray) -> None:
        """Take in a slab of videos."""
        self._blank += int((frames.min(axis=2) == frames.max(axis=2)).sum())
        self._repeated += int((frames[:, 1:] == frames[:, :-1]).all(axis=2).sum())
        self._frames += frames.shape[0] * frames.shape[1]
        self._successions += frames.shape[0] * (frames.shape[1] - 1)

    def blank(self) -> float | None:
        """Return the share of blank frames."""
        return _ratio(self._blank, self._frames)

    def repeated(self) -> float | None:
        """Return the share of frames that equal their predecessor, among those that have one."""
        return _ratio(self._repeated, self._successions)


class Spectrum:
    """The eigenvalues of the covariance of the frames: of all, or of a sample drawn with a fixed seed."""

    def __init__(self, videos: int, frames: int, size: int):
        total = videos * frames
        self.sampled = min(total, max(2, LARGEST_SAMPLE // size))
        drawn = np.random.default_rng(0).choice(total, self.sampled, replace=False) if self.sampled < total else None
        self._rows = np.arange(total) if drawn is None else np.sort(drawn)
        self._values = np.empty((self.sampled, size), np.float32)

    def add(self, start: int, frames: np.ndarray) -> None:
        """Take in a slab of videos."""
        first = start * frames.shape[1]
        low, high = np.searchsorted(self._rows, (first, first + frames.shape[0] * frames.shape[1]))
        self._values[low:high] = frames.reshape(-1, frames.shape[2])[self._rows[low:high] - first]

    def dimensions(self) -> tuple[float, int] | None:
        """Return the participation ratio, and the number of components with 90 % of the variance. Uses up the sample.

        None if all frames are equal.
        """
        values = self._values
        values -= values[0].copy()
        values -= values.mean(axis=0, dtype=np.float64).astype(np.float32)
        products = values.T @ values if values.shape[1] <= values.shape[0] else values @ values.T
        found = np.linalg.eigvalsh(products.astype(np.float64))[::-1].clip(0)
        if found.sum() == 0:
            return None
        held = np.cumsum(found) / found.sum()
        return float(found.sum() ** 2 / (found**2).sum()), int(np.searchsorted(held, 0.9) + 1)
