"""What every dataset looks like to the rest of the library: ``VideoFeatures`` in a ``Dataset``.

Axis letters: N videos, T frames, D feature size, L labels. Features are read by row and only when asked
for, so that a file larger than memory is as good as a small one; every row that is read is checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import h5py
import numpy as np

from ..errors import SSVHError

PRESETS = ("smoke", "small", "paper")  # sizes of a run: seconds, minutes on two cores, as published


class Rows(Protocol):
    """Anything read by row: a NumPy array, or a ``StoredRows``."""

    shape: tuple[int, ...]

    def __getitem__(self, rows: np.ndarray | slice) -> np.ndarray: ...


class StoredRows:
    """One array ``(N, …)`` that lies in one HDF5 file or in several shards, read lazily.

    Raises SSVHError when a file is missing, damaged or has no such array, at once; and when a row that is
    read holds NaN or infinity.
    """

    def __init__(self, paths: list[Path], key: str):
        self.paths, self.key = paths, key
        self._files: list[h5py.File] | None = None
        shapes = [self._open(path).shape for path in paths]
        if len({shape[1:] for shape in shapes}) != 1:
            raise SSVHError(f"The shards {', '.join(map(str, paths))} hold arrays of different shapes: {shapes}.")
        self.starts = np.cumsum([0, *(shape[0] for shape in shapes)])
        self.shape = (int(self.starts[-1]), *shapes[0][1:])

    def __getstate__(self) -> dict:
        return {**vars(self), "_files": None}  # open files cannot be sent to another process

    def __getitem__(self, rows: np.ndarray | slice) -> np.ndarray:
        index = np.arange(self.shape[0])[rows]
        order, inverse = np.unique(index, return_inverse=True)  # HDF5 wants rising, distinct rows
        if not len(order):
            return np.empty((0, *self.shape[1:]), np.float32)
        values = np.concatenate(list(self._read(order)))
        if values.dtype.kind == "f":
            self._check_finite(values, order)
        return values[inverse]

    def _check_finite(self, values: np.ndarray, rows: np.ndarray) -> None:
        with np.errstate(over="ignore"):
            finite = np.isfinite(values.astype(np.float32, copy=False))  # beyond float32 is infinite for us
        if not finite.all():
            bad = rows[~finite.all(axis=tuple(range(1, values.ndim)))][0]
            raise SSVHError(
                f"{self._owner(bad)}: '{self.key}' holds NaN, infinity or a value beyond float32 in row "
                f"{bad - self._start(bad)}. Extract the features of that video again, or remove it."
            )

    def _read(self, order: np.ndarray) -> Iterator[np.ndarray]:
        if self._files is None:
            self._files = [h5py.File(path, "r") for path in self.paths]
        for file, start, end in zip(self._files, self.starts, self.starts[1:], strict=False):
            mine = order[(order >= start) & (order < end)] - start
            if len(mine):
                dense = len(mine) > 0.5 * (mine[-1] + 1 - mine[0])  # one block is read faster than many rows
                stored = file[self.key]
                try:
                    yield stored[mine[0] : mine[-1] + 1][mine - mine[0]] if dense else stored[mine]
                except OSError as error:
                    raise SSVHError(f"{file.filename} is damaged ({error}). Fetch or build it again.") from error

    def _owner(self, row: int) -> Path:
        return self.paths[int(np.searchsorted(self.starts, row, side="right")) - 1]

    def _start(self, row: int) -> int:
        return int(self.starts[int(np.searchsorted(self.starts, row, side="right")) - 1])

    def _open(self, path: Path) -> h5py.Dataset:
        if not path.is_file():
            raise SSVHError(f"{path} is missing. It should hold the array '{self.key}' in HDF5.")
        try:
            file = h5py.File(path, "r")
        except OSError as error:
            raise SSVHError(f"{path} is not a whole HDF5 file ({error}). Fetch or build it again.") from error
        if self.key not in file:
            raise SSVHError(f"{path} has no array '{self.key}'; it holds {', '.join(map(repr, file)) or 'nothing'}.")
        stored = file[self.key]
        if not isinstance(stored, h5py.Dataset) or stored.ndim == 0 or stored.dtype.kind not in "fiub":
            raise SSVHError(f"{path}: '{self.key}' is not an array of numbers; it is {stored!r}.")
        return stored


@dataclass(frozen=True)
class VideoFeatures:
    """Videos as frame features.

    ``features (N, T, D)`` float32, ``labels (N, L)`` multi-hot uint8, ``ids`` one name a video. Where a
    dataset knows more: ``informative (N, T)`` bool, True = the frame shows what the video is about, and
    ``thumbnails (N, T, H, W)`` uint8.
    """

    features: Rows
    labels: np.ndarray
    ids: tuple[str, ...]
    informative: np.ndarray | None = None
    thumbnails: Rows | None = None

    def __post_init__(self) -> None:
        if len(self.features.shape) != 3:
            raise SSVHError(
                f"{self._source()}: features must have three axes (videos, frames, size), got {self.features.shape}."
            )
        if self.labels.ndim != 2 or len(self.labels) != len(self):
            raise SSVHError(
                f"{self._source()}: {len(self)} videos have features, but the labels have shape {self.labels.shape}. "
                f"Expected one row of 0s and 1s for each video, ({len(self)}, classes)."
            )
        for name, extra in (("informative", self.informative), ("thumbnails", self.thumbnails)):
            if extra is not None and extra.shape[:2] != self.features.shape[:2]:
                raise SSVHError(
                    f"{self._source()}: '{name}' must be ({len(self)}, {self.frames}, …) like the features, "
                    f"got {extra.shape}."
                )

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

    def read(self, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
        """The features of some videos, ``(len(rows), T, D)`` float32; SSVHError if they hold NaN or infinity."""
        return np.ascontiguousarray(self.features[rows], dtype=np.float32)

    def batches(self, size: int = 512) -> Iterator[np.ndarray]:
        """The features of all videos in order, ``size`` videos at a time."""
        for start in range(0, len(self), size):
            yield self.read(slice(start, start + size))

    def in_memory(self) -> VideoFeatures:
        """The same videos with their features read and checked."""
        return VideoFeatures(self.read(), self.labels, self.ids, self.informative, self.thumbnails)

    def part(self, rows: np.ndarray) -> VideoFeatures:
        """Some of the videos, read into memory."""
        pick = lambda values: None if values is None else values[rows]  # noqa: E731 - used four times, only here
        ids = tuple(np.array(self.ids)[rows])
        return VideoFeatures(self.read(rows), self.labels[rows], ids, pick(self.informative), pick(self.thumbnails))

    def _source(self) -> str:
        return ", ".join(map(str, getattr(self.features, "paths", ["The features"])))


@dataclass(frozen=True)
class Dataset:
    """A retrieval task: learn on ``train`` without labels, then find the kin of each ``query`` in ``database``."""

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
        shapes = {part: (videos.size, videos.labels.shape[1]) for part, videos in self.parts().items()}
        if len(set(shapes.values())) != 1:
            raise SSVHError(f"{self.root}: feature size and number of classes must agree, got {shapes}.")
        if len(self.classes) != self.train.labels.shape[1]:
            raise SSVHError(
                f"{self.root}: {len(self.classes)} class names for {self.train.labels.shape[1]} columns of labels."
            )
        empty = [part for part, videos in self.parts().items() if not len(videos)]
        if empty:
            raise SSVHError(f"{self.root}: there are no videos in {', '.join(empty)}.")
        if self.query_in_database and len(self.query) > len(self.database):
            raise SSVHError(f"{self.root}: query_in_database is set, but there are more queries than database items.")

    def parts(self) -> dict[str, VideoFeatures]:
        """Its three sets of videos by name."""
        return {"train": self.train, "database": self.database, "query": self.query}
