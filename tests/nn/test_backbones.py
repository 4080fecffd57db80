"""The block against its formula, each mixer against itself a frame at a time, and what all backbones must do."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import layer_norm, silu
from torch.testing import assert_close

from ssvh_lib.nn.backbones import (
    BACKBONES,
    KEEPS_OWN_INIT,
    LSTM,
    RWKV,
    BidirectionalBlock,
    Retention,
    TransformerBlock,
    wkv,
)
from ssvh_lib.nn.layers import Block, xavier
from ssvh_lib.nn.mamba import Mamba

MIXERS = [Mamba, LSTM, Retention, RWKV]
WIDTHS = [24, 32, 96, 128, 192, 256]


@pytest.fixture(autouse=True)
def _seed():
    """Modules start the same in every test."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture
def module(noise):
    """Makes a module and adds noise to its parameters, so that no two of a kind are equal and none is near zero."""

    def make(kind, *arguments, **options):
        made = kind(*arguments, **options)
        with torch.no_grad():
            for parameter in made.parameters():
                parameter.add_(0.1 * noise(*parameter.shape))
        return made

    return make


def assert_same_with_gradients(layer, twin, tokens, weight, **tolerance):
    """Both give the same values, and ``weight``-ed sums of them the same gradients, for all parameters and tokens."""
    tokens = tokens.requires_grad_()
    names, parameters = zip(*layer.named_parameters(), strict=True)
    found, wanted = layer(tokens), twin(layer, tokens)
    assert_close(found, wanted, **tolerance)
    slopes = [torch.autograd.grad((values * weight).sum(), [tokens, *parameters]) for values in (found, wanted)]
    for name, one, other in zip(["tokens", *names], *slopes, strict=True):
        assert (one - other).abs().max() <= 1e-9 * other.abs().max(), name


# The block


def formula(block, tokens):
    """The block written out, for whatever mixers it has."""
    onward, back = (
        mixer(layer_norm(way, way.shape[-1:], norm.weight, norm.bias, eps=1e-6))
        for mixer, norm, way in zip(
            [block.mixers[0], block.mixers[-1]], block.norms, [tokens, tokens.flip(1)], strict=True
        )
    )
    return tokens + onward + back.flip(1)


@pytest.mark.parametrize("mixer", MIXERS)
@pytest.mark.parametrize("tied", [False, True])
def test_a_block_is_its_formula(module, noise, mixer, tied):
    block, tokens = module(BidirectionalBlock, 24, mixer, tied=tied), noise(2, 7, 24)
    assert len(block.mixers) == (1 if tied else 2)
    assert_close(block(tokens), formula(block, tokens))


@pytest.mark.parametrize("mixer", MIXERS)
def test_a_tied_block_has_one_mixer_and_two_norms(mixer):
    one, two = (sum(map(torch.numel, BidirectionalBlock(24, mixer, tied=tied).parameters())) for tied in (True, False))
    parameters = sum(map(torch.numel, mixer(24).parameters()))
    assert (one, two) == (parameters + 96, 2 * parameters + 96)


@pytest.mark.parametrize("mixer", MIXERS)
@pytest.mark.parametrize("tied", [False, True])
def test_a_flipped_video_swaps_the_directions(module, noise, mixer, tied):
    block, tokens = module(BidirectionalBlock, 24, mixer, tied=tied), noise(2, 7, 24)
    flipped = block(tokens.flip(1)).flip(1)
    assert not torch.allclose(flipped, block(tokens), atol=1e-3)
    for parts in (block.norms, block.mixers):
        parts[0], parts[-1] = parts[-1], parts[0]
    assert_close(flipped, block(tokens))


@pytest.mark.parametrize("name", ["mamba", "transformer"])
def test_drop_path_leaves_whole_videos_as_they_were(module, noise, name):
    block, tokens = module(BACKBONES[name], 24, 0.25, False), noise(400, 2, 24)
    whole = block.eval()(tokens) - tokens
    added = block.train()(tokens) - tokens
    dropped = (added == 0).all(dim=-1).all(dim=-1)
    assert dropped.float().mean().item() == pytest.approx(0.25, abs=0.06)
    assert_close(added[~dropped], whole[~dropped] / 0.75, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", BACKBONES)
def test_drop_path_reaches_every_backbone(noise, name):
    block, tokens = BACKBONES[name](24, 0.5, False), noise(3, 4, 24)
    assert block.drop_path == 0.5
    assert torch.equal(block.eval()(tokens), block(tokens))
    block.drop_path = 1.0
    assert torch.equal(block.train()(tokens), tokens)


# LSTM and Transformer


def lstm_by_step(layer, tokens):
    """The LSTM's formulas; PyTorch keeps the four gates' weights in one matrix, and two biases."""
    forms = layer.lstm
    h = c = tokens.new_zeros(len(tokens), tokens.shape[-1])
    hs = []
    for x in tokens.unbind(1):
        sums = x @ forms.weight_ih_l0.T + forms.bias_ih_l0 + h @ forms.weight_hh_l0.T + forms.bias_hh_l0
        entry, forget, new, leave = sums.chunk(4, dim=-1)
        c = forget.sigmoid() * c + entry.sigmoid() * new.tanh()
        h = leave.sigmoid() * c.tanh()
        hs.append(h)
    return torch.stack(hs, dim=1)


@pytest.mark.parametrize("T", [1, 40])
def test_lstm_agrees_with_itself_a_frame_at_a_time(module, noise, T):
    layer = module(LSTM, 24).double()
    assert_same_with_gradients(layer, lstm_by_step, noise(2, T, 24).double(), noise(2, T, 24).double())


def test_without_drop_path_the_transformer_is_the_block_of_layers(noise):
    block, tokens = TransformerBlock(96), noise(2, 7, 96)
    plain = Block(96, 2)
    plain.load_state_dict(block.state_dict())
    assert_close(block(tokens), plain(tokens))


def test_heads_of_the_transformer_are_32_to_64_wide_except_in_tiny_ones():
    assert [BACKBONES["transformer"](width, 0.0, True).attention.heads for width in WIDTHS] == [1, 1, 2, 3, 4, 6]


# Retention


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
def test_retention_agrees_with_itself_a_frame_at_a_time(module, noise, T, width):
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


# RWKV


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
def test_rwkv_agrees_with_itself_a_frame_at_a_time(module, noise, T, width):
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
    assert [RWKV(width).time_mixing.heads for width in [*WIDTHS, 67]] == [1, 1, 2, 2, 3, 4, 67]


def test_rwkv_bears_any_decay(module, noise):
    """Rates from none to all, far beyond where exp leaves float32's range."""
    layer, tokens = module(RWKV, 24), noise(2, 30, 24)
    with torch.no_grad():
        layer.time_mixing.decay.copy_(torch.linspace(-200, 200, 24))
    assert_close(layer(tokens), rwkv_by_step(layer, tokens), atol=1e-4, rtol=1e-4)
    layer(tokens).square().sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in layer.parameters())


# All of them


@pytest.mark.parametrize("mixer", MIXERS)
@pytest.mark.parametrize("t", [0, 12, 24])
def test_a_mixer_does_not_look_ahead(module, noise, mixer, t):
    layer, tokens = module(mixer, 24), noise(2, 25, 24)
    changed = tokens.clone()
    changed[:, t] += noise(24)
    close = torch.isclose(layer(tokens), layer(changed), atol=1e-6, rtol=1e-5).all(dim=-1).all(dim=0)
    assert close.tolist() == [True] * t + [False] * (25 - t)


@pytest.mark.parametrize("name", BACKBONES)
def test_every_frame_sees_every_other(module, noise, name):
    block, tokens = module(BACKBONES[name], 24, 0.0, False), noise(1, 6, 24).requires_grad_()
    for t in range(6):
        (gradient,) = torch.autograd.grad(block(tokens)[0, t].square().sum(), tokens)
        assert (gradient.abs().sum(dim=-1) > 0).all()


@pytest.mark.parametrize("name", BACKBONES)
def test_videos_are_not_mixed(module, noise, name):
    block, tokens = module(BACKBONES[name], 24, 0.0, False), noise(3, 6, 24)
    assert_close(block(tokens)[1:2], block(tokens[1:2]))


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("name", BACKBONES)
def test_every_parameter_learns_from_the_first_step(noise, name, tied):
    block = BACKBONES[name](24, 0.0, tied)
    block(noise(3, 7, 24)).mul(noise(3, 7, 24)).sum().backward()
    for key, parameter in block.named_parameters():
        assert parameter.grad.abs().sum() > 0, key


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", BACKBONES)
def test_any_width_and_number_of_frames(noise, name, width):
    block = BACKBONES[name](width, 0.0, False)
    with torch.no_grad():
        for T in (1, 8, 25, 30):
            tokens = noise(2, T, width)
            mixed = block(tokens)
            assert mixed.shape == tokens.shape
            assert mixed.isfinite().all()
            assert (mixed - tokens).abs().mean() > 1e-3


@pytest.mark.parametrize("name", BACKBONES)
def test_long_videos_give_finite_values_and_gradients(noise, name):
    block, tokens = BACKBONES[name](32, 0.0, False), noise(1, 300, 32).requires_grad_()
    mixed = block(tokens)
    mixed.square().mean().backward()
    assert mixed.isfinite().all()
    for gradient in [tokens.grad, *(parameter.grad for parameter in block.parameters())]:
        assert gradient.isfinite().all()


@pytest.mark.parametrize("name", BACKBONES)
def test_autocast_agrees_with_single_precision(module, noise, name):
    block, tokens = module(BACKBONES[name], 32, 0.0, False), noise(2, 30, 32)
    wanted = block(tokens)
    with torch.autocast("cpu", torch.bfloat16):
        found = block(tokens)
        loss = found.float().square().mean()
    loss.backward()
    assert (found - wanted).abs().max() <= 0.03 * wanted.abs().max()
    for key, parameter in block.named_parameters():
        assert parameter.grad.dtype == torch.float32, key
        assert parameter.grad.isfinite().all(), key


@pytest.mark.parametrize("name", BACKBONES)
def test_equal_seeds_make_equal_blocks(noise, name):
    blocks = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        blocks.append(BACKBONES[name](24, 0.0, False))
    (one, same, other), tokens = (block.state_dict() for block in blocks), noise(2, 5, 24)
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert torch.equal(blocks[0](tokens), blocks[1](tokens))
    assert any(not torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("name", BACKBONES)
def test_xavier_spares_what_has_a_start_of_its_own(name):
    block = BACKBONES[name](24, 0.0, False)
    linear = {id(part.weight) for part in block.modules() if isinstance(part, nn.Linear)}
    spared = {id(p) for part in block.modules() if isinstance(part, KEEPS_OWN_INIT) for p in part.parameters()}
    before = {key: parameter.clone() for key, parameter in block.named_parameters()}
    xavier(block, KEEPS_OWN_INIT)
    for key, parameter in block.named_parameters():
        if "bias" not in key:  # zero or not, as they were made
            assert torch.equal(parameter, before[key]) == (id(parameter) in spared or id(parameter) not in linear), key


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", BACKBONES)
def test_cuda_agrees_with_the_cpu(module, noise, name):
    block, tokens = module(BACKBONES[name], 32, 0.0, False), noise(2, 30, 32)
    wanted = block(tokens)
    assert_close(block.cuda()(tokens.cuda()).cpu(), wanted, atol=1e-3, rtol=1e-3)
