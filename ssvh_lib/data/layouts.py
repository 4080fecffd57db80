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

Videos that are stored one by one have the table ``[videos]`` instead of these::

    [videos]
    features = "clip"           # a folder of .npy, .npz or .pt files, or an HDF5 file of groups, one for each video
    key = "vectors"             # the array of a video, if its file or group holds several
    frames = 25                 # T; when left out, that of the videos if they agree, or else 25
    labels = "labels.csv"       # path,labels[,split] as for ``ssvh extract``; otherwise classes are the first folders
    splits = "ucfTrainTestlist" # official lists of UCF101 or HMDB51, as for ``ssvh extract``
    query_share = 0.2           # and seed = 0: queries to be drawn where nothing says which they are

    train_list = "train.txt"    # or, instead of the last three lines, lists of the sets: a line ``id,label[,label …]``
    query_list = "test.txt"     # for each video; the database is the training set without a database_list
    first_label = 2             # the field of the first label; 3 where a frame count stands between, as in AVHash's
    label_base = 1              # if labels are numbers of ``classes``: that of the first class

A video of n frames is resampled to T: the middle one, ``floor((2t + 1) n / 2T)``, of each of T equal segments. Fewer
frames than T are repeated, in order.
"""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Required, TypedDict, cast

from ..errors import SSVHError, unknown
from ..utils.files import digest, digest_of, write_text
from .features import PRESETS

PARTS = ("train", "database", "query")
LISTS = {part: f"{part}_list" for part in PARTS}  # keys of the lists in [videos]
_ARRANGED = {"labels", "splits", "query_share", "seed"}  # keys in [videos] for listing.arrange
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


class VideosTable(TypedDict, total=False):
    """The table of videos that are stored one by one."""

    features: Required[str]
    key: str
    frames: int
    labels: str
    splits: str
    query_share: float
    seed: int
    train_list: str
    query_list: str
    database_list: str
    first_label: int
    label_base: int


class Layout(TypedDict, total=False):
    """The content of a ``dataset.toml``: tables of train and query, or of videos."""

    name: str
    preset: str
    query_in_database: bool
    classes: list[str]
    halved_from: str  # fingerprint of the dataset that this is a float16 copy of
    train: PartTable
    query: PartTable
    database: PartTable
    videos: VideosTable


_Types = Mapping[str, tuple[type, ...]]
_IN_WORDS = {
    str: "a text",
    list: "a list of texts",
    dict: "a table",
    bool: "true or false",
    int: "a whole number",
    float: "a number with a point",
}
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
    "videos": (dict,),
}
_VIDEO_KEYS: _Types = {
    **dict.fromkeys(("features", "key", "labels", "splits", "train_list", "query_list", "database_list"), (str,)),
    **dict.fromkeys(("frames", "seed", "first_label", "label_base"), (int,)),
    "query_share": (float,),
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


def lists_of(videos: VideosTable) -> dict[str, str]:
    """Return the list of each set that has one."""
    lists = {part: videos.get(key) for part, key in LISTS.items()}
    return {part: str(name) for part, name in lists.items() if name}


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
            f"{path} is missing, and what the folder holds ({_held(folder)}) cannot be read without one. It names the "
            "files of a dataset; `python -m pydoc ssvh_lib.data.layouts` shows one."
        )
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SSVHError(f"{path} is not valid TOML: {error}.") from error
    _check_types(path, "the file", content, _KEYS)
    if "videos" in content:
        _check_videos(path, content)
    else:
        _check_parts(path, content)
    if content.get("preset", "paper") not in PRESETS:
        raise unknown(f"preset (in {path})", content["preset"], PRESETS)
    return cast(Layout, content)  # as the checks above have shown


def _held(folder: Path) -> str:
    """Count the files of a folder by the end of their names."""
    ends = Counter(path.suffix or "other" for path in folder.glob("[!.]*") if path.is_file())
    return ", ".join(f"{count:,} {end}" for end, count in ends.most_common(5)) or "no files"


def _check_parts(path: Path, content: Mapping[str, Any]) -> None:
    for part in PARTS:
        if part in content or part != "database":
            _check_part(path, part, content.get(part, {}), labels=part != "train" or "database" not in content)


def _check_part(path: Path, part: str, table: Mapping[str, object], *, labels: bool) -> None:
    _check_types(path, f"[{part}]", table, _PART_KEYS)
    if not table.get("features") or (labels and not table.get("labels")):
        raise SSVHError(f"{path}: [{part}] must name its 'features' (a list of files) and 'labels' (a file).")


def _check_videos(path: Path, content: Mapping[str, Any]) -> None:
    """Check the table of videos: what is there is of the right kind, and says one thing only."""
    table = content["videos"]
    _check_types(path, "[videos]", table, _VIDEO_KEYS)
    if both := sorted(set(PARTS) & content.keys()):
        raise SSVHError(
            f"{path} has both [videos] and [{both[0]}]. The first is for videos that are stored one by one."
        )
    if not table.get("features"):
        raise SSVHError(f"{path}: [videos] must name its 'features', a folder of files or an HDF5 file of groups.")
    lists, others = table.keys() & {*LISTS.values(), "first_label", "label_base"}, table.keys() & _ARRANGED
    if lists and others:
        raise SSVHError(f"{path}: [videos] names the sets twice, by {min(lists)} and by {min(others)}. Leave one out.")
    if lists and not {LISTS["train"], LISTS["query"]} <= lists:
        raise SSVHError(f"{path}: [videos] must name both a train_list and a query_list, or neither.")
    for key, least, most in (("frames", 1, None), ("seed", 0, None), ("first_label", 2, 3), ("label_base", 0, 1)):
        if key in table and not least <= table[key] <= (table[key] if most is None else most):
            wanted = f"{least} or {most}" if most else f"{least} or more"
            raise SSVHError(f"{path}: '{key}' in [videos] must be {wanted}, got {table[key]}.")


def _check_types(path: Path, place: str, table: Mapping[str, object], types: _Types) -> None:
    for key, value in table.items():
        if key not in types:
            raise SSVHError(f"{path}: {place} has an unknown key '{key}'; allowed are {', '.join(sorted(types))}.")
        of_text = not isinstance(value, list) or all(isinstance(item, str) for item in value)
        if type(value) not in types[key] or not of_text:  # isinstance would take true for a number
            wanted = " or ".join(_IN_WORDS[kind] for kind in types[key])
            raise SSVHError(f"{path}: '{key}' in {place} must be {wanted}, got {value!r}.")
