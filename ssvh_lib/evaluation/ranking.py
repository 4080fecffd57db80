"""Rankings of a whole database by Hamming distance, counted instead of sorted: exact, compiled, in little memory.

For each query three things are counted: how many items lie at each distance, how many of these are relevant, and which
of the first ranks hold a relevant item, items at equal distance staying in the order of the database. Every measure of
a ranking follows from these (``metrics.py``), so there is no matrix of distances or of relevance, and no sorting:

- codes are 64-bit words; the distances of a query to all items are one vector loop of XOR and bit counts;
- there are only K + 1 distances, so counting them tells each item its rank, and one pass puts the nearest in place;
- an item is relevant if it shares a label. As few items do, each label lists its items, and only these are looked at.

The threads are Python's (the loops release the GIL) and each has its own queries, so results do not depend on their
number; a single thread is the calling one. numba is imported at the first call, which also compiles the loop in some
seconds and caches it in ``__pycache__``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import NamedTuple, TypeVar

import numpy as np

from ..errors import SSVHError
from .codes import Codes

Array = np.ndarray
Task = TypeVar("Task")
Result = TypeVar("Result")


class Counts(NamedTuple):
    """Counts of the rankings of Q queries."""

    items: Array  # (Q, K + 1) int32: items at each Hamming distance
    relevant: Array  # (Q, K + 1) int32: the relevant ones of these
    hits: Array  # (Q, depth) bool: whether the item at each rank is relevant


class Ranking:
    """A database and its queries, laid out for counting.

    Labels are class numbers ``(N,)`` or multi-hot ``(N, L)``. The database is ranked as if it stood in ``order (N,)``.
    With ``drop_self`` query i is item i, and is left out of its own ranking.
    Raises SSVHError if codes and labels do not fit together.
    """

    def __init__(
        self,
        queries: Codes,
        database: Codes,
        query_labels: Array,
        database_labels: Array,
        *,
        order: Array,
        drop_self: bool = False,
    ):
        if queries.bits != database.bits:
            raise SSVHError(
                f"Queries have {queries.bits} bits and the database has {database.bits}; they must be equal."
            )
        of_queries, (items, labels), count = _pairs(
            _checked("query", query_labels, len(queries)), _checked("database", database_labels, len(database))
        )
        place = np.argsort(order)
        self.levels, self._kernel = queries.bits + 1, _kernel()
        self._own = place[: len(queries)] if drop_self else np.full(len(queries), -1)
        self._queries, self._database = _words(queries), np.ascontiguousarray(_words(database)[order].T)
        self._query_starts, self._labels = _lists(*of_queries, len(queries))  # the labels of each query
        self._label_starts, self._items = _lists(labels, place[items], count)  # the items of each label

    def __len__(self) -> int:
        return len(self._queries)

    def count(self, rows: slice, depth: int) -> Counts:
        """Count the rankings of some queries, and look into their first ``depth`` ranks, of which there may be none."""
        Q = rows.stop - rows.start
        items, relevant = np.zeros((2, Q, self.levels + 1), np.int32)  # the last one is for what is left out
        hits = np.zeros((Q, depth), np.bool_)
        lists = self._query_starts[rows.start : rows.stop + 1], self._labels, self._label_starts, self._items
        self._kernel(self._queries[rows], self._database, self._own[rows], *lists, items, relevant, hits)
        return Counts(items[:, :-1], relevant[:, :-1], hits)


def in_order(work: Callable[[Task], Result], tasks: Sequence[Task], threads: int) -> Iterator[Result]:
    """Yield from ``map(work, tasks)`` in several threads; if the caller stops, tasks not yet begun are cancelled."""
    if threads == 1 or len(tasks) == 1:
        yield from map(work, tasks)
        return
    pool = ThreadPoolExecutor(threads)
    try:
        yield from pool.map(work, tasks)
    finally:
        pool.shutdown(cancel_futures=True)


def _words(codes: Codes) -> Array:
    """Return codes as 64-bit words ``(N, W)``, with zeros after the last bit."""
    missing = -codes.packed.shape[1] % 8
    return np.ascontiguousarray(np.pad(codes.packed, ((0, 0), (0, missing)))).view(np.uint64)


def _checked(kind: str, labels: Array, count: int) -> Array:
    labels = np.asarray(labels)
    if labels.ndim not in (1, 2) or len(labels) != count:
        raise SSVHError(f"{count} {kind} codes need labels ({count},) or ({count}, L), got {labels.shape}.")
    if labels.ndim == 2 and not ((labels == 0) | (labels == 1)).all():
        raise SSVHError(
            f"Two-dimensional {kind} labels are multi-hot, 0 or 1; got values like {np.unique(labels)[-3:]}. "
            "Class numbers are one-dimensional."
        )
    if labels.dtype.kind == "f" and np.isnan(labels).any():
        raise SSVHError(f"{np.isnan(labels).sum()} {kind} labels are NaN. Give unknown classes a separate number.")
    return labels


def _pairs(queries: Array, database: Array) -> tuple[tuple[Array, Array], tuple[Array, Array], int]:
    """Return the (rows, labels) that are set, of the queries and of the items, and how many labels there are."""
    if queries.shape[1:] != database.shape[1:]:
        raise SSVHError(f"Query labels {queries.shape} and database labels {database.shape} do not match.")
    if queries.ndim == 2:
        (rows, of_rows), (items, of_items) = np.nonzero(queries), np.nonzero(database)
        return (rows, of_rows), (items, of_items), int(queries.shape[1])
    names, numbers = np.unique(np.concatenate([queries, database]), return_inverse=True)
    Q, N = len(queries), len(database)
    return (np.arange(Q), numbers[:Q]), (np.arange(N), numbers[Q:]), len(names)


def _lists(keys: Array, values: Array, count: int) -> tuple[Array, Array]:
    """Return where the list of each key 0 … count − 1 starts (count + 1,), and the values in one list after another."""
    order = np.argsort(keys, kind="stable")
    return np.searchsorted(keys[order], np.arange(count + 1)), values[order].astype(np.int32)


@cache
def _kernel() -> Callable[..., None]:
    """Compile ``_count``."""
    from numba import njit
    from numba.extending import register_jitable

    for part in (_bit_count, _measure, _mark, _place):
        register_jitable(part)
    return njit(nogil=True, cache=True)(_count)


def _count(
    queries: Array, database: Array, own: Array, query_starts: Array, labels: Array, label_starts: Array,
    label_items: Array, items: Array, relevant: Array, hits: Array,
) -> None:  # fmt: skip
    """Fill ``items``, ``relevant`` and ``hits`` for ``queries (Q, W)`` of a ``database (W, N)``."""
    distances = np.empty(database.shape[1], np.uint16)
    marks = np.full(database.shape[1], -1, np.int32)  # the last query that an item was relevant to
    for q in range(len(queries)):
        _measure(queries[q], database, distances)
        if own[q] >= 0:
            distances[own[q]] = items.shape[1] - 1  # beyond every distance
        for j in range(len(distances)):
            items[q, distances[j]] += 1
        for label in labels[query_starts[q] : query_starts[q + 1]]:
            _mark(q, label_items[label_starts[label] : label_starts[label + 1]], marks, distances, relevant[q])
        if hits.shape[1]:
            _place(q, distances, marks, items[q], hits[q])


def _bit_count(x: np.uint64) -> np.uint64:
    """Count the bits of x that are 1. LLVM recognises this pattern and makes it one instruction where there is one."""
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (x * np.uint64(0x0101010101010101)) >> np.uint64(56)


def _measure(query: Array, database: Array, distances: Array) -> None:
    distances[:] = 0
    for w in range(len(query)):
        for j in range(len(distances)):
            distances[j] += np.uint16(_bit_count(query[w] ^ database[w, j]))


def _mark(q: int, members: Array, marks: Array, distances: Array, relevant: Array) -> None:
    """Count the items of one label, but not again those that share another label with the query."""
    for j in members:
        if marks[j] != q:
            marks[j] = q
            relevant[distances[j]] += 1


def _place(q: int, distances: Array, marks: Array, items: Array, hits: Array) -> None:
    """Put the nearest items, in the order of the database, at the next free rank of their distance."""
    free = np.empty(len(items), np.int64)  # next rank at each distance
    farthest, before = 0, 0
    for level in range(len(items)):
        free[level] = before
        if before < len(hits):
            farthest = level
        before += items[level]
    for j in range(len(distances)):
        level = distances[j]
        if level <= farthest:
            if free[level] < len(hits):
                hits[free[level]] = marks[j] == q
            free[level] += 1
