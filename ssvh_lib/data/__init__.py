"""Datasets by name: embedded ones are built on first use, published ones known by their files, others are folders."""

from __future__ import annotations

from pathlib import Path

from .embedded.worlds import WORLDS
from .features import PRESETS, Dataset, VideoFeatures
from .find import EMBEDDED, TRANSFER, find
from .published import PUBLISHED, require
from .read import read_dataset

__all__ = ["EMBEDDED", "PRESETS", "PUBLISHED", "TRANSFER", "WORLDS", "Dataset", "VideoFeatures", "load_dataset"]


def load_dataset(name: str = "moving-digits", root: str | Path | None = None, *, progress: bool = False) -> Dataset:
    """Load the dataset called ``name`` from the folder ``root`` (default ``data/``), as lazily read features.

    The worlds ``moving-digits``, ``moving-scenes``, ``needle``, ``order``, ``noisy-screen`` and ``moving-shapes``,
    whose purposes are in ``ssvh_lib.data.embedded.worlds``, need no download: they are built when missing or damaged,
    each in half a minute. They have 2,500 + 800 videos, a tenth of that under a name such as ``needle-smoke``, and
    10,000 + 800 as ``needle-large``. ``ucf101``, ``hmdb51``, ``activitynet``, ``fcvid`` and ``yfcc`` are the files of
    the papers' authors as they are, in ``root/<name>/``, in the authors' own folder (``root/fcv/``) or in ``root``
    itself. Any other name is a folder: with a ``dataset.toml`` (see ``ssvh_lib.data.layouts``), or in a layout that is
    recognised without one (see ``ssvh_lib.data.recognise``). Raises SSVHError if there is no such dataset, or if one of
    its files is missing or wrong; SSVHWarning if queries lie in the database although the dataset does not say so.
    """
    folder, layout, published, _ = find(name, root, progress=progress)
    if published is not None:
        require(name, folder)
    return read_dataset(folder, layout, progress=progress)
