"""Samplers: how many frames stay visible, which ones, what decides, and what they learn."""

import math
from collections import Counter

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import nn
from torch.testing import assert_close

import ssvh_lib as ssvh
from ssvh_lib.nn.layers import Block, visible_count
from ssvh_lib.samplers import (
    SAMPLERS,
    Views,
    agreement,
    drop_highest,
    gumbel,
    independent_pair,
    random_pair,
)

WIDTH = 16
GATED = ["grade-net", "adios"]
LEARNED = ["grade-net", "adamae", "adios"]


@pytest.fixture
def encoder():
    """Two Transformer blocks, LayerNorm, Linear, as in the methods."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return nn.Sequential(Block(WIDTH, 2), Block(WIDTH, 2), nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH))


def make(name, frames=25, ratio=0.5, *, width=WIDTH, noise=0.5, temperature=0.5, reverse=True):
    """A sampler with the same weights every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return SAMPLERS[name](width, frames, ratio, noise=noise, temperature=temperature, reverse=reverse)


def make_scored(name, scores, ratio, **options):
    """A sampler whose scores ``(B, T)`` are given."""
    sampler = make(name, scores.shape[1], ratio, **options)
    sampler.scores = lambda tokens, encoder: scores
    return sampler


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


# Random views


def pair(videos, frames, ratio, seed=0):
    return random_pair(videos, frames, ratio, seeded(seed))


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


def test_independent_views_keep_their_budget_and_share_frames_by_chance_only():
    first, second = independent_pair(20_000, 10, 0.7, seeded())  # 3 of 10 each
    for view in (first, second):
        assert view.dtype == torch.bool
        assert (view.sum(dim=1) == 3).all()
    shared = (first & second).sum(dim=1)
    for count in range(4):  # hypergeometric
        wanted = math.comb(3, count) * math.comb(7, 3 - count) / math.comb(10, 3)
        error = math.sqrt(wanted * (1 - wanted) / len(shared))
        assert abs((shared == count).double().mean().item() - wanted) < 5 * error
    again = independent_pair(20_000, 10, 0.7, seeded())
    assert all(map(torch.equal, again, (first, second)))


def test_independent_views_check_the_ratio():
    with pytest.raises(ssvh.SSVHError, match="at least one of 25 frames"):
        independent_pair(2, 25, 1.0, seeded())


# Helpers


def test_the_highest_scores_are_dropped():
    scores = torch.tensor([[0.1, 0.9, 0.5, 0.4], [3.0, -1.0, 2.0, -math.inf]])
    assert drop_highest(scores, 2).tolist() == [[True, False, False, True], [False, True, False, True]]
    assert drop_highest(scores, 3).tolist() == [[True, False, True, True], [False, True, True, True]]
    assert torch.equal(drop_highest(scores[None], 2), drop_highest(scores, 2)[None])


@pytest.mark.parametrize("value", [0.0, math.inf, -math.inf, math.nan])
def test_the_budget_holds_when_all_scores_are_equal(value):
    assert drop_highest(torch.full((2, 5), value), 2).tolist() == 2 * [[False, False, False, True, True]]


def test_gumbel_noise_is_finite_whatever_the_generator_gives(monkeypatch):
    extremes = torch.tensor([0.0, 2**-24, 1 - 2**-24])
    monkeypatch.setattr(torch, "rand", lambda *_, **__: extremes)
    found = gumbel((3,), seeded())
    assert found.isfinite().all()
    assert (found.diff() > 0).all()


def test_gumbel_noise_has_the_distribution_of_that_name():
    found = gumbel((100, 1000), seeded())
    assert found.dtype == torch.float32
    for value in (-1.0, 0.0, 1.0, 3.0):
        wanted = math.exp(-math.exp(-value))
        error = math.sqrt(wanted * (1 - wanted) / found.numel())
        assert abs((found <= value).double().mean().item() - wanted) < 5 * error
    assert torch.equal(found, gumbel((100, 1000), seeded()))


# What all samplers have in common


@pytest.mark.parametrize("ratio", [0.5, 0.75])
@pytest.mark.parametrize("frames", [8, 25, 30])
@pytest.mark.parametrize("name", SAMPLERS)
def test_every_view_has_its_budget(name, frames, ratio, encoder, noise):
    views = make(name, frames, ratio)(noise(20, frames, WIDTH), encoder, seeded())
    assert views.visible.shape == views.scores.shape == (40, frames)
    assert views.visible.dtype == torch.bool
    assert (views.visible.sum(dim=1) == visible_count(frames, ratio)).all()
    assert views.scores.isfinite().all()


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_gate_is_the_same_choice_as_a_number(name, encoder, noise):
    views = make(name)(1e3 * noise(20, 25, WIDTH), encoder, seeded())
    assert (views.gate is not None) == (name in GATED)
    if views.gate is not None:
        assert views.gate.dtype == torch.float32
        assert torch.equal(views.gate, views.visible.float())


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_generator_alone_decides_for_a_sampler(name, encoder, noise):
    sampler, tokens = make(name), noise(20, 25, WIDTH)
    before = torch.get_rng_state()
    first = sampler(tokens, encoder, seeded()).visible
    assert torch.equal(first, sampler(tokens, encoder, seeded()).visible)
    assert torch.equal(first, sampler(tokens, encoder, seeded(1)).visible) == (name == "adios")  # has no noise
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("name", SAMPLERS)
def test_two_views_of_a_video_differ(name, encoder, noise):
    first, second = make(name)(noise(100, 25, WIDTH), encoder, seeded()).visible.chunk(2)
    assert (first != second).any(dim=1).float().mean() > 0.99


@pytest.mark.parametrize("name", SAMPLERS)
def test_scores_are_those_of_the_views_and_need_no_generator(name, encoder, noise):
    sampler, tokens = make(name), noise(4, 25, WIDTH)
    scores = sampler.scores(tokens, encoder)
    first, second = sampler(tokens, encoder, seeded()).scores.chunk(2)
    assert torch.equal(scores, first)
    assert torch.equal(-scores if name == "adios" else scores, second)
    alone = torch.cat([sampler.scores(video[None], encoder) for video in tokens])  # not of the batch around it
    assert_close(alone, scores)


@pytest.mark.parametrize("name", SAMPLERS)
def test_scores_gates_and_penalties_are_float32_under_autocast(name, encoder, noise):
    sampler, tokens = make(name), noise(4, 25, WIDTH)
    with torch.autocast("cpu", torch.bfloat16):
        for given in (tokens, tokens.bfloat16()):
            views = sampler(given, encoder, seeded())
            assert views.scores.dtype == torch.float32
            assert views.gate is None or views.gate.dtype == torch.float32
            assert sampler.penalty(views, torch.ones(8, 12)).dtype == torch.float32
    assert_close(views.scores, sampler(tokens, encoder, seeded()).scores, rtol=0.1, atol=0.1)


@pytest.mark.parametrize("name", LEARNED)
def test_every_parameter_of_a_sampler_gets_a_gradient(name, encoder, noise):
    sampler = make(name)
    views = sampler(noise(20, 25, WIDTH), encoder, seeded())
    loss = sampler.penalty(views, noise(40, 12).square()) if name == "adamae" else (views.gate * noise(40, 25)).sum()
    loss.backward()
    largest = [parameter.grad.abs().max().item() for parameter in sampler.parameters()]
    assert 1e-4 * max(largest) < min(largest) < math.inf  # none that only rounding keeps from 0


@pytest.mark.parametrize("name", ["grade-net", "random", "attmask"])
def test_without_a_penalty_it_is_zero(name, encoder, noise):
    sampler = make(name)
    assert sampler.penalty(sampler(noise(2, 25, WIDTH), encoder, seeded()), torch.ones(4, 12)).item() == 0


@pytest.mark.parametrize("name", ["random", "attmask"])
def test_the_others_have_nothing_to_learn(name):
    assert list(make(name).parameters()) == []


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_ratio_that_drops_nothing_is_refused_at_once(name):
    with pytest.raises(ssvh.SSVHError, match="at least one of 25 frames"):
        make(name, ratio=0.0)


@pytest.mark.parametrize("width", [5, 12, 32])
@pytest.mark.parametrize("name", LEARNED)
def test_any_width_will_do(name, width, encoder, noise):
    views = make(name, width=width)(noise(3, 25, width), encoder, seeded())
    assert (views.visible.sum(dim=1) == 13).all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", SAMPLERS)
def test_a_sampler_works_where_its_tokens_are(name, encoder, noise):
    sampler, tokens = make(name).cuda(), noise(20, 25, WIDTH).cuda()
    views = sampler(tokens, encoder.cuda(), torch.Generator("cuda").manual_seed(0))
    assert {part.device.type for part in views if part is not None} == {"cuda"}
    assert (views.visible.sum(dim=1) == 13).all()
    assert sampler.penalty(views, torch.ones(40, 12, device="cuda")).device.type == "cuda"


# Learning through the gate


@pytest.mark.parametrize("name", GATED)
def test_reversal_flips_the_gradient_of_the_sampler_and_of_nothing_else(name, encoder, noise):
    start, target = noise(10, 25, WIDTH), noise(20, 25, WIDTH)
    found = {}
    for reverse in (True, False):
        sampler, tokens = make(name, reverse=reverse), start.clone().requires_grad_()
        gated = tokens.repeat(2, 1, 1) * sampler(tokens, encoder, seeded()).gate[..., None]
        encoder.zero_grad()
        (encoder(gated) - target).square().mean().backward()
        others = [tokens.grad, *(parameter.grad for parameter in encoder.parameters())]
        found[reverse] = [parameter.grad for parameter in sampler.parameters()], others
    (own, others), (reversed_own, reversed_others) = found[False], found[True]
    assert all(gradient.abs().sum() > 0 for gradient in own + others)
    assert all(map(torch.equal, reversed_own, [-gradient for gradient in own]))
    assert all(map(torch.equal, reversed_others, others))


@pytest.mark.parametrize("name", GATED)
def test_the_game_is_between_sampler_and_loss_only(name, encoder, noise):
    sampler, tokens = make(name), noise(10, 25, WIDTH).requires_grad_()
    views = sampler(tokens, encoder, seeded())
    (sampler.penalty(views, noise(20, 12)) + (views.scores + views.gate).mul(noise(20, 25)).sum()).backward()
    assert tokens.grad is None
    assert all(parameter.grad is None for parameter in encoder.parameters())


@pytest.mark.parametrize("reverse", [True, False])
def test_the_straight_through_gradient_is_the_jacobian_of_the_softmax_by_hand(reverse, encoder):
    """Softmax (1, 2, 5) / 8; d soft_t / d score_s = soft_t (1[s = t] − soft_s) / temperature; gate = 1 − soft."""
    scores = (0.5 * torch.tensor([[1.0, 2.0, 5.0]]).log()).requires_grad_()
    sampler = make_scored("grade-net", scores, 0.34, noise=0.0, temperature=0.5, reverse=reverse)
    views = sampler(torch.zeros(1, 3, WIDTH), encoder, seeded())
    assert views.gate.tolist() == 2 * [[1, 1, 0]]
    (8 * views.gate[0, 0]).backward()
    wanted = torch.tensor([[-8 * 7 / 64 / 0.5, 8 * 2 / 64 / 0.5, 8 * 5 / 64 / 0.5]])  # -1.75, 0.5, 1.25
    assert_close(scores.grad, -wanted if reverse else wanted)


@pytest.mark.parametrize("name", GATED)
@pytest.mark.parametrize("reverse", [True, False])
def test_one_step_raises_the_score_of_the_frame_whose_dropping_raises_the_loss(name, reverse, encoder, noise):
    """Or lowers it, without reversal. The loss is that of leaving out frame 3 in the first view."""
    sampler, tokens = make(name, 6, reverse=reverse), noise(1, 6, WIDTH)
    before = sampler.scores(tokens, encoder)
    views = sampler(tokens, encoder, seeded())
    (-views.gate[0, 3]).backward()
    with torch.no_grad():
        for parameter in sampler.parameters():
            parameter -= 1e-3 * parameter.grad
    change = (sampler.scores(tokens, encoder) - before)[0]
    assert (change[3] > 0) == reverse
    assert change[3].abs() > change[[0, 1, 2, 4, 5]].abs().max()


# Grade-Net


def test_grades_are_the_formula(encoder, noise):
    sampler, tokens = make("grade-net"), noise(2, 25, WIDTH)
    with torch.no_grad():
        for parameter in sampler.parameters():
            parameter.copy_(0.3 * noise(*parameter.shape))
    first, _, second, norm = sampler.change
    hidden = nn.functional.gelu(tokens @ first.weight.T + first.bias) @ second.weight.T + second.bias
    spread = hidden.var(dim=-1, correction=0, keepdim=True).add(1e-5).sqrt()
    normed = (hidden - hidden.mean(dim=-1, keepdim=True)) / spread * norm.weight + norm.bias
    logit = (tokens + normed) @ sampler.grade.weight[0] + sampler.grade.bias
    assert_close(sampler.scores(tokens, encoder), 1 / (1 + torch.exp(-logit)))


def chance_of_dropping(noise_scale):
    """Return how often the four best of eight frames, by grades from 0.05 to 0.95, are dropped; chance is one half."""
    scores = torch.linspace(0.05, 0.95, 8)[torch.randperm(8, generator=seeded())].expand(2000, 8)
    sampler = make_scored("grade-net", scores, 0.5, noise=noise_scale)
    dropped = ~sampler(torch.zeros(2000, 8, WIDTH), None, seeded()).visible
    return dropped[:, scores[0] > 0.5].float().mean().item()


def test_noise_decides_how_much_grades_count():
    assert chance_of_dropping(0.0) == 1
    assert chance_of_dropping(0.02) > 0.98
    assert 0.6 < chance_of_dropping(0.5) < 0.9
    assert chance_of_dropping(1e4) == pytest.approx(0.5, abs=5 * math.sqrt(0.25 / 16_000))


def test_without_noise_both_views_drop_the_best_grades(encoder, noise):
    sampler, tokens = make("grade-net", noise=0.0), noise(20, 25, WIDTH)
    first, second = sampler(tokens, encoder, seeded()).visible.chunk(2)
    assert torch.equal(first, second)
    grades = sampler.scores(tokens, encoder)
    highest_seen = grades.masked_fill(~first, -1).amax(dim=1)
    assert (highest_seen < grades.masked_fill(first, 2).amin(dim=1)).all()


# Random


def test_the_random_sampler_is_the_random_pair(encoder, noise):
    views = make("random", 25, 0.75)(noise(20, 25, WIDTH), encoder, seeded(3))
    assert torch.equal(views.visible, torch.cat(pair(20, 25, 0.75, seed=3)))
    assert not views.scores.any()


# AttMask


def attention_received(encoder, tokens):
    """Of the second block, query by query and head by head: ``(B, T)``."""
    with torch.no_grad():
        block = encoder[1]
        tokens, attention = block.attention_norm(encoder[0](tokens)), block.attention
        B, T, C = tokens.shape
        width = C // attention.heads
        received = torch.zeros(B, T)
        for head in range(attention.heads):
            query = slice(head * width, (head + 1) * width)
            key = slice(C + head * width, C + (head + 1) * width)
            for video in range(B):
                queries = tokens[video] @ attention.qkv.weight[query].T + attention.query_bias[query]
                keys = tokens[video] @ attention.qkv.weight[key].T
                for one in queries:
                    force = torch.tensor([(one @ other / math.sqrt(width)).exp() for other in keys])
                    received[video] += force / force.sum() / T / attention.heads
    return received


def test_attention_received_agrees_with_its_twin_query_by_query(encoder, noise):
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.copy_(0.5 * noise(*parameter.shape))
    tokens = noise(2, 7, WIDTH)
    received = attention_received(encoder, tokens)
    assert received.std(dim=1).min() > 0.01  # the frames are told apart
    assert_close(make("attmask", 7).scores(tokens, encoder), received.log())


def looking_at(feature):
    """An encoder of one block, all of whose queries look for one feature of the tokens."""
    block = Block(8, 1)
    with torch.no_grad():
        block.attention.qkv.weight.zero_()
        block.attention.qkv.weight[8:16] = torch.eye(8)  # keys
        block.attention.query_bias[feature] = 4
    return nn.Sequential(block, nn.LayerNorm(8), nn.Linear(8, 8))


def test_the_most_attended_frame_is_dropped():
    tokens = torch.eye(8).expand(200, 8, 8)  # frame t has feature t
    sampler = make("attmask", 8, 0.5, width=8)
    for frame in (0, 5):
        visible = sampler(tokens, looking_at(frame), seeded()).visible
        assert not visible[:, frame].any()
        others = visible[:, [t for t in range(8) if t != frame]].float().mean(dim=0)
        assert_close(others, torch.full((7,), 4 / 7), rtol=0, atol=5 * math.sqrt(0.25 / 400))


def test_one_dropped_frame_is_drawn_in_proportion_to_attention():
    received = torch.tensor([0.5, 0.3, 0.15, 0.05])
    sampler = make_scored("attmask", received.log().expand(10_000, 4), 0.25, noise=99.0)  # the option is not used
    dropped = ~sampler(torch.zeros(10_000, 4, WIDTH), None, seeded()).visible
    error = (received * (1 - received) / 20_000).sqrt()
    assert ((dropped.float().mean(dim=0) - received).abs() < 5 * error).all()


def test_attention_that_underflows_leaves_finite_scores(encoder):
    tokens, looking = torch.eye(8)[None], looking_at(2)
    with torch.no_grad():
        looking[0].attention.query_bias[2] = 1e4
    assert make("attmask", 8, width=8).scores(tokens, looking).isfinite().all()


@pytest.mark.parametrize("training", [True, False])
def test_looking_at_attention_leaves_no_trace(training, encoder, noise):
    encoder.train(training)
    before = {name: values.clone() for name, values in encoder.state_dict().items()}
    tokens = noise(2, 25, WIDTH).requires_grad_()
    views = make("attmask")(tokens, encoder, seeded())
    assert not views.scores.requires_grad
    assert all(part.training == training for part in encoder.modules())
    assert all(torch.equal(values, before[name]) for name, values in encoder.state_dict().items())


def test_the_encoder_still_learns_under_autocast(encoder, noise):
    """Weights that autocast converts without gradient must not serve in the loss."""
    tokens = noise(2, 25, WIDTH)
    with torch.autocast("cpu", torch.bfloat16):
        make("attmask")(tokens, encoder, seeded())
        loss = encoder(tokens).float().mul(noise(2, 25, WIDTH)).sum()
    loss.backward()
    assert all(parameter.grad is not None for parameter in encoder.parameters())


def test_an_encoder_without_attention_is_refused(noise):
    encoder = nn.Sequential(nn.GRU(WIDTH, WIDTH), nn.LayerNorm(WIDTH), nn.Linear(WIDTH, WIDTH))
    with pytest.raises(ssvh.SSVHError, match=r"'attmask' needs an encoder whose last block has attention.* GRU"):
        make("attmask")(noise(2, 25, WIDTH), encoder, seeded())


# AdaMAE


def test_visible_frames_are_a_draw_without_replacement():
    p = torch.tensor([0.5, 0.3, 0.15, 0.05])
    sampler = make_scored("adamae", -p.log().expand(10_000, 4), 0.5, noise=99.0)  # the option is not used
    visible = sampler(torch.zeros(10_000, 4, WIDTH), None, seeded()).visible
    seen = Counter(tuple(row.nonzero().flatten().tolist()) for row in visible)
    for (one, other), count in seen.items():
        wanted = (p[one] * p[other] / (1 - p[one]) + p[other] * p[one] / (1 - p[other])).item()
        assert abs(count / 20_000 - wanted) < 5 * math.sqrt(wanted * (1 - wanted) / 20_000)
    assert len(seen) == 6
    first, second = visible.chunk(2)
    both = (first & second).float().mean(dim=0)
    assert_close(both, visible.float().mean(dim=0) ** 2, rtol=0, atol=0.03)  # independent draws


def test_scores_of_adamae_are_minus_log_probabilities_that_depend_on_the_place(encoder, noise):
    sampler, tokens = make("adamae"), noise(3, 1, WIDTH).expand(3, 25, WIDTH)
    scores = sampler.scores(tokens, encoder)
    assert_close((-scores).exp().sum(dim=1), torch.ones(3))
    assert_close(scores, torch.full((3, 25), math.log(25)))  # equal frames, and positions start at zero
    with torch.no_grad():
        sampler.positions.copy_(noise(25, WIDTH))
    assert sampler.scores(tokens, encoder).std(dim=1).min() > 0.01


def by_hand():
    """Views of one video with p = (4, 2, 1, 1) / 8, first and second half visible; errors of the other halves."""
    p = torch.tensor([4.0, 2.0, 1.0, 1.0]) / 8
    visible = torch.tensor([[True, True, False, False], [False, False, True, True]])
    return Views(visible, None, (-p.log()).repeat(2, 1).requires_grad_()), torch.tensor([[2.0, 4.0], [1.0, 3.0]])


def test_the_penalty_of_adamae_by_hand():
    views, errors = by_hand()
    wanted = 1e-4 * ((3 * 2 + 3 * 4) / 2 + (1 * 1 + 2 * 3) / 2) / 2 * math.log(2)  # logs of 8, 8; 2, 4
    assert make("adamae", 4).penalty(views, errors).item() == pytest.approx(wanted)


def test_errors_are_taken_as_given():
    views, errors = by_hand()
    errors.requires_grad_()
    make("adamae", 4).penalty(views, errors).backward()
    assert errors.grad is None
    assert_close(views.scores.grad, 1e-4 / 4 * torch.tensor([[0.0, 0, 2, 4], [1, 3, 0, 0]]))


def test_the_penalty_of_adamae_makes_dropped_frames_of_large_error_visible(encoder, noise):
    sampler, tokens = make("adamae", 6), noise(1, 6, WIDTH)
    before = -sampler.scores(tokens, encoder)
    views = sampler(tokens, encoder, seeded())
    frame = (~views.visible[0]).nonzero()[1].item()
    errors = torch.zeros(2, 3)
    errors[0, 1] = 1  # of the second dropped frame of the first view
    sampler.penalty(views, errors).backward()
    with torch.no_grad():
        for parameter in sampler.parameters():
            parameter -= 10 * parameter.grad
    change = (-sampler.scores(tokens, encoder) - before)[0]
    assert change[frame] > 0
    assert change.argmax() == frame


def test_the_penalty_of_adamae_reaches_the_tokens(encoder, noise):
    sampler, tokens = make("adamae"), noise(4, 25, WIDTH).requires_grad_()
    sampler.penalty(sampler(tokens, encoder, seeded()), torch.ones(8, 12)).backward()
    assert tokens.grad.abs().sum() > 0


# ADIOS


def test_the_two_masks_are_a_softmax_over_two_logits(encoder, noise):
    sampler, tokens = make("adios"), noise(4, 25, WIDTH)
    masks = sampler(tokens, encoder, seeded()).scores.sigmoid().chunk(2)
    assert_close(masks[0] + masks[1], torch.ones(4, 25))
    assert_close(torch.stack(masks, dim=-1), sampler.occluder(tokens).softmax(dim=-1))
    assert masks[0].std() > 0.01


def test_each_view_drops_what_its_mask_hides_most(encoder, noise):
    views = make("adios", 25, 0.75)(noise(20, 25, WIDTH), encoder, seeded())
    masks = views.scores.sigmoid()
    most_hidden_seen = masks.masked_fill(~views.visible, -1).amax(dim=1)
    assert (most_hidden_seen <= masks.masked_fill(views.visible, 2).amin(dim=1)).all()
    first, second = make("adios", 30)(noise(20, 30, WIDTH), encoder, seeded()).visible.chunk(2)
    assert torch.equal(first, ~second)  # the masks share out the frames


def test_masks_that_have_become_0_and_1_still_rank_frames():
    odds = torch.tensor([[50.0, 80.0, 60.0, 70.0]])
    assert odds.sigmoid().unique().numel() == 1
    views = make_scored("adios", odds, 0.5)(torch.zeros(1, 4, WIDTH), None, seeded())
    assert views.visible.tolist() == [[True, False, True, False], [False, True, False, True]]


def test_the_straight_through_gradient_of_adios_by_hand():
    odds = torch.tensor([[math.log(3), 0.0]], requires_grad=True)  # m = 3/4, 1/2; derivatives 3/16, 1/4
    views = make_scored("adios", odds, 0.5, reverse=False)(torch.zeros(1, 2, WIDTH), None, seeded())
    (views.gate * torch.tensor([[2.0, 3.0], [5.0, 7.0]])).sum().backward()
    assert_close(odds.grad, torch.tensor([[(5 - 2) * 3 / 16, (7 - 3) / 4]]))


def shares(*values):
    """Views of one video whose first mask hides each frame by these values."""
    odds = torch.tensor([values]).logit()
    return Views(torch.cat([odds, -odds]) < 0, None, torch.cat([odds, -odds]).requires_grad_())


def test_the_penalty_of_adios_by_hand():
    penalty, errors = make("adios").penalty, torch.ones(2, 1)
    assert penalty(shares(0.2, 0.8), errors).item() == pytest.approx(0.5)  # sin π/2 = 1
    assert penalty(shares(0.1, 0.2, 0.2), errors).item() == pytest.approx(1.0)  # mean 1/6, sin π/6 = 1/2
    assert penalty(shares(0.9, 0.8, 0.8), errors).item() == pytest.approx(1.0)


def test_the_penalty_of_adios_explodes_where_a_mask_hides_nothing_or_everything():
    for value in (1e-6, 1 - 1e-6, 2.9e-8, 1e-30, 1.0):
        views = shares(value, value)
        views.scores.data.clamp_(-1e3, 1e3)
        penalty = make("adios").penalty(views, torch.ones(2, 1))
        assert 1e5 < penalty.item() < math.inf
        penalty.backward()
        assert views.scores.grad.isfinite().all()


def test_the_penalty_of_adios_is_descended_whether_the_gate_is_reversed_or_not(encoder, noise):
    for reverse in (True, False):
        sampler, tokens = make("adios", reverse=reverse), noise(4, 25, WIDTH)
        with torch.no_grad():
            sampler.occluder[-1].bias.copy_(torch.tensor([2.0, -2.0]))
        found = []
        for _ in range(2):
            found.append(sampler.penalty(sampler(tokens, encoder, seeded()), torch.ones(8, 12)))
            sampler.zero_grad()
            found[-1].backward()
            with torch.no_grad():
                for parameter in sampler.parameters():
                    parameter -= 1e-3 * parameter.grad
        assert found[1] < found[0]


# Agreement


def test_agreement_by_hand():
    informative = np.array([[True, False, True, False]])
    assert agreement(np.array([[0.9, 0.1, 0.8, 0.2]]), informative) == 1
    assert agreement(np.array([[0.1, 0.9, 0.2, 0.8]]), informative) == 0
    assert agreement(np.array([[0.9, 0.1, 0.2, 0.5]]), informative) == 3 / 4
    assert agreement(np.array([[0.9, 0.9, 0.2, 0.1]]), informative) == (0.5 + 1 + 0 + 1) / 4  # one tie
    assert agreement(np.zeros((1, 4)), informative) == 0.5


def test_agreement_is_a_mean_over_the_videos_that_have_frames_of_both_kinds():
    scores = np.array([[0.3, 0.2, 0.1]] * 4)
    informative = np.array([[1, 0, 0], [0, 0, 1], [0, 0, 0], [1, 1, 1]], dtype=bool)
    assert agreement(scores, informative) == 0.5
    assert agreement(scores[1:], informative[1:]) == 0
    assert math.isnan(agreement(scores[2:], informative[2:]))
    assert isinstance(agreement(scores, informative), float)


def test_agreement_agrees_with_its_twin_of_sklearn(rng):
    scores = rng.integers(0, 12, size=(40, 25)) / 7  # with ties
    informative = rng.random((40, 25)) < rng.uniform(0.1, 0.9, size=(40, 1))
    informative[:, :2] = [True, False]  # both kinds in every video
    wanted = [roc_auc_score(informative[i], scores[i]) for i in range(40)]
    assert agreement(scores, informative) == pytest.approx(np.mean(wanted))
    for video, auc in enumerate(wanted):
        assert agreement(scores[[video]], informative[[video]]) == pytest.approx(auc)
