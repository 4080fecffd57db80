"""Learning rates as pure functions of the epoch, which counts from 0."""

from __future__ import annotations

import math


def step_decay(epoch: int, peak: float, factor: float, every: int, least: float) -> float:
    """``peak``, times ``factor`` after each ``every`` epochs, but never below ``least``."""
    return max(least, peak * factor ** (epoch // every))


def cosine(epoch: int, epochs: int, peak: float, least: float) -> float:
    """Half a cosine wave, from ``peak`` in epoch 0 to ``least`` after ``epochs`` (Loshchilov & Hutter, 2017)."""
    return least + (peak - least) * (1 + math.cos(math.pi * epoch / epochs)) / 2
