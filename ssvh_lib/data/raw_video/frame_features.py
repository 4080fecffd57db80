"""One video as T features of a frozen backbone, for methods, and as T thumbnails, for people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .backbones import DEFAULT, Backbone, load_backbone
from .video import sample

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

# Sizes of thumbnails, in pixels of a side: what a page of results shows sharply, and what most backbones see.
SIDES = {"none": 0, "small": 64, "full": 224}
SMALL = SIDES["small"]


class Pictures(NamedTuple):
    """The frames at T moments of a video, each of which is prepared once, however often it is on display."""

    prepared: Tensor  # (at most T, 3, H, W)
    thumbnails: np.ndarray  # (T, side, side, 3) uint8 RGB
    moments: np.ndarray  # (T,) rows of ``prepared``
    seconds: float  # NaN for a folder of frames
    note: str  # what is wrong with the video; empty for a sound one

    def features(self, network: Backbone, batch_size: int | None = None) -> np.ndarray:
        """Describe the frames: ``(T, D)`` float32. Raises SSVHError as ``Backbone.describe`` does."""
        described: np.ndarray = network.describe(self.prepared, batch_size)[self.moments]
        return described


def features_of(
    path: str | Path, backbone: str | Path = DEFAULT, frames: int = 25, device: str = "auto"
) -> tuple[np.ndarray, np.ndarray]:
    """Describe one video as ``extract`` does: features ``(T, D)`` float32 and thumbnails ``(T, 64, 64, 3)`` uint8.

    ``path`` is a file or a folder of frames. Raises SSVHError if it cannot be read as a video, or if the backbone
    cannot be loaded.
    """
    network = load_backbone(backbone, device)
    pictures = read_pictures(Path(path), frames, network)
    return pictures.features(network), pictures.thumbnails


def read_pictures(path: Path, frames: int, network: Backbone, side: int = SMALL) -> Pictures:
    """Read ``frames`` pictures of a video, evenly spaced; one of full size is held at a time."""
    import torch

    sampled = sample(path, frames, lambda image: (network.prepare(image), thumbnail(image, side)))
    prepared, thumbnails = zip(*sampled.seen, strict=True)
    moments = np.array(sampled.moments)
    return Pictures(torch.stack(prepared), np.stack(thumbnails)[moments], moments, sampled.seconds, sampled.note)


def thumbnail(image: Image, side: int = SMALL) -> np.ndarray:
    """Return the square in the middle of a picture, which is about what a backbone sees, as ``(side, side, 3)`` uint8.

    A ``side`` of 0 makes none.
    """
    if not side:
        return np.empty((0, 0, 3), np.uint8)
    square = min(image.size)
    left, top = (image.width - square) / 2, (image.height - square) / 2
    # Bicubic interpolation, from a picture that is first reduced by a whole number where it is large.
    small = image.resize((side, side), box=(left, top, left + square, top + square), reducing_gap=2)
    return np.asarray(small)
