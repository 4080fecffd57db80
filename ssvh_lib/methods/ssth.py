"""SSTH: self-supervised temporal hashing, "Play and Rewind" (Zhang et al., ACM MM 2016).

An LSTM reads the frames and carries the signs of its hidden state from step to step, so that the order of the frames
enters the code, which is its state after the last frame. From that state alone three decoders reconstruct the
video backwards (rewind), forwards (play), and its mean frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from ..data.batch import Batch
from ..nn.layers import xavier
from ..nn.lstm import PeepholeLSTM, State, squared_error
from .base import Presets
from .base.recurrent import RecurrentHasher


class SSTH(RecurrentHasher):
    """The binary LSTM and its three decoders; the width of every LSTM is the number of bits."""

    TITLE = "SSTH"

    @dataclass(frozen=True, kw_only=True)
    class Config(RecurrentHasher.Config):
        """``[code]``: read in the authors' released code (github.com/hanwangzhang/BLSTM), which is for FCVID.

        The body of the paper was not available; its abstract agrees with the code. The code fills up the last batch
        with videos of zeros; here that batch is smaller.
        """

        mean_weight: float = 200.0  # [code] of the mean frame, beside 1 for each frame of rewind and play
        epochs: int = 44  # [code] 20,000 batches of 100, on FCVID's 45,585 training videos
        batch_size: int = 100  # [code]
        peak_learning_rate: float = 1e-3  # [code] for a loss that is a sum over videos, frames and features
        decay_every: int = 22  # [code] 10,000 batches

    config: Config

    PRESETS: ClassVar[Presets] = {
        # Ours, for two cores: every trained method sees as many videos. That is 320 steps, in which the published clip
        # would let a weight move by .03 at most; this one was chosen on a part of the training videos.
        "small": {"norm_momentum": 0.9, "epochs": 4, "batch_size": 32, "clip": 1e-2, "decay_every": 1},
        "smoke": {"norm_momentum": 0.9, "epochs": 2, "batch_size": 64, "clip": 3e-3},  # ours: seconds
    }

    def __init__(self, config: Config):
        super().__init__(config)
        self.encoder = PeepholeLSTM(config.features, config.bits, config.frames, config.norm_momentum, binary=True)
        self.rewind = Decoder(config, config.frames)
        self.play = Decoder(config, config.frames)
        self.mean = Decoder(config, 1)

    def encode(self, frames: Tensor) -> Tensor:
        """Map frames ``(B, T, D)`` to the hidden state after the last of them ``(B, K)``, before it is binarised."""
        hidden: Tensor = self.encoder(frames)[0]
        return hidden[:, -1]

    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Add up the errors of the three decoders on ``batch.frames (B, T, D)``; ``rng`` is not used."""
        frames = batch.frames
        _, state = self.encoder(frames)
        rewind = squared_error(self.rewind(state), frames.flip(1))
        play = squared_error(self.play(state), frames)
        mean = squared_error(self.mean(state), frames.mean(dim=1, keepdim=True))
        total = (rewind + play + self.config.mean_weight * mean) / 3
        return {"loss": total, "rewind": rewind, "play": play, "mean": mean}


class Decoder(nn.Module):
    """An LSTM driven by its first state alone, and a linear map of its hidden states to frames."""

    def __init__(self, config: SSTH.Config, steps: int):
        super().__init__()
        self.lstm = PeepholeLSTM(None, config.bits, steps, config.norm_momentum, squash=torch.tanh)
        self.frame = nn.Linear(config.bits, config.features)
        xavier(self)

    def forward(self, state: State) -> Tensor:
        """Return the frames ``(B, steps, D)``."""
        frames: Tensor = self.frame(self.lstm(None, state)[0])
        return frames
