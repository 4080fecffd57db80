"""Checks of the exercises of notebook 05: each takes your function, or None while there is none.

A check returns a sentence if the function is right, and raises AssertionError with what was expected if it is not.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ssvh_lib.clustering.anchor_graph import Neighbours
from ssvh_lib.methods.bervae import bit_entropy


def check_tag(tag: Callable[[list[int], list[int]], int] | None) -> str:
    """Exercise 1, on all pairs of forty videos among twelve anchors."""
    if tag is None:
        return "1: not tried yet"
    rng = np.random.default_rng(0)
    nearest = np.stack([rng.permutation(12)[:5] for _ in range(40)])
    table = Neighbours(np.zeros((12, 1), np.float32), nearest).tags(np.arange(40)[:, None], np.arange(40))
    for (i, j), wanted in np.ndenumerate(table):
        one, other = nearest[i].tolist(), nearest[j].tolist()
        given = tag(one, other)
        assert given == wanted, f"Videos with the anchors {one} and {other} have the tag {wanted}, not {given}."
    return "1: right"


def check_exact_gradient(
    exact_gradient: Callable[[Tensor, Callable[[Tensor], Tensor]], Tensor] | None,
) -> str:
    """Exercise 2: errors that are a sum over bits have a gradient that can be written down."""
    if exact_gradient is None:
        return "2: not tried yet"
    generator = torch.Generator().manual_seed(0)
    for bits in (1, 3, 10):
        logits, weights = torch.randn(2, bits, generator=generator)
        given = exact_gradient(logits, lambda codes, weights=weights: codes @ weights)
        wanted = 2 * weights * logits.sigmoid() * (1 - logits.sigmoid())
        assert given.shape == wanted.shape, f"A gradient for {bits} bits is ({bits},); yours is {tuple(given.shape)}."
        assert torch.allclose(given, wanted, atol=1e-4), f"With {bits} bits: expected {wanted}, got {given}."
    pair = exact_gradient(torch.zeros(2), lambda codes: codes[:, 0] * codes[:, 1])
    assert torch.allclose(pair, torch.zeros(2), atol=1e-6), "Two fair coins: their product has no slope."
    return "2: right"


def check_surest(surest: Callable[[Tensor, float], np.ndarray] | None) -> str:
    """Exercise 3: the rows that remain are those of lowest entropy, in order."""
    if surest is None:
        return "3: not tried yet"
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(50, 8, generator=generator) * torch.rand(50, 1, generator=generator)
    order = bit_entropy(logits).sum(dim=1).argsort().numpy()
    for share, kept in ((0.0, 50), (0.2, 40), (0.5, 25)):
        given = np.asarray(surest(logits, share))
        wanted = np.sort(order[:kept])
        assert len(given) == kept, f"Without {share:.0%} of 50 videos there are {kept}; yours are {len(given)}."
        assert np.array_equal(given, wanted), "Those that remain must be the surest, by rising row."
    return "3: right"


def check_damage(damage: Callable[[np.ndarray, list[int]], tuple[np.ndarray, np.ndarray]] | None) -> str:
    """Exercise 4: input damaged, target clean, dataset untouched."""
    if damage is None:
        return "4: not tried yet"
    store = np.random.default_rng(0).random((3, 6, 4)) + 1
    before = store.copy()
    shown, target = damage(store[1], [0, 4])
    assert (shown[[0, 4]] == 0).all(), "The chosen frames must be zero in what the network reads."
    assert np.array_equal(shown[[1, 2, 3, 5]], before[1][[1, 2, 3, 5]]), "The other frames must stay as they are."
    assert np.array_equal(target, before[1]), "The target must be the video as it was."
    assert np.array_equal(store, before), "The dataset has been damaged: the next epoch would read zeros."
    return "4: right"
