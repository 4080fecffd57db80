"""Checks of the exercises of notebook 07: each takes your function, or None while there is none.

A check returns a sentence if the function is right, and raises AssertionError with what was expected if it is not.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from ssvh_lib.clustering.hash_centres import hadamard_centres, merit, separation_bound
from ssvh_lib.losses import centre_alignment
from ssvh_lib.nn.mamba import selective_scan_loop

T = 25


def check_kernel(kernel: Callable[..., np.ndarray] | None) -> str:
    """Exercise 1, against the scan of a random signal, with states of several rates."""
    if kernel is None:
        return "1: not tried yet"
    rng = np.random.default_rng(0)
    for delta, D in ((0.1, 0.0), (1.0, 0.5)):
        u, (B, C), A = rng.standard_normal(T), rng.standard_normal((2, 4)), -np.arange(1.0, 5)
        ones = np.ones((1, T, 1))
        inputs = (u[None, :, None], delta * ones, A[None], ones * B, ones * C, np.array([D]))
        wanted = selective_scan_loop(*map(torch.from_numpy, inputs))[0, :, 0].numpy()
        given = np.asarray(kernel(delta, A, B, C, D, T), float)
        assert given.shape == (T,), f"A kernel for {T} frames is ({T},); yours is {given.shape}."
        wrong = ~np.isclose(np.convolve(u, given)[:T], wanted)
        assert not wrong.any(), f"With delta = {delta}, D = {D} it departs from the scan in frame {wrong.argmax()}."
    return "1: right"


def check_fewest_bits(fewest_bits: Callable[[int, int], int] | None) -> str:
    """Exercise 2: so many bits are enough by the bound, and fewer are not."""
    if fewest_bits is None:
        return "2: not tried yet"
    for count, distance in ((2, 1), (50, 8), (100, 20), (450, 12)):
        bits = fewest_bits(count, distance)
        assert separation_bound(count, bits) >= distance, f"{bits} bits are too few for {count} codes {distance} apart."
        fewer = [K for K in range(1, bits) if count <= 2**K and separation_bound(count, K) >= distance]
        assert not fewer, f"{count} codes {distance} apart need no {bits} bits: {fewer[:1]} are enough."
    return "2: right"


def check_apart(apart: Callable[[np.ndarray], tuple[float, float]] | None) -> str:
    """Exercise 3, against ``merit``, on codes of type int8, whose products may be too large for it."""
    if apart is None:
        return "3: not tried yet"
    rng = np.random.default_rng(0)
    for M, K in ((2, 8), (30, 64), (10, 256)):
        codes = rng.choice(np.array([-1, 1], np.int8), (M, K))
        codes[1] = -codes[0]
        found = merit(codes, rng.standard_normal((M, 3)))
        least, mean = apart(codes)
        assert np.allclose((least, mean), (found.minimum, found.mean)), (
            f"{M} codes of {K} bits: least and mean distance are {found.minimum} and {found.mean:.2f}; "
            f"yours says {least} and {mean:.2f}."
        )
    return "3: right"


def check_on_rows(on_rows: Callable[[int, float], float] | None) -> str:
    """Exercise 4, against ``centre_alignment`` of Hadamard's rows with themselves."""
    if on_rows is None:
        return "4: not tried yet"
    for M, temperature in ((2, 0.5), (50, 0.5), (64, 0.2)):
        rows = torch.from_numpy(hadamard_centres(M, 64, np.random.default_rng(0))).float()
        wanted, given = centre_alignment(rows, rows, torch.arange(M), temperature).item(), on_rows(M, temperature)
        assert np.isclose(float(given), wanted, rtol=1e-4), (
            f"{M} rows at temperature {temperature}: the loss is {wanted:.3f}; yours says {given:.3f}."
        )
    return "4: right"


def check_left(left: Callable[[int, float], float] | None) -> str:
    """Exercise 5, against the mixing itself, done epoch by epoch."""
    if left is None:
        return "5: not tried yet"
    for epochs, share in ((0, 0.01), (1, 0.01), (300, 0.01), (30, 0.1)):
        label = np.array([1.0, 0.0])
        for _ in range(epochs):
            label = (1 - share) * label + share * np.array([0.0, 1.0])  # a model that always says the other cluster
        given = left(epochs, share)
        assert np.isclose(float(given), label[0]), (
            f"After {epochs} epochs with a share of {share}, {label[0]:.3f} is left; yours says {given}."
        )
    return "5: right"
