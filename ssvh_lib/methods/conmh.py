"""ConMH: contrastive masked auto-encoders (Wang et al., AAAI 2023), in one stage.

Two views of a video keep different frames. Each is encoded by a Transformer and hashed frame by frame to
±1; a small decoder has to rebuild the frames that the view did not see (temporal masked auto-encoder),
and the mean codes of the two views have to find each other among those of other videos (contrast).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..layers import Block, HashLayer, frame_index, put_frames, sinusoidal_positions, take_frames, xavier
from ..losses import debiased_contrastive, masked_reconstruction
from ..samplers import random_pair, visible_count


class ConMH(nn.Module):
    """Contrastive masked hashing; the defaults are the released settings for FCVID, which the paper's results use."""

    @dataclass(frozen=True)
    class Config:
        """``[code]`` marks values read in the authors' released configuration (github.com/huangmozhi9527/ConMH)."""

        bits: int  # K
        frames: int  # T
        features: int  # D
        variant: str = "paper"
        width: int = 256  # [code] of the encoder
        layers: int = 12  # [code] "small" model
        heads: int = 6  # [code] 42 wide each, 252 together
        decoder_width: int = 192  # [code]
        decoder_layers: int = 2  # [code]
        decoder_heads: int = 3  # [code]
        mask_ratio: float = 0.75  # [code] FCVID, YFCC; share of frames that a view does not see
        contrast_weight: float = 1.0  # [code] FCVID; a
        temperature: float = 0.5  # [code] tau
        positive_prior: float = 0.1  # [code] FCVID; tau+
        epochs: int = 800  # [code] FCVID
        batch_size: int = 512  # [code] FCVID
        peak_learning_rate: float = 1e-4  # [code] Adam
        decay: float = 0.9  # [code] factor on the learning rate …
        decay_every: int = 20  # [code] … each so many epochs
        least_learning_rate: float = 1e-5  # [code]
        precision: str = "float32"  # ours: or "bfloat16", autocast
        max_gradient_norm: float | None = None  # [code] gradients are not clipped

    PRESETS: dict[str, dict[str, Any]] = {  # noqa: RUF012 - a constant
        "activitynet": {  # [code]
            "mask_ratio": 0.5, "contrast_weight": 0.2, "positive_prior": 0.05, "epochs": 500, "batch_size": 128,
        },
        "yfcc": {"epochs": 40, "batch_size": 128},  # [code]
        # Ours, for two cores and about a minute; the mask ratio, of .5 and .75, and the learning rate were chosen on
        # a validation part of the training videos of moving-digits.
        "small": {
            "width": 128, "layers": 2, "heads": 4, "decoder_width": 96, "decoder_layers": 1, "epochs": 16,
            "batch_size": 128, "peak_learning_rate": 1e-3, "decay_every": 2, "mask_ratio": 0.5,
        },
        "smoke": {  # ours: seconds
            "width": 32, "layers": 1, "heads": 2, "decoder_width": 24, "decoder_layers": 1, "decoder_heads": 2,
            "epochs": 2, "batch_size": 64, "peak_learning_rate": 1e-3,
        },
    }  # fmt: skip
    VARIANTS = ("paper",)

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        self.visible = visible_count(config.frames, config.mask_ratio)
        self.embed = nn.Linear(config.features, config.width)
        self.encoder = nn.Sequential(
            *(Block(config.width, config.heads) for _ in range(config.layers)),
            nn.LayerNorm(config.width, eps=1e-6),
            nn.Linear(config.width, config.width),
        )
        self.hash = HashLayer(config.width, config.bits)
        self.unhash = nn.Linear(config.bits, config.decoder_width, bias=False)
        self.mask_token = nn.Parameter(
            nn.init.trunc_normal_(torch.empty(config.decoder_width), std=0.02, a=-0.02, b=0.02)
        )
        self.decoder = nn.Sequential(
            *(Block(config.decoder_width, config.decoder_heads) for _ in range(config.decoder_layers)),
            nn.LayerNorm(config.decoder_width, eps=1e-6),
        )
        self.rebuild = nn.Linear(config.decoder_width, config.features)
        for part in (self.embed, self.encoder, self.decoder, self.rebuild):
            part.apply(xavier)
        self.register_buffer("positions", sinusoidal_positions(config.frames, config.width), persistent=False)
        self.register_buffer(
            "decoder_positions", sinusoidal_positions(config.frames, config.decoder_width), persistent=False
        )

    def loss(self, batch: Any, rng: torch.Generator) -> dict[str, Tensor]:
        """Reconstruction of both views' masked frames plus their debiased contrast; ``batch.frames (B, T, D)``."""
        config, frames = self.config, batch.frames
        views = torch.cat(random_pair(len(frames), config.frames, config.mask_ratio, rng))  # (2B, T)
        seen, unseen = frame_index(views, self.visible), frame_index(~views, config.frames - self.visible)

        codes = self.hash(self.encoder(take_frames(self._tokens(frames).repeat(2, 1, 1), seen)))  # (2B, V, K) of ±1
        rebuilt = self._decode(codes, seen, unseen)  # (2B, M, D)

        reconstruction = 2 * masked_reconstruction(rebuilt, take_frames(frames.repeat(2, 1, 1), unseen))  # of two views
        first, second = codes.mean(dim=1).chunk(2)  # (B, K) each, real values: no sign inside the loss
        contrast = debiased_contrastive(first, second, config.temperature, config.positive_prior)
        total = reconstruction + config.contrast_weight * contrast
        return {"loss": total, "reconstruction": reconstruction, "contrast": contrast}

    def encode(self, frames: Tensor) -> Tensor:
        """Frames ``(B, T, D)`` -> mean of their ±1 codes ``(B, K)``; all frames are visible."""
        return self.frame_codes(frames).mean(dim=1)

    def frame_codes(self, frames: Tensor) -> Tensor:
        """Frames ``(B, T, D)`` -> the ±1 code of every frame ``(B, T, K)``."""
        return self.hash(self.encoder(self._tokens(frames)))

    def _tokens(self, frames: Tensor) -> Tensor:
        return self.embed(frames) + self.positions  # (B, T, C)

    def _decode(self, codes: Tensor, seen: Tensor, unseen: Tensor) -> Tensor:
        """Frame codes ``(B, V, K)`` at ``seen (B, V)`` -> predicted frames ``(B, M, D)`` at ``unseen (B, M)``."""
        tokens = put_frames(self.unhash(codes), seen, self.mask_token, self.config.frames)  # (B, T, C)
        return self.rebuild(take_frames(self.decoder(tokens + self.decoder_positions), unseen))

    def optimiser(self) -> torch.optim.Optimizer:
        """Adam without weight decay."""
        return torch.optim.Adam(self.parameters(), lr=self.config.peak_learning_rate)

    def learning_rate(self, epoch: int) -> float:
        """Falls by a factor every few epochs, down to a floor; ``epoch`` counts from 0."""
        config = self.config
        return max(
            config.least_learning_rate, config.peak_learning_rate * config.decay ** (epoch // config.decay_every)
        )
