"""The videos of a folder with their labels and sets, whether the folder holds pictures or features.

Labels are the folders that videos are in, or come from a CSV::

    path,labels,split                      # "video" and "label" will do as well; split may be left out
    cooking/soup.mp4,cooking;indoors,train
    cooking/rice.mp4,cooking,query

Sets are those of the CSV, or of the official lists of UCF101 and HMDB51. Otherwise a share of each class is drawn as
queries.
"""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np

from ..errors import SSVHError
from ..utils.files import read_text
from .layouts import PARTS
from .official_lists import read_official

QUERY_SHARE = 0.2  # of each class, where no list says which videos are queries
NO_CLASS = "no class"  # the only column of labels, all zeros, where no video has a label


@dataclass(frozen=True)
class Listed:
    """A video by its ``path`` below the folder, with its labels and its set."""

    path: str
    labels: tuple[str, ...]
    part: str  # one of PARTS


@dataclass(frozen=True)
class Listing:
    """The videos of a dataset, in the order of their paths, and how they were chosen."""

    videos: tuple[Listed, ...]
    classes: tuple[str, ...]
    left_out: int  # videos in the folder that no list names
    split: str  # where the sets come from, in words


def arrange(
    found: Collection[str],
    folder: Path,
    classes: Path | None,
    splits: Path | None,
    *,
    query_share: float = QUERY_SHARE,
    seed: int = 0,
    name: Callable[[str], str] = str,
) -> Listing:
    """Give labels and sets to the videos ``found``, paths below ``folder``.

    ``classes`` is a CSV as above, ``splits`` a folder with official lists, whose first split is taken, or one
    of the lists, for example ``testlist02.txt``, whose split is taken. ``name`` turns a path in a list into one of
    ``found``. Raises SSVHError if the files are wrong, or if they contradict each other.
    """
    if not 0 < query_share < 1:
        raise SSVHError(f"The share of queries must lie between 0 and 1, got {query_share}.")
    there = set(found)
    labels, parts = _read_csv(classes, folder, name) if classes is not None else ({}, {})
    split, order = f"the column 'split' of {classes.name}" if classes is not None else "", list[str]()
    if parts and splits is not None:
        raise SSVHError(f"Both {classes} and {splits} say which videos are queries. Leave one out.")
    if splits is not None:
        official = read_official(splits)
        parts, order, split = _renamed(official.parts, name, splits), official.classes, official.title
        labels = {name(path): labels.get(name(path), _folder_label(path)) for path in official.parts}
    elif not parts:
        labels = labels or {path: _folder_label(path) for path in there}
        parts = _draw(labels, query_share, seed)
        split = f"a share of {query_share:g} of each class drawn as queries, seed {seed}"
    videos = tuple(Listed(path, labels[path], parts[path]) for path in sorted(parts))
    _check_sets(videos, there, folder, split)
    return Listing(videos, _class_names(videos, order, splits), len(there - parts.keys()), split)


def _check_sets(videos: tuple[Listed, ...], there: set[str], folder: Path, split: str) -> None:
    if not any(video.path in there or (folder / video.path).exists() for video in videos):
        example = folder / videos[0].path
        raise SSVHError(f"None of the {len(videos)} listed videos is in {folder}; the first would be {example}.")
    if missing := {"train", "query"} - {video.part for video in videos}:
        raise SSVHError(
            f"No video is in the set '{min(missing)}' (sets of {folder}: {split}). A dataset needs training videos and "
            "queries: put two videos of a class into the folder, or say which is which in a CSV."
        )


def printable(text: str) -> str:
    """Escape control characters and undecodable bytes of a file name, so that every file format takes it."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def _folder_label(path: str) -> tuple[str, ...]:
    first, slash, _ = path.partition("/")
    return (printable(first),) if slash else ()


def _class_names(videos: tuple[Listed, ...], order: list[str], splits: Path | None) -> tuple[str, ...]:
    held = {label for video in videos for label in video.labels}
    if order and held - set(order):
        raise SSVHError(
            f"classInd.txt of {splits} does not list {', '.join(sorted(held - set(order))[:5])}. "
            "Classes are the folders that the videos are in."
        )
    return tuple(order or sorted(held) or [NO_CLASS])


def _draw(labels: dict[str, tuple[str, ...]], share: float, seed: int) -> dict[str, str]:
    """Draw a share of each class, by its videos' first label, as queries: at least one, where there are two videos."""
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for path in sorted(labels):
        groups[labels[path][:1]].append(path)
    rng = np.random.default_rng(seed)
    parts: dict[str, str] = {}
    for _, paths in sorted(groups.items()):
        count = min(max(1, round(share * len(paths))), len(paths) - 1)
        chosen = set(rng.permutation(len(paths))[:count])
        parts |= {path: "query" if row in chosen else "train" for row, path in enumerate(paths)}
    return parts


def _read_csv(
    path: Path, folder: Path, named: Callable[[str], str]
) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """Read labels by video and, if there is such a column, sets by video."""
    rows = csv.DictReader(StringIO(read_text(path), newline=""), strict=True)
    columns = {name.strip().lower(): name for name in rows.fieldnames or [] if name}
    video, label = _video_and_label(columns)
    if video is None or label is None:
        raise SSVHError(
            f"{path}: the first line must name a column 'path' and a column 'labels' (and may name 'split'), "
            f"it names {', '.join(columns) or 'nothing'}."
        )
    labels: dict[str, tuple[str, ...]] = {}
    parts: dict[str, str] = {}
    split = columns.get("split")
    try:
        for row in rows:
            place = f"{path}, line {rows.line_num}"
            name = named(_inside(row[video] or "", folder, place))
            if name in labels:
                raise SSVHError(f"{place}: {name} is listed twice. Put several labels into one line, as 'a;b'.")
            texts = (printable(text.strip()) for text in (row[label] or "").split(";"))
            labels[name] = tuple(dict.fromkeys(text for text in texts if text))
            if split is not None:
                parts[name] = _part(row[split] or "", place)
    except csv.Error as error:
        raise SSVHError(f"{path}, line {rows.line_num}: not a CSV line ({error}).") from error
    if not labels:
        raise SSVHError(f"{path} lists no video.")
    return labels, parts


def _video_and_label(columns: Mapping[str, str]) -> list[str | None]:
    kinds = ("path", "video"), ("labels", "label", "classes", "class")
    return [next((columns[name] for name in names if name in columns), None) for names in kinds]


def is_table(path: Path) -> bool:
    """Tell whether the first line of a CSV names a column of videos and one of labels."""
    first = path.read_bytes().partition(b"\n")[0].decode("utf-8-sig", "replace")
    columns = {name.strip().lower(): name for name in next(csv.reader([first]), [])}
    return None not in _video_and_label(columns)


def _inside(text: str, folder: Path, place: str) -> str:
    """Normalise a path, which must lie below ``folder``."""
    name = Path(os.path.normpath(text.strip()))
    if not text.strip() or name.is_absolute() or ".." in name.parts:
        raise SSVHError(f"{place}: the path must be that of a video in {folder}, relative to it, got '{text}'.")
    return name.as_posix()


def _part(text: str, place: str) -> str:
    if text.strip().lower() not in PARTS:
        raise SSVHError(f"{place}: the split must be one of {', '.join(PARTS)}, got '{text}'.")
    return text.strip().lower()


def _renamed(parts: Mapping[str, str], name: Callable[[str], str], splits: Path) -> dict[str, str]:
    """Return sets by the names under which videos were found."""
    renamed = {name(path): part for path, part in parts.items()}
    if len(renamed) < len(parts):
        raise SSVHError(f"The lists of {splits} name {len(parts)} videos, which are only {len(renamed)} in the folder.")
    return renamed
