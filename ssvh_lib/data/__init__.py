"""Datasets by name: embedded ones are built on first use, published ones known by their files, others are folders."""

from __future__ import annotations

from pathlib import Path

from .features import PRESETS, Dataset, VideoFeatures
from .find import EMBEDDED, TRANSFER, find
from .published import PUBLISHED, require
from .read import read_dataset

__all__ = ["EMBEDDED", "PRESETS", "PUBLISHED", "TRANSFER", "Dataset", "VideoFeatures", "load_dataset"]


def load_dataset(name: str = "moving-digits", root: str | Path | None = None, *, progress: bool = False) -> Dataset:
    """Load the dataset called ``name`` from the folder ``root`` (default ``data/``), as lazily read features.

    ``moving-digits`` (2,500 + 800 videos), ``moving-shapes`` (as many, of another domain) and a tenth of each,
    ``moving-digits-smoke`` and ``moving-shapes-smoke``, need no download: they are built when missing or damaged,
    in half a minute and a few seconds. The first one built trains the CNN of all four, which takes another half
    minute. ``ucf101``, ``hmdb51``, ``activitynet``, ``fcvid`` and ``yfcc`` are the files of the papers' authors as
    they are, in ``root/<name>/``, in the authors' own folder (``root/fcv/``) or in ``root`` itself. Any other name
    is a folder: with a ``dataset.toml`` (see ``ssvh_lib.data.layouts``), or in a layout that is recognised without one
    (see ``ssvh_lib.data.recognise``). Raises SSVHError if there is no such dataset, or if one of its files is missing
    or wrong; SSVHWarning if queries lie in the database although the dataset does not say so.
    """
    folder, layout, published, _ = find(name, root, progress=progress)
    if published is not None:
        require(name, folder)
    return read_dataset(folder, layout, progress=progress)
