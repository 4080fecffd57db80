"""Checks of the exercises of notebook 12: each takes your function, or None while there is none.

A check returns a sentence if the function is right, and raises AssertionError with what was expected if it is not.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import ssvh_lib as ssvh


def _codes(distances: np.ndarray, K: int) -> tuple[np.ndarray, np.ndarray]:
    """A query (1, K), and items at these distances from it."""
    return np.ones((1, K)), np.where(np.arange(K) < distances[:, None], -1, 1)


def check_points(points: Callable[[np.ndarray, np.ndarray, int], tuple[np.ndarray, np.ndarray]] | None) -> str:
    """Exercise 1, against the library's curves by radius of a single query."""
    if points is None:
        return "1: not tried yet"
    rng = np.random.default_rng(0)
    for K, least in ((8, 0), (16, 3), (32, 5)):
        distances, relevant = rng.integers(least, K + 1, 20), np.arange(20) % 4 == 0
        wanted = ssvh.evaluate(*_codes(distances, K), [1], relevant.astype(int), k=(1,))
        given = points(distances, relevant, K)
        for name, one, other in zip(("precision", "recall"), given, (wanted.precision, wanted.recall), strict=True):
            one = np.asarray(one, dtype=float)
            assert one.shape == (K + 1,), f"Radii go from 0 to {K}, so {name} has {K + 1} values; yours {one.shape}."
            empty, yours = np.flatnonzero(np.isnan(other)), np.flatnonzero(np.isnan(one))
            assert np.array_equal(empty, yours), f"{name} is NaN at the radii {empty}; yours at {yours}."
            assert np.allclose(one, other, equal_nan=True), f"{name} is {other.round(3)}; yours {one.round(3)}."
    return "1: right"


def check_area(area: Callable[[np.ndarray], float] | None) -> str:
    """Exercise 2, against the library's average precision over the whole list."""
    if area is None:
        return "2: not tried yet"
    rng = np.random.default_rng(0)
    for count in (1, 5, 12):
        hits = rng.permutation(np.arange(24) < count)
        codes = _codes(np.arange(24), 24)
        found = ssvh.evaluate(*codes, [1], hits.astype(int), k=(24,), divide_by="min_k_relevant").map[24]
        given = float(area(hits))
        assert np.isclose(given, found), f"The area of {hits.astype(int)} is {found:.4f}; yours says {given:.4f}."
    return "2: right"


def check_envelope(envelope: Callable[[np.ndarray], np.ndarray] | None) -> str:
    """Exercise 3, against a maximum for each place."""
    if envelope is None:
        return "3: not tried yet"
    rng = np.random.default_rng(0)
    for length in (1, 7, 30):
        precision = rng.permutation(60)[:20].cumsum()[:length] / 1000 if length < 7 else rng.random(length)
        wanted = np.array([precision[place:].max() for place in range(length)])
        given = np.asarray(envelope(precision.copy()), dtype=float)
        assert given.shape == wanted.shape, f"{length} values have {length} maxima; yours {given.shape}."
        assert np.allclose(given, wanted), f"{precision.round(2)} becomes {wanted.round(2)}; yours {given.round(2)}."
    return "3: right"


def check_crowd(crowd: Callable[[int, int, int], float] | None) -> str:
    """Exercise 4, against all codes of a few bits, and a million of many."""
    if crowd is None:
        return "4: not tried yet"
    for K, r in ((8, 0), (8, 2), (12, 5), (12, 12)):
        ones = np.bitwise_count(np.arange(2**K))  # the distance of each code from the one of zeros
        wanted = 1000 * float((ones <= r).mean())
        given = float(crowd(1000, K, r))
        assert np.isclose(given, wanted), f"Of 1,000 codes of {K} bits {wanted:.3f} lie within {r}; yours {given:.3f}."
    wanted, given = 10**6 * (1 + 64 + 64 * 63 // 2) / 2**64, float(crowd(10**6, 64, 2))
    assert np.isclose(given, wanted, atol=0), (
        f"Of a million codes of 64 bits {wanted:.3g} lie within 2; yours says {given:.3g}."
    )
    return "4: right"
