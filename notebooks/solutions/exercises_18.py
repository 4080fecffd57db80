"""Checks of the exercises of notebook 18: each takes your function, or None while there is none.

A check returns a sentence if the function is right, and raises AssertionError with what was expected if it is not.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def _misses(seconds: int, event: int, frames: int) -> bool:
    """Whether an event of ``event`` seconds can lie where none of the ``frames`` middles falls, its start included."""
    moments = (2 * np.arange(frames) + 1) * seconds / (2 * frames)
    last = seconds - event
    starts = np.array([0.0, last, *(moment + shift for moment in moments for shift in (-event, 0, 1e-9))])
    starts = starts[(starts >= 0) & (starts <= last)]
    seen = (moments >= starts[:, None] - 1e-12) & (moments < starts[:, None] + event - 1e-12)
    return bool((~seen.any(axis=1)).any())


def check_frames(frames_needed: Callable[[int, int], int] | None) -> str:
    """Exercise 1, by trying every place that an event could have."""
    if frames_needed is None:
        return "1: not tried yet"
    for seconds, event in ((10, 1), (60, 7), (3, 2), (5, 5), (100, 3)):
        wanted = next(frames for frames in range(1, seconds + 1) if not _misses(seconds, event, frames))
        given = frames_needed(seconds, event)
        assert given == wanted, f"An event of {event} in {seconds} s needs {wanted} frames; yours says {given}."
    return "1: right"


def check_turn(seen_turn: Callable[[float, int], float] | None) -> str:
    """Exercise 2: the same picture, by the smallest turn."""
    if seen_turn is None:
        return "2: not tried yet"
    for turn, symmetry, wanted in (
        (0.48, 2, -0.02),
        (0.1, 1, 0.1),
        (0.9, 1, -0.1),
        (1.25, 3, -1 / 12),
        (-0.3, 4, -0.05),
    ):
        given = float(seen_turn(turn, symmetry))
        assert np.isclose(given, wanted), (
            f"{symmetry} spokes, turned by {turn}, seem to turn by {wanted:.3f}; yours says {given:.3f}."
        )
    return "2: right"


def check_split(split: Callable[[np.ndarray, float, int], np.ndarray] | None) -> str:
    """Exercise 3: whole recordings, about the share, and another draw with another seed."""
    if split is None:
        return "3: not tried yet"
    recordings = np.random.default_rng(0).permutation(np.repeat([f"g{number}" for number in range(20)], 3))
    draws = []
    for seed in range(10):
        chosen = np.asarray(split(recordings, 0.25, seed))
        assert (chosen.dtype, chosen.shape) == (bool, recordings.shape), "Expected a bool a clip, True for a query."
        torn = set(recordings[chosen]) & set(recordings[~chosen])
        assert not torn, f"Clips of {min(torn)} are on both sides."
        asked = len(set(recordings[chosen]))
        assert asked == 5, f"A share of .25 of 20 recordings are 5 queries' recordings; yours are {asked}."
        assert np.array_equal(chosen, split(recordings, 0.25, seed)), "The same seed must give the same split."
        draws.append(chosen)
    assert len({tuple(chosen) for chosen in draws}) > 1, "Ten seeds gave one and the same split."
    return "3: right"


def check_keys(candidates: Callable[[int, int, int], float] | None) -> str:
    """Exercise 4, against codes that were drawn and compared."""
    if candidates is None:
        return "4: not tried yet"
    rng = np.random.default_rng(0)
    for bits, parts in ((8, 1), (8, 4), (16, 4), (12, 6)):
        codes = rng.integers(0, 2, (200_000, parts, bits // parts), dtype=np.uint8)
        agree = (codes == 0).all(axis=2).any(axis=1).mean()  # with a query of zeros
        given = float(candidates(1000, bits, parts))
        assert abs(given - 1000 * agree) < 5, (
            f"Of 1,000 codes of {bits} bits in {parts} parts about {1000 * agree:.0f} agree; yours says {given:.1f}."
        )
    return "4: right"


def check_spread(spread: Callable[[np.ndarray, np.ndarray, int, int], float] | None) -> str:
    """Exercise 5, against a bootstrap that writes down every drawn clip."""
    if spread is None:
        return "5: not tried yet"
    rng = np.random.default_rng(1)
    recordings = np.repeat(np.arange(8), [3, 3, 1, 5, 2, 8, 3, 1])
    for noise in (0.05, 0.3):
        values = np.linspace(0, 1, 8)[recordings] + noise * rng.standard_normal(len(recordings))
        clips = [np.flatnonzero(recordings == number) for number in range(8)]
        means = [
            values[np.concatenate([clips[number] for number in rng.integers(8, size=8)])].mean() for _ in range(4000)
        ]
        given = float(spread(values, recordings, 4000, 0))
        assert abs(given / np.std(means) - 1) < 0.1, (
            f"The mean varies by {np.std(means):.3f} where recordings are drawn; yours says {given:.3f}."
        )
    return "5: right"
