"""Nearest neighbours of queries in a database that is read once, a slab at a time, and copies of videos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b

import numpy as np

from ..features import VideoFeatures
from .frames import Found, check_range, unit

MOST_QUERIES = 2_000
LARGEST_SAMPLE = 1 << 27  # values of the queries that are held: 512 MB

# Cosine of centred mean frames above which two videos are near duplicates. On UCF101 (ucf10 in real_sets.csv) two clips
# of different scenes never reach it, except for one that is there twice; 12 % of the clips do with another of their
# scene. At .95 videos of different classes begin to reach it where features have few dimensions.
NEAR = 0.99


class Digests:
    """A digest of each video of a set: equal for videos that are equal bit for bit."""

    def __init__(self) -> None:
        self.counts: Counter[bytes] = Counter()

    def add(self, start: int, frames: np.ndarray) -> None:
        """Take in a slab of videos."""
        self.counts.update(blake2b(video, digest_size=16).digest() for video in np.ascontiguousarray(frames))

    def found(self) -> Found:
        """Return the share of the videos that equal an earlier one."""
        return {"duplicate_videos": 1 - len(self.counts) / self.counts.total()}

    def in_others(self, database: Digests, *, itself: bool) -> float:
        """Return the share of the videos that are in ``database``; in another place, if each is there ``itself``."""
        copies = (count for one, count in self.counts.items() if database.counts[one] > itself)
        return sum(copies) / self.counts.total()


class Neighbours:
    """The nearest database video of each query, by mean frame, by middle frame and by all frames in order.

    Of many queries, or of long ones, ``rows`` are drawn with a fixed seed, and only these are asked.
    """

    def __init__(self, mean: np.ndarray, query: VideoFeatures, database: VideoFeatures, *, query_in_database: bool):
        self._mean, self._query_in_database = mean, query_in_database
        self.rows = _draw(query)
        self._labels, self._query_labels = database.labels, query.labels[self.rows]
        self._views = _views_of(query, self.rows, mean)
        self._cosine = np.full((len(self._views), len(self.rows)), -np.inf, np.float32)
        self._nearest = np.zeros(self._cosine.shape, np.int64)
        self._nearest_of_all = self._cosine[0].copy()
        self._related, self._candidates = np.zeros(len(self.rows)), np.zeros(len(self.rows))

    def add(self, start: int, frames: np.ndarray) -> None:
        """Take in a slab of database videos."""
        items = np.arange(start, start + len(frames))
        others = np.ones((len(self.rows), len(items)), bool)
        if self._query_in_database:
            others = self.rows[:, None] != items
        allowed = others & self._labels[items].any(axis=1)
        self._related += (allowed & _related(self._query_labels, self._labels[items])).sum(axis=1)
        self._candidates += allowed.sum(axis=1)
        for number, view in enumerate(_views(frames - self._mean)):
            cosines = self._views[number] @ view.T
            if number == 0:
                nearest = np.where(others, cosines, -np.inf).max(axis=1)
                self._nearest_of_all = np.maximum(self._nearest_of_all, nearest)
            self._keep_nearest(number, items, np.where(allowed, cosines, -np.inf))

    def _keep_nearest(self, number: int, items: np.ndarray, cosines: np.ndarray) -> None:
        """Replace what is nearest so far by one of the ``items`` where that is nearer."""
        best = cosines.argmax(axis=1)
        value = cosines[np.arange(len(best)), best]
        nearer = value > self._cosine[number]
        self._cosine[number, nearer] = value[nearer]
        self._nearest[number, nearer] = items[best[nearer]]

    def found(self) -> Found:
        """Return the accuracies of those queries that have a label and something to be found, and near duplicates."""
        near: Found = {"near_duplicates": float((self._nearest_of_all > NEAR).mean())}
        asked = self._query_labels.any(axis=1) & (self._candidates > 0)
        if not asked.any():
            return near
        of_nearest = self._labels[self._nearest[:, asked]]
        mean, frame, ordered = (self._query_labels[asked] & of_nearest).any(axis=2).mean(axis=1).tolist()
        chance = float((self._related[asked] / self._candidates[asked]).mean())
        return near | {
            "mean_accuracy": mean,
            "frame_accuracy": frame,
            "ordered_accuracy": ordered,
            "chance_accuracy": chance,
        }


def _draw(query: VideoFeatures) -> np.ndarray:
    count = min(len(query), MOST_QUERIES, max(1, LARGEST_SAMPLE // (query.frames * query.size)))
    if count == len(query):
        return np.arange(count)
    return np.sort(np.random.default_rng(0).choice(len(query), count, replace=False))


def _related(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Tell which videos with multi-hot labels ``(Q, L)`` and ``(B, L)`` share one, ``(Q, B)``."""
    return one.astype(np.float32) @ other.T.astype(np.float32) > 0


def _views(centred: np.ndarray) -> Iterator[np.ndarray]:
    """Yield mean frame, middle frame and all frames of videos ``(B, T, D)``, each scaled to length 1."""
    for view in (centred.mean(axis=1), centred[:, centred.shape[1] // 2], centred.reshape(len(centred), -1)):
        yield unit(view)[0]


def _views_of(videos: VideoFeatures, rows: np.ndarray, mean: np.ndarray) -> list[np.ndarray]:
    """Return the views of some videos, read a few at a time."""
    views = [
        np.empty((len(rows), size), np.float32) for size in (videos.size, videos.size, videos.frames * videos.size)
    ]
    for start in range(0, len(rows), 64):
        some = slice(start, start + 64)
        frames = videos.read(rows[some])
        check_range(frames, videos)
        for held, view in zip(views, _views(frames - mean), strict=True):
            held[some] = view
    return views
