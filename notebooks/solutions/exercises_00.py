"""Checks of the exercises of notebook 00: each takes your function, or None while there is none.

A check returns a sentence if the function is right, and raises AssertionError with what was expected if it is not.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np

import ssvh_lib as ssvh
from ssvh_lib.evaluation.hamming import hamming_distances, rank


def check_distance(distance: Callable[[np.ndarray, np.ndarray], int] | None) -> str:
    """Exercise 1, against the library's count on packed bytes."""
    if distance is None:
        return "1: not tried yet"
    codes = np.random.default_rng(0).choice([-1, 1], (6, 16))
    codes[1] = -codes[0]  # as far away as can be
    wanted = hamming_distances(*[ssvh.Codes.from_values(codes)] * 2)
    for one, other in np.ndindex(wanted.shape):
        given = distance(codes[one], codes[other])
        assert given == wanted[one, other], (
            f"{codes[one]} and {codes[other]} differ in {wanted[one, other]} places; yours says {given}."
        )
    return "1: right"


def check_closest(closest: Callable[[np.ndarray, np.ndarray, int], np.ndarray] | None) -> str:
    """Exercise 2, against the library's ranking; codes of eight bits, so that there are many ties."""
    if closest is None:
        return "2: not tried yet"
    rng = np.random.default_rng(0)
    for k in (5, 1, 40):
        query, database = rng.choice([-1, 1], 8), rng.choice([-1, 1], (40, 8))
        distances = hamming_distances(ssvh.Codes.from_values(query[None]), ssvh.Codes.from_values(database))
        wanted, given = rank(distances)[0, :k], np.asarray(closest(query, database, k))
        assert given.shape == (k,), f"{k} places of videos were asked for; yours has the shape {given.shape}."
        found = distances[0, given]
        assert np.array_equal(np.sort(found), found), f"Nearest first; the distances of yours are {found[:6]}."
        assert np.array_equal(given, wanted), (
            f"Expected videos {wanted[:6]} at {distances[0, wanted[:6]]}; yours are {given[:6]} at {found[:6]}. "
            "At equal distance the database decides: its earlier video comes first."
        )
    return "2: right"


def check_luck(luck: Callable[[int, int, int], float] | None) -> str:
    """Exercise 3, against a count of all ways to draw."""
    if luck is None:
        return "3: not tried yet"
    for N, R, k in ((10, 5, 1), (10, 2, 3), (12, 5, 4), (8, 5, 5)):
        wanted = np.mean([min(drawn) < R for drawn in combinations(range(N), k)])
        given = luck(N, R, k)
        assert np.isclose(np.float64(given), wanted), (
            f"Of {N} videos {R} are right; {k} drawn hold one with chance {wanted:.4g}; yours says {given:.4g}."
        )
    return "3: right"
