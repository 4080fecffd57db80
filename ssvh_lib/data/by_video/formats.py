"""Files that hold the features ``(n, D)`` of one video: ``.npy``, ``.npz`` and ``.pt``, read without unpickling.

A file may hold one array, or several, of which a ``key`` names the one to read.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from struct import error as StructError
from typing import IO, TYPE_CHECKING, NamedTuple
from zipfile import BadZipFile, ZipFile

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor


_MAPPED = 1 << 20  # bytes of a file that takes less time to map than to read


class UnreadableError(Exception):
    """The reason why the features of one video cannot be read, as the rest of a sentence about the video."""


class Kind(NamedTuple):
    """The shape and type of an array."""

    shape: tuple[int, ...]
    dtype: np.dtype


class Format(NamedTuple):
    """How files of one suffix are read: shape and type alone, and everything. Both raise UnreadableError."""

    describe: Callable[[Path, str | None], Kind]
    read: Callable[[Path, str | None], np.ndarray]


@contextmanager
def explained() -> Iterator[None]:
    """Turn whatever the libraries raise over a damaged file into UnreadableError."""
    try:
        yield
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, BadZipFile, StructError) as error:
        raise UnreadableError(
            f"is damaged ({str(error).splitlines()[0] if str(error) else 'it ends early'})"
        ) from error


def pick(names: Sequence[str], key: str | None) -> str:
    """Return the array to read: the one called ``key``, or without a key the only one."""
    held = ", ".join(map(repr, names[:5])) + (", …" if len(names) > 5 else "")
    if key is not None and key not in names:
        raise UnreadableError(f"has no array '{key}' (it holds {held or 'none'})")
    if key is None and len(names) != 1:
        choice = f"several arrays ({held}); name one as key in dataset.toml" if names else "no array"
        raise UnreadableError(f"holds {choice}")
    return names[0] if key is None else key


def _describe_npy(path: Path, key: str | None) -> Kind:
    with explained(), path.open("rb") as file:
        kind, start = _npy_head(file), file.tell()
        if file.seek(0, os.SEEK_END) - start < kind.dtype.itemsize * math.prod(kind.shape):
            raise EOFError
    return kind


def _read_npy(path: Path, key: str | None) -> np.ndarray:
    """Read a short video, or map a long one, so that only what is used of it is read."""
    with explained():
        long = path.stat().st_size > _MAPPED
        values: np.ndarray = np.load(path, mmap_mode="r" if long else None, allow_pickle=False)
        return values


def _describe_npz(path: Path, key: str | None) -> Kind:
    with explained(), ZipFile(path) as archive:
        arrays = [name.removesuffix(".npy") for name in archive.namelist()]
        with archive.open(f"{pick(arrays, key)}.npy") as member:
            return _npy_head(member)


def _read_npz(path: Path, key: str | None) -> np.ndarray:
    with explained(), path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        values: np.ndarray = arrays[pick(list(arrays), key)]
        return values


def _npy_head(stream: IO[bytes]) -> Kind:
    version = np.lib.format.read_magic(stream)
    head = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = head(stream)
    if dtype.hasobject:
        raise UnreadableError("holds Python objects, which are never unpickled here; save it as an array of numbers")
    return Kind(shape, dtype)


def _describe_pt(path: Path, key: str | None) -> Kind:
    values = _tensor(path, key, "meta")
    return Kind(tuple(values.shape), np.dtype(str(values.dtype).removeprefix("torch.")))


def _read_pt(path: Path, key: str | None) -> np.ndarray:
    values: np.ndarray = _tensor(path, key, "cpu").numpy()
    return values


def _tensor(path: Path, key: str | None, device: str) -> Tensor:
    """Read the only tensor of a file, or the one called ``key`` in a dictionary of tensors."""
    import torch  # takes a second, which other formats need not wait for

    try:
        with explained():
            content = torch.load(path, map_location=device, weights_only=True)
    except UnpicklingError as error:
        raise UnreadableError(
            "holds more than tensors, and reading that could run code; save the tensor alone with torch.save"
        ) from error
    if isinstance(content, dict):
        tensors = {str(name): value for name, value in content.items() if isinstance(value, torch.Tensor)}
        content = tensors[pick(list(tensors), key)]
    if not isinstance(content, torch.Tensor) or content.layout != torch.strided:
        kind = "sparse tensor" if isinstance(content, torch.Tensor) else type(content).__name__
        raise UnreadableError(f"holds a {kind} instead of a dense tensor")
    values = content.detach()
    return values.float() if values.dtype == torch.bfloat16 else values  # which NumPy lacks


FORMATS = {
    ".npy": Format(_describe_npy, _read_npy),
    ".npz": Format(_describe_npz, _read_npz),
    ".pt": Format(_describe_pt, _read_pt),
}
