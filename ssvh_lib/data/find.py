"""From the name of a dataset to its folder and its files."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ..errors import SSVHError, unknown
from ..utils.files import data_root
from .embedded.worlds import SIZES, WORLDS
from .layouts import Layout, read_layout
from .published import PUBLISHED, Published, place_of

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
    """A dataset: its ``folder``, its ``layout`` as in dataset.toml, and the facts about it if it is a published one."""

    folder: Path
    layout: Layout
    published: Published | None


def find(name: str, root: str | Path | None = None, *, progress: bool = False) -> Found:
    """Find the dataset ``name`` in ``root`` (default ``data/``); its files may be missing or wrong.

    A ``dataset.toml`` takes precedence over what the library knows of a published dataset. An embedded dataset is
    built first if need be. Raises SSVHError if there is no such dataset.
    """
    base = Path(root) if root is not None else data_root()
    folder = base / name
    if name in EMBEDDED:
        from .embedded.build import ensure

        world, size = EMBEDDED[name]
        ensure(folder, WORLDS[world], size, progress=progress)
    elif name in PUBLISHED and not (folder / "dataset.toml").is_file():
        return Found(place_of(name, base), PUBLISHED[name].layout(name), PUBLISHED[name])
    elif not folder.is_dir():
        there = [path.parent.name for path in base.glob("*/dataset.toml")]
        error = unknown("dataset", name, {*EMBEDDED, *PUBLISHED, *there})
        raise SSVHError(f"{error} Looked for the folder {folder}.")
    return Found(folder, read_layout(folder), None)
