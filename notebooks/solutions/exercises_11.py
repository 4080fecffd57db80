"""Checks of the exercises of notebook 11: each takes your function, or None while there is none.

A check returns a sentence if the function is right, and raises AssertionError with what was expected if it is not.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import t as student

from ssvh_lib.literature.claims import Claim, RowName
from ssvh_lib.report.verdicts import SPREAD, Kind, judge


def check_alarms(alarms: Callable[[Sequence[tuple[int, int]]], float] | None) -> str:
    """Exercise 1, against Student's distribution; a simulation of enough ablations is near enough."""
    if alarms is None:
        return "1: not tried yet"
    for pairs in ([(3, 3)], [(3, 2)] * 10, [(2, 2), (5, 3), (3, 3)]):
        errors = (2 * student.sf(SPREAD / np.sqrt(1 / n + 1 / m), n + m - 2) for n, m in pairs)
        wanted, given = float(sum(errors)), float(alarms(pairs))
        assert np.isclose(given, wanted, rtol=0.03), (
            f"Of comparisons with {pairs} runs {wanted:.3f} are told apart on average; yours says {given:.3f}."
        )
    return "1: right"


def check_inside(inside: Callable[[str, np.ndarray], bool] | None) -> str:
    """Exercise 2, against the library's verdict on a published value, AutoSSVH's .500 for UCF101 at 64 bits."""
    if inside is None:
        return "2: not tried yet"
    plain = {"dataset": "ucf101", "method": "autossvh", "variant": "paper", "label": "", "preset": "paper", "bits": 64}
    plain["conventions"] = {"divide_by": "k"}
    claim = Claim("check", "check", "Has the published mAP@20.", RowName("autossvh"), datasets=("ucf101",))
    for middle, wide in itertools.product((0.47, 0.4891, 0.4894, 0.5, 0.5107, 0.52), (0.001, 0.005, 0.02)):
        runs = middle + wide * np.array([-1, 0, 1])
        records = [plain | {"seed": seed, "map": {"20": float(value)}} for seed, value in enumerate(runs)]
        wanted = judge(claim, records).kind == Kind.REPRODUCED
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


def check_front(front: Callable[[np.ndarray, np.ndarray], np.ndarray] | None) -> str:
    """Exercise 4, against a look at each pair; among few values there are ties."""
    if front is None:
        return "4: not tried yet"
    rng = np.random.default_rng(0)
    for count in (1, 4, 12):
        seconds, scores = rng.integers(1, 7, count) / 2, rng.integers(1, 7, count) / 10
        points = list(zip(seconds, scores, strict=True))
        wanted = [
            not any(time <= own and score >= ours and (time, score) != (own, ours) for time, score in points)
            for own, ours in points
        ]
        given = np.asarray(front(seconds, scores))
        assert given.shape == (count,), f"{count} methods have {count} answers; yours has the shape {given.shape}."
        assert given.astype(bool).tolist() == wanted, (
            f"Of seconds {seconds.tolist()} and scores {scores.tolist()} the front are the places "
            f"{np.flatnonzero(wanted).tolist()}; yours says {np.flatnonzero(given).tolist()}."
        )
    return "4: right"
