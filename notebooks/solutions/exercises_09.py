"""Checks of the exercises of notebook 09: each takes your function, or None while there is none.

A check returns a sentence if the function is right, and raises AssertionError with what was expected if it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from scipy.stats import nct, ttest_ind
from torch import Tensor

from ssvh_lib.report.verdicts import SPREAD


def check_pooled(pooled: Callable[[Sequence[float], Sequence[float]], float] | None) -> str:
    """Exercise 1, against the deviation that Student's test with pooled variance uses."""
    if pooled is None:
        return "1: not tried yet"
    rng = np.random.default_rng(0)
    for sizes in ((3, 3), (2, 5), (1, 4)):
        first, second = ((3 * rng.normal() + rng.normal(size=size)).round(2).tolist() for size in sizes)
        scaled = (np.mean(first) - np.mean(second)) / np.sqrt(1 / len(first) + 1 / len(second))
        wanted, given = abs(scaled / ttest_ind(first, second).statistic), float(pooled(first, second))
        assert np.isclose(given, wanted), f"Of {first} and {second} it is {wanted:.4f}; yours says {given:.4f}."
    return "1: right"


def check_reverse(reverse: Callable[[Tensor, float], Tensor] | None) -> str:
    """Exercise 2: values as they are, and a gradient turned and scaled."""
    if reverse is None:
        return "2: not tried yet"
    for strength in (0.0, 0.5, 1.0, 3.0):
        values = torch.linspace(-2, 2, 9, dtype=torch.float64, requires_grad=True)
        result = reverse(values, strength)
        assert torch.allclose(result, values), f"Forwards nothing changes; strength {strength} gave {result.tolist()}."
        (slope,) = torch.autograd.grad((result**2).sum(), values)
        assert torch.allclose(slope, -strength * 2 * values), (
            f"With strength {strength} the slope of x² at -2 is {4 * strength:+.1f}; yours is {slope[0].item():+.1f}."
        )
    return "2: right"


def check_best(best: Callable[[int], float] | None) -> str:
    """Exercise 3, against a sum over a fine grid."""
    if best is None:
        return "3: not tried yet"
    edges = np.linspace(-10, 10, 200_001)
    below = np.cumsum(np.exp(-(edges**2) / 2)) * (edges[1] - edges[0]) / np.sqrt(2 * np.pi)
    for n in (1, 2, 3, 5, 20):
        wanted, given = float(np.sum((edges[1:] + edges[:-1]) / 2 * np.diff(below**n))), float(best(n))
        assert abs(given - wanted) < 0.01, (
            f"The best of {n} is {abs(wanted):.2f} above; yours says {given:.3f}, and 0.01 is allowed."
        )
    return "3: right"


def check_alarm(alarm: Callable[[int, int], float] | None) -> str:
    """Exercise 4, against a simulation of its own."""
    if alarm is None:
        return "4: not tried yet"
    rng = np.random.default_rng(1)
    for rows, seeds in ((1, 3), (8, 3), (8, 2)):
        runs = rng.normal(size=(40_000, rows + 1, seeds))
        mean, variance = runs.mean(axis=2), runs.var(axis=2, ddof=1)
        gap, pooled = abs(mean[:, 1:] - mean[:, :1]), np.sqrt((variance[:, 1:] + variance[:, :1]) / 2)
        wanted, given = (gap > SPREAD * pooled).any(axis=1).mean(), float(alarm(rows, seeds))
        assert abs(given - wanted) < 0.02, (
            f"{rows} rows of {seeds} seeds raise an alarm in {wanted:.0%}; yours says {given:.0%}, and 2 % are allowed."
        )
    return "4: right"


def check_seeds(seeds: Callable[[float, float], int] | None) -> str:
    """Exercise 5: enough, and with one seed less not enough."""
    if seeds is None:
        return "5: not tried yet"
    for effect, power in ((4.0, 0.5), (3.0, 0.8), (2.5, 0.8), (2.5, 0.95)):
        n = int(seeds(effect, power))
        assert n >= 2, f"One seed shows no spread; {n} are too few."
        seen, before = (_power(effect, count) for count in (n, n - 1))
        assert seen >= power, f"An effect of {effect} is seen from {n} seeds in {seen:.0%} only, not in {power:.0%}."
        assert before < power, f"For {power:.0%} of effects of {effect} fewer than {n} seeds are enough."
    return "5: right"


def _power(effect: float, n: int) -> float:
    """How often a true effect exceeds the spread; never from one seed."""
    root = np.sqrt(n / 2)
    return float(nct.sf(SPREAD * root, 2 * n - 2, effect * root)) if n > 1 else 0.0
