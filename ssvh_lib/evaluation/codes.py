"""Binary codes: from a trained method to packed bits, and back to signs.

This is the only place where a real number becomes a bit: positive is 1, zero and negative are 0 (−1 as a sign).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from ..data import VideoFeatures
from ..errors import SSVHError
from ..utils.files import make_folder, write_file

if TYPE_CHECKING:
    from ..methods.base import Method

TERNARY_BITS = 4  # that stand for one value of a ternary code
_BLOCK = 1 << 16  # codes that are unpacked at a time


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
        """Return K, the length of a code."""
        return 8 * int(self.packed.shape[1])

    def signs(self) -> np.ndarray:
        """Return the codes as ±1, ``(N, K)`` int8."""
        return 2 * np.unpackbits(self.packed, axis=1).view(np.int8) - 1

    @classmethod
    def from_values(cls, values: np.ndarray) -> Codes:
        """Make codes of real values, ±1 or 0/1, ``(N, K)``: the bit is 1 where the value is positive.

        Raises SSVHError if K is not a multiple of 8, or if a value is NaN.
        """
        return cls(np.packbits(_checked(values) > 0, axis=1))


def ternary_codes(values: np.ndarray) -> tuple[Codes, Codes]:
    """Make codes of ``values (N, K)`` as queries and as items, in which 0 is a third value between −1 and 1.

    Released code takes ``sign(0) = 0`` for a bit, and (K − ⟨query, item⟩) / 2 for a distance. With the ``TERNARY_BITS``
    of each value chosen as here, the Hamming distance of a query and an item is four times that: 0 is 2 bits from
    anything, itself included, which needs other bits in queries than in items.
    Raises SSVHError as ``Codes.from_values``, and for values none of which is negative, as bits 0 and 1 are.
    """
    values = _checked(values)
    if values.size and not (values < 0).any():
        raise SSVHError("Ternary codes are made from −1, 0 and 1, or real values; none of these values is negative.")
    signs = np.sign(values).astype(np.int8)[:, :, None]  # (N, K, 1)
    zeros = np.array([[0, 1, 0, 1], [0, 0, 1, 1]], bool)  # in queries, in items
    query, item = (np.where(signs == 0, zero, signs > 0).reshape(len(values), -1) for zero in zeros)
    return Codes(np.packbits(query, axis=1)), Codes(np.packbits(item, axis=1))


def _checked(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values)
    if values.ndim != 2 or values.shape[1] == 0 or values.shape[1] % 8:
        raise SSVHError(f"Codes are (N, K) with K a positive multiple of 8, got {values.shape}.")
    if values.dtype.kind not in "biuf":
        raise SSVHError(f"Codes are made from numbers, got an array of type {values.dtype}.")
    if np.isnan(values).any():
        raise SSVHError("A code value is NaN: the model that made it has diverged. Train it again.")
    return values


def encode(model: Method, videos: VideoFeatures | np.ndarray, *, batch_size: int = 512) -> Codes:
    """Encode ``videos``, or a plain array ``(N, T, D)``, on the device of the model.

    Raises SSVHError if the features are of another shape than the model's, or a code value is NaN.
    """
    if isinstance(videos, np.ndarray):
        videos = VideoFeatures.unlabelled(videos)
    if videos.size != model.config.features or videos.frames != model.config.frames:
        raise SSVHError(
            f"The model reads {model.config.frames} frames of size {model.config.features}, "
            f"the videos have {videos.frames} of size {videos.size}."
        )
    return Codes.from_values(apply_in_batches(model, model.encode, videos, batch_size))


def apply_in_batches(
    model: nn.Module, function: Callable[[Tensor], Tensor], videos: VideoFeatures, batch_size: int = 512
) -> np.ndarray:
    """Apply ``function``, a method of ``model``, to all ``videos``, some ``(B, T, D)`` at a time; ``(N, …)``.

    It runs without gradients or dropout, on the device of the model.
    """
    device = next(chain(model.parameters(), model.buffers())).device
    model.eval()
    with torch.inference_mode():
        results = [function(torch.from_numpy(frames).to(device)).cpu().numpy() for frames in videos.batches(batch_size)]
    return np.concatenate(results)


@dataclass(frozen=True)
class CodeHealth:
    """Measures of how well a set of N codes uses its K bits."""

    balance: np.ndarray  # (K,), share of ones; 1/2 is best
    entropy: np.ndarray  # (K,), in bits; 1 is best, 0 is a bit that never changes
    correlation: np.ndarray  # (K, K), Pearson's, between bits; NaN where one never changes
    distinct: int  # number of different codes
    collision_rate: float  # share of all pairs of videos that have the same code

    @property
    def constant_bits(self) -> int:
        """Count the bits that never change."""
        return int((self.entropy == 0).sum())

    @property
    def mean_correlation(self) -> float:
        """Average the absolute correlation of two bits that change: 0 is best; NaN if there are no two."""
        pairs = np.abs(self.correlation[np.triu_indices(len(self.correlation), 1)])
        return float(np.mean(pairs[~np.isnan(pairs)])) if not np.isnan(pairs).all() else float("nan")


def code_health(codes: Codes) -> CodeHealth:
    """Measure balance, entropy and correlation of bits, and coinciding codes; SSVHError for fewer than two codes."""
    N = len(codes)
    if N < 2:
        raise SSVHError(f"The health of codes needs two or more of them, got {N}.")
    total, products = np.zeros(codes.bits), np.zeros((codes.bits, codes.bits))
    for start in range(0, N, _BLOCK):
        signs = Codes(codes.packed[start : start + _BLOCK]).signs().astype(np.float32)  # sums of so few are exact
        total += signs.sum(axis=0)
        products += signs.T @ signs
    mean, ones = total / N, (total + N) / (2 * N)
    deviation = np.sqrt(1 - mean**2)
    with np.errstate(invalid="ignore"):
        correlation = (products / N - np.outer(mean, mean)) / np.outer(deviation, deviation)
    repeats = np.unique(codes.packed, axis=0, return_counts=True)[1]
    same = (repeats * (repeats - 1)).sum() / (N * (N - 1))
    shares = np.stack([ones, 1 - ones])
    entropy = (shares * np.log2(1 / np.where(shares > 0, shares, 1))).sum(axis=0)
    return CodeHealth(ones, entropy, correlation.clip(-1, 1), len(repeats), float(same))


def save_codes(path: str | Path, **codes: Codes) -> None:
    """Write sets of codes by name to one ``.npz`` file, atomically."""
    arrays = {name: value.packed for name, value in codes.items()}

    def write(partial: Path) -> None:
        with partial.open("wb") as file:  # given a name, NumPy would add a suffix where there is none
            np.savez_compressed(file, **arrays)  # type: ignore[arg-type]  # no array is called allow_pickle

    make_folder(Path(path).parent)
    write_file(Path(path), write)


def load_codes(path: str | Path) -> dict[str, Codes]:
    """Read the sets of codes of a file by name; SSVHError if ``save_codes`` has not written it."""
    try:
        with Path(path).open("rb") as file:
            stored = np.load(file, allow_pickle=False)
            return {name: Codes(stored[name]) for name in stored.files}
    except Exception as error:  # damage shows as a dozen types: zipfile's, zlib's, NumPy's
        raise SSVHError(f"{path} holds no codes ({error}). Encode the dataset again.") from error
