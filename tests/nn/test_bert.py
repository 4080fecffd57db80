"""The one-layer BERT against its formulas, and damaged frames."""

import math

import pytest
import torch
from toys import generator

from ssvh_lib.nn.bert import BertEncoder, SpreadNorm, cloze

# The encoder


def test_the_encoder_is_what_the_formulas_say():
    """A twin in float64, one video and one frame at a time."""
    torch.manual_seed(0)
    encoder = BertEncoder(5, 4, 3).double().eval()
    frames = torch.randn(2, 3, 5, dtype=torch.float64)
    with torch.no_grad():
        for norm in (encoder.attention_norm, encoder.mlp_norm):
            norm.gain.uniform_(0.5, 2)
            norm.shift.uniform_(-1, 1)

    def linear(layer, x):
        return layer.weight @ x + (0 if layer.bias is None else layer.bias)

    def norm(layer, x):
        spread = ((x - x.mean()).square().sum() / (len(x) - 1)).sqrt()
        return layer.gain * (x - x.mean()) / (spread + 1e-6) + layer.shift

    def gelu(x):
        return x / 2 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))

    def place(t):
        return torch.tensor([math.sin(t), math.cos(t), math.sin(t / 100), math.cos(t / 100)], dtype=torch.float64)

    for video in range(2):
        tokens = [linear(encoder.embed, frames[video, t]) + place(t) for t in range(3)]
        normed = [norm(encoder.attention_norm, x) for x in tokens]
        attention = encoder.attention
        for t in range(3):
            query = linear(attention.query, normed[t])
            scores = torch.stack([query @ linear(attention.key, x) / 2 for x in normed]).softmax(dim=0)
            mixed = sum(score * linear(attention.value, x) for score, x in zip(scores, normed, strict=True))
            middle = tokens[t] + linear(attention.out, mixed)
            changed = linear(encoder.mlp[3], gelu(linear(encoder.mlp[0], norm(encoder.mlp_norm, middle))))
            # the norm computes in float32
            torch.testing.assert_close(encoder(frames)[video, t], middle + changed, rtol=1e-5, atol=1e-5)


def test_the_norm_has_the_unbiased_spread_and_survives_equal_values():
    norm = SpreadNorm(4)
    values = torch.tensor([[1.0, 2.0, 3.0, 6.0], [5.0, 5.0, 5.0, 5.0]], requires_grad=True)
    wanted = (values[0] - 3) / (math.sqrt(14 / 3) + 1e-6)
    torch.testing.assert_close(norm(values)[0], wanted)
    assert norm(values)[1].eq(0).all()
    norm(values).square().sum().backward()
    assert values.grad.isfinite().all()


def test_dropout_acts_in_training_only():
    encoder, frames = BertEncoder(5, 8, 3), torch.randn(2, 3, 5)
    assert not torch.equal(encoder(frames), encoder(frames))
    encoder.eval()
    assert torch.equal(encoder(frames), encoder(frames))


def test_every_parameter_of_the_encoder_is_used():
    encoder = BertEncoder(5, 8, 3)
    encoder(torch.randn(4, 3, 5)).square().mean().backward()
    assert [name for name, value in encoder.named_parameters() if value.grad.abs().max() < 1e-6] == []


# Damage


def test_damage_is_that_of_the_sheet():
    """Values say whose they are: video · 100 + frame + 1."""
    B, T = 40, 50
    frames = (100 * torch.arange(B)[:, None] + torch.arange(T) + 1.0)[..., None].expand(B, T, 3)
    kept = frames.clone()
    damaged = cloze(frames, generator())
    assert torch.equal(frames, kept)
    assert (damaged == damaged[..., :1]).all()  # a frame goes as a whole
    zero, swapped = damaged[..., 0] == 0, (damaged[..., 0] != 0) & (damaged != frames)[..., 0]
    assert zero.float().mean().item() == pytest.approx(0.12, abs=0.025)  # 3.5 deviations
    assert swapped.float().mean().item() == pytest.approx(0.015, abs=0.01)
    source = (damaged[..., 0][swapped] - 1).long()
    assert (source // 100 != torch.arange(B)[:, None].expand(B, T)[swapped]).all()
    assert len(torch.unique(source % 100)) > 10


def test_share_says_how_much_is_damaged():
    frames = torch.rand(20, 50, 2) + 1
    assert torch.equal(cloze(frames, generator(), 0.0), frames)
    all_of_it = cloze(frames, generator(), 1.0)
    assert (all_of_it == frames).all(dim=-1).float().mean().item() == pytest.approx(0.1, abs=0.04)


def test_a_video_alone_is_damaged_with_its_own_frames():
    assert cloze(torch.ones(1, 200, 2), generator(), 1.0).unique().tolist() == [0, 1]
