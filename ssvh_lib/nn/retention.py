"""Retention, the sequence mixer of RetNet (Sun et al., 2023, arXiv 2307.08621).

Shapes: B videos, T frames, C width, H heads, K width of a head. The vectors of frames are rows.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import rms_norm, silu

from .layers import split_heads


class Retention(nn.Module):
    """Multi-scale retention ``(B, T, C) -> (B, T, C)``: attention without softmax that decays with distance in time.

    Head h has queries and keys ``(T, K)``, values ``(T, 2K)``, a gate G as wide, and its decay gamma = 1 - 2^(-5-h)::

        D_nm = gamma^(n-m) if n >= m else 0,        W = (Q' K'^T / sqrt(K)) * D,        y = (swish(G) * norm(W V)) O

    Q' and K' are Q and K with columns j and j + K/2 rotated, as a pair, by n theta_j in frame n, theta from 1 to 1e-4.
    Rows of D are divided by the roots of their sums, those of W by max(|sum|, 1). The norm divides a head's values by
    their root mean square, which cancels both: they only keep numbers small. Values twice as wide as keys are the
    paper's; weights are initialised as in the authors' torchscale. S5VH uses four heads and leaves out the feed-forward
    half. K is even, and 4K <= C.
    """

    log_gamma: Tensor
    theta: Tensor

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
        query, key = self._rotated(self.query(tokens)), self._rotated(self.key(tokens))  # (B, H, T, K)
        weights = query @ (key * self.head_width**-0.5).mT * self._decay_mask(tokens.shape[1])  # (B, H, T, T)
        weights = weights / weights.detach().sum(dim=-1, keepdim=True).abs().clamp(min=1)  # no gradient: it cancels
        mixed = rms_norm(weights @ split_heads(self.value(tokens), self.heads), (2 * self.head_width,), eps=1e-6)
        output: Tensor = self.out(silu(self.gate(tokens)) * mixed.transpose(1, 2).flatten(2))
        return output

    def _rotated(self, values: Tensor) -> Tensor:
        """Split ``values (B, T, H·K)`` into heads and rotate them by their place in time: ``(B, H, T, K)``."""
        angle = torch.arange(values.shape[1], device=values.device)[:, None] * self.theta  # (T, K/2)
        cos, sin = angle.cos(), angle.sin()
        real, imaginary = split_heads(values, self.heads).chunk(2, dim=-1)
        return torch.cat([real * cos - imaginary * sin, real * sin + imaginary * cos], dim=-1)

    def _decay_mask(self, frames: int) -> Tensor:
        """Return D for each head, ``(H, T, T)``, its rows divided by the roots of their sums."""
        n = torch.arange(frames, device=self.log_gamma.device)
        decay = torch.exp((n[:, None] - n).clamp(min=0) * self.log_gamma[:, None, None]).tril()
        return decay / decay.sum(dim=-1, keepdim=True).sqrt()
