"""What ConMH, S5VH and AutoSSVH share: some frames go in, codes come out, the other frames are rebuilt from the codes.

Shapes: B videos, T frames, V visible and M masked ones, D feature size, C width, K bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from .layers import (
    HashLayer,
    frame_index,
    put_frames,
    sign_ste,
    sinusoidal_positions,
    take_frames,
    visible_count,
    xavier,
)

Block = Callable[[int, int], nn.Module]  # (width, layer) -> one layer of tokens (B, T, C) -> (B, T, C)


class Rebuilt(NamedTuple):
    """What came of the views of a batch."""

    codes: Tensor  # (B, V, K), one for each visible frame
    predicted: Tensor  # (B, M, D), the masked frames as the decoder imagines them, in temporal order
    true: Tensor  # (B, M, D), as they are


class MaskedAutoencoder(nn.Module):
    """Frames -> tokens -> encoder -> a code a frame -> decoder -> the frames that the encoder did not see.

    ``config`` says ``bits, frames, features, mask_ratio, width, layers, decoder_width, decoder_layers``;
    ``encoder_block`` and ``decoder_block`` make the layers. Linear layers start as Xavier's, but those of the hash
    layer and of parts of type ``spare`` start as they are made.
    """

    def __init__(
        self,
        config: Any,
        encoder_block: Block,
        decoder_block: Block,
        *,
        squash: Callable[[Tensor], Tensor] = sign_ste,
        spare: tuple[type[nn.Module], ...] = (),
    ):
        super().__init__()
        self.config = config
        self.visible = visible_count(config.frames, config.mask_ratio)  # V
        width, decoder_width = config.width, config.decoder_width
        self.embed = nn.Linear(config.features, width)
        self.encoder = nn.Sequential(
            *(encoder_block(width, layer) for layer in range(config.layers)),
            nn.LayerNorm(width, eps=1e-6),
            nn.Linear(width, width),
        )
        self.hash = HashLayer(width, config.bits, squash)
        self.unhash = nn.Linear(config.bits, decoder_width, bias=False)
        self.mask_token = nn.Parameter(nn.init.trunc_normal_(torch.empty(decoder_width), std=0.02, a=-0.02, b=0.02))
        self.decoder = nn.Sequential(
            *(decoder_block(decoder_width, layer) for layer in range(config.decoder_layers)),
            nn.LayerNorm(decoder_width, eps=1e-6),
        )
        self.rebuild = nn.Linear(decoder_width, config.features)
        for part in (self.embed, self.encoder, self.decoder, self.rebuild):
            xavier(part, spare)
        self.register_buffer("positions", sinusoidal_positions(config.frames, width), persistent=False)
        self.register_buffer("decoder_positions", sinusoidal_positions(config.frames, decoder_width), persistent=False)

    def tokens(self, frames: Tensor) -> Tensor:
        """Frames ``(B, T, D)`` -> tokens ``(B, T, C)`` that know their place in time."""
        return self.embed(frames) + self.positions

    def encode(self, frames: Tensor) -> Tensor:
        """Frames ``(B, T, D)`` -> mean of their codes ``(B, K)``; all frames are visible."""
        return self.frame_codes(frames).mean(dim=1)

    def frame_codes(self, frames: Tensor) -> Tensor:
        """Frames ``(B, T, D)`` -> the code of every frame ``(B, T, K)``."""
        return self.hash(self.encoder(self.tokens(frames)))

    def rebuild_masked(self, tokens: Tensor, frames: Tensor, visible: Tensor) -> Rebuilt:
        """Encode ``visible (B, T)`` of ``tokens (B, T, C)``, V a row, and rebuild the other ``frames (B, T, D)``."""
        seen, unseen = frame_index(visible, self.visible), frame_index(~visible, self.config.frames - self.visible)
        codes = self.hash(self.encoder(take_frames(tokens, seen)))
        return Rebuilt(codes, self.decode(codes, seen, unseen), take_frames(frames, unseen))

    def decode(self, codes: Tensor, seen: Tensor, unseen: Tensor) -> Tensor:
        """Frame codes ``(B, V, K)`` at ``seen (B, V)`` -> predicted frames ``(B, M, D)`` at ``unseen (B, M)``."""
        tokens = put_frames(self.unhash(codes), seen, self.mask_token, self.config.frames)  # (B, T, C)
        return self.rebuild(take_frames(self.decoder(tokens + self.decoder_positions), unseen))
