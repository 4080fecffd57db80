"""Reading and writing the files in which the papers publish features.

That is HDF5 ``feats (N, T, D)`` beside MATLAB ``labels (N, L)``; ``layouts`` says which files make a dataset.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import h5py
import numpy as np
from scipy.io import loadmat, savemat
from scipy.sparse import issparse

from ..errors import MissingFileError, SSVHError
from .features import Shown
from .layouts import FILES, PARTS, Layout, PartTable, files_of, fingerprint, label_files, part_of, same_parts
from .rows import LazyRows, StoredRows, open_hdf5
from .sources import Extras, StoredSet


class ReleasedSource:
    """A ``Source`` whose layout names files of features and labels."""

    def __init__(self, folder: Path, layout: Layout):
        self.folder, self.layout = folder, layout
        self.notes: list[str] = []

    @property
    def same(self) -> dict[str, str]:
        """Each set with the first one that is made of the same files."""
        return same_parts(self.layout)

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The names of the classes, if the layout has them."""
        return tuple(self.layout["classes"]) if "classes" in self.layout else None

    def files(self) -> list[str]:
        """Return the names of all files."""
        return files_of(self.layout)

    def open(self, part: str) -> StoredSet:
        """Open one of the sets."""
        table = part_of(self.layout, part)
        features = StoredRows([self.folder / name for name in table["features"]], "feats")
        return StoredSet(
            features,
            lambda: read_labels(self.folder, table, features),
            lambda: _read_extras(self.folder / table["extras"]) if "extras" in table else Extras(),
        )

    def fingerprint(self) -> str:
        """Return 16 hex digits that change with the content of the files and with the layout."""
        return fingerprint(self.folder, self.layout)

    def feature_files(self) -> dict[str, LazyRows]:
        """Return the feature files as they are."""
        files = sorted({file for part in PARTS for file in part_of(self.layout, part)["features"]})
        return {file: StoredRows([self.folder / file], "feats") for file in files}

    def write_others(self, folder: Path) -> Layout:
        """Copy the files of labels and extras, and return the same layout."""
        for file in set(self.files()) - self.feature_files().keys():
            shutil.copyfile(self.folder / file, folder / file)
        return self.layout


def write_part(
    folder: Path, stem: str, labels: np.ndarray, videos: Iterable[tuple[np.ndarray, np.ndarray]], **extras: np.ndarray
) -> PartTable:
    """Write one set of N videos, and return its table for ``dataset.toml``.

    ``videos`` yields features ``(n, T, D)`` and thumbnails ``(n, T, H, W)`` of some of them at a time, in the order of
    ``labels (N, L)``, so that they need not all be in memory.
    """
    names = {key: f"{stem}_{end}" for key, end in FILES.items()}
    with h5py.File(folder / names["features"], "w") as features, h5py.File(folder / names["extras"], "w") as others:
        start = 0
        for some in videos:
            for file, key, values in ((features, "feats", some[0]), (others, "thumbnails", some[1])):
                rows = file[key] if start else _create(file, key, len(labels), values)
                rows[start : start + len(values)] = values
            start += len(some[0])
        if start != len(labels):
            raise SSVHError(f"{folder / names['features']}: {start} videos were made for {len(labels)} rows of labels.")
        for key, values in extras.items():
            _create(others, key, len(values), values)[:] = values
    save_labels(folder / names["labels"], labels)
    return {"features": [names["features"]], "labels": names["labels"], "extras": names["extras"]}


def _create(file: h5py.File, key: str, count: int, like: np.ndarray) -> h5py.Dataset:
    """Create an array of ``count`` rows; those of extras are compressed one by one."""
    packed = {} if key == "feats" else {"chunks": (1, *like.shape[1:]), "compression": "gzip", "compression_opts": 1}
    return file.create_dataset(key, (count, *like.shape[1:]), like.dtype, **packed)


def save_labels(path: Path, labels: np.ndarray) -> None:
    """Write labels with a fixed description of 116 bytes, where SciPy puts the time: equal data give equal files."""
    savemat(path, {"labels": labels}, appendmat=False)
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(116) + path.read_bytes()[116:])


def _read_extras(path: Path) -> Extras:
    with open_hdf5(path, "'informative', 'thumbnails' or 'ids'") as file:
        if not any(key in file for key in ("informative", "thumbnails", "ids")):
            names = ", ".join(map(repr, file)) or "nothing"
            raise SSVHError(f"{path} has no array 'informative', 'thumbnails' or 'ids'; it holds {names}.")
        return Extras(
            ids=_read_ids(path, file["ids"]) if "ids" in file else None,
            informative=StoredRows([path], "informative")[:] if "informative" in file else None,
            thumbnails=StoredRows([path], "thumbnails") if "thumbnails" in file else None,
            shown=Shown(*(StoredRows([path], key)[:] for key in Shown._fields)) if "glyph" in file else None,
        )


def _read_ids(path: Path, stored: h5py.Dataset | h5py.Group) -> tuple[str, ...]:
    """Read one name for each video."""
    if not isinstance(stored, h5py.Dataset) or h5py.check_string_dtype(stored.dtype) is None or stored.ndim != 1:
        raise SSVHError(f"{path}: 'ids' must be a list of texts, one for each video; it is {stored!r}.")
    return tuple(stored.asstr()[:])


def read_labels(folder: Path, part: PartTable, features: StoredRows) -> np.ndarray | None:
    """Read multi-hot labels ``(N, L)`` uint8 of the videos of ``features``, or return None if the set has none."""
    names, key = label_files(part), part.get("label_key", "labels")
    if not names:
        return None
    counts = np.diff(features.starts) if len(names) == len(features.paths) else features.shape[:1]
    if len(names) != len(counts):
        raise SSVHError(
            f"{folder}: {len(names)} label files for {len(features.paths)} feature files. "
            "Name one for all, or one for each of them."
        )
    found = [_by_video(_read_labels(folder / name, key), count) for name, count in zip(names, counts, strict=True)]
    if len({labels.shape[1] for labels in found}) != 1:
        raise SSVHError(f"{folder}: {', '.join(names)} have different numbers of classes.")
    return np.concatenate(found)


def _by_video(labels: np.ndarray, videos: int) -> np.ndarray:
    """Return labels as ``(N, L)``; those that can only be ``(L, N)`` are transposed."""
    return labels.T if len(labels) != videos and labels.shape[1] == videos else labels


def _read_labels(path: Path, key: str) -> np.ndarray:
    if not path.is_file():
        raise MissingFileError(f"{path} is missing. It should hold the multi-hot labels '{key}' (videos, classes).")
    try:
        content = loadmat(path)
    except Exception as error:
        raise SSVHError(f"{path} is not a MATLAB 5 file ({error}). Save it again with scipy.io.savemat.") from error
    if key not in content:
        held = [name for name in content if not name.startswith("__")]
        raise SSVHError(f"{path} has no array '{key}'; it holds {', '.join(held) or 'nothing'}.")
    labels = content[key].toarray() if issparse(content[key]) else np.asarray(content[key])
    if labels.dtype.kind not in "biuf":
        raise SSVHError(f"{path}: '{key}' must be an array of 0s and 1s, it is of type {labels.dtype}.")
    if not np.isin(labels, (0, 1)).all():
        raise SSVHError(f"{path}: '{key}' must be multi-hot (0 or 1), got values like {np.unique(labels)[:5]}.")
    return labels.astype(np.uint8)
