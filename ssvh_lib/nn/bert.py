"""The one-layer BERT encoder of BTH, DKPH and BerVAE, and the corruption of the frames that it is trained on.

Shapes: B videos, T frames, D feature size, C width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .layers import sinusoidal_positions


class BertEncoder(nn.Module):
    """Frames ``(B, T, D)`` -> hidden states ``(B, T, C)``, as in BTH's released code (github.com/Lily1994/BTH).

    A linear map plus fixed positions, then one pre-norm Transformer block with one attention head and an MLP
    ``growth`` times as wide. Dropout acts on the tokens, the attention, the MLP, both residual branches and the
    result. There is no norm at the end. Left out are the tables of word and segment embeddings that the released code
    holds and never reads, and the bias of the keys, which the softmax cancels.
    """

    positions: Tensor

    def __init__(self, features: int, width: int, frames: int, dropout: float = 0.1, growth: int = 4):
        super().__init__()
        self.embed = nn.Linear(features, width)
        self.attention_norm = SpreadNorm(width)
        self.attention = SingleHeadAttention(width, dropout)
        self.mlp_norm = SpreadNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, growth * width),
            nn.GELU(approximate="tanh"),
            nn.Dropout(dropout),
            nn.Linear(growth * width, width),
        )
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("positions", sinusoidal_positions(frames, width), persistent=False)

    def forward(self, frames: Tensor) -> Tensor:
        """Encode the frames."""
        tokens = self.dropout(self.embed(frames) + self.positions)
        tokens = tokens + self.dropout(self.attention(self.attention_norm(tokens)))
        states: Tensor = self.dropout(tokens + self.dropout(self.mlp(self.mlp_norm(tokens))))
        return states


class SingleHeadAttention(nn.Module):
    """Self-attention ``(B, T, C) -> (B, T, C)`` with one head as wide as the tokens and dropout on its weights."""

    def __init__(self, width: int, dropout: float):
        super().__init__()
        self.query, self.value, self.out = (nn.Linear(width, width) for _ in range(3))
        self.key = nn.Linear(width, width, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """Mix the tokens."""
        scores = self.query(tokens) @ self.key(tokens).transpose(-2, -1) / tokens.shape[-1] ** 0.5  # (B, T, T)
        attended: Tensor = self.out(self.dropout(scores.softmax(dim=-1)) @ self.value(tokens))
        return attended


class SpreadNorm(nn.Module):
    """LayerNorm with the unbiased standard deviation, to which 1e-6 is added, as in BTH's released code."""

    def __init__(self, width: int):
        super().__init__()
        self.gain, self.shift = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, tokens: Tensor) -> Tensor:
        """Give each of the tokens ``(…, C)`` mean 0 and standard deviation 1, before gain and shift."""
        tokens = tokens.float()
        deviation, mean = torch.std_mean(tokens, dim=-1, keepdim=True)
        return self.gain * (tokens - mean) / (deviation + 1e-6) + self.shift


def cloze(frames: Tensor, rng: torch.Generator, share: float = 0.15) -> Tensor:
    """Copy ``frames (B, T, D)`` and corrupt each frame with probability ``share``, as in BTH.

    Of the frames chosen 80 % become zero, 10 % become a random frame of another video, and 10 % stay as they are.
    Ours: that video is one of the batch, which stands for the training set. ``rng`` is on the device of ``frames``.
    """
    B, T = frames.shape[:2]
    device = frames.device
    chance = torch.rand(B, T, generator=rng, device=device)
    offset = torch.randint(1, max(B, 2), (B, T), generator=rng, device=device)
    video = (torch.arange(B, device=device)[:, None] + offset) % B
    other = frames[video, torch.randint(T, (B, T), generator=rng, device=device)]  # (B, T, D)
    corrupted = torch.where((chance < 0.9 * share)[..., None], other, frames)
    return corrupted.masked_fill((chance < 0.8 * share)[..., None], 0.0)
