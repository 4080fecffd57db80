"""The videos of a folder to be described; ``data/listing.py`` gives them their labels and sets.

A video may be a file or a folder of frames (``find``); a list may call either by the name of the file.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from pathlib import Path

from ...errors import SSVHError
from ..listing import Listing, arrange
from .find import SUFFIXES, find_videos


def list_videos(folder: Path, classes: Path | None, splits: Path | None, *, query_share: float, seed: int) -> Listing:
    """List every video of ``folder`` with its labels and its set, as ``arrange`` does.

    Raises SSVHError if there are no videos, if the lists are wrong, or if they contradict each other.
    """
    if not folder.is_dir():
        raise SSVHError(f"There is no folder {folder}. Name the one that holds the videos.")
    found = set(find_videos(folder))
    if not found and classes is None and splits is None:
        raise SSVHError(
            f"{folder} holds no videos: neither files ({', '.join(sorted(SUFFIXES))}) nor folders with nothing but the "
            "frames of a video as pictures."
        )
    as_stored = partial(_as_stored, found)
    return arrange(found, folder, classes, splits, query_share=query_share, seed=seed, name=as_stored)


def _as_stored(found: Collection[str], path: str) -> str:
    """Return the folder of frames, called like the file without its suffix, if a listed video is stored as such."""
    return path if path in found or (stem := path.rpartition(".")[0]) not in found else stem
