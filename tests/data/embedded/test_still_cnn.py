"""The frozen CNNs: equal weights on every machine, and equal bits after a round trip to disk."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ssvh_lib.data.embedded import still_cnn
from ssvh_lib.data.embedded.worlds import DIGITS_ALONE, DIGITS_AND_SCENES, WORLDS

LESSONS = {"digits": DIGITS_ALONE, "digits and scenes": DIGITS_AND_SCENES}


@pytest.fixture(params=LESSONS.values(), ids=LESSONS)
def lesson(request, monkeypatch):
    """A short lesson, of two steps and few pictures."""
    monkeypatch.setattr(still_cnn, "PICTURES", 40)
    return replace(request.param, steps=2)


@pytest.fixture(scope="module")
def frames():
    """Four videos, ``(4, 25, 32, 32)``."""
    world = WORLDS["moving-digits"]
    return world.render(world.plan("train", 4, np.random.default_rng(3)))


def test_weights_are_the_same_on_one_thread_and_on_two(monkeypatch, lesson):
    monkeypatch.setattr(still_cnn, "PICTURES", 200)
    before = torch.get_num_threads()
    try:
        trained = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            trained.append(still_cnn.pretrain(lesson, 0).state_dict())
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(*trained, rtol=0, atol=1e-9)


@pytest.mark.slow
def test_a_rounding_error_does_not_grow_into_other_features(monkeypatch, lesson, frames):
    """The reason for training in float64: in float32 Adam makes 3e-5 of it within 30 steps, and 4e-2 within 60."""
    monkeypatch.setattr(still_cnn, "PICTURES", 300)
    longer, exactly = replace(lesson, steps=30), still_cnn._initialise

    def nearly(model, rng):
        exactly(model, rng)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(1 + torch.finfo(parameter.dtype).eps)

    clean = still_cnn.features(still_cnn.pretrain(longer, 0), frames)
    monkeypatch.setattr(still_cnn, "_initialise", nearly)
    rounded = still_cnn.features(still_cnn.pretrain(longer, 0), frames)
    np.testing.assert_allclose(rounded, clean, rtol=0, atol=1e-6 * clean.max())


def test_the_cnn_depends_on_the_seed(lesson, frames):
    first, second = (still_cnn.features(still_cnn.pretrain(lesson, seed), frames) for seed in (0, 1))
    assert np.abs(first - second).max() > 0.1


def test_features_are_the_256_values_of_the_last_hidden_layer(lesson, frames):
    model = still_cnn.pretrain(lesson, 0)
    found = still_cnn.features(model, frames)
    assert found.shape == (4, 25, 256)
    assert found.dtype == np.float32
    assert found.min() == 0
    pixels = torch.from_numpy(frames[2, 7:8]).double()[None] / 255
    logits = model(pixels)
    assert logits.shape == (1, 10 + lesson.scenes)
    hidden = torch.from_numpy(found[2, 7]).double()
    torch.testing.assert_close(model[-1](hidden), logits[0], rtol=0, atol=1e-4 * float(logits.abs().max()))


def test_a_part_of_the_frames_has_the_same_features(lesson, frames):
    """Frames are described some thousand at a time; those beside them must not matter, as in training they do."""
    model = still_cnn.pretrain(lesson, 0)
    together = still_cnn.features(model, frames)
    alone = still_cnn.features(model, frames[1:2, :3])
    np.testing.assert_allclose(alone, together[1:2, :3], rtol=0, atol=1e-5 * together.max())


def test_a_lesson_teaches_the_digits_and_the_scenes(monkeypatch):
    """Thirty steps are enough to know a hundred pictures by heart; one in ten and one in twenty would be chance."""
    monkeypatch.setattr(still_cnn, "PICTURES", 100)
    pictures, digits, scenes = stills = still_cnn._stills(DIGITS_AND_SCENES, np.random.default_rng(5))
    monkeypatch.setattr(still_cnn, "_stills", lambda lesson, rng: stills)
    logits = still_cnn.pretrain(replace(DIGITS_AND_SCENES, steps=30), 0)(pictures)
    assert (logits[:, :10].argmax(dim=1) == digits).float().mean() > 0.8
    assert (logits[:, 10:].argmax(dim=1) == scenes).float().mean() > 0.7


def test_pretraining_reports_every_step_and_leaves_a_frozen_network(lesson):
    steps = []
    model = still_cnn.pretrain(replace(lesson, steps=3), 0, step_done=lambda: steps.append(1))
    assert len(steps) == 3
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_weights_come_back_from_their_file_bit_for_bit(tmp_path, lesson):
    model = still_cnn.pretrain(lesson, 0)
    still_cnn.save(model, tmp_path / "model.safetensors")
    loaded = still_cnn.load(tmp_path / "model.safetensors")
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    assert next(loaded.parameters()).dtype == torch.float64
    torch.testing.assert_close(loaded.state_dict(), model.state_dict(), rtol=0, atol=0)
