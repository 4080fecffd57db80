"""Where the features ``(n, D)`` of single videos lie: a folder of files, or one HDF5 file with a group for each."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Protocol

import h5py
import numpy as np

from ...errors import MissingFileError, SSVHError
from ...utils.files import digest, digest_all, find_files
from ..rows import open_hdf5
from .formats import FORMATS, Kind, UnreadableError, explained, pick


class Store(Protocol):
    """Videos by name, in a folder or file called ``path``."""

    path: Path

    @property
    def names(self) -> Collection[str]:
        """The names of all videos that are there."""

    def describe(self, name: str) -> Kind:
        """Return the shape and type of a video's features without reading them. Raises UnreadableError."""

    def read(self, name: str) -> np.ndarray:
        """Read the features ``(n, D)`` of a video, or map them to its file. Raises UnreadableError."""

    def digest(self, names: Iterable[str]) -> str:
        """Return a fingerprint of the features of some videos, 16 hex digits."""


def open_store(path: Path, key: str | None) -> Store:
    """Open a folder of files or a file of groups; ``key`` names the array to read where a video has several."""
    if path.is_dir():
        return Files(path, key)
    if not path.exists():
        raise MissingFileError(f"{path} is missing. It should be a folder of {', '.join(FORMATS)} or an HDF5 file.")
    return Groups(path, key)


class Groups:
    """One HDF5 file with a group for each video; an array that lies there without a group is a video, too."""

    def __init__(self, path: Path, key: str | None):
        self.path, self.key = path, key
        self._file: h5py.File | None = open_hdf5(path, "one group for each video")
        self.names: Collection[str] = frozenset(self._file)
        if not self.names:
            raise SSVHError(f"{path} is empty. It should hold one group for each video.")

    def __getstate__(self) -> dict[str, object]:
        return {**vars(self), "_file": None}  # an open file cannot be sent to another process

    def describe(self, name: str) -> Kind:
        """Return the shape and type of a video's features."""
        array = self._array(name)
        return Kind(array.shape, array.dtype)

    def read(self, name: str) -> np.ndarray:
        """Read a video's features."""
        array = self._array(name)
        with explained():
            values: np.ndarray = array[()]
            return values

    def digest(self, names: Iterable[str]) -> str:
        """Return a fingerprint of the whole file."""
        return digest(self.path)

    def _array(self, name: str) -> h5py.Dataset:
        if self._file is None:
            self._file = h5py.File(self.path, "r")
        with explained():
            found = self._file.get(f"{name}/{self.key}") if self.key else None  # takes half the time of two steps
            if found is None:
                found = self._file[name]
            if isinstance(found, h5py.Group):
                found = found[pick(list(found), self.key)]
        if not isinstance(found, h5py.Dataset):
            raise UnreadableError("is not an array")
        return found


class Files:
    """The files of one kind below a folder, one for each video, which is called by its path without the suffix."""

    def __init__(self, path: Path, key: str | None):
        self.path, self.key = path, key
        found = list(find_files(path, FORMATS))
        kinds = sorted({Path(file).suffix.lower() for file in found})
        if len(kinds) != 1:
            raise SSVHError(
                f"{path} holds {' and '.join(kinds) or 'no'} files. Features must be files of one kind: "
                f"{', '.join(FORMATS)}. Keep one kind in a folder, and name it as features in dataset.toml."
            )
        self._format = FORMATS[kinds[0]]
        self._files = {file[: -len(kinds[0])]: file for file in found}
        if len(self._files) < len(found):
            raise SSVHError(
                f"{path} holds files whose names differ in the case of '{kinds[0]}' only. Remove one of each."
            )

    @property
    def names(self) -> Collection[str]:
        """The names of all videos."""
        return self._files.keys()

    def describe(self, name: str) -> Kind:
        """Return the shape and type of a video's features."""
        path = self.path / self._files[name]
        with explained():
            if not path.stat().st_size:
                raise UnreadableError("is empty")
        return self._format.describe(path, self.key)

    def read(self, name: str) -> np.ndarray:
        """Read a video's features, or map them to the file."""
        return self._format.read(self.path / self._files[name], self.key)

    def digest(self, names: Iterable[str]) -> str:
        """Return a fingerprint of the files of some videos, with their names."""
        return digest_all(self.path, sorted(self._files[name] for name in names))
