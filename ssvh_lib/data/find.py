"""From the name of a dataset to its folder and its files."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ..errors import SSVHError, unknown
from ..utils.files import data_root
from .embedded.worlds import SIZES, WORLDS
from .layouts import Layout, read_layout
from .published import PUBLISHED, Published, place_of
from .recognise import may_be_dataset, recognise

EMBEDDED = {  # name -> its world, and a size of SIZES, which the name of any but "small" ends with
    world if size == "small" else f"{world}-{size}": (world, size) for world in WORLDS for size in SIZES
}
TRANSFER = {  # name -> the dataset to search after training on it
    "moving-digits": "moving-shapes",
    "moving-digits-smoke": "moving-shapes-smoke",
    "moving-digits-large": "moving-shapes-large",
    "ucf101": "hmdb51",
}


class Found(NamedTuple):
    """A dataset: its ``folder``, its ``layout`` as in dataset.toml, the facts about it if it is a published one."""

    folder: Path
    layout: Layout
    published: Published | None
    taken_for: str  # in words, and why


def find(name: str, root: str | Path | None = None, *, progress: bool = False) -> Found:
    """Find the dataset ``name`` in ``root`` (default ``data/``); its files may be missing or wrong.

    A ``dataset.toml`` takes precedence over what the library knows of a published dataset, and the files of a published
    dataset over what else its folder may be taken for. An embedded dataset is built first if need be. Raises SSVHError
    if there is no such dataset, or if it cannot be told what the folder is.
    """
    base = Path(root) if root is not None else data_root()
    folder = base / name
    if name in EMBEDDED:
        from .embedded.build import ensure

        world, size = EMBEDDED[name]
        ensure(folder, WORLDS[world], size, progress=progress)
    if (folder / "dataset.toml").is_file():
        return Found(folder, read_layout(folder), None, "what its dataset.toml says")
    published = PUBLISHED.get(name)
    place = place_of(name, base) if published else None
    if place is None and folder.is_dir() and (seen := recognise(folder)):
        return Found(folder, seen.read(), None, str(seen))
    if published:
        of_authors = f"{name} as its authors publish it, because of its name"
        return Found(place or folder, published.layout(name), published, of_authors)
    if not folder.is_dir():
        error = unknown("dataset", name, {*EMBEDDED, *PUBLISHED, *folders_in(base)})
        raise SSVHError(f"{error} Looked for the folder {folder}.")
    return Found(folder, read_layout(folder), None, "")  # which says what is missing


def folders_in(base: Path) -> set[str]:
    """Return the names of the folders that may be datasets."""
    folders = (path for path in base.glob("[!.]*") if path.is_dir())
    return {folder.name for folder in folders if (folder / "dataset.toml").is_file() or may_be_dataset(folder)}
