"""RWKV-6 "Finch" (Peng et al., 2024, arXiv 2404.05892): a recurrence whose decays depend on its input.

Shapes: B videos, T frames, C width, H heads, K width of a head, R rank. The vectors of frames are rows.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu, silu

from .layers import split_heads


class RWKV(nn.Module):
    """A block of RWKV-6 ``(B, T, C) -> (B, T, C)``: time mixing, then channel mixing, both with a residual connection.

    S5VH puts the whole block, with its own norms and sums, in Mamba's place. RWKV's authors start the output matrices
    at zero; here they are initialised as any linear layer, so that all parameters have a gradient from the first step.
    """

    def __init__(self, width: int):
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.time_mixing, self.channel_mixing = _TimeMixing(width), _ChannelMixing(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Mix each frame with those before it, then its channels with those of the frame before."""
        tokens = tokens + self.time_mixing(self.norms[0](tokens))
        output: Tensor = tokens + self.channel_mixing(self.norms[1](tokens))
        return output


class _TimeMixing(nn.Module):
    """RWKV-6's time mixing ``(B, T, C) -> (B, T, C)``: ``wkv``, with decays that depend on the frames, and a gate.

    Each frame x and the one before, x', are mixed in five ways, with shares ``(C,)`` that depend on the frames::

        x_i = x + (x' - x) * (mu_i + tanh((x + (x' - x) * mu) A) B_i)        i = w, k, v, r, g
        w = exp(-exp(omega + tanh(x_w A_w) B_w)),        k, v, r, g = x_i W_i
        y = (silu(g) * norm(wkv(r, k, v, w))) O        norm of each head by itself

    Shares, decays and bonus are initialised as in the first layer of the authors' code; the low-rank A and B within
    ±1e-4, as in S5VH's (theirs have A = 0). A head is as wide as the largest divisor of C up to 64, their width.
    """

    def __init__(self, width: int, shift_rank: int = 32, decay_rank: int = 64):
        super().__init__()
        self.heads = next(heads for heads in range(1, width + 1) if width % heads == 0 and width <= 64 * heads)
        self.shift = _TokenShift(width, [1.0, 1.0, 1.0, 0.5, 0.5], shift_rank)
        self.decay = nn.Parameter(5 * torch.linspace(0, 1, width) ** 0.7 - 6)  # omega
        self.decay_down, self.decay_up = _near_zero(width, decay_rank), _near_zero(decay_rank, width)
        self.bonus = nn.Parameter(0.1 * ((torch.arange(width) + 1) % 3 - 1))  # u of wkv
        self.key, self.value, self.receptance = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.gate, self.output = (nn.Linear(width, width, bias=False) for _ in range(2))
        self.norm = nn.GroupNorm(self.heads, width, eps=64e-5)

    def forward(self, tokens: Tensor) -> Tensor:
        w, k, v, r, g = self.shift(tokens)  # (B, T, C) each
        r, k, v, g = self.receptance(r), self.key(k), self.value(v), self.gate(g)
        w = self.decay + torch.tanh(w @ self.decay_down) @ self.decay_up
        w = torch.exp(-torch.exp(w.clamp(max=4)))  # 2e-24 at 4; far above, gradients would be 0 * inf
        mixed = wkv(*(split_heads(values, self.heads) for values in (r, k, v, w, self.bonus[None, None])))
        mixed = self.norm(mixed.transpose(1, 2).reshape(-1, self.norm.num_channels)).view_as(tokens)
        output: Tensor = self.output(mixed * silu(g))
        return output


class _ChannelMixing(nn.Module):
    """RWKV-6's channel mixing ``(B, T, C) -> (B, T, C)``: ``sigmoid(x_r R) * (relu(x_k K)² V)``, 3.5 C wide inside."""

    def __init__(self, width: int):
        super().__init__()
        self.shift = _TokenShift(width, [1.0, 1.0])
        inner = int(3.5 * width)
        self.key, self.value = nn.Linear(width, inner, bias=False), nn.Linear(inner, width, bias=False)
        self.receptance = nn.Linear(width, width, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        k, r = self.shift(tokens)
        output: Tensor = torch.sigmoid(self.receptance(r)) * self.value(relu(self.key(k)).square())
        return output


class _TokenShift(nn.Module):
    """RWKV's token shift: n mixtures ``(n, B, T, C)`` of each frame and the one before it; zeros before the first.

    The n shares of the one before start at 1 - (c / C)^power in channel c. With ``rank``, they depend on the frames.
    """

    def __init__(self, width: int, powers: list[float], rank: int | None = None):
        super().__init__()
        place, count = torch.arange(width) / width, len(powers)
        self.shares = nn.Parameter(1 - place ** torch.tensor(powers)[:, None])  # (n, C)
        self.rank = rank
        if rank:
            self.first_share = nn.Parameter(1 - place)  # of the frame before, in the input of the low-rank map
            self.down, self.up = _near_zero(width, count * rank), _near_zero(count, rank, width)

    def forward(self, tokens: Tensor) -> Tensor:
        step = pad(tokens, (0, 0, 1, -1)) - tokens
        shares = self.shares[:, None, None]  # (n, 1, 1, C)
        if self.rank:
            low = torch.tanh((tokens + step * self.first_share) @ self.down)  # (B, T, n R)
            shares = shares + torch.einsum("btnr,nrc->nbtc", torch.unflatten(low, -1, (-1, self.rank)), self.up)
        return tokens + step * shares


def wkv(r: Tensor, k: Tensor, v: Tensor, w: Tensor, u: Tensor) -> Tensor:
    """Return the weighted key-values of RWKV-6 ``(B, H, T, K)``.

    The receptances ``r``, keys ``k``, values ``v`` and decays ``w``, in (0, 1), have the same shape. The state of a
    head is a matrix S ``(K, K)``, and ``u (1, H, 1, K)`` is a bonus for the frame itself::

        y_t = r_t (S_{t-1} + (u * k_t)^T v_t),        S_t = diag(w_t) S_{t-1} + k_t^T v_t

    Faster where T < K, and equal, is to let the keys decay: by frame t, k_i has become k_i * w_{i+1} * ... * w_{t-1},
    and v_i has the weight r_t k_i^T. Nothing is divided by decays, which may be 0. Computed in float32 at least; memory
    grows with T².
    """
    dtype, frames = torch.promote_types(r.dtype, torch.float32), r.shape[2]
    with torch.autocast(r.device.type, enabled=False):
        r, k, v, w = (values.to(dtype) for values in (r, k, v, w))
        decayed, rows = k[:, :, :0], []  # (B, H, t, K)
        for t, (r_t, k_t, w_t) in enumerate(zip(r.unbind(2), k.unbind(2), w.unbind(2), strict=True)):
            rows.append(pad((decayed @ r_t[..., None])[..., 0], (0, frames - t)))
            decayed = torch.cat([decayed * w_t[:, :, None], k_t[:, :, None]], dim=2)
        return torch.stack(rows, dim=2) @ v + (r * u * k).sum(dim=-1, keepdim=True) * v


def _near_zero(*shape: int) -> nn.Parameter:
    """Draw a parameter of this shape, uniform within ±1e-4."""
    return nn.Parameter(torch.empty(shape).uniform_(-1e-4, 1e-4))
