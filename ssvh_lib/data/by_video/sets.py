"""Which of the stored videos are in which set, with which labels: from lists, a CSV, folders, or drawn."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from ...errors import SSVHError
from ..layouts import PARTS, Layout, VideosTable, lists_of
from ..listing import QUERY_SHARE, arrange
from .lists import classes_of, named, read_list
from .resampled import some
from .stores import Store


@dataclass(frozen=True)
class VideoSet:
    """The ``names`` of a set's videos as they are stored, and their ``labels (N, L)``."""

    names: tuple[str, ...]
    labels: np.ndarray

    def equals(self, other: VideoSet) -> bool:
        """Tell whether these are the same videos with the same labels."""
        return self.names == other.names and np.array_equal(self.labels, other.labels)


@dataclass(frozen=True)
class Sets:
    """All sets by name, the database being the training set unless it has a list; where they come from, in words."""

    by_part: dict[str, VideoSet]
    classes: tuple[str, ...]
    origin: str
    left_out: int  # videos that are stored, but in no set

    def same(self) -> dict[str, str]:
        """Map each set to the first one that is equal: itself, unless one has two names."""
        sets = self.by_part
        return {name: next(one for one in PARTS if sets[one].equals(sets[name])) for name in PARTS}


def read_sets(folder: Path, layout: Layout, store: Store) -> Sets:
    """Read the sets that the table ``[videos]`` of ``layout`` describes, and check them against what is stored.

    Raises SSVHError if a list is wrong or names videos that are not stored.
    """
    table = layout["videos"]
    classes = layout.get("classes")
    sets = _from_lists(folder, table, classes, store) if lists_of(table) else _arranged(folder, table, classes, store)
    if layout.get("query_in_database", False):
        _check_order(folder, sets)
    return sets


def _from_lists(folder: Path, table: VideosTable, classes: list[str] | None, store: Store) -> Sets:
    paths = {part: folder / name for part, name in lists_of(table).items()}
    stored = stored_name(store.names)
    lists = {path: read_list(path, table.get("first_label", 2), stored) for path in paths.values()}
    for path, labels in lists.items():
        _check_stored(str(path), list(labels), store)
    known = classes_of(lists, classes, table.get("label_base"))
    made = {part: VideoSet(tuple(lists[path]), known.multi_hot(lists[path].values())) for part, path in paths.items()}
    origin = ", ".join(f"{part} from {path.name}" for part, path in paths.items())
    return _with_database(made, known.names, origin, store)


def _arranged(folder: Path, table: VideosTable, classes: list[str] | None, store: Store) -> Sets:
    csv, splits = (folder / name if name else None for name in (table.get("labels"), table.get("splits")))
    listing = arrange(
        store.names, store.path, csv, splits, name=stored_name(store.names),
        query_share=table.get("query_share", QUERY_SHARE), seed=table.get("seed", 0),
    )  # fmt: skip
    _check_stored(str(splits or csv), [video.path for video in listing.videos], store)
    known = named(classes or listing.classes)
    if lacking := {label for video in listing.videos for label in video.labels} - known.column.keys():
        raise SSVHError(f"{folder / 'dataset.toml'}: 'classes' lacks {some(sorted(lacking))}.")
    made = {}
    for part in PARTS:
        if chosen := [video for video in listing.videos if video.part == part]:
            labels = known.multi_hot([video.labels for video in chosen])
            made[part] = VideoSet(tuple(video.path for video in chosen), labels)
    return _with_database(made, known.names, listing.split, store)


def _with_database(sets: dict[str, VideoSet], classes: tuple[str, ...], origin: str, store: Store) -> Sets:
    used = {name for videos in sets.values() for name in videos.names}
    return Sets({"database": sets["train"], **sets}, classes, origin, len(set(store.names) - used))


def stored_name(names: Collection[str]) -> Callable[[str], str]:
    """Return how a video of a list is called where it is stored: as in the list, or without suffix or folders."""
    there = set(names)

    def find(listed: str) -> str:
        if listed in there:
            return listed
        path = PurePosixPath(listed)
        ways = (str(path.with_suffix("")), path.name, path.stem)
        return next((way for way in ways if way in there), listed)

    return find


def _check_stored(source: str, names: list[str], store: Store) -> None:
    there = set(store.names)
    absent = [name for name in names if name not in there]
    if absent:
        raise SSVHError(
            f"{source} lists {len(names):,} videos, of which {len(absent):,} are not in {store.path}: "
            f"{some(map(repr, absent))}. Fetch their features, or take them off the list."
        )


def _check_order(folder: Path, sets: Sets) -> None:
    query, database = sets.by_part["query"].names, sets.by_part["database"].names
    if query != database[: len(query)]:
        raise SSVHError(
            f"{folder}: query_in_database is set, but the query list is not the beginning of the database list. "
            "Give both the same order, or leave query_in_database out."
        )
