"""Retention against itself a frame at a time, its rates and its start."""

import math

import pytest
import torch
from torch.nn.functional import silu
from torch.testing import assert_close

from ssvh_lib.nn.retention import Retention


def retention_by_step(layer, tokens):
    """The recurrent form, with a state for each head and complex numbers for the turning; scales of rows included."""
    H, K = layer.heads, layer.head_width
    gamma = layer.log_gamma.exp()[:, None]  # (H, 1)
    state, keys, ages = tokens.new_zeros(len(tokens), H, K, 2 * K), 0, 0  # values, keys and ones, all fading
    ys = []
    for n, x in enumerate(tokens.unbind(1)):
        turn = torch.polar(torch.ones_like(layer.theta), n * layer.theta)  # (K / 2,)
        query, key = (
            torch.cat([turned.real, turned.imag], dim=-1)
            for part in (layer.query, layer.key)
            for turned in [torch.complex(*part(x).unflatten(-1, (H, 2, -1)).unbind(-2)) * turn]
        )
        key = key / math.sqrt(K)
        state = gamma[..., None] * state + key[..., None] * layer.value(x).unflatten(-1, (H, 1, -1))
        keys, ages = gamma * keys + key, gamma * ages + 1
        total = (query * keys).sum(dim=-1, keepdim=True) / ages.sqrt()
        y = torch.einsum("bhk,bhkv->bhv", query, state) / ages.sqrt() / total.detach().abs().clamp(min=1)
        y = y / (y.square().mean(dim=-1, keepdim=True) + 1e-6).sqrt()
        ys.append((silu(layer.gate(x)) * y.flatten(1)) @ layer.out.weight.T)
    return torch.stack(ys, dim=1)


@pytest.mark.parametrize(("T", "width"), [(1, 24), (2, 24), (30, 32), (200, 32), (5, 30)])
def test_retention_agrees_with_itself_a_frame_at_a_time(module, noise, assert_same_with_gradients, T, width):
    layer = module(Retention, width).double()
    assert_same_with_gradients(layer, retention_by_step, noise(2, T, width).double(), noise(2, T, width).double())


def test_retention_has_the_rates_of_the_paper():
    assert_close(Retention(32).log_gamma.exp(), torch.tensor([31 / 32, 63 / 64, 127 / 128, 255 / 256]))


def test_retention_depends_on_how_far_frames_are_apart_only(module, noise):
    """Empty frames before a video turn it further and scale its rows, which the norm undoes."""
    layer, tokens = module(Retention, 32), noise(2, 9, 32)
    with torch.no_grad():
        layer.value.weight.mul_(1e3)  # beside which the epsilon of the norm is nothing
    later = layer(torch.cat([torch.zeros(2, 50, 32), tokens], dim=1))
    assert (later[:, :50] == 0).all()
    assert_close(later[:, 50:], layer(tokens), atol=1e-4, rtol=1e-4)


def test_retention_starts_as_in_the_authors_package():
    layer = Retention(256)
    for part, gain in [(layer.query, 2**-2.5), (layer.key, 2**-2.5), (layer.value, 2**-2.5), (layer.gate, 2**-2.5)]:
        limit = gain * math.sqrt(6 / sum(part.weight.shape))
        assert 0.99 * limit < part.weight.abs().max() <= limit
    assert layer.out.weight.abs().max().item() == pytest.approx(math.sqrt(6 / (512 + 256)), rel=0.01)
