"""Ways of searching packed codes by Hamming distance: three kinds of FAISS binary index (Douze et al., 2024).

All return the nearest first, and codes at equal distance in the order of the database. ``flat`` and ``multihash`` find
what comparing with every code finds; ``ivf`` may miss some, for speed. A graph (HNSW) was measured and left out: see
``bench/index.py``.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import ClassVar, NamedTuple

import faiss
import numpy as np

from ..errors import SSVHError

SAMPLE = 64  # codes per cluster that k-means is trained on
RANGE = 1 << 27  # results of a search by radius that FAISS holds at a time, at the very most: 1.5 GiB

Arrays = dict[str, np.ndarray]


class Neighbours(NamedTuple):
    """The codes that a search returns, nearest first; those at equal distance are in database order.

    ``distances`` (Q, k) int32 and database ``rows`` (Q, k) int64, or (found,) of one query when searched by radius.
    A place that stayed empty, which only ``ivf`` leaves, has row −1 and distance K + 1.
    """

    distances: np.ndarray
    rows: np.ndarray


class Kind:
    """A way of searching packed codes ``(N, K/8)``, N > 0; queries are ``(Q, K/8)``.

    ``stored`` are the arrays that took long to make. A kind that is made with them need not make them again.
    """

    exact: ClassVar[bool] = True
    _index: faiss.IndexBinary

    def __init__(self, packed: np.ndarray, stored: Arrays | None = None):
        raise NotImplementedError

    @property
    def stored(self) -> Arrays:
        """Return the arrays to be kept with the codes; none unless a kind says otherwise."""
        return {}

    def add(self, packed: np.ndarray) -> None:
        """Append codes ``(M, K/8)``."""
        self._index.add(packed)

    def search(self, queries: np.ndarray, k: int) -> Neighbours:
        """Find the nearest k ≤ N of each query."""
        return Neighbours(*self._index.search(queries, k))

    def within(self, queries: np.ndarray, radius: int) -> list[Neighbours]:
        """Find all codes up to ``radius`` bits from each query."""
        return _within(self._index, queries, radius)


class Flat(Kind):
    """Compares with every code: exact, nothing to build, and the fastest exact way to the nearest k.

    FAISS does not promise to keep database order among equals, but does; a test watches that.
    """

    def __init__(self, packed: np.ndarray, stored: Arrays | None = None):
        self._index = faiss.IndexBinaryFlat(8 * packed.shape[1])
        self.add(packed)


class MultiHash(Kind):
    """Multi-index hashing (Norouzi, Punjani & Fleet, 2012): exact, and the way to search within a small radius.

    A code is cut into m parts, each with its own hash table. Two codes at most m (f + 1) − 1 bits apart agree in one
    part except for f bits, so looking up each part with up to f bits flipped finds all of them. Beyond f = 1 look-ups
    take longer than comparing with every code, which is then done instead. Built anew when loaded.
    """

    FLIPS = 1
    _index: faiss.IndexBinaryMultiHash

    def __init__(self, packed: np.ndarray, stored: Arrays | None = None):
        bits = 8 * packed.shape[1]
        self._parts = max(1, min(bits, round(bits / math.log2(len(packed) + 1))))  # about one code per bucket
        self._index = faiss.IndexBinaryMultiHash(bits, self._parts, bits // self._parts)
        self._codes: faiss.IndexBinaryFlat = self._index.storage  # type: ignore[attr-defined]  # FAISS's stubs lack it
        self.add(packed)

    def search(self, queries: np.ndarray, k: int) -> Neighbours:
        """Find the nearest k: within the radius that look-ups cover if there are k, else by comparing with all."""
        found = Neighbours(np.empty((len(queries), k), np.int32), np.empty((len(queries), k), np.int64))
        left = np.arange(len(queries))
        for flips in range(self.FLIPS + 1):
            near = self.within(queries[left], self._parts * (flips + 1) - 1)
            for query, (distances, rows) in zip(left, near, strict=True):
                if len(rows) >= k:
                    found.distances[query], found.rows[query] = distances[:k], rows[:k]
            left = left[[len(one.rows) < k for one in near]]
            if not len(left):
                return found
        found.distances[left], found.rows[left] = self._codes.search(queries[left], k)
        return found

    def within(self, queries: np.ndarray, radius: int) -> list[Neighbours]:
        """Find all codes up to ``radius`` bits from each query."""
        self._index.nflip = radius // self._parts
        return _within(self._index if self._index.nflip <= self.FLIPS else self._codes, queries, radius)


class InvertedLists(Kind):
    """Clusters of codes, of which a query visits the nearest 1/32: approximate, and the fastest by far.

    k-means makes about √N clusters, which takes most of the time. Which of the furthest equals it finds is undefined.
    """

    exact = False
    _index: faiss.IndexBinaryIVF

    def __init__(self, packed: np.ndarray, stored: Arrays | None = None):
        self._centres = faiss.IndexBinaryFlat(8 * packed.shape[1])
        if stored is not None:
            _check_stored(packed, **stored)
            self._centres.add(stored["centres"])
        lists = self._centres.ntotal or 2 ** round(math.log2(len(packed)) / 2)
        self._index = faiss.IndexBinaryIVF(self._centres, self._centres.d, lists)
        self._index.nprobe = min(lists, max(8, lists // 32))
        if stored is None:
            self._index.cp.niter, self._index.cp.min_points_per_centroid = 10, 1
            self._index.train(np.ascontiguousarray(packed[:: max(1, len(packed) // (SAMPLE * lists))]))
        self.add(packed)

    @property
    def stored(self) -> Arrays:
        """Return ``centres (C, K/8)`` uint8 of the clusters; each code lies in that of the nearest."""
        return {"centres": self._centres.reconstruct_n(0, self._centres.ntotal)}

    def search(self, queries: np.ndarray, k: int) -> Neighbours:
        """Find the nearest k ≤ N of the codes visited."""
        distances, rows = self._index.search(queries, k)
        distances[rows < 0] = self._index.d + 1
        order = np.lexsort((rows, distances))
        return Neighbours(np.take_along_axis(distances, order, 1), np.take_along_axis(rows, order, 1))


KINDS: dict[str, type[Kind]] = {"flat": Flat, "multihash": MultiHash, "ivf": InvertedLists}


def _within(index: faiss.IndexBinary, queries: np.ndarray, radius: int) -> list[Neighbours]:
    """Find the codes up to ``radius`` from each query, in our order, which is not that of FAISS."""
    found, step = [], max(1, RANGE // index.ntotal)
    for start in range(0, len(queries), step):
        limits, distances, rows = index.range_search(queries[start : start + step], radius + 1)  # excluded
        for first, last in pairwise(limits.astype(np.int64)):
            order = np.lexsort((rows[first:last], distances[first:last]))
            found.append(Neighbours(distances[first:last][order], rows[first:last][order]))
    return found


def _check_stored(packed: np.ndarray, centres: np.ndarray, list_of: np.ndarray | None = None) -> None:
    """Raise SSVHError for centres that do not fit the codes; ``list_of``, which version 0.1 kept, is not needed."""
    if centres.dtype != np.uint8 or centres.ndim != 2 or centres.shape[1] != packed.shape[1] or not len(centres):
        raise SSVHError("its clusters are of other shapes or types than its codes need")
