"""The embedded dataset of digits: what its videos show, and what their features tell."""

from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
from sklearn.datasets import load_digits

from ssvh_lib.data.embedded import moving_digits


@pytest.fixture(scope="module")
def plan():
    return moving_digits.make_plan("train", 120, np.random.default_rng(3))


def as_set(images):
    return {image.tobytes() for image in images}


def test_the_pools_are_disjoint_and_together_are_all_1797_digits():
    pools = moving_digits.digit_pools()
    images = {name: as_set(pool) for name, (pool, _) in pools.items()}
    assert sum(map(len, images.values())) == 1797
    assert set.union(*images.values()) == as_set(load_digits().images / 16)
    for name, share in {"stills": 0.35, "train": 0.40, "query": 0.25}.items():
        assert len(images[name]) == pytest.approx(share * 1797, abs=10)


def test_every_pool_says_which_digit_an_image_shows():
    bunch = load_digits()
    truth = {image.tobytes(): digit for image, digit in zip(bunch.images / 16, bunch.target, strict=True)}
    for images, digits in moving_digits.digit_pools().values():
        assert [truth[image.tobytes()] for image in images] == list(digits)


@pytest.mark.parametrize("pool", ["train", "query"])
def test_videos_show_only_digits_of_their_own_pool_and_of_their_class(pool):
    plan = moving_digits.make_plan(pool, 200, np.random.default_rng(0))
    images, digits = moving_digits.digit_pools()[pool]
    known = {image.tobytes(): digit for image, digit in zip(images, digits, strict=True)}
    assert [known[glyph.tobytes()] for glyph in plan.glyph] == list(plan.label // 5)
    assert [moving_digits.CLASSES[label].split()[0] for label in plan.label] == [str(n) for n in plan.label // 5]


def test_stills_show_only_digits_of_the_stills_pool():
    stills = moving_digits.make_stills(300, np.random.default_rng(0))
    assert as_set(stills.glyph) <= as_set(moving_digits.digit_pools()["stills"][0])


def test_a_digit_is_drawn_where_the_plan_says(plan):
    dark = replace(plan.part(slice(30)), texture=np.zeros((30, *plan.texture.shape[1:])))
    ink = moving_digits.render(dark).astype(float) - 0.05 * 255
    ink[ink < 1] = 0
    mass = ink.sum(axis=(2, 3))[dark.informative]
    x = (ink.sum(axis=2) * np.arange(32)).sum(axis=2)[dark.informative] / mass
    y = (ink.sum(axis=3) * np.arange(32)).sum(axis=2)[dark.informative] / mass
    away = np.c_[x, y] - dark.centre[dark.informative]
    assert np.abs(away).max() < 4  # pixels; the ink of a digit does not balance at its very centre


def test_the_same_seed_renders_the_same_stills_on_every_machine():
    frames = moving_digits.render(moving_digits.make_stills(20, np.random.default_rng(7)))
    assert frames.shape == (20, 1, 32, 32)
    assert sha256(frames.tobytes()).hexdigest() == "e4e54bfaa2b3a5d18de62800eeb9604e34bda9efb348464c00bfc8b616ba2230"


def test_smoke_is_what_the_description_says(smoke):
    assert (len(smoke.train), len(smoke.query), smoke.train.frames, smoke.train.size) == (250, 80, 25, 256)
    assert smoke.database is smoke.train
    assert smoke.classes == moving_digits.CLASSES
    assert (smoke.train.labels.sum(axis=0) == 5).all()
    assert (smoke.preset, smoke.query_in_database) == ("smoke", False)
    for videos in (smoke.train, smoke.query):
        assert np.isfinite(videos.read()).all()
        assert (videos.labels.sum(axis=1) == 1).all()


def test_features_tell_digits_apart_better_than_chance(smoke):
    """The nearest by mean of informative frames shows the same digit about every other time, not every tenth."""
    pooled = {
        part: (videos.read() * videos.informative[..., None]).mean(axis=1) for part, videos in smoke.parts().items()
    }
    digit = {part: videos.labels.argmax(axis=1) // 5 for part, videos in smoke.parts().items()}
    unit = {part: values / np.linalg.norm(values, axis=1, keepdims=True) for part, values in pooled.items()}
    nearest = (unit["query"] @ unit["train"].T).argmax(axis=1)
    assert (digit["train"][nearest] == digit["query"]).mean() > 0.35
