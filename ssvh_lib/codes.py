"""Binary codes: from a trained method to packed bits, and back to signs.

This is the one place where a real number becomes a bit: positive is 1, zero and negative are 0 (−1 as a sign).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from torch import nn

from .data import VideoFeatures
from .errors import SSVHError
from .files import make_folder, write_file


@dataclass(frozen=True)
class Codes:
    """Codes of N videos: ``packed (N, K/8)`` uint8, the first bit of a code being the highest of its first byte."""

    packed: np.ndarray

    def __post_init__(self) -> None:
        if self.packed.ndim != 2 or self.packed.dtype != np.uint8:
            raise SSVHError(f"Packed codes are uint8 (N, K/8), got {self.packed.dtype} {self.packed.shape}.")

    def __len__(self) -> int:
        return len(self.packed)

    @property
    def bits(self) -> int:
        """K, the length of a code."""
        return 8 * self.packed.shape[1]

    def signs(self) -> np.ndarray:
        """The codes as ±1, ``(N, K)`` int8."""
        return 2 * np.unpackbits(self.packed, axis=1).view(np.int8) - 1

    @classmethod
    def from_values(cls, values: np.ndarray) -> Codes:
        """Codes of real values, ±1 or 0/1, ``(N, K)``: the bit is 1 where the value is positive.

        Raises SSVHError if K is not a multiple of 8, or if a value is NaN.
        """
        values = np.asarray(values)
        if values.ndim != 2 or values.shape[1] == 0 or values.shape[1] % 8:
            raise SSVHError(f"Codes are (N, K) with K a positive multiple of 8, got {values.shape}.")
        if values.dtype.kind not in "biuf":
            raise SSVHError(f"Codes are made from numbers, got an array of type {values.dtype}.")
        if np.isnan(values).any():
            raise SSVHError("A code value is NaN: the model that made it has diverged. Train it again.")
        return cls(np.packbits(values > 0, axis=1))


def encode(model: nn.Module, videos: VideoFeatures | np.ndarray, *, batch_size: int = 512) -> Codes:
    """The codes of ``videos``, or of a plain array ``(N, T, D)``, on the device of the model.

    Raises SSVHError if the features are of another shape than the model's, or a code value is NaN.
    """
    if isinstance(videos, np.ndarray):
        videos = VideoFeatures(videos, np.zeros((len(videos), 0), np.uint8), ())
    if videos.size != model.config.features or videos.frames != model.config.frames:
        raise SSVHError(
            f"The model reads {model.config.frames} frames of size {model.config.features}, "
            f"the videos have {videos.frames} of size {videos.size}."
        )
    device = next(chain(model.parameters(), model.buffers())).device
    model.eval()
    with torch.inference_mode():
        values = [
            model.encode(torch.from_numpy(frames).to(device)).cpu().numpy() for frames in videos.batches(batch_size)
        ]
    return Codes.from_values(np.concatenate(values))


def save_codes(path: str | Path, **codes: Codes) -> None:
    """Write sets of codes by name to one ``.npz`` file, atomically."""
    arrays = {name: value.packed for name, value in codes.items()}

    def write(partial: Path) -> None:
        with partial.open("wb") as file:  # given a name, NumPy would add a suffix where there is none
            np.savez_compressed(file, **arrays)

    make_folder(Path(path).parent)
    write_file(Path(path), write)


def load_codes(path: str | Path) -> dict[str, Codes]:
    """The sets of codes of a file by name; SSVHError if it is not one of ours."""
    try:
        with Path(path).open("rb") as file:
            stored = np.load(file, allow_pickle=False)
            return {name: Codes(stored[name]) for name in stored.files}
    except Exception as error:  # damage shows as a dozen types: zipfile's, zlib's, NumPy's
        raise SSVHError(f"{path} holds no codes ({error}). Encode the dataset again.") from error
