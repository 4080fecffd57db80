"""Checks of the exercises of notebook 06: each takes your function, or None while there is none.

A check returns a sentence if the function is right, and raises AssertionError with what was expected if it is not.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch

from ssvh_lib.samplers import visible_count


def check_cut(cut: Callable[[np.ndarray, float], tuple[np.ndarray, np.ndarray]] | None) -> str:
    """Exercise 1: two views of one order, as large as the library's, that share as little as they can."""
    if cut is None:
        return "1: not tried yet"
    for T, ratio in ((25, 0.75), (25, 0.5), (25, 0.25), (24, 0.5), (30, 0.9)):
        order, V = np.random.default_rng(T).permutation(T), visible_count(T, ratio)
        views = [np.asarray(view) for view in cut(order, ratio)]
        assert [view.shape for view in views] == [(T,)] * 2, f"A view of {T} frames is ({T},); yours: {views}."
        seen = [int(view.sum()) for view in views]
        assert seen == [V, V], f"At ratio {ratio} both views of {T} frames see {V} of them; yours see {seen}."
        for name, view, frames in zip(("first", "second"), views, (order[:V], order[T - V :]), strict=True):
            wanted, given = sorted(frames.tolist()), np.flatnonzero(view).tolist()
            assert given == wanted, f"Of the order {order} the {name} view sees {wanted}; yours sees {given}."
    return "1: right"


def check_prior(prior: Callable[[np.ndarray], float] | None) -> str:
    """Exercise 2: the share of pairs of different videos that have a class in common."""
    if prior is None:
        return "2: not tried yet"
    one_each, rng = np.eye(5, dtype=int), np.random.default_rng(0)
    cases = {
        "five videos of five classes": one_each,
        "ten videos, two of each of five classes": np.repeat(one_each, 2, axis=0),
        "ten videos of one class": np.ones((10, 1), int),
        "twenty videos with several classes each": rng.integers(0, 2, (20, 4)),
    }
    for name, labels in cases.items():
        pairs = [(i, j) for i in range(len(labels)) for j in range(len(labels)) if i != j]
        wanted = float(np.mean([bool((labels[i] & labels[j]).any()) for i, j in pairs]))
        given = float(prior(labels))
        assert math.isclose(given, wanted, abs_tol=1e-9), f"{name}: the share is {wanted:.3f}; yours says {given:.3f}."
    return "2: right"


def check_coldest(coldest: Callable[[torch.dtype], float] | None) -> str:
    """Exercise 3: just above this temperature a similarity of 1 is finite, just below it is not."""
    if coldest is None:
        return "3: not tried yet"
    for kind in (torch.float16, torch.float32, torch.float64):
        limit, largest = float(coldest(kind)), math.log(torch.finfo(kind).max)
        assert limit > 0, f"A temperature is above 0; yours is {limit} in {kind}."
        assert 1 / (1.001 * limit) <= largest, (
            f"In {kind} {limit:.5f} is too cold: e to the {1 / limit:.1f} is infinite."
        )
        assert 1 / (0.999 * limit) > largest, f"In {kind} it can be colder than {limit:.5f}: {1 / largest:.5f}."
    return "3: right"


def check_ties(ties: Callable[[int, float], float] | None) -> str:
    """Exercise 4, against all ways in which the signs can fall."""
    if ties is None:
        return "4: not tried yet"
    for T, p in ((1, 0.5), (2, 0.5), (2, 0.9), (5, 0.5), (12, 0.5), (12, 0.8)):
        positive = (np.arange(2**T)[:, None] >> np.arange(T) & 1).sum(axis=1)  # of each way, how many are +1
        wanted = float((p**positive * (1 - p) ** (T - positive))[2 * positive == T].sum())
        given = float(ties(T, p))
        assert math.isclose(given, wanted, abs_tol=1e-9), (
            f"{T} signs, each +1 with probability {p}: a tie has probability {wanted:.3f}; yours says {given:.3f}."
        )
    return "4: right"
