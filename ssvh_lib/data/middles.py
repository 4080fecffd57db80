"""The rule by which a video of any length becomes T frames."""

from __future__ import annotations

import numpy as np


def middles(count: int, frames: int) -> np.ndarray:
    """Return which of ``count`` frames stand for ``frames`` equal segments: the middle one of each, in order.

    That is frame ``floor((2t + 1) n / 2T)`` of n, for t = 0 … T - 1. Each stands for a share of the video that is the
    same to within one frame, first and last are as far from the ends, and n = T changes nothing. Of fewer frames than
    T some are repeated.
    """
    return (2 * np.arange(frames) + 1) * count // (2 * frames)
