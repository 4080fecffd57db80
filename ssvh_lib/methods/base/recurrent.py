"""What SSTH and SSVH share: LSTMs that are trained by momentum with clipped velocity."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ...nn.lstm import ClippedMomentum
from ...nn.schedules import smooth_decay
from . import TrainedConfig, TrainedMethod


class RecurrentHasher(TrainedMethod):
    """LSTMs whose width is the number of bits, their optimiser and its learning rate."""

    @dataclass(frozen=True, kw_only=True)
    class Config(TrainedConfig):
        """``[code]`` marks values that both released codes have; gradients are not clipped there, velocities are."""

        norm_momentum: float = 0.99  # [code] share of the past in the running statistics of the batch norms
        decay: float = 0.9  # [code] factor on the learning rate …
        decay_every: int  # … and epochs between decays; it falls smoothly, here once each epoch
        momentum: float = 0.9  # [code] of the optimiser
        clip: float = 1e-4  # [code] no weight moves farther in one step
        weight_decay: float = 1e-4  # [code] on all parameters; there as a term of the loss

    config: Config

    def optimiser(self) -> torch.optim.Optimizer:
        """Make momentum with clipped velocity."""
        config = self.config
        return ClippedMomentum(
            self.parameters(),
            lr=config.peak_learning_rate,
            momentum=config.momentum,
            clip=config.clip,
            weight_decay=config.weight_decay,
        )

    def learning_rate(self, epoch: int) -> float:
        """Let the rate fall smoothly; ``epoch`` counts from 0."""
        return smooth_decay(self.config, epoch)
