"""Datasets by name: the embedded ones are built on first use, any other is a folder in the published layout."""

from __future__ import annotations

from pathlib import Path

from ..errors import SSVHError, unknown
from ..files import data_root
from .features import PRESETS, Dataset, VideoFeatures
from .released import read_folder

__all__ = ["EMBEDDED", "PRESETS", "Dataset", "VideoFeatures", "load_dataset"]

EMBEDDED = {"moving-digits": "small", "moving-digits-smoke": "smoke"}  # name -> size of moving_digits.SIZES


def load_dataset(name: str = "moving-digits", root: str | Path | None = None, *, progress: bool = False) -> Dataset:
    """The dataset called ``name`` in the folder ``root`` (default ``data/``), as lazily read features.

    ``moving-digits`` (2,500 + 800 videos) and ``moving-digits-smoke`` (a tenth) need no download: they are
    built when missing or damaged, in about a minute and five seconds. Any other name is a folder with a
    ``dataset.toml`` (see ``ssvh_lib.data.released``). Raises SSVHError if there is no such dataset, or if
    one of its files is missing or wrong.
    """
    base = Path(root) if root is not None else data_root()
    folder = base / name
    if name in EMBEDDED:
        from .build_digits import ensure

        ensure(folder, EMBEDDED[name], progress=progress)
    elif not folder.is_dir():
        there = [path.parent.name for path in base.glob("*/dataset.toml")]
        error = unknown("dataset", name, {*EMBEDDED, *there})
        raise SSVHError(f"{error} Looked for the folder {folder}.")
    return read_folder(folder)
