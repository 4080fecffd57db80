"""Features and thumbnails of single videos, each stored in its own file, and gathered into a dataset."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from zipfile import BadZipFile

import h5py
import numpy as np

from ...errors import SSVHError
from ...utils.files import write_file
from ..layouts import FILES, PartTable
from ..released import save_labels

_ARRAYS = {"features", "thumbnails", "seconds", "note"}
_DAMAGE = (OSError, ValueError, KeyError, EOFError, BadZipFile)


def store(file: Path, features: np.ndarray, thumbnails: np.ndarray, seconds: float, note: str) -> None:
    """Write the features and thumbnails of one video. Raises SSVHError if they cannot be written."""
    _write(
        file,
        lambda partial: np.savez(
            partial, features=features, thumbnails=thumbnails, seconds=np.array(seconds), note=np.array(note)
        ),
    )


def is_stored(file: Path) -> bool:
    """Tell whether a video is stored, in a file that is complete according to its table of contents."""
    with suppress(*_DAMAGE), file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
        return set(arrays) == _ARRAYS
    return False


def load(file: Path, name: str) -> np.ndarray:
    """Load one of the arrays stored for a video. Raises SSVHError if the file is damaged."""
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
            values: np.ndarray = arrays[name]
            return values
    except _DAMAGE as error:
        raise SSVHError(f"{file} is damaged ({error}). Delete it, and start again.") from error


def write_set(folder: Path, part: str, stored: list[Path], labels: np.ndarray, ids: list[str]) -> PartTable:
    """Write one set of videos in the published layout from ``stored`` files, and return its table for dataset.toml.

    There are thumbnails if they have any pixels. Unlike ``released.write_part`` it writes a row at a time, so that
    memory holds a single video.
    """
    names = {key: f"{part}_{end}" for key, end in FILES.items()}

    def extras(file: h5py.File) -> None:
        if load(stored[0], "thumbnails").size:
            _fill(file, "thumbnails", stored, "thumbnails", compression="gzip", compression_opts=1)
        file.create_dataset("ids", data=ids, dtype=h5py.string_dtype())

    _write(folder / names["features"], _hdf5(lambda file: _fill(file, "feats", stored, "features")))
    _write(folder / names["labels"], lambda partial: save_labels(partial, labels))
    _write(folder / names["extras"], _hdf5(extras))
    return {"features": [names["features"]], "labels": names["labels"], "extras": names["extras"]}


def _fill(file: h5py.File, name: str, stored: list[Path], key: str, **options: object) -> None:
    """Write the arrays ``key`` of all stored files as one ``(N, …)``, in chunks of one row if it is compressed."""
    first = load(stored[0], key)
    chunks = (1, *first.shape) if options else None
    rows = file.create_dataset(name, (len(stored), *first.shape), first.dtype, chunks=chunks, **options)
    for number, path in enumerate(stored):
        rows[number] = load(path, key)


def _hdf5(fill: Callable[[h5py.File], object]) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with h5py.File(path, "w") as file:
            fill(file)

    return write


def _write(path: Path, write: Callable[[Path], object]) -> None:
    try:
        write_file(path, write)
    except OSError as error:
        raise SSVHError(
            f"{path} cannot be written ({error.strerror or error}). What is done is kept: make room, and start again."
        ) from error
