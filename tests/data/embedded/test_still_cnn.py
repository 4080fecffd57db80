"""The frozen CNN: equal weights on every machine, and equal bits after a round trip to disk."""

import numpy as np
import pytest
import torch

from ssvh_lib.data.embedded import moving_digits, still_cnn


@pytest.fixture(scope="module")
def plan():
    return moving_digits.make_plan("train", 120, np.random.default_rng(3))


def test_weights_are_the_same_on_one_thread_and_on_two(monkeypatch):
    monkeypatch.setattr(still_cnn, "STEPS", 2)
    monkeypatch.setattr(still_cnn, "PICTURES", 200)
    before = torch.get_num_threads()
    try:
        trained = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            trained.append(still_cnn.pretrain(0).state_dict())
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(*trained, rtol=0, atol=1e-9)


@pytest.mark.slow
def test_a_rounding_error_does_not_grow_into_other_features(monkeypatch, plan):
    """The reason for training in float64: in float32 Adam makes 3e-5 of it within 30 steps, and 4e-2 within 60."""
    monkeypatch.setattr(still_cnn, "STEPS", 30)
    monkeypatch.setattr(still_cnn, "PICTURES", 300)
    frames, exactly = moving_digits.render(plan.part(slice(4))), still_cnn._initialise

    def nearly(model, rng):
        exactly(model, rng)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(1 + torch.finfo(parameter.dtype).eps)

    clean = still_cnn.features(still_cnn.pretrain(0), frames)
    monkeypatch.setattr(still_cnn, "_initialise", nearly)
    rounded = still_cnn.features(still_cnn.pretrain(0), frames)
    assert clean.shape == (4, 25, 256)
    assert clean.dtype == np.float32
    np.testing.assert_allclose(rounded, clean, rtol=0, atol=1e-6 * clean.max())


def test_the_cnn_depends_on_the_seed(monkeypatch, plan):
    monkeypatch.setattr(still_cnn, "STEPS", 1)
    monkeypatch.setattr(still_cnn, "PICTURES", 40)
    frames = moving_digits.render(plan.part(slice(2)))
    first, second = (still_cnn.features(still_cnn.pretrain(seed), frames) for seed in (0, 1))
    assert np.abs(first - second).max() > 0.1


def test_pretraining_reports_every_step_and_leaves_a_frozen_network(monkeypatch):
    monkeypatch.setattr(still_cnn, "STEPS", 3)
    monkeypatch.setattr(still_cnn, "PICTURES", 40)
    steps = []
    model = still_cnn.pretrain(0, step_done=lambda: steps.append(1))
    assert len(steps) == 3
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_weights_come_back_from_their_file_bit_for_bit(tmp_path, monkeypatch):
    monkeypatch.setattr(still_cnn, "STEPS", 2)
    monkeypatch.setattr(still_cnn, "PICTURES", 40)
    model = still_cnn.pretrain(0)
    still_cnn.save(model, tmp_path / "model.safetensors")
    loaded = still_cnn.load(tmp_path / "model.safetensors")
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    torch.testing.assert_close(loaded.state_dict(), model.state_dict(), rtol=0, atol=0)
