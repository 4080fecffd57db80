"""Reading and writing the files in which the papers publish features.

That is HDF5 ``feats (N, T, D)`` beside MATLAB ``labels (N, L)``; ``layouts`` says which files make a dataset.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from scipy.io import loadmat, savemat
from scipy.sparse import issparse

from ..errors import SSVHError
from .features import HELD_IN_MEMORY, Dataset, Shown, StoredRows, VideoFeatures, open_hdf5
from .layouts import FILES, PARTS, Layout, PartTable, fingerprint, label_files, part_of, same_parts


def read_dataset(folder: Path, layout: Layout) -> Dataset:
    """Read the files in ``folder`` that ``layout`` names. Raises SSVHError, which says what is missing or wrong."""
    same = same_parts(layout)
    database = _read_part(folder, part_of(layout, "database"), 0)
    read = {same["database"]: database}
    for name in PARTS:
        if same[name] not in read:
            read[same[name]] = _read_part(folder, part_of(layout, name), database.labels.shape[1])
    return Dataset(
        name=layout.get("name", folder.name),
        train=read[same["train"]],
        database=database,
        query=read[same["query"]],
        query_in_database=layout.get("query_in_database", False),
        classes=tuple(layout.get("classes", map(str, range(database.labels.shape[1])))),
        preset=layout.get("preset", "paper"),
        fingerprint=fingerprint(folder, layout),
        root=folder,
    )


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


class _Extras(NamedTuple):
    """Facts that a dataset may have about its videos besides features and labels."""

    ids: tuple[str, ...] | None = None
    informative: np.ndarray | None = None
    thumbnails: StoredRows | None = None
    shown: Shown | None = None


def _read_part(folder: Path, part: PartTable, classes: int) -> VideoFeatures:
    """Read one set of videos; where no labels are published, they are rows of zeros in ``classes`` columns."""
    features = StoredRows([folder / name for name in part["features"]], "feats")
    labels = read_labels(folder, part, features)
    if labels is None:
        labels = np.zeros((features.shape[0], classes), np.uint8)
    stem = Path(part["features"][0]).stem.removesuffix("_feats")
    numbered = tuple(f"{stem}/{row}" for row in range(features.shape[0]))
    ids, informative, thumbnails, shown = _read_extras(folder / part["extras"]) if "extras" in part else _Extras()
    videos = VideoFeatures(features, labels, numbered if ids is None else ids, informative, thumbnails, shown)
    return videos.in_memory() if videos.nbytes <= HELD_IN_MEMORY else videos


def _read_extras(path: Path) -> _Extras:
    with open_hdf5(path, "'informative', 'thumbnails' or 'ids'") as file:
        if not any(key in file for key in ("informative", "thumbnails", "ids")):
            names = ", ".join(map(repr, file)) or "nothing"
            raise SSVHError(f"{path} has no array 'informative', 'thumbnails' or 'ids'; it holds {names}.")
        return _Extras(
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
        raise SSVHError(f"{path} is missing. It should hold the multi-hot labels '{key}' (videos, classes).")
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
