"""Arrays ``(N, …)`` that are read by row, and only when a row is needed.

A file may therefore be larger than memory; every row that is read is checked.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import h5py
import numpy as np

from ..errors import MissingFileError, SSVHError


class Rows(Protocol):
    """Anything read by row: a NumPy array, or ``LazyRows``."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape ``(N, …)``."""

    @property
    def dtype(self) -> np.dtype:
        """The type of a value."""

    def __getitem__(self, rows: np.ndarray | slice, /) -> np.ndarray: ...


class LazyRows:
    """Rows ``(N, …)`` that lie in files and are read when they are asked for.

    A subclass sets ``paths``, ``shape`` and ``dtype``, reads rows in ``_fill``, and says with ``place`` where one lies.
    Raises SSVHError if a row that is read holds NaN or infinity.
    """

    paths: list[Path]
    shape: tuple[int, ...]
    dtype: np.dtype
    chunk = 1  # rows that are decoded together

    def place(self, row: int) -> tuple[str, str]:
        """Return the file or folder that holds a row, and the name of the row in it."""
        raise NotImplementedError

    def _fill(self, values: np.ndarray, order: np.ndarray) -> None:
        """Read the rows ``order (n,)``, which ascend, into ``values (n, …)``."""
        raise NotImplementedError

    def __getitem__(self, rows: np.ndarray | slice) -> np.ndarray:
        index = np.arange(self.shape[0])[rows]
        values = self.unchecked(index)
        if values.dtype.kind == "f":
            self._check_finite(values, index)
        return values

    def unchecked(self, index: np.ndarray) -> np.ndarray:
        """Read the rows ``index (n,)`` as they are stored, NaN and infinity included."""
        rising = bool((np.diff(index) > 0).all())
        order, inverse = (index, None) if rising else np.unique(index, return_inverse=True)
        values = np.empty((len(order), *self.shape[1:]), self.dtype)
        self._fill(values, order)
        return values if inverse is None else values[inverse]

    def _check_finite(self, values: np.ndarray, rows: np.ndarray) -> None:
        finite = np.isfinite(_within_float32(values))
        if not finite.all():
            holder, row = self.place(int(rows[~finite.all(axis=tuple(range(1, values.ndim)))].min()))
            raise SSVHError(
                f"{holder} holds NaN, infinity or a value beyond float32 in {row}. "
                "Extract the features of that video again, or remove it."
            )


class StoredRows(LazyRows):
    """One array ``(N, …)`` in one HDF5 file or in several shards.

    Raises SSVHError at once if a file is missing or damaged or has no such array.
    """

    def __init__(self, paths: list[Path], key: str):
        self.paths, self.key = paths, key
        self._files: list[h5py.File] | None = None
        stored = [self._open(path) for path in paths]
        shapes = [array.shape for array in stored]
        if len({shape[1:] for shape in shapes}) != 1:
            raise SSVHError(f"The shards {', '.join(map(str, paths))} hold arrays of different shapes: {shapes}.")
        self.starts = np.cumsum([0, *(shape[0] for shape in shapes)])
        self.shape = (int(self.starts[-1]), *shapes[0][1:])
        self.dtype = np.result_type(*(array.dtype for array in stored))
        self.chunk = max(array.chunks[0] if array.chunks else 1 for array in stored)

    def __getstate__(self) -> dict[str, object]:
        return {**vars(self), "_files": None}  # open files cannot be sent to another process

    def place(self, row: int) -> tuple[str, str]:
        """Return the shard and the number of the row in it."""
        number = int(np.searchsorted(self.starts, row, side="right")) - 1
        return f"{self.paths[number]}: '{self.key}'", f"row {row - self.starts[number]}"

    def _fill(self, values: np.ndarray, order: np.ndarray) -> None:
        """Read the rows in as few reads as possible."""
        if self._files is None:
            self._files = [h5py.File(path, "r") for path in self.paths]
        for file, start, end in zip(self._files, self.starts, self.starts[1:], strict=False):
            low, high = np.searchsorted(order, (start, end))
            try:
                _fill_from(file[self.key], values[low:high], order[low:high] - start)
            except OSError as error:
                raise SSVHError(f"{file.filename} is damaged ({error}). Fetch or build it again.") from error

    def _open(self, path: Path) -> h5py.Dataset:
        file = open_hdf5(path, f"the array '{self.key}'")
        if self.key not in file:
            raise SSVHError(f"{path} has no array '{self.key}'; it holds {', '.join(map(repr, file)) or 'nothing'}.")
        stored = file[self.key]
        if not isinstance(stored, h5py.Dataset) or stored.ndim == 0 or stored.dtype.kind not in "fiub":
            raise SSVHError(f"{path}: '{self.key}' is not an array of numbers; it is {stored!r}.")
        return stored


def open_hdf5(path: Path, content: str) -> h5py.File:
    """Open for reading an HDF5 file that should hold ``content``. Raises SSVHError if it is missing or damaged."""
    if not path.is_file():
        raise MissingFileError(f"{path} is missing. It should hold {content} in HDF5.")
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise SSVHError(f"{path} is not a whole HDF5 file ({error}). Fetch or build it again.") from error


def _fill_from(stored: h5py.Dataset, values: np.ndarray, rows: np.ndarray) -> None:
    """Read ascending ``rows`` of one file into ``values``: run by run, or in one read if they lie close together."""
    if not len(rows):
        return
    first, last = rows[0], rows[-1] + 1
    if len(rows) <= 0.5 * (last - first):
        for run in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(rows) > 1) + 1):
            stored.read_direct(values, np.s_[rows[run[0]] : rows[run[-1]] + 1], np.s_[run[0] : run[-1] + 1])
    elif len(rows) < last - first:
        values[:] = stored[first:last][rows - first]
    else:
        stored.read_direct(values, np.s_[first:last])


def _within_float32(values: np.ndarray) -> np.ndarray:
    """Convert values of more than 32 bits to float32, where those out of range become infinite."""
    with np.errstate(over="ignore"):
        return values if values.dtype.itemsize <= 4 else values.astype(np.float32)
