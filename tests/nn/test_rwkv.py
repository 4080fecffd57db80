"""RWKV: its recurrence by hand, against itself a frame at a time, and its start."""

import pytest
import torch
from torch.nn.functional import layer_norm, silu
from torch.testing import assert_close

from ssvh_lib.nn.rwkv import RWKV, wkv


def wkv_by_step(r, k, v, w, u):
    """The recurrent form, with a matrix for each head as its state."""
    state, ys = 0, []
    for r_t, k_t, v_t, w_t in zip(*(values.unbind(2) for values in (r, k, v, w)), strict=True):
        now = k_t[..., None] * v_t[..., None, :]  # (B, H, K, K)
        ys.append((r_t[..., None] * (state + u[0, :, 0, :, None] * now)).sum(dim=-2))
        state = w_t[..., None] * state + now
    return torch.stack(ys, dim=2)


def rwkv_by_step(layer, tokens):
    """The whole block as a recurrent network, that keeps the last frame of each half and the state."""
    time, channel = layer.time_mixing, layer.channel_mixing
    last_a = last_b = torch.zeros_like(tokens[:, 0])
    parts, residues, gates = [], [], []
    for x in tokens.unbind(1):
        a = layer_norm(x, x.shape[-1:], layer.norms[0].weight, layer.norms[0].bias)
        step, last_a = last_a - a, a
        low = torch.tanh((a + step * time.shift.first_share) @ time.shift.down).chunk(5, dim=-1)
        shares = [share + part @ up for share, part, up in zip(time.shift.shares, low, time.shift.up, strict=True)]
        w, k, v, r, g = (a + step * share for share in shares)
        w = torch.exp(-torch.exp(time.decay + torch.tanh(w @ time.decay_down) @ time.decay_up))
        made = time.receptance(r), time.key(k), time.value(v), w
        parts.append([values.unflatten(-1, (time.heads, -1)) for values in made])
        gates.append(silu(time.gate(g)))
        residues.append(x)
    r, k, v, w = (torch.stack(values, dim=2) for values in zip(*parts, strict=True))
    mixed = wkv_by_step(r, k, v, w, time.bonus.view(1, time.heads, 1, -1))
    mixed = (mixed - mixed.mean(-1, keepdim=True)) / (mixed.var(-1, unbiased=False, keepdim=True) + 64e-5).sqrt()
    ys = []
    for y, gate, x in zip(mixed.unbind(2), gates, residues, strict=True):
        x = x + (gate * (y.flatten(1) * time.norm.weight + time.norm.bias)) @ time.output.weight.T
        b = layer_norm(x, x.shape[-1:], layer.norms[1].weight, layer.norms[1].bias)
        k, r = (b + (last_b - b) * share for share in channel.shift.shares)
        last_b = b
        ys.append(x + channel.receptance(r).sigmoid() * channel.value(channel.key(k).clamp(min=0) ** 2))
    return torch.stack(ys, dim=1)


def test_two_frames_of_wkv_by_hand():
    r, k = torch.tensor([[[[1.0, 2.0], [3.0, 1.0]]]]), torch.tensor([[[[1.0, 10.0], [2.0, 3.0]]]])  # (1, 1, 2, 2)
    v, w = torch.tensor([[[[1.0, 0.0], [0.0, 1.0]]]]), torch.tensor([[[[0.1, 0.2], [0.5, 0.25]]]])
    u = torch.tensor([[[[7.0, 1.0]]]])
    # The first frame: 1·7·1 + 2·1·10 of itself. The second: 3·1 + 1·10 of the first, not yet faded; 3·7·2 + 1·1·3.
    assert_close(wkv(r, k, v, w, u), torch.tensor([[[[27.0, 0.0], [13.0, 45.0]]]]))
    r, k, v, w = (torch.cat([values, values[:, :, -1:]], dim=2) for values in (r, k, v, w))
    assert_close(wkv(r, k, v, w, u)[0, 0, 2], torch.tensor([3 * 0.5 + 10 * 0.25, 3 * 2.0 + 3.0 + 45]))


@pytest.mark.parametrize("T", [1, 2, 30, 200])
def test_wkv_agrees_with_itself_a_frame_at_a_time(noise, T):
    r, k, v = (noise(2, 3, T, 5).double().requires_grad_() for _ in range(3))
    w, u = noise(2, 3, T, 5).double().sigmoid().requires_grad_(), noise(1, 3, 1, 5).double().requires_grad_()
    found, wanted, weight = wkv(r, k, v, w, u), wkv_by_step(r, k, v, w, u), noise(2, 3, T, 5)
    assert_close(found, wanted)
    slopes = [torch.autograd.grad((y * weight).sum(), [r, k, v, w, u], materialize_grads=True) for y in (found, wanted)]
    assert_close(*slopes)


def test_wkv_of_decays_of_0_and_1(noise):
    r, k, v, u = *(noise(2, 3, 40, 5) for _ in range(3)), noise(1, 3, 1, 5)
    w = (noise(2, 3, 40, 5) > 0).float().requires_grad_()
    assert_close(wkv(r, k, v, w, u), wkv_by_step(r, k, v, w, u), atol=1e-4, rtol=1e-4)
    (gradient,) = torch.autograd.grad(wkv(r, k, v, w, u).sum(), w)
    assert gradient.isfinite().all()


@pytest.mark.parametrize(("T", "width"), [(1, 24), (2, 24), (30, 130), (200, 32)])  # 130: two heads, 65 would be one
def test_rwkv_agrees_with_itself_a_frame_at_a_time(module, noise, assert_same_with_gradients, T, width):
    layer = module(RWKV, width).double()
    tokens, weight = noise(2, T, width).double(), noise(2, T, width).double()
    if T > 1:
        assert_same_with_gradients(layer, rwkv_by_step, tokens, weight)
    else:  # nothing has faded yet, so that decays have no gradient
        assert_close(layer(tokens), rwkv_by_step(layer, tokens))


def test_rwkv_starts_as_in_the_first_layer_of_the_authors_code():
    layer = RWKV(128).time_mixing
    assert_close(layer.decay[[0, -1]], torch.tensor([-6.0, -1.0]))
    assert_close(layer.decay[64], torch.tensor(-6 + 5 * (64 / 127) ** 0.7))
    assert_close(layer.bonus[:4], torch.tensor([0.0, 0.1, -0.1, 0.0]))
    assert_close(layer.shift.shares[:, 32], torch.tensor([0.75, 0.75, 0.75, 0.5, 0.5]))  # of w, k, v, r, g
    for small in (layer.shift.down, layer.shift.up, layer.decay_down, layer.decay_up):
        assert 0 < small.abs().max() <= 1e-4


def test_heads_of_rwkv_divide_the_width():
    assert [RWKV(width).time_mixing.heads for width in (24, 32, 96, 128, 192, 256, 67)] == [1, 1, 2, 2, 3, 4, 67]


def test_rwkv_bears_any_decay(module, noise):
    """Rates from none to all, far beyond where exp leaves float32's range."""
    layer, tokens = module(RWKV, 24), noise(2, 30, 24)
    with torch.no_grad():
        layer.time_mixing.decay.copy_(torch.linspace(-200, 200, 24))
    assert_close(layer(tokens), rwkv_by_step(layer, tokens), atol=1e-4, rtol=1e-4)
    layer(tokens).square().sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in layer.parameters())
