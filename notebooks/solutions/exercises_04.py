"""Checks of the exercises of notebook 04: each takes your function, or None while there is none.

A check returns a sentence if the function is right, and raises AssertionError with what was expected if it is not.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from ssvh_lib.methods.ssth import SSTH
from ssvh_lib.methods.ssvh import SSVH, neighbour_pairs
from ssvh_lib.nn.lstm import PeepholeLSTM, State


def check_ordinary(ordinary: Callable[[nn.LSTM, int], PeepholeLSTM] | None) -> str:
    """Exercise 1: the same hidden states as PyTorch's, step by step."""
    if ordinary is None:
        return "1: not tried yet"
    for inputs, width, steps in ((3, 4, 1), (7, 5, 9)):
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(0)
            theirs, video = nn.LSTM(inputs, width, batch_first=True), torch.randn(6, steps, inputs)
            mine, wanted = ordinary(theirs, steps).eval()(video)[0], theirs(video)[0]
        assert mine.shape == wanted.shape, f"Expected hidden states {tuple(wanted.shape)}, got {tuple(mine.shape)}."
        wrong = (mine - wanted).abs().max()
        assert wrong < 1e-5, f"With {steps} step(s) the hidden states differ by up to {wrong:.3f}."
    return "1: right"


def check_read(read: Callable[[nn.Module, Tensor], Tensor] | None) -> str:
    """Exercise 2: SSTH reads all frames, SSVH the whole pairs only."""
    if read is None:
        return "2: not tried yet"
    for method, frames, missing in ((SSTH, 7, 0), (SSVH, 7, 1), (SSVH, 6, 0)):
        model = method(method.Config(bits=8, frames=frames, features=5)).eval()
        given = torch.as_tensor(read(model, torch.randn(4, frames, 5)))
        assert given.shape == (frames,), f"{frames} frames need as many answers; yours is {tuple(given.shape)}."
        wanted = [True] * (frames - missing) + [False] * missing
        assert given.tolist() == wanted, (
            f"{method.__name__} with {frames} frames: expected {wanted}, got {given.tolist()}."
        )
    return "2: right"


def check_purity(purity: Callable[[np.ndarray, np.ndarray, int, int], float] | None) -> str:
    """Exercise 3: a video that is paired with itself does not count."""
    if purity is None:
        return "3: not tried yet"
    angle = np.radians([0, 1, 50, 51, 53])
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    for label, wanted in (([0, 0, 1, 1, 1], 1.0), ([0, 1, 0, 0, 0], 2 / 3), ([0, 1, 2, 3, 4], 0.0)):
        given = purity(circle, np.array(label), 1, 1)
        pairs = sorted({(i, j) for i, j in neighbour_pairs(circle, 1, 1).T.tolist() if i < j})
        assert np.isclose(given, wanted), f"Of the pairs {pairs}, {wanted:.2f} are of one class, not {given:.2f}."
    return "3: right"


def check_code_only(code_only: Callable[[SSTH], object] | None) -> str:
    """Exercise 4: what the decoders tell depends on the code and no longer on the cell."""
    if code_only is None:
        return "4: not tried yet"
    model = SSTH(SSTH.Config(bits=8, frames=5, features=6)).eval()
    code_only(model)
    code, one, other = torch.randn(4, 8).sign(), torch.randn(4, 8), torch.randn(4, 8)
    with torch.no_grad():
        for name in ("play", "rewind", "mean"):
            decoder = getattr(model, name)
            same = torch.equal(decoder(State(code, one)), decoder(State(code, other)))
            assert same, f"{name} still tells another story when the cell is another one."
            deaf = torch.equal(decoder(State(code, one)), decoder(State(-code, one)))
            assert not deaf, f"{name} does not listen to the code any more."
    return "4: right"
