"""What a folder without a ``dataset.toml`` is taken for, by what it holds.

``LAYOUTS`` has a function for each layout that can be told. It says what a ``dataset.toml`` would say, so that there
is one way of reading. A folder that can be taken for several things is refused, and so are videos and pictures, with
the command that turns them into features.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path, PurePosixPath

import h5py

from ..errors import SSVHError
from ..utils.files import find_files
from .by_video.avhash import is_config, read_config
from .by_video.formats import FORMATS
from .layouts import Layout, VideosTable
from .listing import is_table
from .official_lists import has_official_lists
from .raw_video.find import SUFFIXES as VIDEOS
from .raw_video.pictures import PICTURES
from .rows import open_hdf5

HDF5 = frozenset((".h5", ".hdf5"))
HELP = "`python -m pydoc ssvh_lib.data.layouts` shows a dataset.toml."


@dataclass(frozen=True)
class Recognised:
    """A folder taken for ``what``, ``because`` of what it holds; ``layout`` is what its dataset.toml would say."""

    what: str
    because: str
    read: Callable[[], Layout]

    def __str__(self) -> str:
        return f"{self.what}, because {self.because}"


class Contents:
    """The files of a folder that tell what it is."""

    def __init__(self, folder: Path):
        self.folder = folder

    @cached_property
    def files(self) -> list[str]:
        """All files below the folder that hold features, pictures or videos."""
        return list(find_files(self.folder, {*FORMATS, *HDF5, *PICTURES, *VIDEOS}))

    def of(self, suffixes: Collection[str]) -> list[str]:
        """Return those of ``files`` with one of some suffixes."""
        return [name for name in self.files if PurePosixPath(name).suffix.lower() in suffixes]

    def top(self, *patterns: str) -> list[Path]:
        """Return the files in the folder itself whose names fit a pattern."""
        found = {path for pattern in patterns for path in self.folder.glob(pattern) if path.is_file()}
        return sorted(path for path in found if not path.name.startswith("."))


def recognise(folder: Path) -> Recognised | None:
    """Tell what ``folder`` holds; None if it is nothing that can be told.

    Raises SSVHError if it can be taken for several things, or if it holds videos or pictures instead of features.
    """
    contents = Contents(folder)
    for look in LAYOUTS:
        found = list(look(contents))
        if len(found) > 1:
            several = "; or ".join(map(str, found))
            raise SSVHError(
                f"{folder} can be taken for more than one dataset: {several}. Say which it is in a dataset.toml, or "
                f"move the other files away. {HELP}"
            )
        if found:
            return found[0]
    _refuse_unextracted(contents)
    return None


def may_be_dataset(folder: Path) -> bool:
    """Tell, at the first file that speaks for it, whether a folder may be a dataset."""
    return any(True for _ in find_files(folder, {*FORMATS, *HDF5, *PICTURES, *VIDEOS}))


def _avhash(contents: Contents) -> Iterator[Recognised]:
    """Find the configurations of AVHash, which say themselves what belongs to them."""
    for path in contents.top("*.json"):
        if is_config(path):
            what = "groups in HDF5, one for each video, with lists, as AVHash publishes them"
            yield Recognised(what, f"{path.name} names features and lists", partial(read_config, path))


def _one_by_one(contents: Contents) -> Iterator[Recognised]:
    """Find features of single videos: files of groups, and files of each kind."""
    for path in contents.top("*.h5", "*.hdf5"):
        if _holds_videos(path):
            what = "groups in HDF5, one for each video"
            yield Recognised(what, f"{path.name} holds such groups", partial(_groups, contents, path))
    for suffix in FORMATS:
        if names := contents.of({suffix}):
            what = f"a folder with one {suffix} file for each video"
            yield Recognised(what, f"it holds {len(names):,} of them", partial(_files, contents, names))


def _refuse_unextracted(contents: Contents) -> None:
    """Refuse what is not features yet. HDF5 files may be a dataset that only lacks its dataset.toml."""
    videos, pictures = contents.of(VIDEOS), contents.of(PICTURES)
    if contents.of(HDF5) or not (videos or pictures):
        return
    kind, held = "videos", f"{len(videos):,} video files"
    if not videos:
        folders = len({PurePosixPath(name).parent for name in pictures})
        kind, held = "frames as pictures", f"{len(pictures):,} pictures in {folders:,} folders"
    out = contents.folder.with_name(f"{contents.folder.name}-features")
    raise SSVHError(
        f"{contents.folder} is taken for a folder of {kind}, because it holds {held} and no features. "
        f"`ssvh extract --videos {contents.folder} --out {out}` turns it into a dataset."
    )


LAYOUTS: tuple[Callable[[Contents], Iterator[Recognised]], ...] = (_avhash, _one_by_one)


def _holds_videos(path: Path) -> bool:
    """Tell whether an HDF5 file holds a group, or an array of two axes, for each video."""
    with open_hdf5(path, "features") as file:
        first = next(iter(file.values()), None)
        return isinstance(first, h5py.Group) or (isinstance(first, h5py.Dataset) and first.ndim == 2)


def _groups(contents: Contents, path: Path) -> Layout:
    table = _table(contents, path.name)
    if table.keys() == {"features"}:
        lists = ", ".join(one.name for one in contents.top("*.txt", "*.csv")) or "none"
        raise SSVHError(
            f"{path} holds a group for each video, but it is not known which labels they have and which are queries "
            f"(lists in the folder: {lists}). Write a {contents.folder / 'dataset.toml'} with [videos], features = "
            f'"{path.name}", train_list = "…" and query_list = "…", or add a labels.csv (path,labels,split). {HELP}'
        )
    return {"preset": "small", "videos": table}


def _files(contents: Contents, names: list[str]) -> Layout:
    table = _table(contents, ".")
    folders = {name.partition("/")[0] if "/" in name else "" for name in names}
    if table.keys() == {"features"} and len(folders) == 1 and "" not in folders:
        [only] = folders
        raise SSVHError(
            f"{contents.folder}: all {len(names):,} files of features lie in '{only}', which would be the only class. "
            f"If the folders in it are the classes, write a dataset.toml with [videos] and features = '{only}'; "
            f"if not, add a labels.csv (path,labels). {HELP}"
        )
    return {"preset": "small", "videos": table}


def _table(contents: Contents, features: str) -> VideosTable:
    """Return the table [videos] with whatever the folder holds about labels and sets."""
    table: VideosTable = {"features": features}
    csvs = [path.name for path in contents.top("*.csv") if is_table(path)]
    if len(csvs) > 1:
        raise SSVHError(
            f"{contents.folder} holds several tables of labels: {', '.join(csvs)}. Name one of them as labels, and "
            f'features = "{features}", in [videos] of a dataset.toml. {HELP}'
        )
    if csvs:
        table["labels"] = csvs[0]
    if has_official_lists(contents.folder):
        table["splits"] = "."
    return table
