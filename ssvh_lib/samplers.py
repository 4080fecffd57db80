"""Which frames the encoder sees: every sampler returns ``visible (B, T)`` bool, True = the encoder sees the frame."""

from __future__ import annotations

import torch
from torch import Tensor

from .errors import SSVHError


def visible_count(frames: int, mask_ratio: float) -> int:
    """V, how many of ``frames`` stay visible: the number of *masked* frames is rounded down, as in ConMH.

    Raises SSVHError unless at least one frame is visible and one masked.
    """
    count = frames - int(mask_ratio * frames)
    if not 0 < count < frames:
        raise SSVHError(
            f"mask_ratio must leave at least one of {frames} frames visible and one masked; "
            f"{mask_ratio} leaves {count} visible."
        )
    return count


def random_pair(videos: int, frames: int, mask_ratio: float, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two views ``visible (B, T)`` of one random order of the frames: its first V and its last V (ConMH, section 3.2).

    They share no frame when V <= T/2, and as few as possible otherwise. The masks lie on the device of ``rng``.
    """
    place = torch.rand(videos, frames, generator=rng, device=rng.device).argsort(dim=1).argsort(dim=1)
    count = visible_count(frames, mask_ratio)
    return place < count, place >= frames - count
