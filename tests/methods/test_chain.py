"""CHAIN-style hashing: its clips, its disturbance, its scenes and its order of frames."""

import math

import numpy as np
import pytest
import torch
from toys import batch_of, dataset_of, generator

import ssvh_lib as ssvh
from ssvh_lib.methods import build
from ssvh_lib.methods.chain import disturb, draw_clip, of_one_video, scene_contrast, scene_labels


@pytest.mark.parametrize("frames", [2, 3, 8, 25])
def test_a_clip_has_one_frame_of_each_two(frames):
    clip = draw_clip(200, frames, generator())
    assert clip.shape == (200, math.ceil(frames / 2))
    assert torch.equal(clip // 2, torch.arange(clip.shape[1]).expand(200, -1))
    assert {int(place) for place in clip.unique()} == set(range(frames))


def test_a_disturbed_clip_lacks_the_same_features_in_all_frames_and_keeps_its_mean():
    clips = torch.full((40, 6, 50), 3.0)
    changed = disturb(clips, 0.1, 0.05, generator())  # nothing varies: no noise
    dropped = changed == 0
    assert torch.equal(dropped, dropped[:, :1].expand(-1, 6, -1))
    assert dropped.float().mean().item() == pytest.approx(0.1, abs=0.02)
    torch.testing.assert_close(changed[~dropped], torch.tensor(3 / 0.9).expand(int((~dropped).sum())))


def test_noise_is_measured_in_deviations_of_each_feature(noise):
    clips = noise(64, 13, 2) * torch.tensor([1.0, 100.0])
    changed = disturb(clips, 0.0, 0.05, generator()) - clips
    torch.testing.assert_close(changed.std(dim=(0, 1)), torch.tensor([0.05, 5.0]), rtol=0.1, atol=0)


def test_a_scene_begins_where_consecutive_frames_differ_unusually():
    turn = [0, 0.1, 0.2, 1.5, 1.6, 1.7, 3.0, 3.1]  # angles
    frames = torch.tensor([[math.cos(angle), math.sin(angle)] for angle in turn])
    still = torch.tensor([0.6, 0.8]).expand(8, 2)
    assert scene_labels(torch.stack([frames, still])).tolist() == [[0, 0, 0, 1, 1, 1, 2, 2], [0] * 8]


def test_scene_contrast_is_that_of_a_naive_loop(noise):
    tokens, scenes = noise(3, 5, 4), torch.tensor([[0, 0, 1, 1, 1], [0, 1, 2, 2, 3], [0] * 5])
    losses = []
    for row, labels in zip(tokens.numpy(), scenes.tolist(), strict=True):
        unit = row / np.linalg.norm(row, axis=1, keepdims=True)
        for anchor in range(5):
            like = [other for other in range(5) if other != anchor and labels[other] == labels[anchor]]
            if not like or len(set(labels)) == 1:
                continue
            score = np.exp(unit @ unit[anchor] / 0.2)
            everyone = score.sum() - score[anchor]
            losses.append(np.mean([-np.log(score[other] / everyone) for other in like]))
    assert len(losses) == 5 + 2
    assert scene_contrast(tokens, scenes, 0.2).item() == pytest.approx(np.mean(losses), rel=1e-5)


def test_videos_of_one_scene_cost_nothing_and_give_no_gradient(noise):
    tokens = noise(2, 5, 4).requires_grad_()
    loss = scene_contrast(tokens, torch.zeros(2, 5, dtype=torch.long), 0.2)
    loss.backward()
    assert loss.item() == 0
    assert tokens.grad.eq(0).all()


def test_both_clips_of_a_video_come_into_one_row():
    clips = torch.arange(12).reshape(4, 3)  # two videos; first clips, then second ones
    assert of_one_video(clips).tolist() == [[0, 1, 2, 6, 7, 8], [3, 4, 5, 9, 10, 11]]


def test_the_order_of_the_frames_cannot_be_read_from_their_places_in_the_input():
    """Without positions every order gives the same loss: whoever shuffles the frames gains nothing."""
    model, frames = build("chain", dataset_of(), 16), batch_of(dataset_of()).frames
    tokens, place = model.embed(frames), torch.arange(25).expand(16, -1)
    shuffled = torch.randperm(25, generator=generator())
    torch.testing.assert_close(
        model._order_error(tokens[:, shuffled], place[:, shuffled]), model._order_error(tokens, place)
    )


def test_the_total_weighs_the_three_terms():
    dataset = dataset_of()
    model = build("chain", dataset, 16, contrast_weight=3.0, order_weight=5.0, scene_weight=7.0)
    terms = model.loss(batch_of(dataset), generator())
    wanted = 3 * terms["contrast"] + 5 * terms["order"] + 7 * terms["scene"]
    torch.testing.assert_close(terms["loss"], wanted)


def test_a_video_of_one_frame_is_refused():
    with pytest.raises(ssvh.SSVHError, match="at least 2"):
        build("chain", dataset_of(frames=1), 16)
