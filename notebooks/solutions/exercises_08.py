"""Checks of the exercises of notebook 08: each takes your function, or None while there is none.

A check returns a sentence if the function is right, and raises AssertionError with what was expected if it is not.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import torch

from ssvh_lib.samplers import agreement


def check_chances(chances: Callable[[np.ndarray], np.ndarray] | None) -> str:
    """Exercise 1, against the chances of all ordered pairs, added up."""
    if chances is None:
        return "1: not tried yet"
    for p in ([0.5, 0.25, 0.15, 0.1], [0.7, 0.2, 0.1], [0.2] * 5):
        wanted = np.zeros(len(p))
        for i, j in itertools.permutations(range(len(p)), 2):
            wanted[[i, j]] += p[i] * p[j] / (1 - p[i])
        given = np.asarray(chances(np.array(p)), float)
        assert given.shape == wanted.shape, f"{len(p)} frames have {len(p)} chances; yours are {given.shape}."
        assert np.allclose(given, wanted), f"With p = {p} the chances are {wanted.round(3)}; yours {given.round(3)}."
    return "1: right"


def check_auc(auc: Callable[[np.ndarray, np.ndarray], float] | None) -> str:
    """Exercise 2, against ``agreement``, with equal scores among the frames."""
    if auc is None:
        return "2: not tried yet"
    rng = np.random.default_rng(0)
    for levels in (3, 1000):
        for _ in range(20):
            scores, truth = rng.integers(0, levels, 25) / levels, rng.permutation(np.arange(25) < rng.integers(1, 25))
            wanted, given = agreement(scores[None], truth[None]), auc(scores, truth)
            assert np.isclose(float(given), wanted), f"The AUC is {wanted:.4f}; yours says {given:.4f}."
    return "2: right"


def check_nearest(nearest: Callable[[np.ndarray], int] | None) -> str:
    """Exercise 3, against a look at all codes of six bits."""
    if nearest is None:
        return "3: not tried yet"
    rng = np.random.default_rng(0)
    codes = np.array(list(itertools.product([-1, 1], repeat=6)))
    for count in (1, 2, 4, 5, 6):
        members = rng.choice([-1, 1], (count, 6))
        distance = (codes[:, None] != members).sum(axis=(1, 2))
        wanted, given = int((distance == distance.min()).sum()), nearest(members)
        assert given == wanted, f"{wanted} codes are nearest to\n{members}\nyours says {given}."
    return "3: right"


def check_saddle(saddle: Callable[[float, float], tuple[float, float]] | None) -> str:
    """Exercise 4: there, neither player can gain by a small step."""
    if saddle is None:
        return "4: not tried yet"
    for hard, easy in ((3.0, 1.0), (10.0, 1.0), (2.0, 2.0), (1.0, 5.0)):
        p, q = (torch.tensor(float(share), requires_grad=True) for share in saddle(hard, easy))
        slopes = torch.autograd.grad(hard * q * (1 - p) ** 2 + easy * (1 - q) * p**2, (p, q))
        for player, slope in zip("pq", slopes, strict=True):
            assert abs(slope) < 1e-4, f"With errors {hard} and {easy} the error still changes with {player}."
    return "4: right"


def check_push(push: Callable[[np.ndarray, np.ndarray, float], np.ndarray] | None) -> str:
    """Exercise 5, against autograd through a softmax."""
    if push is None:
        return "5: not tried yet"
    rng = torch.Generator().manual_seed(0)
    for temperature in (0.5, 1.0, 2.0):
        grades, errors = torch.rand(2, 6, generator=rng, dtype=torch.float64)
        grades.requires_grad_()
        loss = ((grades / temperature).softmax(dim=0) * errors).sum()
        wanted = torch.autograd.grad(loss, grades)[0].numpy()
        given = np.asarray(push(grades.detach().numpy(), errors.numpy(), temperature))
        assert np.allclose(given, wanted), (
            f"At temperature {temperature} it is {wanted.round(3)}; yours {given.round(3)}."
        )
    return "5: right"
