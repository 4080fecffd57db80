"""``dataset.toml``, in which a folder of the published layout says what its files are::

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
from collections.abc import Mapping
from pathlib import Path
from typing import Required, TypedDict, cast

from ..errors import SSVHError, unknown
from ..utils.files import digest, digest_of, write_text
from .features import PRESETS

PARTS = ("train", "database", "query")
FILES = {
    "features": "feats.h5",
    "labels": "labels.mat",
    "extras": "extras.h5",
}  # key in dataset.toml -> end of the name


class PartTable(TypedDict, total=False):
    """The table of one set of videos."""

    features: Required[list[str]]
    labels: str | list[str]
    label_key: str
    extras: str


class Layout(TypedDict, total=False):
    """The content of a ``dataset.toml``."""

    name: str
    preset: str
    query_in_database: bool
    classes: list[str]
    halved_from: str  # fingerprint of the dataset that this is a float16 copy of
    train: Required[PartTable]
    query: Required[PartTable]
    database: PartTable


_Types = Mapping[str, tuple[type, ...]]
_PART_KEYS: _Types = {"features": (list,), "labels": (str, list), "label_key": (str,), "extras": (str,)}
_KEYS: _Types = {
    "name": (str,),
    "preset": (str,),
    "query_in_database": (bool,),
    "classes": (list,),
    "halved_from": (str,),
    "train": (dict,),
    "query": (dict,),
    "database": (dict,),
}


def part_of(layout: Layout, name: str) -> PartTable:
    """Return the table of "train", "database" or "query"; the database is the training set unless it has its own."""
    train = layout["train"]
    return {"train": train, "query": layout["query"], "database": layout.get("database", train)}[name]


def same_parts(layout: Layout) -> dict[str, str]:
    """Map each set of videos to the first one that is made of the same files: itself, unless one has two names."""
    return {name: next(one for one in PARTS if part_of(layout, one) == part_of(layout, name)) for name in PARTS}


def label_files(part: PartTable) -> list[str]:
    """Return the label files of a set: none, one, or one for each of its feature files."""
    labels = part.get("labels", [])
    return [labels] if isinstance(labels, str) else labels


def files_of(layout: Layout) -> list[str]:
    """Return the names of all files of a dataset, each once."""
    return sorted({name for part in PARTS for name in _files(part_of(layout, part))})


def _files(part: PartTable) -> list[str]:
    return [*part["features"], *label_files(part), *([part["extras"]] if "extras" in part else [])]


def fingerprint(folder: Path, layout: Layout) -> str:
    """Return 16 hex digits that change with the content of the files and with the layout."""
    return digest_of({"layout": layout, "files": {name: digest(folder / name) for name in files_of(layout)}})


def write_layout(folder: Path, layout: Mapping[str, object]) -> None:
    """Write a ``dataset.toml``. JSON writes strings, lists of strings and booleans as TOML does."""
    tables = {key: value for key, value in layout.items() if isinstance(value, dict)}
    lines = _assignments({key: value for key, value in layout.items() if key not in tables})
    for name, table in tables.items():
        lines += ["", f"[{name}]", *_assignments(table)]
    write_text(folder / "dataset.toml", "\n".join(lines) + "\n")


def _assignments(table: Mapping[str, object]) -> list[str]:
    return [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items()]


def read_layout(folder: Path) -> Layout:
    """Read ``dataset.toml``. Raises SSVHError if it is missing or wrong."""
    path = folder / "dataset.toml"
    if not path.is_file():
        raise SSVHError(
            f"{path} is missing. A dataset is a folder with a dataset.toml that names its files; "
            "`python -m pydoc ssvh_lib.data.layouts` shows one."
        )
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SSVHError(f"{path} is not valid TOML: {error}.") from error
    _check_types(path, "the file", content, _KEYS)
    for part in PARTS:
        if part in content or part != "database":
            _check_part(path, part, content.get(part, {}), labels=part != "train" or "database" not in content)
    if content.get("preset", "paper") not in PRESETS:
        raise unknown(f"preset (in {path})", content["preset"], PRESETS)
    return cast(Layout, content)  # as the checks above have shown


def _check_part(path: Path, part: str, table: Mapping[str, object], *, labels: bool) -> None:
    _check_types(path, f"[{part}]", table, _PART_KEYS)
    if not table.get("features") or (labels and not table.get("labels")):
        raise SSVHError(f"{path}: [{part}] must name its 'features' (a list of files) and 'labels' (a file).")


def _check_types(path: Path, place: str, table: Mapping[str, object], types: _Types) -> None:
    for key, value in table.items():
        if key not in types:
            raise SSVHError(f"{path}: {place} has an unknown key '{key}'; allowed are {', '.join(sorted(types))}.")
        of_text = not isinstance(value, list) or all(isinstance(item, str) for item in value)
        if not isinstance(value, types[key]) or not of_text:
            wanted = " or a ".join("list of texts" if kind is list else kind.__name__ for kind in types[key])
            raise SSVHError(f"{path}: '{key}' in {place} must be a {wanted}, got {value!r}.")
