"""What every layout of a dataset offers to those who read, check or copy it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from .features import Shown
from .layouts import Layout
from .rows import LazyRows


class Extras(NamedTuple):
    """Facts that a dataset may have about its videos besides features and labels."""

    ids: tuple[str, ...] | None = None
    informative: np.ndarray | None = None
    thumbnails: LazyRows | None = None
    shown: Shown | None = None


class StoredSet(NamedTuple):
    """One set of videos as it lies on disk: lazily read ``features (N, T, D)``, and what else there is."""

    features: LazyRows
    read_labels: Callable[[], np.ndarray | None]  # (N, L) multi-hot uint8; None if none are published
    read_extras: Callable[[], Extras] = Extras


class Source(Protocol):
    """A dataset on disk. What cannot be read raises SSVHError, a named file that is missing MissingFileError."""

    @property
    def same(self) -> dict[str, str]:
        """Each of "train", "database" and "query" with the first of them that is the same set of videos."""

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The names of the classes, if they have any."""

    @property
    def notes(self) -> list[str]:
        """What a reader should know about how the sets were made, a sentence each."""

    def files(self) -> list[str]:
        """Return the names of the files that the layout names."""

    def open(self, part: str) -> StoredSet:
        """Open one of the sets in ``same``."""

    def fingerprint(self) -> str:
        """Return 16 hex digits that change with the content of the files and with the layout."""

    def feature_files(self) -> dict[str, LazyRows]:
        """Return the files of features that a copy in the published layout has, with their content."""

    def write_others(self, folder: Path) -> Layout:
        """Write the other files of a copy, and return its layout."""
