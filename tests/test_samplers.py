"""Samplers: how many frames stay visible, which ones, and that the generator alone decides."""

import pytest
import torch

import ssvh_lib as ssvh
from ssvh_lib.samplers import random_pair, visible_count


def pair(videos, frames, ratio, seed=0):
    return random_pair(videos, frames, ratio, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("frames", "ratio", "visible"), [(25, 0.75, 7), (25, 0.5, 13), (30, 0.5, 15), (30, 0.75, 8), (25, 0.3, 18)]
)
def test_the_number_of_masked_frames_is_rounded_down(frames, ratio, visible):
    assert visible_count(frames, ratio) == visible


@pytest.mark.parametrize("ratio", [0.0, 0.03, 1.0, 1.2, -0.1])
def test_a_ratio_that_masks_nothing_or_everything_is_refused(ratio):
    with pytest.raises(ssvh.SSVHError) as error:
        visible_count(25, ratio)
    assert "at least one of 25 frames visible and one masked" in str(error.value)
    assert f"{ratio} leaves {25 - int(ratio * 25)} visible" in str(error.value)


@pytest.mark.parametrize(
    ("frames", "ratio", "visible", "shared"),
    [(25, 0.75, 7, 0), (30, 0.5, 15, 0), (25, 0.5, 13, 1), (25, 0.3, 18, 11), (2, 0.5, 1, 0)],
)
def test_two_views_keep_their_budget_and_share_as_few_frames_as_possible(frames, ratio, visible, shared):
    first, second = pair(200, frames, ratio)
    for view in (first, second):
        assert view.shape == (200, frames)
        assert view.dtype == torch.bool
        assert (view.sum(dim=1) == visible).all()
    assert ((first & second).sum(dim=1) == shared).all()


def test_half_of_an_even_number_of_frames_gives_complements():
    first, second = pair(50, 30, 0.5)
    assert (second == ~first).all()


def test_the_generator_alone_decides():
    first, again, other = pair(20, 25, 0.75), pair(20, 25, 0.75), pair(20, 25, 0.75, seed=1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        unmoved = pair(20, 25, 0.75)
    for view in (0, 1):
        assert (first[view] == again[view]).all()
        assert (first[view] == unmoved[view]).all()
        assert (first[view] != other[view]).any()


def test_the_global_generator_is_left_alone():
    before = torch.get_rng_state()
    pair(20, 25, 0.75)
    assert (torch.get_rng_state() == before).all()


def test_every_video_has_masks_of_its_own():
    first, _ = pair(100, 25, 0.75)
    assert len({tuple(row.tolist()) for row in first}) > 95


@pytest.mark.parametrize("view", [0, 1])
def test_every_frame_and_every_pair_of_frames_is_equally_likely_to_be_visible(view):
    visible = pair(20_000, 10, 0.7)[view].double()  # 3 of 10
    frame, together = 3 / 10, 3 * 2 / (10 * 9)
    share = visible.T @ visible / len(visible)  # (T, T)
    wanted = torch.full((10, 10), together, dtype=torch.float64).fill_diagonal_(frame)
    error = (wanted * (1 - wanted) / len(visible)).sqrt()
    assert ((share - wanted).abs() < 5 * error).all()
