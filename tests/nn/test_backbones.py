"""The block against its formula, the LSTM a frame at a time, and what all backbones must do."""

import pytest
import torch
from torch import nn
from torch.nn.functional import layer_norm
from torch.testing import assert_close

from ssvh_lib.nn.backbones import BACKBONES, KEEPS_OWN_INIT, LSTM, BidirectionalBlock, TransformerBlock
from ssvh_lib.nn.layers import Block, xavier
from ssvh_lib.nn.mamba import Mamba
from ssvh_lib.nn.retention import Retention
from ssvh_lib.nn.rwkv import RWKV

MIXERS = [Mamba, LSTM, Retention, RWKV]
WIDTHS = [24, 32, 96, 128, 192, 256]


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
def test_lstm_agrees_with_itself_a_frame_at_a_time(module, noise, assert_same_with_gradients, T):
    layer = module(LSTM, 24).double()
    assert_same_with_gradients(layer, lstm_by_step, noise(2, T, 24).double(), noise(2, T, 24).double())


def test_without_drop_path_the_transformer_is_the_block_of_layers(noise):
    block, tokens = TransformerBlock(96), noise(2, 7, 96)
    plain = Block(96, 2)
    plain.load_state_dict(block.state_dict())
    assert_close(block(tokens), plain(tokens))


def test_heads_of_the_transformer_are_32_to_64_wide_except_in_tiny_ones():
    assert [BACKBONES["transformer"](width, 0.0, True).attention.heads for width in WIDTHS] == [1, 1, 2, 3, 4, 6]


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
def test_xavier_leaves_alone_what_keeps_its_own_init(name):
    block = BACKBONES[name](24, 0.0, False)
    linear = {id(part.weight) for part in block.modules() if isinstance(part, nn.Linear)}
    kept = {id(p) for part in block.modules() if isinstance(part, KEEPS_OWN_INIT) for p in part.parameters()}
    before = {key: parameter.clone() for key, parameter in block.named_parameters()}
    xavier(block, KEEPS_OWN_INIT)
    for key, parameter in block.named_parameters():
        if "bias" not in key:  # zero or not, as they were made
            assert torch.equal(parameter, before[key]) == (id(parameter) in kept or id(parameter) not in linear), key


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", BACKBONES)
def test_cuda_agrees_with_the_cpu(module, noise, name):
    block, tokens = module(BACKBONES[name], 32, 0.0, False), noise(2, 30, 32)
    wanted = block(tokens)
    assert_close(block.cuda()(tokens.cuda()).cpu(), wanted, atol=1e-3, rtol=1e-3)
