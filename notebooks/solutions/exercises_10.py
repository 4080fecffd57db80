"""Checks of the exercises of notebook 10: each takes your function, or None while there is none.

A check returns a sentence if the function is right, and raises AssertionError with what was expected if it is not.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import torch

from ssvh_lib.clustering.hash_centres import separation_bound


def check_left(left: Callable[[float, Sequence[float], int, float], float] | None) -> str:
    """Exercise 1, against AdamW itself."""
    if left is None:
        return "1: not tried yet"
    for rates, steps, decay in (([0.5], 1, 0.1), ([0.3, 0.2, 0.1], 4, 0.5), ([0.01] * 5, 3, 0.01)):
        weight = torch.full((1,), 2.0, dtype=torch.float64, requires_grad=True)
        optimiser = torch.optim.AdamW([weight], weight_decay=decay)
        for rate in rates:
            optimiser.param_groups[0]["lr"] = rate
            for _ in range(steps):
                weight.grad = torch.zeros_like(weight)
                optimiser.step()
        wanted, given = weight.item(), float(left(2.0, rates, steps, decay))
        assert np.isclose(given, wanted, rtol=1e-9), (
            f"Of 2, {steps} steps with each of {rates} and decay {decay} leave {wanted:.6f}; yours says {given:.6f}."
        )
    return "1: right"


def check_limit(limit: Callable[[float, Sequence[float], float], float] | None) -> str:
    """Exercise 2: with this prior the corrected mean is the floor."""
    if limit is None:
        return "2: not tried yet"
    rng = np.random.default_rng(0)
    for temperature in (0.2, 0.5, 1.0):
        own, others = rng.uniform(0.8, 1.0), rng.uniform(-0.8, 0.5, 30)
        prior = float(limit(own, others, temperature))
        mean, same = np.exp(others / temperature).mean(), np.exp(own / temperature)
        corrected, floor = (mean - prior * same) / (1 - prior), np.exp(-1 / temperature)
        assert np.isclose(corrected, floor, rtol=1e-6), (
            f"At temperature {temperature} your prior {prior:.4f} corrects the mean to {corrected:.4f}; "
            f"the floor is {floor:.4f}."
        )
    return "2: right"


def check_bound(bound: Callable[[int, int], int] | None) -> str:
    """Exercise 3, against the library."""
    if bound is None:
        return "3: not tried yet"
    for count, bits in ((2, 8), (16, 32), (100, 32), (450, 64), (256, 8)):
        wanted, given = separation_bound(count, bits), bound(count, bits)
        assert given == wanted, f"For {count} codes of {bits} bits it is {wanted}; yours says {given}."
    return "3: right"


def check_ones(ones: Callable[[int, float], float] | None) -> str:
    """Exercise 4, against a sum over all votes."""
    if ones is None:
        return "4: not tried yet"
    for n, p in ((1, 0.5), (2, 0.5), (3, 0.7), (4, 0.2), (7, 0.5), (8, 0.4)):
        votes = np.array(list(itertools.product([-1, 1], repeat=n)))
        chance = np.where(votes > 0, p, 1 - p).prod(axis=1)
        wanted, given = chance[votes.sum(axis=1) >= 0].sum(), float(ones(n, p))
        assert np.isclose(given, wanted), f"With {n} members and p = {p} it is {wanted:.4f}; yours says {given:.4f}."
    return "4: right"


def check_weighted(weighted: Callable[[np.ndarray, np.ndarray], np.ndarray] | None) -> str:
    """Exercise 5, against a look at all codes of six bits."""
    if weighted is None:
        return "5: not tried yet"
    rng = np.random.default_rng(0)
    codes = np.array(list(itertools.product([-1, 1], repeat=6)))
    for count in (2, 3, 5, 8):
        members, weights = rng.choice([-1, 1], (count, 6)), rng.uniform(0.1, 3, count)
        given = np.asarray(weighted(members, weights))
        assert given.shape == (6,), f"Codes of 6 bits have a code of 6 bits in their middle; yours is {given.shape}."
        assert np.isin(given, (-1, 1)).all(), f"A code has bits -1 and 1; yours is {given}."
        wanted = (weights[:, None] * (codes[:, None] != members)).sum(axis=(1, 2)).min()
        found = (weights[:, None] * (given != members)).sum()
        assert np.isclose(found, wanted), f"The weighted sum can be {wanted:.3f}; yours is {found:.3f}."
    return "5: right"
