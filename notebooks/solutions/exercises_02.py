"""Checks of the exercises of notebook 02: each takes your function, or None while there is none.

A check returns a sentence if the function is right, and raises AssertionError with what was expected if it is not.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

import ssvh_lib as ssvh

QUERY = np.ones((1, 8))
AT_DISTANCE = np.where(np.arange(8) < np.arange(9)[:, None], -1, 1)  # item d differs from the query in d bits


def check_ceiling(ceiling: Callable[[int, int], float] | None) -> str:
    """Exercise 1, against ``evaluate`` on a ranking with the R relevant of 120 items in front."""
    if ceiling is None:
        return "1: not tried yet"
    for k, R in ((1, 1), (5, 5), (5, 3), (20, 5), (100, 19), (3, 100)):
        relevant = np.arange(120) < R
        items = AT_DISTANCE[np.where(relevant, 0, 8)]
        wanted, given = ssvh.evaluate(QUERY, items, [True], relevant, k=(k,)).map[k], ceiling(k, R)
        assert np.isclose(np.float64(given), wanted), (
            f"With k = {k} and R = {R} a perfect ranking has AP@{k} = {wanted:.4g}; yours says {given}."
        )
    return "1: right"


def check_first(first: Callable[[np.ndarray, np.ndarray], float] | None) -> str:
    """Exercise 2, against ``evaluate`` with expected ties, on small databases drawn at random."""
    if first is None:
        return "2: not tried yet"
    rng = np.random.default_rng(0)
    for _ in range(50):
        distances, relevant = rng.integers(0, 3, 6), rng.integers(0, 2, 6)
        wanted = ssvh.evaluate(QUERY, AT_DISTANCE[distances], [1], relevant, k=(1,), ties="expected").map[1]
        given = first(distances, relevant)
        assert np.isclose(np.float64(given), wanted), (
            f"Distances {distances} and relevance {relevant}: expected AP@1 is {wanted:.4g}; yours says {given}."
        )
    return "2: right"


def check_buckets(buckets: Callable[[int, int], int] | None) -> str:
    """Exercise 3, against a count of all codes of up to 12 bits."""
    if buckets is None:
        return "3: not tried yet"
    for K in (2, 8, 12):
        ones = np.bitwise_count(np.arange(2**K))
        for r in range(K + 1):
            wanted, given = int((ones <= r).sum()), buckets(K, r)
            assert given == wanted, f"{wanted} codes of {K} bits lie within radius {r} of any one; yours says {given}."
    return "3: right"


def check_cheat(cheat: Callable[[np.ndarray], np.ndarray] | None) -> str:
    """Exercise 4: with these codes nothing comes before the videos of a query's own class."""
    if cheat is None:
        return "4: not tried yet"
    labels = np.arange(250) % 50
    codes = np.asarray(cheat(labels))
    assert codes.shape == (250, 8), f"Codes of 250 videos are (250, 8); yours are {codes.shape}."
    assert np.isin(codes, (-1, 1)).all(), f"Codes are made of -1 and 1; yours hold {np.unique(codes)[:4]}."
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ssvh.SSVHWarning)  # here queries may find themselves
        found = ssvh.evaluate(codes, codes, labels, labels, k=(5,), ties="expected").map[5]
    assert np.isclose(found, 1), (
        f"mAP@5 is {found:.3f}, not 1: some classes have the same code, or a class has several."
    )
    return "4: right"
