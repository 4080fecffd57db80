"""Statistics of frames, added up slab by slab: variance, cosines, blank and repeated frames, dimensions.

Every class here is a ``Reader``. Sums are float64.
"""

from __future__ import annotations

from typing import Protocol, TypeAlias

import numpy as np

from ...errors import SSVHError
from ..features import VideoFeatures

LARGEST = 1e15  # value whose squares float32 can sum
LARGEST_SAMPLE = 1 << 26  # values of the frames from which dimensions are counted: 256 MB

Found: TypeAlias = dict[str, float | None]  # fields of Statistics


class Reader(Protocol):
    """What is given all videos of a set once, in order, a slab at a time."""

    def add(self, start: int, frames: np.ndarray) -> None:
        """Take in the videos ``start``, ``start + 1`` … with their ``frames (B, T, D)`` float32."""

    def found(self) -> Found:
        """Return the statistics, once all videos are in."""


class Moments:
    """The mean frame, the means of the classes, and the three parts of the variance.

    All sums are of differences to the first frame, so that a large mean costs no precision, and constant features have
    a variance of exactly 0. ``classes (N,)`` is the first label of each video, or -1; ``counts (L,)`` videos have it.
    """

    def __init__(self, videos: VideoFeatures):
        labels = videos.labels
        first = labels.argmax(axis=1) if labels.shape[1] else np.zeros(len(labels), np.int64)
        self.classes = np.where(labels.any(axis=1), first, -1)
        self.counts = np.bincount(self.classes[self.classes >= 0], minlength=labels.shape[1])
        self._origin = np.zeros(videos.size, np.float32)
        self._sums = np.zeros((labels.shape[1] + 1, videos.size))  # of each class; last, of videos without a label
        self._between = self._within = 0.0

    def add(self, start: int, frames: np.ndarray) -> None:
        """Take in a slab of videos."""
        if start == 0:
            self._origin = frames[0, 0].copy()
        rest = frames - self._origin
        means = rest.mean(axis=1)
        rest -= means[:, None]
        self._between += float(squares(means).sum())
        self._within += float(squares(rest).sum() / frames.shape[1])
        np.add.at(self._sums, self.classes[start : start + len(frames)], means)

    @property
    def _shift(self) -> np.ndarray:
        shift: np.ndarray = self._sums.sum(axis=0) / len(self.classes)
        return shift

    @property
    def mean(self) -> np.ndarray:
        """The mean frame ``(D,)`` float32."""
        mean: np.ndarray = (self._origin + self._shift).astype(np.float32)
        return mean

    def class_means(self) -> np.ndarray:
        """Return the centred means of the classes ``(L, D)``; rows of classes without videos say nothing."""
        means: np.ndarray = self._sums[:-1] / np.maximum(self.counts, 1)[:, None] - self._shift
        return means

    def found(self) -> Found:
        """Return the shares of the variance; without labels only that within videos."""
        videos = len(self.classes)
        between = self._between / videos - float(squares(self._shift))
        classes = float(self.counts @ squares(self.class_means())) / videos
        parts = np.maximum([classes, between - classes, self._within / videos], 0)
        if parts.sum() == 0:
            return {}
        of_class, of_videos, within = (parts / parts.sum()).tolist()
        return {"within_share": within} | (
            {"class_share": of_class, "video_share": of_videos} if self.counts.any() else {}
        )


class Cosines:
    """Mean cosines of centred frames, over all pairs.

    The cosines of all pairs of frames sum to the squared length of the sum of the unit vectors, so that none has to be
    computed by itself.
    """

    def __init__(self, mean: np.ndarray):
        self._mean = mean
        self._sum = np.zeros(len(mean))
        self._successive = self._of_videos = 0.0  # sums of cosines,
        self._successions = self._frames = self._pairs = 0  # and the number of pairs in them

    def add(self, start: int, frames: np.ndarray) -> None:
        """Take in a slab of videos."""
        units, there = unit(frames - self._mean)
        self._successive += float(np.einsum("btd,btd->bt", units[:, 1:], units[:, :-1]).sum(dtype=np.float64))
        self._successions += int((there[:, 1:] & there[:, :-1]).sum())
        sums, counts = units.sum(axis=1), there.sum(axis=1)
        self._sum += sums.sum(axis=0, dtype=np.float64)
        self._of_videos += float(squares(sums).sum())
        self._frames += int(counts.sum())
        self._pairs += int((counts**2).sum())

    def found(self) -> Found:
        """Return the cosines of neighbours, of frames of one video, and of frames of different videos."""
        return {
            "neighbour_cosine": ratio(self._successive, self._successions),
            "same_video_cosine": ratio(self._of_videos - self._frames, self._pairs - self._frames),
            "other_video_cosine": ratio(float(squares(self._sum)) - self._of_videos, self._frames**2 - self._pairs),
        }


class Blanks:
    """The shares of blank frames, and of frames that equal the one before."""

    def __init__(self) -> None:
        self._blank = self._repeated = self._frames = self._successions = 0

    def add(self, start: int, frames: np.ndarray) -> None:
        """Take in a slab of videos."""
        self._blank += int((frames.min(axis=2) == frames.max(axis=2)).sum())
        self._repeated += int((frames[:, 1:] == frames[:, :-1]).all(axis=2).sum())
        self._frames += frames[:, :, 0].size
        self._successions += frames[:, 1:, 0].size

    def found(self) -> Found:
        """Return both shares."""
        return {
            "blank_frames": ratio(self._blank, self._frames),
            "repeated_frames": ratio(self._repeated, self._successions),
        }


class Spectrum:
    """The eigenvalues of the covariance of the frames: of all, or of ``count`` that a fixed seed draws of ``total``.

    The participation ratio of a sample of n frames is too small: its inverse is larger by 1 / n.
    """

    def __init__(self, videos: VideoFeatures):
        self.total = len(videos) * videos.frames
        self.count = min(self.total, max(2, LARGEST_SAMPLE // videos.size))
        self._rows = np.arange(self.total)
        if self.count < self.total:
            self._rows = np.sort(np.random.default_rng(0).choice(self.total, self.count, replace=False))
        self._values = np.empty((self.count, videos.size), np.float32)

    def add(self, start: int, frames: np.ndarray) -> None:
        """Take in a slab of videos."""
        flat, first = frames.reshape(-1, frames.shape[2]), start * frames.shape[1]
        low, high = np.searchsorted(self._rows, (first, first + len(flat)))
        self._values[low:high] = flat[self._rows[low:high] - first]

    def found(self) -> Found:
        """Return the participation ratio, and the number of components with 90 % of the variance.

        The frames are centred where they lie: there is no room for a copy.
        """
        values = self._values
        values -= values[0].copy()  # as in Moments
        values -= values.mean(axis=0)
        products = values.T @ values if values.shape[1] <= values.shape[0] else values @ values.T
        parts = np.linalg.eigvalsh(products.astype(np.float64))[::-1].clip(0)
        if parts.sum() == 0:
            return {}
        held = np.cumsum(parts) / parts.sum()
        return {
            "effective_dimensions": float(parts.sum() ** 2 / squares(parts)),
            "dimensions_90": int(np.searchsorted(held, 0.9)) + 1,
        }


def check_range(frames: np.ndarray, videos: VideoFeatures) -> None:
    """Raise SSVHError if some ``frames`` of ``videos`` hold NaN, infinity or what is too large to be squared."""
    low, high = frames.min(), frames.max()
    if not -LARGEST < low <= high < LARGEST:
        raise SSVHError(
            f"{videos.source()} must hold numbers between ± {LARGEST:.0e}; found values from {low} to {high}. Extract "
            "the features of these videos again, or scale them down."
        )


def squares(vectors: np.ndarray) -> np.ndarray:
    """Return the squared lengths of vectors ``(…, D)`` as float64."""
    sums: np.ndarray = np.einsum("...d,...d->...", vectors, vectors).astype(np.float64)
    return sums


def unit(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scale float32 vectors ``(…, D)`` to length 1, and tell which ones have a length; those of 0 stay as they are."""
    lengths = np.sqrt(squares(vectors)).astype(np.float32)
    return vectors / np.where(lengths > 0, lengths, 1)[..., None], lengths > 0


def ratio(total: float, count: int) -> float | None:
    """Return the mean of ``count`` values, or None of none."""
    return total / count if count else None
