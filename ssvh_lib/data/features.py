"""Videos as frame features, the form of every dataset in this library: ``VideoFeatures`` in a ``Dataset``.

Axis letters: N videos, T frames, D feature size, L labels. Features are read by row and only when they are needed, so
a file may be larger than memory; every row that is read is checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Protocol

import h5py
import numpy as np

from ..errors import SSVHError

PRESETS = ("smoke", "small", "paper")  # sizes of a run: seconds, minutes on two cores, as published
HELD_IN_MEMORY = 2 << 30  # bytes of a set's features as float32, up to which it is held in memory


class Rows(Protocol):
    """Anything read by row: a NumPy array, or a ``StoredRows``."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape ``(N, …)``."""

    @property
    def dtype(self) -> np.dtype:
        """The type of a value."""

    def __getitem__(self, rows: np.ndarray | slice, /) -> np.ndarray: ...


class StoredRows:
    """One array ``(N, …)`` in one HDF5 file or in several shards, read lazily.

    Raises SSVHError at once if a file is missing or damaged or has no such array, and later if a row that is read
    holds NaN or infinity.
    """

    def __init__(self, paths: list[Path], key: str):
        self.paths, self.key = paths, key
        self._files: list[h5py.File] | None = None
        stored = [self._open(path) for path in paths]
        shapes = [array.shape for array in stored]
        if len({shape[1:] for shape in shapes}) != 1:
            raise SSVHError(f"The shards {', '.join(map(str, paths))} hold arrays of different shapes: {shapes}.")
        self.starts = np.cumsum([0, *(shape[0] for shape in shapes)])
        self.shape = (int(self.starts[-1]), *shapes[0][1:])
        self.dtype = np.result_type(*(array.dtype for array in stored))
        self.chunk = max(array.chunks[0] if array.chunks else 1 for array in stored)  # rows that are decoded together

    def __getstate__(self) -> dict[str, object]:
        return {**vars(self), "_files": None}  # open files cannot be sent to another process

    def __getitem__(self, rows: np.ndarray | slice) -> np.ndarray:
        index = np.arange(self.shape[0])[rows]
        values = self.unchecked(index)
        if values.dtype.kind == "f":
            self._check_finite(values, index)
        return values

    def unchecked(self, index: np.ndarray) -> np.ndarray:
        """Read the rows ``index (n,)`` as they are stored, NaN and infinity included."""
        rising = bool((np.diff(index) > 0).all())
        order, inverse = (index, None) if rising else np.unique(index, return_inverse=True)
        values = np.empty((len(order), *self.shape[1:]), self.dtype)
        self._fill(values, order)
        return values if inverse is None else values[inverse]

    def _check_finite(self, values: np.ndarray, rows: np.ndarray) -> None:
        finite = np.isfinite(_within_float32(values))
        if not finite.all():
            bad = rows[~finite.all(axis=tuple(range(1, values.ndim)))].min()
            number = int(np.searchsorted(self.starts, bad, side="right")) - 1
            raise SSVHError(
                f"{self.paths[number]}: '{self.key}' holds NaN, infinity or a value beyond float32 in row "
                f"{bad - self.starts[number]}. Extract the features of that video again, or remove it."
            )

    def _fill(self, values: np.ndarray, order: np.ndarray) -> None:
        """Read the rows ``order``, which ascend, into ``values``, in as few reads as possible."""
        if self._files is None:
            self._files = [h5py.File(path, "r") for path in self.paths]
        for file, start, end in zip(self._files, self.starts, self.starts[1:], strict=False):
            low, high = np.searchsorted(order, (start, end))
            try:
                _fill_from(file[self.key], values[low:high], order[low:high] - start)
            except OSError as error:
                raise SSVHError(f"{file.filename} is damaged ({error}). Fetch or build it again.") from error

    def _open(self, path: Path) -> h5py.Dataset:
        file = open_hdf5(path, f"the array '{self.key}'")
        if self.key not in file:
            raise SSVHError(f"{path} has no array '{self.key}'; it holds {', '.join(map(repr, file)) or 'nothing'}.")
        stored = file[self.key]
        if not isinstance(stored, h5py.Dataset) or stored.ndim == 0 or stored.dtype.kind not in "fiub":
            raise SSVHError(f"{path}: '{self.key}' is not an array of numbers; it is {stored!r}.")
        return stored


def open_hdf5(path: Path, content: str) -> h5py.File:
    """Open for reading an HDF5 file that should hold ``content``. Raises SSVHError if it is missing or damaged."""
    if not path.is_file():
        raise SSVHError(f"{path} is missing. It should hold {content} in HDF5.")
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise SSVHError(f"{path} is not a whole HDF5 file ({error}). Fetch or build it again.") from error


def _fill_from(stored: h5py.Dataset, values: np.ndarray, rows: np.ndarray) -> None:
    """Read ascending ``rows`` of one file into ``values``: run by run, or in one read if they lie close together."""
    if not len(rows):
        return
    first, last = rows[0], rows[-1] + 1
    if len(rows) <= 0.5 * (last - first):
        for run in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(rows) > 1) + 1):
            stored.read_direct(values, np.s_[rows[run[0]] : rows[run[-1]] + 1], np.s_[run[0] : run[-1] + 1])
    elif len(rows) < last - first:
        values[:] = stored[first:last][rows - first]
    else:
        stored.read_direct(values, np.s_[first:last])


def _within_float32(values: np.ndarray) -> np.ndarray:
    """Convert values of more than 32 bits to float32, where those out of range become infinite."""
    with np.errstate(over="ignore"):
        return values if values.dtype.itemsize <= 4 else values.astype(np.float32)


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

    def in_memory(self) -> VideoFeatures:
        """Return the same videos with their features read and checked."""
        return replace(self, features=self.read())

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

    def class_names(self, labels: np.ndarray) -> tuple[str, ...]:
        """Return the names of the classes that a row of ``labels (L,)`` sets."""
        return tuple(self.classes[column] for column in np.flatnonzero(labels))

    def parts(self) -> dict[str, VideoFeatures]:
        """Return the three sets of videos by name."""
        return {"train": self.train, "database": self.database, "query": self.query}
