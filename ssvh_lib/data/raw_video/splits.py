"""The videos of a folder to be described; ``data/listing.py`` gives them their labels and sets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...errors import SSVHError
from ...utils.files import find_files
from ..listing import Listing, arrange

SUFFIXES = set(".3gp .avi .flv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .ogv .ts .webm .wmv".split())


def list_videos(folder: Path, classes: Path | None, splits: Path | None, *, query_share: float, seed: int) -> Listing:
    """List every video of ``folder`` with its labels and its set.

    ``classes`` and ``splits`` are files as ``listing.arrange`` takes them. Raises SSVHError if there are no videos, if
    the files are wrong, or if they contradict each other.
    """
    if not folder.is_dir():
        raise SSVHError(f"There is no folder {folder}. Name the one that holds the videos.")
    found = list(find_videos(folder))
    if not found:
        raise SSVHError(f"{folder} holds no videos (files that end in {', '.join(sorted(SUFFIXES))}).")
    return arrange(found, folder, classes, splits, query_share=query_share, seed=seed)


def find_videos(folder: Path) -> Iterator[str]:
    """Yield the paths of all video files below ``folder``, with "/" between the parts; hidden ones are skipped."""
    return find_files(folder, SUFFIXES)
