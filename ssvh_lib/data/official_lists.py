"""The lists of training and test videos that the authors of UCF101 and HMDB51 publish.

UCF101 has ``trainlist01.txt``, ``testlist01.txt`` and ``classInd.txt``, HMDB51 ``brush_hair_test_split1.txt`` and so
on, in which 0 is not used, 1 training and 2 test; each also for splits 2 and 3. Test videos are queries.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from ..errors import SSVHError
from ..utils.files import read_text


class Official(NamedTuple):
    """The sets ``parts`` by video, the ``classes`` in their official order, or none, and what the split is called."""

    parts: dict[str, str]
    classes: list[str]
    title: str


def has_official_lists(folder: Path) -> bool:
    """Tell whether a folder holds the lists of the first split of either dataset."""
    return all(path.is_file() for path in _ucf(folder, 1).values()) or any(folder.glob("*_test_split1.txt"))


def read_official(splits: Path) -> Official:
    """Read the first split in a folder, or the split that a list belongs to.

    Raises SSVHError if there are no such lists, or if they contradict themselves.
    """
    folder = splits if splits.is_dir() else splits.parent
    named = re.search(r"(?:list0?|_split)(\d)\.txt$", splits.name)
    number = int(named[1]) if named and not splits.is_dir() else 1
    ucf, hmdb = _ucf(folder, number), sorted(folder.glob(f"*_test_split{number}.txt"))
    if all(path.is_file() for path in ucf.values()):
        pairs = [(line.split()[0], part) for part, path in ucf.items() for _, line in _lines(path)]
        known = folder / "classInd.txt"
        classes = [line.split(maxsplit=1)[-1].strip() for _, line in _lines(known)] if known.is_file() else []
        return Official(_unique(pairs, splits), classes, f"official split {number} of UCF101")
    if hmdb:
        return Official(_unique(_hmdb(hmdb), splits), [], f"official split {number} of HMDB51")
    raise SSVHError(
        f"{splits} is not an official split: {folder} holds neither trainlist0{number}.txt and "
        f"testlist0{number}.txt (UCF101) nor *_test_split{number}.txt (HMDB51)."
    )


def _ucf(folder: Path, number: int) -> dict[str, Path]:
    return {part: folder / f"{stem}0{number}.txt" for part, stem in (("train", "trainlist"), ("query", "testlist"))}


def _hmdb(lists: list[Path]) -> Iterator[tuple[str, str]]:
    for path in lists:
        label = path.name.rpartition("_test_split")[0]
        for number, line in _lines(path):
            name, _, code = line.strip().rpartition(" ")
            if code not in ("0", "1", "2") or not name:
                raise SSVHError(f"{path}, line {number}: expected a file name and 0, 1 or 2, got '{line.strip()}'.")
            if code in ("1", "2"):
                yield f"{label}/{name.strip()}", {"1": "train", "2": "query"}[code]


def _unique(pairs: Iterable[tuple[str, str]], splits: Path) -> dict[str, str]:
    """Return sets by video. Raises SSVHError if a video is in both, or if there is none."""
    parts: dict[str, str] = {}
    for video, part in pairs:
        if parts.setdefault(video, part) != part:
            raise SSVHError(f"The lists of {splits} have {video} both for training and for test. Remove it from one.")
    if not parts:
        raise SSVHError(f"The lists of {splits} name no video.")
    return parts


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a list with their numbers; empty ones are skipped."""
    return ((number, line) for number, line in enumerate(read_text(path).splitlines(), start=1) if line.strip())
