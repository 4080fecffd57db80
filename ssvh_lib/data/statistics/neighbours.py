"""Nearest neighbours of queries in a database that is read once, a slab at a time, and copies of videos."""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b

import numpy as np

from ..features import VideoFeatures

MOST_QUERIES = 2_000
LARGEST_SAMPLE = 1 << 27  # values of the queries that are held: 512 MB
NEAR = 0.99  # cosine of centred mean frames above which two videos are near duplicates


class Digests:
    """A digest of each video of a set: equal for videos that are equal bit for bit."""

    def __init__(self) -> None:
        self.counts: Counter[bytes] = Counter()

    def add(self, start: int, frames: np.ndarray) -> None:
        """Take in a slab of videos."""
        self.counts.update(blake2b(video, digest_size=16).digest() for video in frames)

    def repeated(self) -> int:
        """Return the number of videos that equal an earlier one."""
        return self.counts.total() - len(self.counts)

    def also_in(self, other: Digests, at_least: int = 1) -> int:
        """Return the number of videos that are ``at_least`` so many times in ``other``."""
        return sum(count for one, count in self.counts.items() if other.counts[one] >= at_least)


def draw_queries(query: VideoFeatures) -> np.ndarray:
    """Return the rows of the queries to ask: all, or as many as may be held, drawn with a fixed seed."""
    count = min(len(query), MOST_QUERIES, max(1, LARGEST_SAMPLE // (query.frames * query.size)))
    if count == len(query):
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(len(query), count, replace=False))


class Neighbours:
    """The nearest database video of each query, by mean frame, by middle frame, and by all frames in order."""

    def __init__(
        self, mean: np.ndarray, query: VideoFeatures, rows: np.ndarray, labels: np.ndarray, *, in_database: bool
    ):
        self._mean, self._rows, self._labels, self._in_database = mean, rows, labels, in_database
        self._query_labels = query.labels[rows]
        slabs = (_views(query.read(rows[at : at + 64]) - mean) for at in range(0, len(rows), 64))
        self._queries = [np.empty((len(rows), size), np.float32) for size in _sizes(query)]
        for number, views in enumerate(slabs):
            for held, view in zip(self._queries, views, strict=True):
                held[64 * number : 64 * number + len(view)] = view
        self._best = np.full((3, len(rows)), -np.inf, np.float32)
        self._found = np.full((3, len(rows)), -1)
        self._nearest_mean = np.full(len(rows), -np.inf, np.float32)
        self._relevant, self._asked = np.zeros(len(rows)), np.zeros(len(rows))

    def add(self, start: int, frames: np.ndarray) -> None:
        """Take in a slab of database videos."""
        labels = self._labels[start : start + len(frames)]
        itself = np.zeros((len(self._rows), len(frames)), bool)
        if self._in_database:
            itself = self._rows[:, None] == np.arange(start, start + len(frames))
        candidates = labels.any(axis=1) & ~itself
        related = self._query_labels.astype(np.float32) @ labels.T.astype(np.float32) > 0
        self._relevant += (related & ~itself).sum(axis=1)
        self._asked += candidates.sum(axis=1)
        for number, (queries, view) in enumerate(zip(self._queries, _views(frames - self._mean), strict=True)):
            cosines = queries @ view.T
            if number == 0:
                np.maximum(self._nearest_mean, np.where(itself, -np.inf, cosines).max(axis=1), out=self._nearest_mean)
            cosines[~candidates] = -np.inf
            nearest, every = cosines.argmax(axis=1), np.arange(len(queries))
            better = cosines[every, nearest] > self._best[number]
            self._best[number, better] = cosines[every, nearest][better]
            self._found[number, better] = start + nearest[better]

    def accuracies(self) -> tuple[float, ...] | None:
        """Return the accuracies by mean frame, middle frame, all frames, and by chance; None if nothing was asked."""
        asked = self._query_labels.any(axis=1) & (self._asked > 0)
        if not asked.any():
            return None
        right = [(self._query_labels[asked] & self._labels[found[asked]]).any(axis=1).mean() for found in self._found]
        chance = (self._relevant[asked] / self._asked[asked]).mean()
        return (*map(float, right), float(chance))

    def near_duplicates(self) -> float:
        """Return the share of queries whose mean frame is nearly that of a database video."""
        return float((self._nearest_mean > NEAR).mean())


def _sizes(videos: VideoFeatures) -> tuple[int, int, int]:
    return videos.size, videos.size, videos.frames * videos.size


def _views(centred: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return mean frame, middle frame and all frames of videos ``(B, T, D)``, scaled to length 1."""
    middle = centred[:, centred.shape[1] // 2]
    return _unit(centred.mean(axis=1)), _unit(middle), _unit(centred.reshape(len(centred), -1))


def _unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.sqrt(np.einsum("bd,bd->b", vectors, vectors))
    return vectors / np.where(lengths > 0, lengths, 1)[:, None]
