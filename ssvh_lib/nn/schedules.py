"""Learning rates as pure functions of the epoch, which counts from 0."""

from __future__ import annotations

import math
from typing import Protocol


class Decay(Protocol):
    """The fields of a method's Config that say how its learning rate decays."""

    @property
    def peak_learning_rate(self) -> float:
        """Learning rate of the first epoch."""

    @property
    def decay(self) -> float:
        """Factor, below 1, of each decay."""

    @property
    def decay_every(self) -> int:
        """Epochs between decays."""


class FlooredDecay(Decay, Protocol):
    """The same, down to a floor."""

    @property
    def least_learning_rate(self) -> float:
        """The floor."""


def step_decay(config: FlooredDecay, epoch: int) -> float:
    """Multiply the peak by ``decay`` after each ``decay_every`` epochs, but stay at or above the floor."""
    rate: float = config.peak_learning_rate * config.decay ** (epoch // config.decay_every)
    return max(config.least_learning_rate, rate)


def smooth_decay(config: Decay, epoch: int) -> float:
    """Multiply the peak by ``decay`` in the course of each ``decay_every`` epochs."""
    rate: float = config.peak_learning_rate * config.decay ** (epoch / config.decay_every)
    return rate


def cosine(epoch: int, epochs: int, peak: float, least: float) -> float:
    """Follow half a cosine wave from ``peak`` in epoch 0 to ``least`` after ``epochs`` (Loshchilov & Hutter, 2017)."""
    return least + (peak - least) * (1 + math.cos(math.pi * epoch / epochs)) / 2
