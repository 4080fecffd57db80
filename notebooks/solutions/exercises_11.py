"""Checks of the exercises of notebook 11: each takes your function, or None while there is none.

A check returns a sentence if the function is right, and raises AssertionError with what was expected if it is not.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from ssvh_lib.literature.claims import Claim, RowName
from ssvh_lib.verdicts import Kind, judge


def _records(method: str, values: np.ndarray, dataset: str = "moving-digits") -> list[dict]:
    """Runs of a method, one for each value of mAP@20."""
    plain = {"dataset": dataset, "method": method, "variant": "paper", "label": "", "preset": "paper", "bits": 64}
    return [
        plain | {"seed": seed, "map": {"20": float(value)}, "conventions": {"divide_by": "k"}}
        for seed, value in enumerate(values)
    ]


def check_pooled(pooled: Callable[[np.ndarray, np.ndarray], float] | None) -> str:
    """Exercise 1, against the deviation behind a verdict of the library."""
    if pooled is None:
        return "1: not tried yet"
    rng = np.random.default_rng(0)
    claim = Claim("check", "check", "Is above.", RowName("conmh"), RowName("bth"))
    for counts in ((3, 3), (2, 6), (5, 3)):
        first, second = (0.2 + 0.05 * rng.random(count) * scale for count, scale in zip(counts, (1, 3), strict=True))
        measured = judge(claim, _records("conmh", first) + _records("bth", second)).ours
        assert measured is not None
        given = pooled(first, second)
        assert np.isclose(given, measured.std), (
            f"Rows of {counts[0]} and {counts[1]} runs deviate by {measured.std:.4f} together; yours says {given:.4f}."
        )
    return "1: right"


def check_inside(inside: Callable[[str, np.ndarray], bool] | None) -> str:
    """Exercise 2, against the library's verdict on a published value, AutoSSVH's .500 for UCF101 at 64 bits."""
    if inside is None:
        return "2: not tried yet"
    claim = Claim("check", "check", "Has the published mAP@20.", RowName("autossvh"), datasets=("ucf101",))
    for middle, wide in itertools.product((0.47, 0.4891, 0.4894, 0.5, 0.5107, 0.52), (0.001, 0.005, 0.02)):
        runs = middle + wide * np.array([-1, 0, 1])
        wanted = judge(claim, _records("autossvh", runs, "ucf101")).kind == Kind.REPRODUCED
        given = inside("0.500", runs)
        assert bool(given) == wanted, f"0.500 is {'' if wanted else 'not '}reproduced by {runs}; yours says {given}."
    runs = np.array([0.53, 0.54, 0.55])
    given = inside("0.5", runs)
    assert given, f"0.5 may be anything up to 0.55, so it is reproduced by {runs}; yours says {given}."
    return "2: right"


def check_flips(flips: Callable[[np.ndarray, np.ndarray], float] | None) -> str:
    """Exercise 3, against a look at each pair."""
    if flips is None:
        return "3: not tried yet"
    rng = np.random.default_rng(0)
    for counts in ((3, 3), (2, 5), (4, 1)):
        first, second = (rng.integers(0, 6, count) / 10 for count in counts)
        first[0] += 0.05  # so that the means differ
        sign = np.sign(first.mean() - second.mean())
        pairs = [sign * np.sign(one - other) for one, other in itertools.product(first, second)]
        wanted = sum({-1: 1.0, 0: 0.5, 1: 0.0}[int(pair)] for pair in pairs) / len(pairs)
        given = float(flips(first, second))
        assert np.isclose(given, wanted), f"{first} against {second}: {wanted:.3f} of the pairs; yours {given:.3f}."
    return "3: right"


def check_luck(luck: Callable[[int], float] | None) -> str:
    """Exercise 4, against the density of the greatest of n, added up on a grid."""
    if luck is None:
        return "4: not tried yet"
    grid = np.linspace(-8, 8, 4001)
    density = np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi)
    below = density.cumsum() * (grid[1] - grid[0])
    for n in (1, 2, 3, 5, 20):
        wanted = float((grid * n * below ** (n - 1) * density).sum() * (grid[1] - grid[0]))
        given = float(luck(n))
        assert abs(given - wanted) < 0.02, f"The best of {n} lies {wanted:.3f} deviations above; yours {given:.3f}."
    return "4: right"
