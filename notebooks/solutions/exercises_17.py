"""Checks of the exercises of notebook 17: each takes your function, or None while there is none.

A check returns a sentence if the function is right, and raises AssertionError with what was expected if it is not.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import torch

from ssvh_lib.losses import centre_alignment


def check_floor(floor: Callable[[int, float], float] | None) -> str:
    """Exercise 1, against the loss itself, where all other centres are the opposite of a video's own."""
    if floor is None:
        return "1: not tried yet"
    for clusters, temperature in ((2, 0.5), (101, 0.5), (450, 0.5), (101, 0.2), (10, 1.0)):
        centres = -torch.ones(clusters, 16, dtype=torch.float64)
        centres[0] = 1
        wanted = float(centre_alignment(centres[:1], centres, torch.tensor([0]), temperature))
        given = float(floor(clusters, temperature))
        assert np.isclose(given, wanted, rtol=1e-4), (
            f"With {clusters} centres at temperature {temperature} it is {wanted:.4f}; yours says {given:.4f}."
        )
    return "1: right"


def check_drawn(drawn: Callable[[int], float] | None) -> str:
    """Exercise 2, against all votes of up to twelve frames, and where votes are too many to be listed."""
    if drawn is None:
        return "2: not tried yet"
    for frames in (1, 2, 3, 4, 7, 12):
        votes = [sum(vote) for vote in itertools.product([-1, 1], repeat=frames)]
        wanted, given = votes.count(0) / len(votes), float(drawn(frames))
        assert np.isclose(given, wanted), f"With {frames} frames it is {wanted:.4f}; yours says {given:.4f}."
    given = float(drawn(30))
    assert np.isclose(given, 0.144464, atol=1e-6), f"With 30 frames it is 0.1445; yours says {given:.4f}."
    return "2: right"


def check_itself(itself: Callable[[np.ndarray], float] | None) -> str:
    """Exercise 3, against the definition of AP@k on the list with the query in front."""
    if itself is None:
        return "3: not tried yet"
    rng = np.random.default_rng(0)
    for k in (1, 5, 20):
        for share in (0.0, 0.3, 1.0):
            hits = rng.random(k) < share
            moved = np.r_[True, hits[:-1]]
            wanted = (moved * moved.cumsum() / np.arange(1, k + 1)).sum() / k
            given = float(itself(hits))
            assert np.isclose(given, wanted), f"With hits {hits.astype(int)} it is {wanted:.4f}; yours {given:.4f}."
    return "3: right"


def check_lowest(lowest: Callable[[np.ndarray, np.ndarray, int], float] | None) -> str:
    """Exercise 4, against all orders of seven items."""
    if lowest is None:
        return "4: not tried yet"
    rng = np.random.default_rng(0)
    orders = np.array(list(itertools.permutations(range(7))))  # (5040, 7)
    for k in (1, 3, 5):
        for _ in range(5):
            distances, relevant = rng.integers(0, 3, 7), rng.random(7) < 0.5
            sorted_ones = orders[(np.diff(distances[orders], axis=1) >= 0).all(axis=1)]
            hits = relevant[sorted_ones][:, :k]
            wanted = (hits * hits.cumsum(axis=1) / np.arange(1, k + 1)).sum(axis=1).min() / k
            given = float(lowest(distances.copy(), relevant.copy(), k))
            assert np.isclose(given, wanted), (
                f"At distances {distances}, relevant {relevant.astype(int)}, the least AP@{k} is {wanted:.4f}; "
                f"yours says {given:.4f}."
            )
    return "4: right"


def check_best_of(best_of: Callable[[np.ndarray, int], float] | None) -> str:
    """Exercise 5, against all draws from eight values, some of them equal."""
    if best_of is None:
        return "5: not tried yet"
    values = np.array([0.31, 0.35, 0.28, 0.35, 0.40, 0.33, 0.31, 0.29])
    for n in (1, 2, 4, 8):
        wanted = float(np.mean([max(drawn) for drawn in itertools.combinations(values, n)]))
        given = float(best_of(values.copy(), n))
        assert np.isclose(given, wanted), f"The best of {n} is {wanted:.5f} on average; yours says {given:.5f}."
    return "5: right"
