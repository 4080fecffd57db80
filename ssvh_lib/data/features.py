"""Videos as frame features, the form of every dataset in this library: ``VideoFeatures`` in a ``Dataset``.

Axis letters: N videos, T frames, D feature size, L labels. Features are read by row and only when they are needed, so
a file may be larger than memory; every row that is read is checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from ..errors import SSVHError
from .rows import Rows

PRESETS = ("smoke", "small", "paper")  # sizes of a run: seconds, minutes on two cores, as published
HELD_IN_MEMORY = 2 << 30  # bytes of a set's features as float32, up to which it is held in memory
_SLAB = 32 << 20  # bytes as float32 that are read at a time


class Shown(NamedTuple):
    """What the frames of embedded videos show, each ``(N, T)`` int8; a frame with neither is filler."""

    glyph: np.ndarray  # the kind of the glyph that is visible; -1 = none
    scene: np.ndarray  # the kind of the backdrop; -1 = none


@dataclass(frozen=True)
class VideoFeatures:
    """Videos as frame features.

    ``features (N, T, D)`` numbers, ``labels (N, L)`` multi-hot uint8, ``ids`` one name per video. A row of zeros in the
    labels is a video whose classes are unknown, as in a training set that is published without labels. Some datasets
    have more: ``informative (N, T)`` bool, True = the frame shows what the video is about, ``thumbnails (N, T, H, W)``
    grey or ``(N, T, H, W, 3)`` in colour, uint8, and what is ``shown`` in embedded videos.
    """

    features: Rows
    labels: np.ndarray
    ids: tuple[str, ...]
    informative: np.ndarray | None = None
    thumbnails: Rows | None = None
    shown: Shown | None = None

    def __post_init__(self) -> None:
        if len(self.features.shape) != 3:
            raise SSVHError(
                f"{self.source()}: features must have three axes (videos, frames, size), got {self.features.shape}."
            )
        if self.labels.ndim != 2 or len(self.labels) != len(self):
            raise SSVHError(
                f"{self.source()}: {len(self)} videos have features, but the labels have shape {self.labels.shape}. "
                f"Expected one row of 0s and 1s for each video, ({len(self)}, classes)."
            )
        if len(self.ids) != len(self):
            raise SSVHError(f"{self.source()}: {len(self)} videos have features, {len(self.ids)} have ids.")
        truth = {} if self.shown is None else self.shown._asdict()
        for name, extra in {"informative": self.informative, "thumbnails": self.thumbnails, **truth}.items():
            if extra is not None and extra.shape[:2] != self.features.shape[:2]:
                raise SSVHError(
                    f"{self.source()}: '{name}' must be ({len(self)}, {self.frames}, …) like the features, "
                    f"got {extra.shape}."
                )

    @classmethod
    def unlabelled(cls, features: Rows) -> VideoFeatures:
        """Return videos without classes or names, for what needs their ``features (N, T, D)`` only."""
        count = features.shape[0]
        return cls(features, np.zeros((count, 0), np.uint8), ("",) * count)

    def __len__(self) -> int:
        return self.features.shape[0]

    @property
    def frames(self) -> int:
        """T, the number of frames of a video."""
        return self.features.shape[1]

    @property
    def size(self) -> int:
        """D, the size of a frame's feature."""
        return self.features.shape[2]

    @property
    def nbytes(self) -> int:
        """The bytes of the features as float32, whatever they are stored as."""
        return 4 * int(np.prod(self.features.shape, dtype=np.int64))

    @property
    def held(self) -> bool:
        """True if the features are in memory; otherwise they are read from a file when needed."""
        return isinstance(self.features, np.ndarray)

    def read(self, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Read the features of some videos, ``(n, T, D)`` float32. Raises SSVHError if they hold NaN or infinity."""
        return np.ascontiguousarray(self.features[rows], dtype=np.float32)

    def batches(self, size: int = 512) -> Iterator[np.ndarray]:
        """Yield the features of all videos in order, ``size`` videos at a time: ``(B, T, D)`` float32."""
        for start in range(0, len(self), size):
            yield self.read(slice(start, start + size))

    def in_memory(self, *, progress: bool = False) -> VideoFeatures:
        """Return the same videos with their features read and checked."""
        values = np.empty(self.features.shape, np.float32)
        step = max(1, _SLAB * len(self) // max(1, self.nbytes))
        with tqdm(
            total=len(self), desc="Reading features", unit=" videos", leave=False, delay=1, disable=not progress
        ) as bar:
            for start in range(0, len(self), step):
                values[start : start + step] = self.features[start : start + step]
                bar.update(min(step, len(self) - start))
        return replace(self, features=values)

    def part(self, rows: np.ndarray) -> VideoFeatures:
        """Return some of the videos, read into memory."""
        ids = tuple(np.array(self.ids)[rows])
        informative = None if self.informative is None else self.informative[rows]
        thumbnails = None if self.thumbnails is None else self.thumbnails[rows]
        shown = None if self.shown is None else Shown(*(kinds[rows] for kinds in self.shown))
        return VideoFeatures(self.read(rows), self.labels[rows], ids, informative, thumbnails, shown)

    def source(self) -> str:
        """Return the files of the features, for messages."""
        return ", ".join(map(str, getattr(self.features, "paths", ["The features"])))


@dataclass(frozen=True)
class Dataset:
    """A retrieval task: learn on ``train`` without labels, then find what is relevant to a query in ``database``."""

    name: str
    train: VideoFeatures
    database: VideoFeatures
    query: VideoFeatures
    query_in_database: bool  # True: query i is database item i (FCVID's protocol)
    classes: tuple[str, ...]
    preset: str  # the preset that suits its size
    fingerprint: str
    root: Path

    def __post_init__(self) -> None:
        shapes = {part: (videos.frames, videos.size, videos.labels.shape[1]) for part, videos in self.parts().items()}
        if len(set(shapes.values())) != 1:
            raise SSVHError(
                f"{self.root}: number of frames, feature size and number of classes must agree, got {shapes}."
            )
        if len(self.classes) != self.train.labels.shape[1]:
            raise SSVHError(
                f"{self.root}: {len(self.classes)} class names for {self.train.labels.shape[1]} columns of labels."
            )
        empty = [part for part, videos in self.parts().items() if not len(videos)]
        if empty:
            raise SSVHError(f"{self.root}: there are no videos in {', '.join(empty)}.")
        if self.query_in_database and len(self.query) > len(self.database):
            raise SSVHError(f"{self.root}: query_in_database is set, but there are more queries than database items.")

    def class_names(self, labels: np.ndarray) -> tuple[str, ...]:
        """Return the names of the classes that a row of ``labels (L,)`` sets."""
        return tuple(self.classes[column] for column in np.flatnonzero(labels))

    def parts(self) -> dict[str, VideoFeatures]:
        """Return the three sets of videos by name."""
        return {"train": self.train, "database": self.database, "query": self.query}
