"""Learning rates as pure functions of the epoch, which counts from 0."""

from __future__ import annotations

import math
from typing import Any


def step_decay(config: Any, epoch: int) -> float:
    """``peak_learning_rate``, times ``decay`` after each ``decay_every`` epochs, but never below
    ``least_learning_rate``: all of a method's ``config``."""
    rate = config.peak_learning_rate * config.decay ** (epoch // config.decay_every)
    return max(config.least_learning_rate, rate)


def smooth_decay(config: Any, epoch: int) -> float:
    """``peak_learning_rate``, times ``decay`` in the course of ``decay_every`` epochs: all of a method's ``config``."""
    return config.peak_learning_rate * config.decay ** (epoch / config.decay_every)


def cosine(epoch: int, epochs: int, peak: float, least: float) -> float:
    """Half a cosine wave, from ``peak`` in epoch 0 to ``least`` after ``epochs`` (Loshchilov & Hutter, 2017)."""
    return least + (peak - least) * (1 + math.cos(math.pi * epoch / epochs)) / 2
