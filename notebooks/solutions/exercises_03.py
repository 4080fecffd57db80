"""Checks of the exercises of notebook 03: each takes your function, or None while there is none.

A check returns a sentence if the function is right, and raises AssertionError with what was expected if it is not.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def check_angle(angle: Callable[[int, int], float] | None) -> str:
    """Exercise 1, at both ends of the scale and between."""
    if angle is None:
        return "1: not tried yet"
    for distance, K, wanted in ((0, 16, 0), (8, 16, 90), (16, 16, 180), (3, 64, 8.4375)):
        given = angle(distance, K)
        assert np.isclose(np.float64(given), wanted), (
            f"A distance of {distance} in {K} bits speaks for {wanted} degrees; yours says {given}."
        )
    return "1: right"


def check_bits_needed(bits_needed: Callable[[float, float], int] | None) -> str:
    """Exercise 2: so many bits are enough, and one less is not."""
    if bits_needed is None:
        return "2: not tried yet"
    for degrees, error in ((90, 5), (90, 10), (60, 7), (25, 10), (3, 1)):
        K, p = bits_needed(degrees, error), degrees / 180
        assert isinstance(K, int | np.integer), f"A number of bits is whole; for {degrees} degrees yours is {K}."
        deviation, before = (180 * np.sqrt(p * (1 - p) / max(bits, 1e-9)) for bits in (K, K - 1))
        assert deviation <= error * (1 + 1e-12), f"At {degrees} degrees {K} bits still deviate by {deviation:.2f}."
        assert before > error, f"At {degrees} degrees {K - 1} bits would do, with a deviation of {before:.2f}."
    return "2: right"


def check_rotation(rotation: Callable[[np.ndarray, np.ndarray], np.ndarray] | None) -> str:
    """Exercise 3: orthogonal, and no small turn makes it better."""
    if rotation is None:
        return "3: not tried yet"
    rng = np.random.default_rng(0)
    for K in (2, 5, 16):
        V, B = rng.standard_normal((60, K)), rng.choice([-1.0, 1.0], (60, K))
        R = np.asarray(rotation(V, B))
        assert R.shape == (K, K), f"A rotation of {K} dimensions is ({K}, {K}); yours is {R.shape}."
        assert np.allclose(R.T @ R, np.eye(K)), "Its columns must have length 1 and be at right angles."
        slope = R.T @ V.T @ B  # symmetric and without negative eigenvalues where nothing is left to gain
        assert np.allclose(slope, slope.T, atol=1e-8), "A small turn would bring V nearer to B."
        assert np.linalg.eigvalsh(slope).min() > -1e-8, "Another one is nearer: yours mirrors a direction."
    return "3: right"


def check_wave(wave: Callable[[np.ndarray, float, float, int], np.ndarray] | None) -> str:
    """Exercise 4: +1 at the low end, and a change of sign at each zero of the wave."""
    if wave is None:
        return "4: not tried yet"
    for low, high, m in ((0.0, 1.0, 1), (-3.0, 5.0, 2), (2.0, 2.5, 7)):
        inside = (np.arange(280) + 0.5) / 280  # never at a zero
        wanted = np.where(np.floor(inside * m + 0.5) % 2 == 0, 1, -1)
        given = np.asarray(wave(low + inside * (high - low), low, high, m))
        assert given.shape == wanted.shape, f"280 coordinates have 280 bits; yours are {given.shape}."
        assert np.isin(given, (-1, 1)).all(), f"Bits are -1 and 1; yours hold {np.unique(given)[:4]}."
        wrong = np.flatnonzero(given != wanted)
        assert not len(wrong), f"From {low} to {high} with m = {m}, {len(wrong)} of 280 bits differ."
    return "4: right"
