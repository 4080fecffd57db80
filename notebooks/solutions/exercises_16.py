"""Checks of the exercises of notebook 16: each takes your function, or None while there is none.

A check returns a sentence if the function is right, and raises AssertionError with what was expected if it is not.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np


def check_lift(lift: Callable[[np.ndarray, np.ndarray], float] | None) -> str:
    """Exercise 1, against counting frame by frame."""
    if lift is None:
        return "1: not tried yet"
    rng = np.random.default_rng(0)
    for videos in (1, 4, 30):
        informative = rng.random((videos, 25)) < rng.uniform(0.2, 0.9, (videos, 1))  # not equally many
        visible = rng.permuted(np.tile(np.arange(25) < 13, (videos, 1)), axis=1)
        pairs = list(zip(visible.flat, informative.flat, strict=True))
        among_dropped = [bool(own) for seen, own in pairs if not seen]
        wanted = (sum(among_dropped) / len(among_dropped)) / (sum(own for _, own in pairs) / len(pairs))
        given = float(lift(visible, informative))
        assert np.isclose(given, wanted), f"They are {wanted:.3f} times as often informative; yours says {given:.3f}."
    return "1: right"


def check_chances(chances: Callable[[np.ndarray, float], np.ndarray] | None) -> str:
    """Exercise 2, against counted draws."""
    if chances is None:
        return "2: not tried yet"
    rng, grades = np.random.default_rng(0), np.array([0.9, 0.5, 0.1, 0.1])
    for noise in (0.2, 1.0, 5.0):
        highest = (grades + noise * rng.gumbel(size=(200_000, 4))).argmax(axis=1)
        wanted, given = np.bincount(highest, minlength=4) / 200_000, np.asarray(chances(grades, noise), float)
        assert given.shape == (4,), f"Four frames have four chances; yours are {given.shape}."
        assert np.allclose(given, wanted, atol=0.006), (
            f"At noise {noise} the counted chances are {wanted.round(2)}; yours {given.round(2)}."
        )
    return "2: right"


def check_spread(spread: Callable[[np.ndarray], float] | None) -> str:
    """Exercise 3, in the cases that are known without a formula."""
    if spread is None:
        return "3: not tried yet"
    rest = np.array([0.25, 0.25, 0.25, 0.25])
    cases = {
        "an even share for each of 25": (np.full(25, 1 / 25), 25.0),
        "all to one of 25": (np.eye(25)[3], 1.0),
        "halves for two of 25": ((np.eye(25)[3] + np.eye(25)[9]) / 2, 2.0),
        "two choices, one after the other, among 4 and among 4": (np.outer(rest, rest).ravel(), 16.0),
        "one half, and two quarters": (np.array([0.5, 0.25, 0.25]), 2.0**1.5),
    }
    for name, (soft, wanted) in cases.items():
        given = float(spread(soft))
        assert np.isclose(given, wanted), f"{name}: the spread is {wanted:.3f}, yours says {given:.3f}."
    return "3: right"


def check_flips(flips: Callable[[np.ndarray, np.ndarray, np.ndarray], int | None] | None) -> str:
    """Exercise 4, against all ways of flipping bits of codes of six."""
    if flips is None:
        return "4: not tried yet"
    every = np.array(list(itertools.product([False, True], repeat=6)))
    rng = np.random.default_rng(0)
    for _ in range(60):
        code, near, far = every[rng.integers(64, size=3)]
        enough = [turn.sum() for turn in every if ((code ^ turn) != far).sum() < ((code ^ turn) != near).sum()]
        wanted, given = int(min(enough)) if enough else None, flips(code, near, far)
        shown = [row.astype(int).tolist() for row in (code, near, far)]
        assert given == wanted, f"For the codes {shown} it takes {wanted}; yours says {given}."
    return "4: right"
