"""The parts of the networks, against values worked by hand and against twins written out head by head."""

import math

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention
from torch.testing import assert_close

from ssvh_lib.nn.layers import (
    Attention,
    Block,
    HashLayer,
    frame_index,
    put_frames,
    sign_ste,
    sinusoidal_positions,
    take_frames,
    xavier,
)


@pytest.fixture
def module(noise):
    """Make a module and sets all its parameters to noise, so that no bias is zero and no gain is one."""

    def make(kind, *arguments):
        made = kind(*arguments)
        with torch.no_grad():
            for parameter in made.parameters():
                parameter.copy_(0.3 * noise(*parameter.shape))
        return made

    return make


# Signs


def test_signs_and_their_straight_through_gradient_by_hand():
    values = torch.tensor([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0], requires_grad=True)
    signs = sign_ste(values)
    assert signs.tolist() == [-1, -1, -1, -1, 1, 1, 1]  # zero is -1, as in codes.py
    signs.backward(torch.tensor([1.0, 2, 3, 4, 5, 6, 7]))
    assert values.grad.tolist() == [0, 0, 3, 4, 5, 0, 0]  # unchanged inside (-1, 1)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_signs_keep_the_type_of_their_values(dtype):
    assert sign_ste(torch.tensor([0.1, -0.1], dtype=dtype)).dtype == dtype


def test_a_hash_layer_is_linear_norm_sign(module, noise):
    layer, tokens = module(HashLayer, 5, 16), noise(2, 3, 5)
    values = tokens @ layer.linear.weight.T + layer.linear.bias
    spread = values.var(dim=-1, correction=0, keepdim=True).add(1e-5).sqrt()
    normed = (values - values.mean(dim=-1, keepdim=True)) / spread * layer.norm.weight + layer.norm.bias
    codes = layer(tokens)
    assert codes.shape == (2, 3, 16)
    assert_close(codes, torch.where(normed > 0, 1.0, -1.0))
    assert codes.unique().tolist() == [-1, 1]


def test_a_hash_layer_learns_through_its_signs(module, noise):
    layer = module(HashLayer, 5, 16)
    layer(noise(2, 3, 5)).mul(noise(2, 3, 16)).sum().backward()
    for parameter in layer.parameters():
        assert parameter.grad.abs().sum() > 0


# Positions


def test_positions_are_sines_and_cosines_of_falling_rate():
    codes = sinusoidal_positions(3, 4)
    wanted = [[math.sin(t), math.cos(t), math.sin(t / 100), math.cos(t / 100)] for t in range(3)]  # 10000^(2/4) = 100
    assert_close(codes, torch.tensor(wanted))


@pytest.mark.parametrize("width", [5, 192])
def test_every_frame_has_a_position_of_its_own(width):
    codes = sinusoidal_positions(30, width)
    assert codes.shape == (30, width)
    assert torch.cdist(codes, codes).add(torch.eye(30)).min() > 0.1


# Attention


def head_by_head(attention, tokens):
    """Self-attention of one video ``(T, C)``, a head and a token at a time."""
    inner = attention.heads * attention.head_width
    query, key, value = attention.qkv.weight.split(inner)
    mixed = torch.zeros(len(tokens), inner)
    for head in range(attention.heads):
        own = slice(head * attention.head_width, (head + 1) * attention.head_width)
        for t, token in enumerate(tokens):
            asked = query[own] @ token + attention.query_bias[own]
            scores = torch.stack([asked @ (key[own] @ other) for other in tokens]) / attention.head_width**0.5
            weights = scores.exp() / scores.exp().sum()
            offered = torch.stack([value[own] @ other + attention.value_bias[own] for other in tokens])
            mixed[t, own] = weights @ offered
    return mixed @ attention.out.weight.T + attention.out.bias


@pytest.mark.parametrize(("width", "heads"), [(12, 3), (12, 1), (16, 6)])  # 6 heads of 2 leave 4 of 16 columns out
def test_attention_agrees_with_its_twin_head_by_head(module, noise, width, heads):
    attention, tokens = module(Attention, width, heads), noise(2, 5, width)
    assert_close(attention(tokens), torch.stack([head_by_head(attention, video) for video in tokens]))


def test_attention_agrees_with_pytorchs(module, noise):
    attention, tokens = module(Attention, 24, 4), noise(3, 7, 24)
    query, key, value = (tokens @ weight.T for weight in attention.qkv.weight.chunk(3))
    query, value = query + attention.query_bias, value + attention.value_bias
    heads = [part.view(3, 7, 4, 6).transpose(1, 2) for part in (query, key, value)]
    mixed = scaled_dot_product_attention(*heads).transpose(1, 2).reshape(3, 7, 24)
    assert_close(attention(tokens), attention.out(mixed))


def test_six_heads_on_width_256_are_42_wide_as_in_the_released_model():
    attention = Attention(256, 6)
    shapes = {name: tuple(parameter.shape) for name, parameter in attention.named_parameters()}
    assert shapes == {
        "query_bias": (252,),
        "value_bias": (252,),
        "qkv.weight": (756, 256),
        "out.weight": (256, 252),
        "out.bias": (256,),
    }


def test_a_block_normalises_first_and_adds_to_its_input(module, noise):
    block, tokens = module(Block, 8, 2), noise(2, 5, 8)
    norm = torch.nn.functional.layer_norm
    middle = tokens + block.attention(
        norm(tokens, (8,), block.attention_norm.weight, block.attention_norm.bias, eps=1e-6)
    )
    hidden = norm(middle, (8,), block.mlp_norm.weight, block.mlp_norm.bias, eps=1e-6)
    hidden = hidden @ block.mlp[0].weight.T + block.mlp[0].bias
    hidden = hidden * 0.5 * (1 + torch.erf(hidden / 2**0.5))  # GELU by its definition, not its tanh approximation
    assert hidden.shape == (2, 5, 32)
    assert_close(block(tokens), middle + hidden @ block.mlp[2].weight.T + block.mlp[2].bias)


def test_a_block_does_not_know_the_order_of_frames(module, noise):
    block, tokens, order = module(Block, 8, 2), noise(2, 6, 8), torch.tensor([3, 0, 5, 1, 4, 2])
    assert_close(block(tokens[:, order]), block(tokens)[:, order])


def test_a_block_does_not_mix_videos(module, noise):
    block, tokens = module(Block, 8, 2), noise(3, 6, 8)
    assert_close(block(tokens)[1:2], block(tokens[1:2]))


def test_xavier_sets_linear_layers_and_no_others(module):
    block = module(Block, 64, 2)
    before = block.attention_norm.weight.clone()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        block.apply(xavier)
    weight, bound = block.mlp[0].weight, (6 / (64 + 256)) ** 0.5
    assert 0.99 * bound < weight.abs().max() <= bound
    assert weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.02)
    assert block.mlp[0].bias.abs().max() == 0
    assert_close(block.attention_norm.weight, before)


# Choice of frames


def test_the_index_lists_visible_frames_in_temporal_order():
    visible = torch.tensor([[1, 0, 0, 1, 1], [0, 1, 1, 0, 1]], dtype=torch.bool)
    assert frame_index(visible, 3).tolist() == [[0, 3, 4], [1, 2, 4]]
    assert frame_index(~visible, 2).tolist() == [[1, 2], [0, 3]]


def test_taking_frames_and_putting_them_back_restores_them(noise):
    tokens = noise(4, 9, 3)
    visible = noise(4, 9).argsort(dim=1) < 5
    seen, unseen = frame_index(visible, 5), frame_index(~visible, 4)
    blank = noise(3)
    canvas = put_frames(take_frames(tokens, seen), seen, blank, 9)
    assert_close(canvas, torch.where(visible[..., None], tokens, blank))
    assert_close(take_frames(canvas, seen), take_frames(tokens, seen))
    assert_close(canvas.scatter(1, unseen[..., None].expand(-1, -1, 3), take_frames(tokens, unseen)), tokens)


def test_frames_come_in_the_order_of_the_index():
    tokens = torch.tensor([[[10.0], [11.0], [12.0]]])
    assert take_frames(tokens, torch.tensor([[2, 0]])).flatten().tolist() == [12, 10]


def test_gradients_reach_tokens_and_blank(noise):
    tokens, blank = noise(2, 3, 4).requires_grad_(), noise(4).requires_grad_()
    index = torch.tensor([[0, 2, 4], [1, 2, 3]])
    put_frames(tokens, index, blank, 5).sum().backward()
    assert_close(tokens.grad, torch.ones(2, 3, 4))
    assert_close(blank.grad, torch.full((4,), 4.0))  # two blank frames in each of two videos
