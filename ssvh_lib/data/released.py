"""The file layout in which the papers publish features: HDF5 ``feats (N, T, D)`` beside MATLAB ``labels (N, L)``.

A folder says what its files are in ``dataset.toml``::

    name = "moving-digits"
    preset = "small"
    query_in_database = false
    classes = ["0 across", "0 down"]       # optional
    [train]
    features = ["digits_train_feats.h5"]   # several files are read as one
    labels = "digits_train_labels.mat"
    label_key = "labels"                   # optional; key of the .mat
    extras = "digits_train_extras.h5"      # optional: thumbnails, informative
    [query]                                # and [database], which is the training set when left out
    ...
"""

from __future__ import annotations

import tomllib
from io import BytesIO
from pathlib import Path

import h5py
import numpy as np
from scipy.io import loadmat, savemat
from scipy.sparse import issparse

from ..errors import SSVHError, unknown
from ..files import digest, digest_of
from .features import PRESETS, Dataset, StoredRows, VideoFeatures

HELD_IN_MEMORY = 2 << 30  # bytes of features per set; larger ones are read as needed
_PART_KEYS = {"features": list, "labels": str, "label_key": str, "extras": str}
_KEYS = {
    "name": str,
    "preset": str,
    "query_in_database": bool,
    "classes": list,
    "train": dict,
    "query": dict,
    "database": dict,
}


def read_folder(folder: Path) -> Dataset:
    """The dataset of a folder with a ``dataset.toml``; SSVHError names the file that is missing or wrong."""
    layout = _read_layout(folder / "dataset.toml")
    train = _read_part(folder, layout["train"])
    database = _read_part(folder, layout["database"]) if "database" in layout else train
    query = _read_part(folder, layout["query"])
    parts = [layout[part] for part in ("train", "database", "query") if part in layout]
    files = sorted({name for part in parts for name in _files(part)})
    return Dataset(
        name=layout.get("name", folder.name),
        train=train,
        database=database,
        query=query,
        query_in_database=layout.get("query_in_database", False),
        classes=tuple(layout.get("classes", map(str, range(train.labels.shape[1])))),
        preset=layout.get("preset", "paper"),
        fingerprint=digest_of({"layout": layout, "files": {name: digest(folder / name) for name in files}}),
        root=folder,
    )


def write_part(
    folder: Path, stem: str, features: np.ndarray, labels: np.ndarray, **extras: np.ndarray
) -> dict[str, str | list[str]]:
    """Write one set of videos; returns its table for ``dataset.toml``."""
    names = {"features": [f"{stem}_feats.h5"], "labels": f"{stem}_labels.mat", "extras": f"{stem}_extras.h5"}
    with h5py.File(folder / names["features"][0], "w") as file:
        file["feats"] = features
    _save_labels(folder / names["labels"], labels)
    with h5py.File(folder / names["extras"], "w") as file:
        for key, values in extras.items():
            chunk = (1, *values.shape[1:])
            file.create_dataset(key, data=values, chunks=chunk, compression="gzip", compression_opts=1)
    return names


def _save_labels(path: Path, labels: np.ndarray) -> None:
    """savemat with a fixed 116-byte description: SciPy writes the time there, and equal data should be equal files."""
    buffer = BytesIO()
    savemat(buffer, {"labels": labels})
    content = buffer.getvalue()
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(116) + content[116:])


def _read_layout(path: Path) -> dict:
    if not path.is_file():
        raise SSVHError(
            f"{path} is missing. A dataset is a folder with a dataset.toml that names its files; "
            "`python -m pydoc ssvh_lib.data.released` shows one."
        )
    try:
        layout = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SSVHError(f"{path} is not valid TOML: {error}.") from error
    _check_types(path, "the file", layout, _KEYS)
    for part in ("train", "query", "database"):
        if part in layout or part != "database":
            table = layout.get(part, {})
            _check_types(path, f"[{part}]", table, _PART_KEYS)
            if not table.get("features") or "labels" not in table:
                raise SSVHError(f"{path}: [{part}] must name its 'features' (a list of files) and 'labels' (a file).")
    if layout.get("preset", "paper") not in PRESETS:
        raise unknown(f"preset (in {path})", layout["preset"], PRESETS)
    return layout


def _check_types(path: Path, place: str, table: dict, types: dict[str, type]) -> None:
    for key, value in table.items():
        if key not in types:
            raise SSVHError(f"{path}: {place} has an unknown key '{key}'; allowed are {', '.join(sorted(types))}.")
        of_text = not isinstance(value, list) or all(isinstance(item, str) for item in value)
        if not isinstance(value, types[key]) or not of_text:
            wanted = "list of texts" if types[key] is list else types[key].__name__
            raise SSVHError(f"{path}: '{key}' in {place} must be a {wanted}, got {value!r}.")


def _files(part: dict) -> list[str]:
    return [*part["features"], part["labels"], *([part["extras"]] if "extras" in part else [])]


def _read_part(folder: Path, part: dict) -> VideoFeatures:
    features = StoredRows([folder / name for name in part["features"]], "feats")
    labels = _read_labels(folder / part["labels"], part.get("label_key", "labels"))
    stem = Path(part["features"][0]).stem.removesuffix("_feats")
    videos = VideoFeatures(
        features, labels, tuple(f"{stem}/{row}" for row in range(features.shape[0])), **_extras(folder, part)
    )
    size = 4 * int(np.prod(features.shape))
    return videos.in_memory() if size <= HELD_IN_MEMORY else videos


def _extras(folder: Path, part: dict) -> dict:
    if "extras" not in part:
        return {}
    path = [folder / part["extras"]]
    return {"informative": StoredRows(path, "informative")[:], "thumbnails": StoredRows(path, "thumbnails")}


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
