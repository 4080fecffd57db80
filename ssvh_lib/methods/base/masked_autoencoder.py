"""What ConMH, S5VH and AutoSSVH share: some frames go in, codes come out, the other frames are reconstructed from them.

Shapes: B videos, T frames, V visible and M masked ones, D feature size, C width, K bits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...nn.layers import (
    HashLayer,
    frame_index,
    put_frames,
    sign_ste,
    sinusoidal_positions,
    take_frames,
    visible_count,
    xavier,
)
from . import TrainedConfig, TrainedMethod

MakeBlock = Callable[[int, int], nn.Module]  # (width, layer) -> one layer of tokens (B, T, C) -> (B, T, C)


class MaskedReconstruction(NamedTuple):
    """Outputs for the views of a batch."""

    codes: Tensor  # (B, V, K), one for each visible frame
    predicted: Tensor  # (B, M, D), the masked frames as the decoder predicts them, in temporal order
    true: Tensor  # (B, M, D), the masked frames as they are


class MaskedAutoencoder(TrainedMethod):
    """Frames -> tokens -> encoder -> one code per frame -> decoder -> the frames that the encoder did not see.

    ``encoder_block`` and ``decoder_block`` make the layers. ``squash`` maps the values of frame codes to (-1, 1) or ±1.
    Linear layers get Xavier's initial weights, but the hash layer and parts of a type in ``keeps_own_init`` keep their
    own. The decoder's positions are sinusoidal or, with ``learnable_positions``, learned from zeros.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(TrainedConfig):
        """The sizes of the network."""

        width: int  # of the encoder
        layers: int
        decoder_width: int
        decoder_layers: int
        mask_ratio: float  # share of frames that a view does not see

    config: Config
    positions: Tensor  # (T, C)
    decoder_positions: Tensor  # (T, C) of the decoder

    def __init__(
        self,
        config: Config,
        encoder_block: MakeBlock,
        decoder_block: MakeBlock,
        *,
        squash: Callable[[Tensor], Tensor] = sign_ste,
        keeps_own_init: tuple[type[nn.Module], ...] = (),
        learnable_positions: bool = False,
    ):
        super().__init__(config)
        self.visible = visible_count(config.frames, config.mask_ratio)  # V
        width, decoder_width = config.width, config.decoder_width
        self.embed = nn.Linear(config.features, width)
        self.encoder = nn.Sequential(
            *(encoder_block(width, layer) for layer in range(config.layers)),
            nn.LayerNorm(width, eps=1e-6),
            nn.Linear(width, width),
        )
        self.hash = HashLayer(width, config.bits, squash)
        self.decoder_embed = nn.Linear(config.bits, decoder_width, bias=False)
        self.mask_token = nn.Parameter(nn.init.trunc_normal_(torch.empty(decoder_width), std=0.02, a=-0.02, b=0.02))
        self.decoder = nn.Sequential(
            *(decoder_block(decoder_width, layer) for layer in range(config.decoder_layers)),
            nn.LayerNorm(decoder_width, eps=1e-6),
        )
        self.reconstruct = nn.Linear(decoder_width, config.features)
        for part in (self.embed, self.encoder, self.decoder, self.reconstruct):
            xavier(part, keeps_own_init)
        self.register_buffer("positions", sinusoidal_positions(config.frames, width), persistent=False)
        if learnable_positions:
            self.decoder_positions = nn.Parameter(torch.zeros(config.frames, decoder_width))
        else:
            fixed = sinusoidal_positions(config.frames, decoder_width)
            self.register_buffer("decoder_positions", fixed, persistent=False)

    def tokens(self, frames: Tensor) -> Tensor:
        """Embed frames ``(B, T, D)`` as tokens ``(B, T, C)``, with their positions in time added."""
        embedded: Tensor = self.embed(frames)
        return embedded + self.positions

    def encode(self, frames: Tensor) -> Tensor:
        """Map frames ``(B, T, D)`` to the mean of their codes ``(B, K)``; all frames are visible."""
        return self.frame_codes(frames).mean(dim=1)

    def frame_codes(self, frames: Tensor) -> Tensor:
        """Map frames ``(B, T, D)`` to the code of every frame ``(B, T, K)``."""
        codes: Tensor = self.hash(self.encoder(self.tokens(frames)))
        return codes

    def reconstruct_masked(self, tokens: Tensor, frames: Tensor, visible: Tensor) -> MaskedReconstruction:
        """Encode the visible ones among ``tokens (B, T, C)`` and predict the others among ``frames (B, T, D)``.

        ``visible (B, T)`` is True where the encoder sees the frame, V times in each row.
        """
        seen, unseen = frame_index(visible, self.visible), frame_index(~visible, self.config.frames - self.visible)
        codes = self.hash(self.encoder(take_frames(tokens, seen)))
        return MaskedReconstruction(codes, self.decode(codes, seen, unseen), take_frames(frames, unseen))

    def decode(self, codes: Tensor, seen: Tensor, unseen: Tensor) -> Tensor:
        """Predict the frames ``(B, M, D)`` at ``unseen (B, M)`` from frame codes ``(B, V, K)`` at ``seen (B, V)``."""
        tokens = put_frames(self.decoder_embed(codes), seen, self.mask_token, self.config.frames)  # (B, T, C)
        decoded = self.decoder(tokens + self.decoder_positions)
        predicted: Tensor = self.reconstruct(take_frames(decoded, unseen))
        return predicted
