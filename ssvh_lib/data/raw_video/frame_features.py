"""One video as T features of a frozen backbone, for methods, and as T thumbnails, for people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .backbones import Backbone, load_backbone
from .video import sample

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

SIDE = 64  # pixels of a thumbnail
BATCH_SIZE = 64  # pictures that the backbone sees at a time


class Pictures(NamedTuple):
    """T frames, prepared for the backbone ``(T, 3, H, W)`` and as thumbnails ``(T, 64, 64, 3)`` uint8 RGB."""

    prepared: Tensor
    thumbnails: np.ndarray
    seconds: float
    note: str  # what is wrong with the file; empty for a sound one


def features_of(
    path: str | Path, backbone: str | Path = "microsoft/resnet-50", frames: int = 25, device: str = "auto"
) -> tuple[np.ndarray, np.ndarray]:
    """Describe one video as ``extract`` does: features ``(T, D)`` float32 and thumbnails ``(T, 64, 64, 3)`` uint8.

    Raises SSVHError if the file cannot be read as a video, or if the backbone cannot be loaded.
    """
    network = load_backbone(backbone, device)
    pictures = read_pictures(Path(path), frames, network)
    return network.describe(pictures.prepared, BATCH_SIZE), pictures.thumbnails


def read_pictures(path: Path, frames: int, network: Backbone) -> Pictures:
    """Read ``frames`` pictures of a video, evenly spaced in time; one of full size is held at a time."""
    import torch

    sampled = sample(path, frames, lambda image: (network.prepare(image), thumbnail(image)))
    prepared, thumbnails = zip(*sampled.values, strict=True)
    return Pictures(torch.stack(prepared), np.stack(thumbnails), sampled.seconds, sampled.note)


def thumbnail(image: Image) -> np.ndarray:
    """Return the square in the middle of a picture, which is about what a backbone sees, as ``(64, 64, 3)`` uint8."""
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    # Bicubic interpolation, from a picture that is first reduced by a whole number where it is large.
    small = image.resize((SIDE, SIDE), box=(left, top, left + side, top + side), reducing_gap=2)
    return np.asarray(small)
