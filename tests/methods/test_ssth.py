"""SSTH: its loss, its code and its published settings."""

import pytest
import torch
from toys import batch_of, dataset_of, generator, started

from ssvh_lib.methods import build


def test_loss_of_ssth_is_summed_over_three_decoders():
    dataset = dataset_of()
    model, batch = started("ssth", dataset, mean_weight=7.0), batch_of(dataset)
    terms, x = model.loss(batch, generator()), batch.frames
    _, state = model.encoder(x)
    rewind, play, mean = model.rewind(state), model.play(state), model.mean(state)
    assert mean.shape == (16, 1, 64)
    expected = [
        sum((rewind[:, t] - x[:, 24 - t]).square().sum() for t in range(25)),
        sum((play[:, t] - x[:, t]).square().sum() for t in range(25)),
        (mean[:, 0] - x.mean(dim=1)).square().sum(),
    ]
    for name, value in zip(("rewind", "play", "mean"), expected, strict=True):
        torch.testing.assert_close(terms[name], value, rtol=1e-5, atol=0)
    torch.testing.assert_close(terms["loss"], (expected[0] + expected[1] + 7 * expected[2]) / 3, rtol=1e-5, atol=0)


def test_code_of_ssth_is_what_the_decoders_start_from_and_knows_the_order_of_the_frames():
    dataset = dataset_of()
    model, frames = started("ssth", dataset).eval(), batch_of(dataset).frames
    codes = model.encode(frames)
    assert torch.equal(torch.where(codes > 0, 1.0, -1.0), model.encoder(frames)[1].hidden)
    assert (codes.sign() != model.encode(frames.flip(1)).sign()).any()


def test_published_settings_of_ssth():
    model = build("ssth", dataset_of(features=4096), 64, preset="paper")
    optimiser = model.optimiser().param_groups[0]
    assert (optimiser["momentum"], optimiser["clip"], optimiser["weight_decay"]) == (0.9, 1e-4, 1e-4)
    assert model.learning_rate(0) == 1e-3
    assert model.learning_rate(22) == pytest.approx(9e-4)
    assert model.encoder.recurrent.shape == (4 * 64, 64)
