"""Average precision of rankings, from the ranks of relevant items, or from its expectation over orders of ties.

Arrays have a row for each of Q queries, and a column for each of the first ranks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from .conventions import Divisor
from .ranking import Counts


def gains(counts: Counts, depth: int) -> tuple[np.ndarray, np.ndarray]:
    """Return, for each of the first ranks ``(Q, depth)``, relevance, and precision there where relevant."""
    hits = counts.hits[:, :depth].astype(float)
    return hits, hits * hits.cumsum(axis=1) / np.arange(1, depth + 1)


def expected_gains(counts: Counts, depth: int) -> tuple[np.ndarray, np.ndarray]:
    """Average ``gains`` over all orders of items at equal distance, in closed form.

    A rank whose distance group starts after ``before`` items, of which ``found`` are relevant, and has
    ``size`` items, ``r`` relevant: the item there is relevant with chance r/size, and then a further
    (place − 1)(r − 1)/(size − 1) relevant ones of its group are expected before it.
    """
    size, r = counts.items, counts.relevant
    ends = size.cumsum(axis=1)
    ranks_of_group = np.diff(np.minimum(ends, depth), axis=1, prepend=0).ravel()
    each = (size, r, ends - size, r.cumsum(axis=1) - r)
    size, r, before, found = (np.repeat(values.ravel(), ranks_of_group).reshape(-1, depth) for values in each)
    ranks = np.arange(1, depth + 1)
    chance = r / size
    mates = (ranks - before - 1) * (r - 1) / np.maximum(size - 1, 1)
    return chance, chance * (found + 1 + mates) / ranks


def average_precision(hits: np.ndarray, precisions: np.ndarray, totals: np.ndarray, divide_by: Divisor) -> np.ndarray:
    """Compute the average precision of each query ``(Q,)`` from ``hits`` and ``precisions (Q, ranks)``."""
    k = hits.shape[1]
    divisor = {"k": k, "min_k_relevant": np.minimum(totals, k), "hits": hits.sum(axis=1)}[divide_by]
    average: np.ndarray = precisions.sum(axis=1) / np.maximum(divisor, 1)
    return average


def curve_sums(counts: Counts, ranks: int, expected: bool, divide_by: Divisor) -> np.ndarray:
    """Sum over queries after each rank, ``(3, ranks)``: hits, their shares in the totals, average precisions.

    The first two count only the items at that rank. The third is ``average_precision`` of ``gains`` or
    ``expected_gains`` at every cutoff, but in one pass, because there may be as many ranks as items.
    """
    totals = counts.relevant.sum(axis=1)
    most = np.full(len(totals), ranks) if divide_by == "k" else totals  # that an average is divided by
    sums = np.zeros((3, ranks))
    _kernel()(counts.items, counts.relevant, counts.hits, totals, most, expected, divide_by == "hits", sums)
    return sums


@cache
def _kernel() -> Callable[..., None]:
    """Compile ``_add_curves``."""
    from numba import njit
    from numba.extending import register_jitable

    for part in (_fill, _fill_expected):
        register_jitable(part)
    return njit(nogil=True, cache=True, error_model="numpy")(_add_curves)


def _add_curves(
    items: np.ndarray, relevant: np.ndarray, hits: np.ndarray, totals: np.ndarray, most: np.ndarray,
    expected: bool, by_hits: bool, sums: np.ndarray,
) -> None:  # fmt: skip
    ranks = sums.shape[1]
    gains = np.empty((2, ranks))  # chance of a hit, and precision there
    for q in range(len(totals)):
        if expected:
            _fill_expected(items[q], relevant[q], gains)
        else:
            _fill(hits[q], gains)
        share, found, total = 1 / max(totals[q], 1), 0.0, 0.0
        for n in range(ranks):
            found += gains[0, n]
            total += gains[1, n]
            divisor = found if by_hits else min(n + 1, most[q])
            sums[0, n] += gains[0, n]
            sums[1, n] += gains[0, n] * share
            sums[2, n] += total / max(divisor, 1)


def _fill(hits: np.ndarray, gains: np.ndarray) -> None:
    found = 0
    for n in range(gains.shape[1]):
        found += hits[n]
        gains[0, n] = hits[n]
        gains[1, n] = found / (n + 1) if hits[n] else 0


def _fill_expected(items: np.ndarray, relevant: np.ndarray, gains: np.ndarray) -> None:
    before, found = 0, 0
    for level in range(len(items)):
        size, r = items[level], relevant[level]
        mates = (r - 1) / max(size - 1, 1)
        for n in range(before, min(before + size, gains.shape[1])):
            gains[0, n] = r / size
            gains[1, n] = r / size * (found + 1 + (n - before) * mates) / (n + 1)
        before, found = before + size, found + r
