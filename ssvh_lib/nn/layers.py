"""The parts that methods are put together from: hash layer, positions, Transformer block, choice of frames.

Shapes: B videos, T frames, V visible frames, C width, K bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..errors import SSVHError


class _SignSTE(torch.autograd.Function):
    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, values: Tensor) -> Tensor:
        ctx.save_for_backward(values)
        return torch.where(values > 0, 1.0, -1.0).to(values.dtype)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> Tensor:
        (values,) = ctx.saved_tensors
        return gradient * (values.abs() < 1)


def sign_ste(values: Tensor) -> Tensor:
    """Signs ±1 of ``values``, any shape; zero counts as −1.

    The gradient passes unchanged where |value| < 1 and is 0 elsewhere: the straight-through estimator of a
    hard sigmoid that this line of work shares, from SSTH (2016) to AutoSSVH (2025).
    """
    return _SignSTE.apply(values)


class HashLayer(nn.Module):
    """Tokens ``(…, C)`` -> codes ``(…, K)``: linear, LayerNorm, then ``squash``.

    That is the sign with straight-through gradient for codes of ±1, or tanh for soft ones.
    """

    def __init__(self, width: int, bits: int, squash: Callable[[Tensor], Tensor] = sign_ste):
        super().__init__()
        self.linear = nn.Linear(width, bits)
        self.norm = nn.LayerNorm(bits)
        self.squash = squash

    def forward(self, tokens: Tensor) -> Tensor:
        """The codes."""
        return self.squash(self.norm(self.linear(tokens)))


class _ReverseGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, values: Tensor) -> Tensor:
        return values.view_as(values)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, gradient: Tensor) -> Tensor:
        return -gradient


def reverse_gradient(values: Tensor) -> Tensor:
    """``values`` as they are; the gradient changes its sign (gradient reversal layer: Ganin & Lempitsky, 2015).

    What comes before it climbs the loss that what comes after it descends: a min-max game in one backward pass.
    """
    return _ReverseGradient.apply(values)


def sinusoidal_positions(frames: int, width: int) -> Tensor:
    """Fixed position codes ``(T, C)`` (Vaswani et al., 2017): even columns are sines, odd ones cosines."""
    column = torch.arange(width, dtype=torch.float64)  # rounded at the end, as the released code does
    angle = torch.arange(frames)[:, None] * torch.exp(-math.log(10_000.0) * 2 * (column // 2) / width)  # (T, C)
    return torch.where(column % 2 == 0, angle.sin(), angle.cos()).float()


class Attention(nn.Module):
    """Multi-head self-attention ``(B, T, C) -> (B, T, C)``, as in ConMH.

    Only queries and values have biases. A head is ``width // heads`` wide, so that 6 heads on width 256 are
    42 wide, and 252 together, in the released model.
    """

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads, self.head_width = heads, width // heads
        inner = self.heads * self.head_width
        self.qkv = nn.Linear(width, 3 * inner, bias=False)
        self.query_bias = nn.Parameter(torch.zeros(inner))
        self.value_bias = nn.Parameter(torch.zeros(inner))
        self.out = nn.Linear(inner, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Mix the tokens."""
        query, key, value = self._project(tokens)
        # Two plain products: at T <= 30 the fused attention is no faster, and its bfloat16 backward is slower on CPUs.
        mixed = self._weights(query, key) @ value  # (B, heads, T, w)
        return self.out(mixed.transpose(1, 2).reshape(*tokens.shape[:2], -1))

    def weights(self, tokens: Tensor) -> Tensor:
        """How much each token (third axis) attends to each other (last axis), ``(B, heads, T, T)``; rows sum to 1."""
        query, key, _ = self._project(tokens)
        return self._weights(query, key)

    def _weights(self, query: Tensor, key: Tensor) -> Tensor:
        return (query * self.head_width**-0.5 @ key.transpose(-2, -1)).softmax(dim=-1)

    def _project(self, tokens: Tensor) -> Tensor:
        """Queries, keys and values, ``(3, B, heads, T, w)``."""
        B, T, _ = tokens.shape
        bias = torch.cat([self.query_bias, torch.zeros_like(self.query_bias), self.value_bias])
        qkv = nn.functional.linear(tokens, self.qkv.weight, bias)  # (B, T, 3 * inner)
        return qkv.view(B, T, 3, self.heads, self.head_width).permute(2, 0, 3, 1, 4)


class Block(nn.Module):
    """Pre-norm Transformer block ``(B, T, C) -> (B, T, C)``: attention, then an MLP four times as wide; no dropout."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.attention_norm = nn.LayerNorm(width, eps=1e-6)
        self.attention = Attention(width, heads)
        self.mlp_norm = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, tokens: Tensor) -> Tensor:
        """Mix the tokens, then change each by itself."""
        tokens = tokens + self.attention(self.attention_norm(tokens))
        return tokens + self.mlp(self.mlp_norm(tokens))


def xavier(module: nn.Module, keeps_own_init: tuple[type[nn.Module], ...] = ()) -> None:
    """Draw Xavier-uniform weights and zero biases for the linear layers in ``module``, except in the parts given."""
    if isinstance(module, keeps_own_init):
        return
    for part in module.children():
        xavier(part, keeps_own_init)
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def visible_count(frames: int, mask_ratio: float) -> int:
    """V, how many of ``frames`` stay visible: the number of *masked* frames is rounded down, as in ConMH.

    Raises SSVHError unless at least one frame is visible and one masked.
    """
    count = frames - int(mask_ratio * frames)
    if not 0 < count < frames:
        raise SSVHError(
            f"mask_ratio must leave at least one of {frames} frames visible and one masked; "
            f"{mask_ratio} leaves {count} visible."
        )
    return count


def frame_index(visible: Tensor, count: int) -> Tensor:
    """Where ``visible (B, T)`` is True, in temporal order: ``(B, count)``; every row must hold ``count`` of them."""
    return (~visible).byte().argsort(dim=1, stable=True)[:, :count]


def take_frames(tokens: Tensor, index: Tensor) -> Tensor:
    """The tokens ``(B, T, C)`` at ``index (B, V)``: ``(B, V, C)``."""
    return tokens.gather(1, index[..., None].expand(-1, -1, tokens.shape[-1]))


def put_frames(tokens: Tensor, index: Tensor, blank: Tensor, frames: int) -> Tensor:
    """Tokens ``(B, V, C)`` at places ``index (B, V)`` among ``frames``, ``blank (C,)`` elsewhere: ``(B, T, C)``."""
    canvas = blank.to(tokens.dtype).expand(len(tokens), frames, -1)
    return canvas.scatter(1, index[..., None].expand_as(tokens), tokens)
