"""From the name of a dataset to its folder and its files."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ..errors import SSVHError, unknown
from ..utils.files import data_root
from .embedded import moving_digits, moving_shapes
from .embedded.generator import Domain
from .layouts import Layout, read_layout
from .published import PUBLISHED, Published, place_of

EMBEDDED: dict[str, tuple[Domain, str]] = {  # name -> what its videos show, and a size of generator.SIZES
    "moving-digits": (moving_digits, "small"),
    "moving-digits-smoke": (moving_digits, "smoke"),
    "moving-shapes": (moving_shapes, "small"),
    "moving-shapes-smoke": (moving_shapes, "smoke"),
}
TRANSFER = {  # name -> the dataset to search after training on it
    "moving-digits": "moving-shapes",
    "moving-digits-smoke": "moving-shapes-smoke",
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

        ensure(folder, *EMBEDDED[name], progress=progress)
    elif name in PUBLISHED and not (folder / "dataset.toml").is_file():
        return Found(place_of(name, base), PUBLISHED[name].layout(name), PUBLISHED[name])
    elif not folder.is_dir():
        there = [path.parent.name for path in base.glob("*/dataset.toml")]
        error = unknown("dataset", name, {*EMBEDDED, *PUBLISHED, *there})
        raise SSVHError(f"{error} Looked for the folder {folder}.")
    return Found(folder, read_layout(folder), None)
