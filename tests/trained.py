"""Short runs of ConMH, trained, kept epoch by epoch or interrupted, and their comparison."""

import pandas as pd
import torch
from safetensors.torch import load_file

import ssvh_lib as ssvh
from ssvh_lib.methods import build
from ssvh_lib.training import loop

EPOCHS = 4


def conmh(dataset, **changes):
    return build("conmh", dataset, 16, **{"epochs": EPOCHS, **changes})


def fit(dataset, folder, **changes):
    return ssvh.fit(conmh(dataset, **changes), dataset, folder, progress=False)


def kept(dataset, folder, name="conmh", **changes):
    model = build(name, dataset, 16, **{"epochs": EPOCHS, **changes})
    return ssvh.fit(model, dataset, folder, progress=False, keep_epochs=True)


def weights(run):
    return load_file(run.folder / "model.safetensors")


def losses(run):
    return run.history.drop(columns="seconds")


def assert_same_run(one, other):
    pd.testing.assert_frame_equal(losses(one), losses(other), check_exact=True)
    assert weights(one).keys() == weights(other).keys()
    for name, value in weights(one).items():
        assert torch.equal(value, weights(other)[name]), name


def stop_after(monkeypatch, epochs, error):
    """Make training stop with ``error`` in the middle of the epoch after ``epochs`` whole ones."""
    real, calls = loop._step, []

    def step(model, optimiser, batch, rng):
        calls.append(None)
        if len(calls) == epochs * 4 + 3:  # 250 videos in batches of 64 are 4 steps an epoch
            raise error
        return real(model, optimiser, batch, rng)

    monkeypatch.setattr(loop, "_step", step)
