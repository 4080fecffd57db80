"""Ways to mix the frames of a video, and a block that runs a causal one in both directions.

S5VH (Wang et al., AAAI 2025) compares them as backbones. In Mamba, LSTM, Retention and RWKV, frame t sees itself and
the frames before it; a Transformer sees all frames at once, so it takes the place of the whole block.

Shapes: B videos, T frames, C width, H heads, K width of a head, R rank. The vectors of frames are rows.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, pad, relu, rms_norm, silu

from .layers import Block
from .mamba import Mamba


class BidirectionalBlock(nn.Module):
    """``x + DropPath(M1(LN1 x) + flip(M2(LN2 flip x)))`` on ``(B, T, C)``, of S5VH; no MLP.

    ``mixer`` makes M1 and M2 from the width. Drop-path leaves the sum out for whole videos, at ``drop_path`` in
    training. With ``tied``, M2 is M1, as the released code makes it in each forward pass; the norms stay two.
    """

    def __init__(self, width: int, mixer: Callable[[int], nn.Module], drop_path: float = 0.0, tied: bool = False):
        super().__init__()
        self.drop_path = drop_path
        self.norms = nn.ModuleList(nn.LayerNorm(width, eps=1e-6) for _ in range(2))
        self.mixers = nn.ModuleList(mixer(width) for _ in range(1 if tied else 2))

    def forward(self, tokens: Tensor) -> Tensor:
        """Add to each frame what came before it and what comes after it."""
        onward = self.mixers[0](self.norms[0](tokens))
        back = self.mixers[-1](self.norms[1](tokens.flip(1))).flip(1)
        return tokens + _kept(tokens, self.drop_path, self.training) * (onward + back)


class TransformerBlock(Block):
    """``x + DropPath(Block(x) - x)`` on ``(B, T, C)``, of ``layers.Block``; drop-path as above."""

    def __init__(self, width: int, drop_path: float = 0.0):
        super().__init__(width, heads=max(1, round(width / 43)))  # 6 at width 256, as in ConMH
        self.drop_path = drop_path

    def forward(self, tokens: Tensor) -> Tensor:
        """Mix the tokens, then change each by itself."""
        return tokens + _kept(tokens, self.drop_path, self.training) * (super().forward(tokens) - tokens)


def _kept(tokens: Tensor, drop_path: float, training: bool) -> Tensor:
    """What to multiply a branch by, ``(B, 1, 1)``: in training 0 or 1 / (1 - drop_path), else 1."""
    return dropout(tokens.new_ones(len(tokens), 1, 1), drop_path, training)


class LSTM(nn.Module):
    """Long short-term memory (Hochreiter & Schmidhuber, 1997): PyTorch's, one layer of C units, as it starts there."""

    def __init__(self, width: int):
        super().__init__()
        self.lstm = nn.LSTM(width, width, batch_first=True)

    def forward(self, tokens: Tensor) -> Tensor:
        """The output at each frame ``(B, T, C)``."""
        return self.lstm(tokens)[0]


class Retention(nn.Module):
    """RetNet's multi-scale retention (Sun et al., 2023, arXiv 2307.08621): attention without softmax that fades.

    Head h has queries and keys ``(T, K)``, values ``(T, 2K)``, a gate G as wide, and its rate gamma = 1 - 2^(-5-h)::

        D_nm = gamma^(n-m) if n >= m else 0,        W = (Q' K'^T / sqrt(K)) * D,        y = (swish(G) * norm(W V)) O

    Q' and K' are Q and K with columns j and j + K/2 turned, as a pair, by n theta_j in frame n, theta from 1 to 1e-4.
    Rows of D are divided by the roots of their sums, those of W by max(|sum|, 1). The norm divides a head's values by
    their root mean square, which undoes both: they keep numbers small. Values twice as wide as keys are the paper's;
    weights start as in the authors' torchscale. S5VH has four heads and no feed-forward half. K is even, and 4K <= C.
    """

    def __init__(self, width: int, heads: int = 4):
        super().__init__()
        self.heads, self.head_width = heads, width // (2 * heads) * 2
        inner = heads * self.head_width
        self.query, self.key = (nn.Linear(width, inner, bias=False) for _ in range(2))
        self.value, self.gate = (nn.Linear(width, 2 * inner, bias=False) for _ in range(2))
        self.out = nn.Linear(2 * inner, width, bias=False)
        for part in (self.query, self.key, self.value, self.gate):
            nn.init.xavier_uniform_(part.weight, gain=2**-2.5)
        nn.init.xavier_uniform_(self.out.weight)
        self.register_buffer("log_gamma", torch.log1p(-(2.0 ** (-5 - torch.arange(heads)))), persistent=False)
        self.register_buffer("theta", 10_000 ** -torch.linspace(0, 1, self.head_width // 2), persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Mix each frame with those before it."""
        query, key = self._turned(self.query(tokens)), self._turned(self.key(tokens))  # (B, H, T, K)
        weights = query @ (key * self.head_width**-0.5).mT * self._fading(tokens.shape[1])  # (B, H, T, T)
        weights = weights / weights.detach().sum(dim=-1, keepdim=True).abs().clamp(min=1)  # a constant, as it is undone
        mixed = rms_norm(weights @ _split(self.value(tokens), self.heads), (2 * self.head_width,), eps=1e-6)
        return self.out(silu(self.gate(tokens)) * mixed.transpose(1, 2).flatten(2))

    def _turned(self, values: Tensor) -> Tensor:
        angle = torch.arange(values.shape[1], device=values.device)[:, None] * self.theta  # (T, K/2)
        cos, sin = angle.cos(), angle.sin()
        one, other = _split(values, self.heads).chunk(2, dim=-1)
        return torch.cat([one * cos - other * sin, one * sin + other * cos], dim=-1)

    def _fading(self, frames: int) -> Tensor:
        n = torch.arange(frames, device=self.log_gamma.device)
        fading = torch.exp((n[:, None] - n).clamp(min=0) * self.log_gamma[:, None, None]).tril()
        return fading / fading.sum(dim=-1, keepdim=True).sqrt()


class RWKV(nn.Module):
    """A block of RWKV-6 "Finch" (Peng et al., 2024, arXiv 2404.05892): time mixing, then channel mixing, both added.

    S5VH puts the whole block, with its own norms and sums, in Mamba's place. RWKV's authors start the output matrices
    at zero; here they start as any linear layer, so that all parameters have a gradient from the first step.
    """

    def __init__(self, width: int):
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.time_mixing, self.channel_mixing = _TimeMixing(width), _ChannelMixing(width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Mix each frame with those before it, then change it by itself and the one before."""
        tokens = tokens + self.time_mixing(self.norms[0](tokens))
        return tokens + self.channel_mixing(self.norms[1](tokens))


class _TimeMixing(nn.Module):
    """RWKV-6's time mixing ``(B, T, C) -> (B, T, C)``: ``wkv``, with decays that depend on the frames, and a gate.

    Each frame x and the one before, x', are mixed in five ways, with shares ``(C,)`` that depend on the frames::

        x_i = x + (x' - x) * (mu_i + tanh((x + (x' - x) * mu) A) B_i)        i = w, k, v, r, g
        w = exp(-exp(omega + tanh(x_w A_w) B_w)),        k, v, r, g = x_i W_i
        y = (silu(g) * norm(wkv(r, k, v, w))) O        norm of each head by itself

    Shares, decays and bonus start as in the first layer of the authors' code; the low-rank A and B within ±1e-4, as in
    S5VH's (theirs have A = 0). A head is as wide as the largest divisor of C up to 64, their width.
    """

    def __init__(self, width: int, shift_rank: int = 32, decay_rank: int = 64):
        super().__init__()
        self.heads = next(heads for heads in range(1, width + 1) if width % heads == 0 and width <= 64 * heads)
        self.shift = _Shift(width, [1.0, 1.0, 1.0, 0.5, 0.5], shift_rank)
        self.decay = nn.Parameter(5 * torch.linspace(0, 1, width) ** 0.7 - 6)  # omega
        self.decay_down, self.decay_up = _small(width, decay_rank), _small(decay_rank, width)
        self.bonus = nn.Parameter(0.1 * ((torch.arange(width) + 1) % 3 - 1))  # u of wkv
        self.key, self.value, self.receptance = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.gate, self.output = (nn.Linear(width, width, bias=False) for _ in range(2))
        self.norm = nn.GroupNorm(self.heads, width, eps=64e-5)

    def forward(self, tokens: Tensor) -> Tensor:
        w, k, v, r, g = self.shift(tokens)  # (B, T, C) each
        r, k, v, g = self.receptance(r), self.key(k), self.value(v), self.gate(g)
        w = self.decay + torch.tanh(w @ self.decay_down) @ self.decay_up
        w = torch.exp(-torch.exp(w.clamp(max=4)))  # 2e-24 at 4; far above, gradients would be 0 * inf
        mixed = wkv(*(_split(values, self.heads) for values in (r, k, v, w, self.bonus[None, None])))
        mixed = self.norm(mixed.transpose(1, 2).reshape(-1, self.norm.num_channels)).view_as(tokens)
        return self.output(mixed * silu(g))


class _ChannelMixing(nn.Module):
    """RWKV-6's channel mixing ``(B, T, C) -> (B, T, C)``: ``sigmoid(x_r R) * (relu(x_k K)² V)``, inside 3.5 C wide."""

    def __init__(self, width: int):
        super().__init__()
        self.shift = _Shift(width, [1.0, 1.0])
        inner = int(3.5 * width)
        self.key, self.value = nn.Linear(width, inner, bias=False), nn.Linear(inner, width, bias=False)
        self.receptance = nn.Linear(width, width, bias=False)

    def forward(self, tokens: Tensor) -> Tensor:
        k, r = self.shift(tokens)
        return torch.sigmoid(self.receptance(r)) * self.value(relu(self.key(k)).square())


class _Shift(nn.Module):
    """RWKV's token shift: mixtures ``(n, B, T, C)`` of each frame and the one before it; before the first are zeros.

    The n shares of the one before start at 1 - (c / C)^power in channel c. With ``rank``, they depend on the frames.
    """

    def __init__(self, width: int, powers: list[float], rank: int | None = None):
        super().__init__()
        place, count = torch.arange(width) / width, len(powers)
        self.shares = nn.Parameter(1 - place ** torch.tensor(powers)[:, None])  # (n, C)
        self.rank = rank
        if rank:
            self.first_share = nn.Parameter(1 - place)  # of what goes into the map
            self.down, self.up = _small(width, count * rank), _small(count, rank, width)

    def forward(self, tokens: Tensor) -> Tensor:
        step = pad(tokens, (0, 0, 1, -1)) - tokens
        shares = self.shares[:, None, None]  # (n, 1, 1, C)
        if self.rank:
            low = torch.tanh((tokens + step * self.first_share) @ self.down)  # (B, T, n R)
            shares = shares + torch.einsum("btnr,nrc->nbtc", low.unflatten(-1, (-1, self.rank)), self.up)
        return tokens + step * shares


def _split(values: Tensor, heads: int) -> Tensor:
    return values.unflatten(-1, (heads, -1)).transpose(1, 2)  # (B, H, T, K)


def _small(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.empty(shape).uniform_(-1e-4, 1e-4))


def wkv(r: Tensor, k: Tensor, v: Tensor, w: Tensor, u: Tensor) -> Tensor:
    """Weighted key-values of RWKV-6 ``(B, H, T, K)``, from as many receptances, keys, values and decays in (0, 1).

    Each head has a matrix S ``(K, K)`` as its state, and a bonus ``u (1, H, 1, K)`` for the frame itself::

        y_t = r_t (S_{t-1} + (u * k_t)^T v_t),        S_t = diag(w_t) S_{t-1} + k_t^T v_t

    The same, faster where T < K, is that keys fade: k_i is k_i * w_{i+1} * ... * w_{t-1} by frame t, and its v_i counts
    r_t k_i^T. Nothing is divided by decays, which may be 0. Computed in float32 at least; memory grows with T².
    """
    dtype, frames = torch.promote_types(r.dtype, torch.float32), r.shape[2]
    with torch.autocast(r.device.type, enabled=False):
        r, k, v, w = (values.to(dtype) for values in (r, k, v, w))
        faded, rows = k[:, :, :0], []  # (B, H, t, K)
        for t, (r_t, k_t, w_t) in enumerate(zip(r.unbind(2), k.unbind(2), w.unbind(2), strict=True)):
            rows.append(pad((faded @ r_t[..., None])[..., 0], (0, frames - t)))
            faded = torch.cat([faded * w_t[:, :, None], k_t[:, :, None]], dim=2)
        return torch.stack(rows, dim=2) @ v + (r * u * k).sum(dim=-1, keepdim=True) * v


def _both_ways(mixer: Callable[[int], nn.Module]) -> Callable[..., nn.Module]:
    return lambda width, drop_path=0.0, tied=False: BidirectionalBlock(width, mixer, drop_path, tied)


# (width, drop_path, tied) -> block. To the Transformer, which has no two directions, ``tied`` means nothing.
BACKBONES: dict[str, Callable[..., nn.Module]] = {
    "mamba": _both_ways(Mamba),
    "transformer": lambda width, drop_path=0.0, tied=False: TransformerBlock(width, drop_path),
    "lstm": _both_ways(LSTM),
    "retnet": _both_ways(Retention),
    "rwkv": _both_ways(RWKV),
}

# For ``layers.xavier`` to spare: Mamba forgets without its start (``mamba.py``), and Retention's linear layers start at
# their authors' scale. What matters in LSTM and RWKV are parameters of their own, which ``xavier`` does not reach.
KEEPS_OWN_INIT: tuple[type[nn.Module], ...] = (Mamba, Retention)
