"""Videos that are stored one by one, read as rows ``(T, D)`` of one array."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from ...errors import SSVHError
from ..middles import middles
from ..rows import LazyRows
from .formats import Kind, UnreadableError
from .stores import Store

FRAMES = 25  # T of videos that differ in length, unless another is asked for: that of most papers


@dataclass(frozen=True)
class Survey:
    """The features of some videos: the number of ``frames`` by name, the ``size`` of a frame, and the type."""

    frames: dict[str, int]
    size: int
    dtype: np.dtype

    def common_frames(self) -> int:
        """Return the T that the videos have, or 25 if they differ."""
        lengths = set(self.frames.values())
        return lengths.pop() if len(lengths) == 1 else FRAMES


def survey(store: Store, names: Sequence[str], *, progress: bool = False) -> Survey:
    """Look at the shapes of some videos. Raises SSVHError if one cannot be read, or if they do not fit together."""
    kinds: dict[str, Kind] = {}
    wrong: dict[str, str] = {}
    for name in tqdm(names, "Looking at videos", unit=" videos", leave=False, delay=1, disable=not progress):
        try:
            kinds[name] = _checked(store.describe(name))
        except UnreadableError as error:
            wrong[name] = str(error)
    if wrong:
        raise SSVHError(
            f"{store.path}: {len(wrong):,} of {len(names):,} videos cannot be read: "
            + some(f"'{name}' {reason}" for name, reason in wrong.items())
            + ". Mend or remove them."
        )
    sizes = Counter(kind.shape[1] for kind in kinds.values())
    if len(sizes) > 1:
        usual = sizes.most_common(1)[0][0]
        odd = [f"'{name}' {kind.shape[1]}" for name, kind in kinds.items() if kind.shape[1] != usual]
        raise SSVHError(
            f"{store.path}: {len(odd):,} of {len(names):,} videos have features of another size than {usual}: "
            f"{some(odd)}. Extract all with the same backbone."
        )
    dtype = np.result_type(*{kind.dtype for kind in kinds.values()})
    return Survey({name: kind.shape[0] for name, kind in kinds.items()}, next(iter(sizes)), dtype)


def _checked(kind: Kind) -> Kind:
    if len(kind.shape) != 2 or 0 in kind.shape:
        raise UnreadableError(f"has the shape {kind.shape} instead of (frames, size)")
    if kind.dtype.kind not in "fiub":
        raise UnreadableError(f"holds values of type {kind.dtype} instead of numbers")
    return kind


def some(texts: Iterable[str], most: int = 5) -> str:
    """Join the first few of some texts."""
    first = list(texts)
    return ", ".join(first[:most]) + (", …" if len(first) > most else "")


class VideoRows(LazyRows):
    """The features ``(N, T, D)`` of the videos ``names``, each resampled to ``frames`` by the rule of ``middles``."""

    def __init__(self, store: Store, names: tuple[str, ...], seen: Survey, frames: int):
        self.store, self.names = store, names
        self.counts = [seen.frames[name] for name in names]
        self.paths, self.shape, self.dtype = [store.path], (len(names), frames, seen.size), seen.dtype

    def place(self, row: int) -> tuple[str, str]:
        """Return the folder or file, and the name of the video."""
        return str(self.store.path), f"the video '{self.names[row]}'"

    def _fill(self, values: np.ndarray, order: np.ndarray) -> None:
        """Read the videos one after another, so that at most one file is open at a time."""
        for number, row in enumerate(order.tolist()):
            values[number] = self._read(row)

    def _read(self, row: int) -> np.ndarray:
        name, expected = self.names[row], (self.counts[row], self.shape[2])
        try:
            stored = self.store.read(name)
        except UnreadableError as error:
            raise SSVHError(f"{self.store.path}: the video '{name}' {error}. Mend or remove it.") from error
        if stored.shape != expected:
            raise SSVHError(
                f"{self.store.path}: the video '{name}' changed from {expected} to {stored.shape} while it was in "
                "use. Start again."
            )
        return stored if len(stored) == self.shape[1] else stored[middles(len(stored), self.shape[1])]
