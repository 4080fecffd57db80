"""The videos of a folder to be described, with their labels and sets.

Labels are the folders that videos are in, or come from a CSV::

    path,labels,split                      # "video" and "label" will do as well; split may be left out
    cooking/soup.mp4,cooking;indoors,train
    cooking/rice.mp4,cooking,query

Sets are those of the CSV, or of the official lists of UCF101 (``trainlist01.txt``, ``testlist01.txt``,
``classInd.txt``) and HMDB51 (``brush_hair_test_split1.txt`` …: 0 not used, 1 training, 2 test). Otherwise a share of
each class is drawn as queries. A video may be a file or a folder of frames (``find``); official lists mean either.
"""

from __future__ import annotations

import csv
import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np

from ...errors import SSVHError
from ..layouts import PARTS
from .find import SUFFIXES, find_videos

NO_CLASS = "no class"  # the only column of labels, all zeros, where no video has a label


@dataclass(frozen=True)
class Listed:
    """A video by its ``path`` below the folder of videos, with its labels and its set."""

    path: str
    labels: tuple[str, ...]
    part: str  # one of PARTS


@dataclass(frozen=True)
class Listing:
    """The videos to describe, in the order of their paths, and how they were chosen."""

    videos: tuple[Listed, ...]
    classes: tuple[str, ...]
    left_out: int  # videos in the folder that no list names
    split: str  # where the sets come from, in words


def list_videos(folder: Path, classes: Path | None, splits: Path | None, *, query_share: float, seed: int) -> Listing:
    """List every video of ``folder`` with its labels and its set.

    ``classes`` is a CSV as above, ``splits`` a folder with official lists, whose first split is taken, or one
    of the lists, for example ``testlist02.txt``, whose split is taken. Raises SSVHError if there are no videos,
    if the files are wrong, or if they contradict each other.
    """
    if not folder.is_dir():
        raise SSVHError(f"There is no folder {folder}. Name the one that holds the videos.")
    if not 0 < query_share < 1:
        raise SSVHError(f"The share of queries must lie between 0 and 1, got {query_share}.")
    found = {path: _folder_label(path) for path in find_videos(folder)}
    if not found and classes is None and splits is None:
        raise SSVHError(
            f"{folder} holds no videos: neither files ({', '.join(sorted(SUFFIXES))}) nor folders with nothing but the "
            "frames of a video as pictures."
        )
    labels, parts = _read_csv(classes, folder) if classes is not None else (found, {})
    if parts and splits is not None:
        raise SSVHError(f"Both {classes} and {splits} say which videos are queries. Leave one out.")
    order: list[str] = []
    split = f"the column 'split' of {classes.name}" if classes is not None and parts else ""
    if splits is not None:
        parts, order, split = _official(splits)
        parts = {_as_stored(path, found): part for path, part in parts.items()}
        labels = {path: labels[path] if path in labels else _folder_label(path) for path in parts}
    if not parts:
        parts = _draw(labels, query_share, seed)
        split = f"drawn: a share of {query_share:g} of each class are queries, seed {seed}"
    videos = tuple(Listed(path, labels[path], parts[path]) for path in sorted(parts))
    if not any(os.path.exists(folder / video.path) for video in videos):
        example = folder / videos[0].path
        raise SSVHError(f"None of the {len(videos)} listed videos is in {folder}; the first would be {example}.")
    if missing := {"train", "query"} - set(parts.values()):
        raise SSVHError(
            f"No video is in the set '{min(missing)}' (sets: {split}). A dataset needs training videos and queries: "
            "put two videos of a class into the folder, or say which is which in a CSV."
        )
    names = _class_names(videos, order, splits)
    return Listing(videos, names, len(found.keys() - parts.keys()), split)


def printable(text: str) -> str:
    """Escape control characters and undecodable bytes of a file name, so that every file format takes it."""
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def _as_stored(path: str, found: Mapping[str, object]) -> str:
    """Return the folder of frames, called like the file without its suffix, if a listed video is stored as such."""
    return path if path in found or (stem := path.rpartition(".")[0]) not in found else stem


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


def _read_csv(path: Path, folder: Path) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """Read labels by video and, if there is such a column, sets by video."""
    rows = csv.DictReader(StringIO(_text(path), newline=""), strict=True)
    columns = {name.strip().lower(): name for name in rows.fieldnames or [] if name}
    video, label = (next((columns[n] for n in names if n in columns), None) for names in (_VIDEO, _LABEL))
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
            name = _inside(row[video] or "", folder, place)
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


_VIDEO, _LABEL = ("path", "video"), ("labels", "label", "classes", "class")


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


def _official(splits: Path) -> tuple[dict[str, str], list[str], str]:
    """Read sets by video, classes in their official order (or none) and the name from the lists of UCF101 or HMDB51."""
    folder = splits if splits.is_dir() else splits.parent
    named = re.search(r"(?:list0?|_split)(\d)\.txt$", splits.name)
    number = int(named[1]) if named and not splits.is_dir() else 1
    ucf = {part: folder / f"{stem}0{number}.txt" for part, stem in (("train", "trainlist"), ("query", "testlist"))}
    if all(path.is_file() for path in ucf.values()):
        parts = {_first_word(line): part for part, path in ucf.items() for line in _lines(path) if line.strip()}
        known = folder / "classInd.txt"
        order = [line.split(maxsplit=1)[1].strip() for line in _lines(known) if line.strip()] if known.is_file() else []
        return parts, order, f"official split {number} of UCF101"
    hmdb = sorted(folder.glob(f"*_test_split{number}.txt"))
    if hmdb:
        return dict(_hmdb(hmdb)), [], f"official split {number} of HMDB51"
    raise SSVHError(
        f"{splits} is not an official split: {folder} holds neither trainlist0{number}.txt and "
        f"testlist0{number}.txt (UCF101) nor *_test_split{number}.txt (HMDB51)."
    )


def _hmdb(lists: list[Path]) -> Iterator[tuple[str, str]]:
    for path in lists:
        label = path.name.rpartition("_test_split")[0]
        for number, line in enumerate(_lines(path), start=1):
            name, _, code = line.strip().rpartition(" ")
            if line.strip() and (code not in ("0", "1", "2") or not name):
                raise SSVHError(f"{path}, line {number}: expected a file name and 0, 1 or 2, got '{line.strip()}'.")
            if code in ("1", "2"):
                yield f"{label}/{name.strip()}", {"1": "train", "2": "query"}[code]


def _first_word(line: str) -> str:
    return line.split(maxsplit=1)[0]


def _lines(path: Path) -> list[str]:
    return _text(path).splitlines()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text in UTF-8"
        raise SSVHError(f"{path} cannot be read ({reason}).") from error
