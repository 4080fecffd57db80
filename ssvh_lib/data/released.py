"""The file layout in which the papers publish features: HDF5 ``feats (N, T, D)`` beside MATLAB ``labels (N, L)``.

A folder says what its files are in ``dataset.toml``::

    name = "moving-digits"
    preset = "small"
    query_in_database = false
    classes = ["0 across", "0 down"]       # optional
    [train]
    features = ["digits_train_feats.h5"]   # several files are read as one
    labels = "digits_train_labels.mat"     # or a list, one for each of the feature files
    label_key = "labels"                   # optional; key of the .mat
    extras = "digits_train_extras.h5"      # optional: any of thumbnails, informative and ids
    [query]                                # and [database], which is the training set when left out
    ...

Where there is a ``[database]``, ``[train]`` needs no labels: nothing learns from them.
"""

from __future__ import annotations

import json
import tomllib
from io import BytesIO
from pathlib import Path

import h5py
import numpy as np
from scipy.io import loadmat, savemat
from scipy.sparse import issparse

from ..errors import SSVHError, unknown
from ..utils.files import digest, digest_of, write_text
from .features import HELD_IN_MEMORY, PRESETS, Dataset, StoredRows, VideoFeatures, open_hdf5

PARTS = ("train", "database", "query")
FILES = {
    "features": "feats.h5",
    "labels": "labels.mat",
    "extras": "extras.h5",
}  # key of dataset.toml -> end of the name
_PART_KEYS = {"features": list, "labels": (str, list), "label_key": str, "extras": str}
_KEYS = {
    "name": str,
    "preset": str,
    "query_in_database": bool,
    "classes": list,
    "halved_from": str,
    "train": dict,
    "query": dict,
    "database": dict,
}


def read_folder(folder: Path) -> Dataset:
    """The dataset of a folder with a ``dataset.toml``; SSVHError names the file that is missing or wrong."""
    return read_dataset(folder, read_layout(folder))


def read_dataset(folder: Path, layout: dict) -> Dataset:
    """The dataset of the files in ``folder`` that ``layout`` names; SSVHError says which is missing or wrong."""
    same = same_parts(layout)
    database = _read_part(folder, part_of(layout, "database"), 0)
    read = {same["database"]: database}
    for name in PARTS:
        if same[name] not in read:
            read[same[name]] = _read_part(folder, layout[name], database.labels.shape[1])
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


def part_of(layout: dict, name: str) -> dict:
    """The table of "train", "database" or "query"; the database is the training set unless it has one of its own."""
    return layout["train"] if name == "database" and name not in layout else layout[name]


def same_parts(layout: dict) -> dict[str, str]:
    """For each set of videos the first one that is made of the same files: itself, unless it is one of two names."""
    return {name: next(one for one in PARTS if part_of(layout, one) == part_of(layout, name)) for name in PARTS}


def files_of(layout: dict) -> list[str]:
    """The names of all files of a dataset, each once."""
    return sorted({name for part in PARTS for name in _files(part_of(layout, part))})


def fingerprint(folder: Path, layout: dict) -> str:
    """What changes with the content of the files and with what the layout says of them."""
    return digest_of({"layout": layout, "files": {name: digest(folder / name) for name in files_of(layout)}})


def write_layout(folder: Path, layout: dict) -> None:
    """Write a ``dataset.toml``. JSON writes texts, lists of texts and truth values as TOML does."""
    tables = {key: value for key, value in layout.items() if isinstance(value, dict)}
    lines = _assignments({key: value for key, value in layout.items() if key not in tables})
    for name, table in tables.items():
        lines += ["", f"[{name}]", *_assignments(table)]
    write_text(folder / "dataset.toml", "\n".join(lines) + "\n")


def _assignments(table: dict) -> list[str]:
    return [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items()]


def write_part(
    folder: Path, stem: str, features: np.ndarray, labels: np.ndarray, **extras: np.ndarray
) -> dict[str, str | list[str]]:
    """Write one set of videos; returns its table for ``dataset.toml``."""
    names = {key: f"{stem}_{end}" for key, end in FILES.items()}
    with h5py.File(folder / names["features"], "w") as file:
        file["feats"] = features
    save_labels(folder / names["labels"], labels)
    with h5py.File(folder / names["extras"], "w") as file:
        for key, values in extras.items():
            chunk = (1, *values.shape[1:])
            file.create_dataset(key, data=values, chunks=chunk, compression="gzip", compression_opts=1)
    return names | {"features": [names["features"]]}


def save_labels(path: Path, labels: np.ndarray) -> None:
    """savemat with a fixed 116-byte description: SciPy writes the time there, and equal data should be equal files."""
    buffer = BytesIO()
    savemat(buffer, {"labels": labels})
    content = buffer.getvalue()
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(116) + content[116:])


def read_layout(folder: Path) -> dict:
    """What ``dataset.toml`` says; SSVHError if it is missing, or names what is wrong with it."""
    path = folder / "dataset.toml"
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
    for part in PARTS:
        if part in layout or part != "database":
            _check_part(path, part, layout.get(part, {}), labels=part != "train" or "database" not in layout)
    if layout.get("preset", "paper") not in PRESETS:
        raise unknown(f"preset (in {path})", layout["preset"], PRESETS)
    return layout


def _check_part(path: Path, part: str, table: dict, *, labels: bool) -> None:
    _check_types(path, f"[{part}]", table, _PART_KEYS)
    if not table.get("features") or (labels and not table.get("labels")):
        raise SSVHError(f"{path}: [{part}] must name its 'features' (a list of files) and 'labels' (a file).")


def _check_types(path: Path, place: str, table: dict, types: dict[str, type | tuple[type, ...]]) -> None:
    for key, value in table.items():
        if key not in types:
            raise SSVHError(f"{path}: {place} has an unknown key '{key}'; allowed are {', '.join(sorted(types))}.")
        of_text = not isinstance(value, list) or all(isinstance(item, str) for item in value)
        if not isinstance(value, types[key]) or not of_text:
            kinds = types[key] if isinstance(types[key], tuple) else (types[key],)
            wanted = " or a ".join("list of texts" if kind is list else kind.__name__ for kind in kinds)
            raise SSVHError(f"{path}: '{key}' in {place} must be a {wanted}, got {value!r}.")


def label_files(part: dict) -> list[str]:
    """The label files of a set: none, one, or one for each of its feature files."""
    labels = part.get("labels", [])
    return [labels] if isinstance(labels, str) else labels


def _files(part: dict) -> list[str]:
    return [*part["features"], *label_files(part), *([part["extras"]] if "extras" in part else [])]


def _read_part(folder: Path, part: dict, classes: int) -> VideoFeatures:
    """One set of videos; where no labels are published, rows of zeros in ``classes`` columns."""
    features = StoredRows([folder / name for name in part["features"]], "feats")
    labels = read_labels(folder, part, features)
    if labels is None:
        labels = np.zeros((features.shape[0], classes), np.uint8)
    stem = Path(part["features"][0]).stem.removesuffix("_feats")
    ids = tuple(f"{stem}/{row}" for row in range(features.shape[0]))
    videos = VideoFeatures(features, labels, **{"ids": ids} | _extras(folder, part))
    return videos.in_memory() if videos.nbytes <= HELD_IN_MEMORY else videos


def _extras(folder: Path, part: dict) -> dict:
    """What a dataset knows of its videos besides features and labels: what its extras hold of the three arrays."""
    if "extras" not in part:
        return {}
    path = folder / part["extras"]
    with open_hdf5(path, "'informative', 'thumbnails' or 'ids'") as file:
        found = {key: StoredRows([path], key) for key in ("informative", "thumbnails") if key in file}
        if "ids" in file:
            found["ids"] = _read_ids(path, file["ids"])
        if not found:
            names = ", ".join(map(repr, file)) or "nothing"
            raise SSVHError(f"{path} has no array 'informative', 'thumbnails' or 'ids'; it holds {names}.")
    return found | ({"informative": found["informative"][:]} if "informative" in found else {})


def _read_ids(path: Path, stored: h5py.Dataset | h5py.Group) -> tuple[str, ...]:
    """One name for each video."""
    if not isinstance(stored, h5py.Dataset) or h5py.check_string_dtype(stored.dtype) is None or stored.ndim != 1:
        raise SSVHError(f"{path}: 'ids' must be a list of texts, one for each video; it is {stored!r}.")
    return tuple(stored.asstr()[:])


def read_labels(folder: Path, part: dict, features: StoredRows) -> np.ndarray | None:
    """Multi-hot labels ``(N, L)`` uint8 of the videos of ``features``, or None if the set has none."""
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
    """Labels as ``(N, L)``; those that can only be ``(L, N)`` are turned round."""
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
