"""Checks of the exercises of notebook 14: each takes your function, or None while there is none.

A check returns a sentence if the function is right, and raises AssertionError with what was expected if it is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn

from ssvh_lib.evaluation.codes import Codes
from ssvh_lib.evaluation.hamming import hamming_distances
from ssvh_lib.experiments.flops import operations
from ssvh_lib.nn.backbones import LSTM, BidirectionalBlock, TransformerBlock
from ssvh_lib.nn.mamba import Mamba


def _counted(layer: nn.Module, frames: int, width: int) -> int:
    tokens = torch.zeros(1, frames, width)
    return operations(layer, torch.inference_mode()(lambda: layer(tokens)))


def check_lstm(lstm: Callable[[int, int], int] | None) -> str:
    """Exercise 1, against the library's counter."""
    if lstm is None:
        return "1: not tried yet"
    for frames, width in ((25, 64), (7, 48), (100, 32)):
        wanted, given = _counted(LSTM(width), frames, width), lstm(frames, width)
        assert given == wanted, f"{frames} frames of width {width} take {wanted:,} operations; yours says {given:,}."
    return "1: right"


def check_by_table(by_table: Callable[[np.ndarray, np.ndarray], np.ndarray] | None) -> str:
    """Exercise 2, against the library's distances."""
    if by_table is None:
        return "2: not tried yet"
    rng = np.random.default_rng(0)
    for size in (1, 8, 64):
        queries, database = (rng.integers(0, 256, (count, size), dtype=np.uint8) for count in (3, 20))
        queries[0], database[0] = 0, 255
        wanted = hamming_distances(Codes(queries), Codes(database))
        given = np.asarray(by_table(queries, database))
        assert given.shape == wanted.shape, f"3 queries and 20 items have distances (3, 20); yours are {given.shape}."
        assert np.array_equal(given, wanted), (
            f"All {8 * size} bits of the first query differ from those of the first item; yours says {given[0, 0]} do, "
            f"and of the second item {given[0, 1]}, where it is {wanted[0, 1]}."
        )
    return "2: right"


def check_crossing(crossing: Callable[[int], float] | None) -> str:
    """Exercise 3: the counted operations of three short videos tell those of all."""
    if crossing is None:
        return "3: not tried yet"
    for width in (64, 128, 256):
        blocks = BidirectionalBlock(width, Mamba), TransformerBlock(width)
        more = np.array([_counted(blocks[1], T, width) - _counted(blocks[0], T, width) for T in (8, 9, 10)])
        bend = (more[2] - 2 * more[1] + more[0]) / 2  # of the parabola through the three
        wanted = -((more[1] - more[0]) / bend - 17)  # which also passes through 0 at no frames
        given = float(crossing(width))
        assert np.isclose(given, wanted), f"At width {width} it is {wanted:.1f} frames; yours says {given:.1f}."
    return "3: right"


def check_exponent(exponent: Callable[[Sequence[float], Sequence[float]], float] | None) -> str:
    """Exercise 4: exact powers, and the line of least squares through noisy ones."""
    if exponent is None:
        return "4: not tried yet"
    frames, rng = np.array([25, 50, 100, 400, 2000.0]), np.random.default_rng(0)
    for power in (1.0, 2.0, 0.5):
        given = float(exponent(frames, 3 * frames**power))
        assert np.isclose(given, power), f"3 T^{power:g} has the exponent {power:g}; yours says {given:.3f}."
    noisy = frames**1.3 * np.exp(0.3 * rng.standard_normal(len(frames)))
    wanted, given = np.polyfit(np.log(frames), np.log(noisy), 1)[0], float(exponent(frames, noisy))
    assert np.isclose(given, wanted), f"Through all of {noisy.round(1)} it is {wanted:.3f}; yours says {given:.3f}."
    return "4: right"
