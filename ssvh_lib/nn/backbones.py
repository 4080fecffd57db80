"""The backbones that S5VH (Wang et al., AAAI 2025) compares: causal mixers in both directions, and a Transformer.

In Mamba, LSTM, Retention and RWKV, frame t sees itself and the frames before it, so a bidirectional block holds two of
them; a Transformer sees all frames at once and takes the place of the whole block.

Shapes: B videos, T frames, C width.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from torch import Tensor, nn
from torch.nn.functional import dropout

from .layers import Block
from .mamba import Mamba
from .retention import Retention
from .rwkv import RWKV


class BidirectionalBlock(nn.Module):
    """``x + DropPath(M1(LN1 x) + flip(M2(LN2 flip x)))`` on ``(B, T, C)``, of S5VH; no MLP.

    ``mixer`` makes M1 and M2 from the width. In training, drop-path omits the sum for whole videos with probability
    ``drop_path``. With ``tied``, M2 is M1, as the released code makes it in each forward pass; the norms stay two.
    """

    def __init__(self, width: int, mixer: Callable[[int], nn.Module], drop_path: float = 0.0, tied: bool = False):
        super().__init__()
        self.drop_path = drop_path
        self.norms = nn.ModuleList(nn.LayerNorm(width, eps=1e-6) for _ in range(2))
        self.mixers = nn.ModuleList(mixer(width) for _ in range(1 if tied else 2))

    def forward(self, tokens: Tensor) -> Tensor:
        """Add the mixers' outputs on its past and on its future to each frame."""
        past = self.mixers[0](self.norms[0](tokens))
        future = self.mixers[-1](self.norms[1](tokens.flip(1))).flip(1)
        mixed: Tensor = tokens + _drop_path_scale(tokens, self.drop_path, self.training) * (past + future)
        return mixed


class TransformerBlock(Block):
    """``x + DropPath(Block(x) - x)`` on ``(B, T, C)``, of ``layers.Block``; drop-path as above."""

    def __init__(self, width: int, drop_path: float = 0.0):
        super().__init__(width, heads=max(1, round(width / 43)))  # 6 at width 256, as in ConMH
        self.drop_path = drop_path

    def forward(self, tokens: Tensor) -> Tensor:
        """Mix the tokens, then transform each by itself."""
        return tokens + _drop_path_scale(tokens, self.drop_path, self.training) * (super().forward(tokens) - tokens)


def _drop_path_scale(tokens: Tensor, drop_path: float, training: bool) -> Tensor:
    """Draw the factor of a residual branch, ``(B, 1, 1)``: in training 0 or 1 / (1 - drop_path) for a video, else 1."""
    return dropout(tokens.new_ones(len(tokens), 1, 1), drop_path, training)


class LSTM(nn.Module):
    """Long short-term memory (Hochreiter & Schmidhuber, 1997): one layer of C units, as PyTorch initialises it."""

    def __init__(self, width: int):
        super().__init__()
        self.lstm = nn.LSTM(width, width, batch_first=True)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the hidden state at each frame, ``(B, T, C)``."""
        hidden: Tensor = self.lstm(tokens)[0]
        return hidden


class Backbone(Protocol):
    """A way to make one block; ``drop_path`` and ``tied`` as in ``BidirectionalBlock``."""

    def __call__(self, width: int, drop_path: float = 0.0, tied: bool = False) -> nn.Module:
        """Make the block."""
        ...


def _bidirectional(mixer: Callable[[int], nn.Module]) -> Backbone:
    return lambda width, drop_path=0.0, tied=False: BidirectionalBlock(width, mixer, drop_path, tied)


# A Transformer has no separate directions to tie.
BACKBONES: dict[str, Backbone] = {
    "mamba": _bidirectional(Mamba),
    "transformer": lambda width, drop_path=0.0, tied=False: TransformerBlock(width, drop_path),
    "lstm": _bidirectional(LSTM),
    "retnet": _bidirectional(Retention),
    "rwkv": _bidirectional(RWKV),
}

# Modules that ``layers.xavier`` must leave alone: Mamba forgets without its own initialisation (``mamba.py``), and
# Retention's linear layers have their authors' scale. In LSTM and RWKV, only parameters that ``xavier`` does not reach
# depend on their initialisation.
KEEPS_OWN_INIT: tuple[type[nn.Module], ...] = (Mamba, Retention)
