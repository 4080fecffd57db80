"""The layout in which AVHash publishes features, and sets of CLIP features since 2024 (TPHash, for example).

A JSON file names an HDF5 file for each modality, with a group for each video and in it the array ``vectors (T, D)``,
and a text list for each set. Source: ``dataset.py`` and ``Json/`` in the authors' repository of AVHash (ACM MM 2024),
where "actnet" has lists of ``id,frame count,label[,label …]`` that count from 0, and "fcvid" ``id,label`` from 1.
All labels of a line are read, although the authors' code takes the first only. Sound is left aside.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ...errors import MissingFileError, SSVHError, unknown
from ...utils.files import JsonObject, read_json
from ..layouts import Layout

KEY = "vectors"


class Lists(NamedTuple):
    """How the lists of a dataset are written."""

    first_label: int
    label_base: int


DATASETS = {"actnet": Lists(3, 0), "fcvid": Lists(2, 1)}
_NEEDED = {"dataset": str, "Image": str, "num_class": int, "train_list": str, "test_list": str, "retrieval_list": str}
_KEYS = _NEEDED | {"Audio": str, "val_list": str, "data_path": str}


def is_config(path: Path) -> bool:
    """Tell whether a JSON file is such a configuration, or a damaged one."""
    return b'"train_list"' in path.read_bytes()


def read_config(path: Path) -> Layout:
    """Return what a ``dataset.toml`` beside the configuration would say. Raises SSVHError if it is wrong."""
    content = read_json(path)
    for key, value in content.items():
        if key not in _KEYS:
            raise SSVHError(f"{path} has an unknown key '{key}'; known are {', '.join(sorted(_KEYS))}.")
        if type(value) is not _KEYS[key]:
            wanted = "a whole number" if _KEYS[key] is int else "a text"
            raise SSVHError(f"{path}: '{key}' must be {wanted}, got {value!r}.")
    if missing := sorted(_NEEDED.keys() - content.keys()):
        raise SSVHError(f"{path} lacks the key '{missing[0]}'. Add it, or describe the dataset in a dataset.toml.")
    if content["num_class"] < 1:
        raise SSVHError(f"{path}: 'num_class' must be 1 or more, got {content['num_class']}.")
    if content["dataset"] not in DATASETS:
        raise SSVHError(
            f"{unknown(f'dataset (in {path})', content['dataset'], DATASETS)} The name says how the lists are written: "
            "'actnet' id,frame count,label from 0, 'fcvid' id,label from 1. Write the one that is right here."
        )
    return _layout(path, content)


def _layout(path: Path, content: JsonObject) -> Layout:
    first_label, base = DATASETS[content["dataset"]]
    return {
        "preset": "paper",
        "query_in_database": content["test_list"] == content["retrieval_list"],
        "classes": [str(base + column) for column in range(content["num_class"])],
        "videos": {
            "features": _file(path, "Image", content),
            "key": KEY,
            "train_list": _file(path, "train_list", content),
            "query_list": _file(path, "test_list", content),
            "database_list": _file(path, "retrieval_list", content),
            "first_label": first_label,
            "label_base": base,
        },
    }


def _file(config: Path, key: str, content: JsonObject) -> str:
    """Return a file of the configuration, from where it lies now: paths are those of the authors' machine."""
    given = Path(content[key])
    for path in (given, Path(given.name)):
        if (config.parent / path).is_file():
            return str(path)
    raise MissingFileError(
        f"{config} names '{given}' as its {key}, which is no file, neither there nor beside {config.name}. "
        "Put the file there, or correct the path."
    )
