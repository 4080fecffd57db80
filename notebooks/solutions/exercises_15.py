"""Checks of the exercises of notebook 15: each takes your function, or None while there is none.

A check returns a sentence if the function is right, and raises AssertionError with what was expected if it is not.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import ssvh_lib as ssvh
from ssvh_lib import literature
from ssvh_lib.literature.names import title


def check_chance(chance: Callable[[int, int, int], float] | None) -> str:
    """Exercise 1, against the library's expectation over all orders of items that are equally far."""
    if chance is None:
        return "1: not tried yet"
    for N, R, k in ((10, 3, 5), (250, 5, 20), (6, 6, 6), (40, 1, 10)):
        equal = ssvh.Codes(np.zeros((N, 1), np.uint8))
        query = ssvh.Codes(np.zeros((1, 1), np.uint8))
        labels = (np.arange(N) < R).astype(int)
        wanted = ssvh.evaluate(query, equal, np.array([1]), labels, k=(k,), ties="expected").map[k]
        given = float(chance(N, R, k))
        assert np.isclose(given, wanted), f"{R} of {N} relevant, k = {k}: {wanted:.4f}; yours says {given:.4f}."
    return "1: right"


def check_halves(halves: Callable[[np.ndarray], np.ndarray] | None) -> str:
    """Exercise 2: as many of each sign in each bit, and a larger value never has the lower sign."""
    if halves is None:
        return "2: not tried yet"
    rng = np.random.default_rng(0)
    values = np.exp(rng.normal(size=(50, 8))) * rng.choice([-1, 1], 8)  # lopsided, so that mean and median differ
    codes = np.asarray(halves(values))
    assert codes.shape == values.shape, f"Expected codes {values.shape}, got {codes.shape}."
    assert set(np.unique(codes)) <= {-1, 1}, f"Codes are −1 and 1; yours hold {np.unique(codes)}."
    ones = (codes > 0).sum(axis=0)
    assert (ones == 25).all(), f"Of 50 videos 25 have each bit; yours {ones.tolist()}."
    ordered = np.take_along_axis(codes, values.argsort(axis=0), axis=0)
    assert (np.diff(ordered, axis=0) >= 0).all(), "In some bit a video of larger value has −1 and one of smaller +1."
    return "2: right"


def check_aligned(aligned: Callable[[np.ndarray, np.ndarray], np.ndarray] | None) -> str:
    """Exercise 3: mean and covariance are those of the target, and the map is affine."""
    if aligned is None:
        return "3: not tried yet"
    rng = np.random.default_rng(0)
    source = rng.normal(size=(200, 4)) @ rng.normal(size=(4, 4)) + 5
    target = rng.normal(size=(150, 4)) @ rng.normal(size=(4, 4)) - 3
    given = np.asarray(aligned(source, target))
    assert given.shape == source.shape, f"Expected {source.shape}, as the source; got {given.shape}."
    wanted, found = target.mean(axis=0), given.mean(axis=0)
    assert np.allclose(found, wanted), f"The mean should be {wanted.round(2)}; yours is {found.round(2)}."
    wanted, found = np.cov(target.T), np.cov(given.T)  # divided by N or by N - 1: either will do
    assert np.allclose(found, wanted, rtol=0.01, atol=0.01), (
        f"The covariance should be\n{wanted.round(2)}\nyours is\n{found.round(2)}"
    )
    ones = np.c_[source, np.ones(len(source))]
    assert np.allclose(ones @ np.linalg.lstsq(ones, given, rcond=None)[0], given), "It is no affine map of the source."
    return "3: right"


def check_differences(differences: Callable[[np.ndarray, int], np.ndarray] | None) -> str:
    """Exercise 4, against the percentages that AutoSSVH's Table 2 prints of three methods."""
    if differences is None:
        return "4: not tried yet"
    stated = literature.numbers(paper="autossvh", item="Table 2", measure="unnamed")
    table = stated.pivot(index="method", columns="bits", values="value").loc[["conmh", "mcmsh", "dkph", "bth"]]
    given = np.asarray(differences(table.to_numpy(float), 0), float)
    for value, printed, method in zip(given[1:], (9.6, 11.5, 18.1), table.index[1:], strict=True):
        assert abs(value + printed) < 0.06, f"{title(method)} is {printed} % below ConMH; yours says {value:+.2f} %."
    assert given[0] == 0, f"A row is 0 % above itself; yours says {given[0]:+.2f} %."
    return "4: right"
