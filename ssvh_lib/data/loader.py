"""Reading a training set in random order, even if it is larger than memory: near-sequential reads in the background.

The order of an epoch is that of a shuffle buffer. Blocks of videos that are neighbours in the file are drawn in random
order, and each is read at once. A window of videos is held in memory; every video that leaves it is drawn from all
that are in it, and the next one read takes its place. A set that fits into memory is one window: its order is a
uniformly random permutation.

``mixing`` measures how random the order of a larger set is: in a batch of B videos, a video meets nearly
(block - 1) B / (2 window) others of its own block; in a uniformly random order, (block - 1) (B - 1) / (N - 1).
With FCVID's 45,585 videos, blocks of 10, a window of 1,310 and B = 512, it meets 1.6 instead of 0.1. If
neighbours in the file are alike, with a correlation r, the mean of such a batch is as uncertain as that of
B / (1 + 1.6 r) videos drawn independently (Kish's design effect). Each epoch draws a new order of the blocks.

The order depends on the seed, the number of videos and the sizes of block and window only; these follow from the
videos' size as float32. Where and how the features are stored, and when they are read, does not affect any batch.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np

from .features import HELD_IN_MEMORY, VideoFeatures
from .rows import Rows

BLOCK = 4 << 20  # bytes as float32 that are read at once: a disk that seeks for 10 ms still gives most of its speed
WINDOW = 512 << 20  # bytes as float32 from which a video is drawn

Item = TypeVar("Item")


class Order(NamedTuple):
    """One epoch: ``rows (N,)`` in the order of training, and ``blocks``, (first, last + 1) in the order of reading."""

    rows: np.ndarray
    blocks: list[tuple[int, int]]
    window: int


class Mixing(NamedTuple):
    """Average number of videos of its own block that a video meets in a batch, and in a uniformly random order."""

    mates: float
    uniform: float


def sizes(videos: VideoFeatures) -> tuple[int, int]:
    """Return the number of videos in a block and in a window; a set that fits into memory is one window."""
    each = max(1, videos.nbytes // max(1, len(videos)))
    window = len(videos) if videos.nbytes <= HELD_IN_MEMORY else max(1, WINDOW // each)
    return max(1, BLOCK // each), window


def draw_order(count: int, block: int, window: int, seed: int) -> Order:
    """Draw the order of ``count`` videos for one epoch; a pure function of its arguments."""
    rng = np.random.default_rng(seed)
    starts = np.arange(0, count, block)
    if count <= window:
        return Order(rng.permutation(count), _blocks(starts, block, count), window)
    blocks = _blocks(rng.permutation(starts), block, count)
    stream = [row for first, end in blocks for row in range(first, end)]
    held, rows = stream[:window], []
    for pick, following in zip(rng.integers(window, size=count - window).tolist(), stream[window:], strict=True):
        rows.append(held[pick])
        held[pick] = following
    return Order(np.array(rows + rng.permutation(held).tolist()), blocks, window)


def _blocks(starts: np.ndarray, block: int, count: int) -> list[tuple[int, int]]:
    return [(first, min(first + block, count)) for first in starts.tolist()]


def mixing(count: int, block: int, window: int, size: int, seed: int = 0) -> Mixing:
    """Count the ``Mixing`` of one epoch of ``count`` videos in batches of ``size``."""
    order = draw_order(count, block, window, seed).rows
    batch, own = np.arange(count) // size, order // block
    _, together = np.unique(batch * count + own, return_counts=True)
    return Mixing(float((together * (together - 1)).sum() / count), (block - 1) * (size - 1) / max(1, count - 1))


def read_batches(videos: VideoFeatures, size: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield all ``videos`` in random order, ``size`` at a time, as ``rows (B,)`` and ``frames (B, T, D)``.

    The last batch is smaller; if it would be a single video, that joins the batch before. Frames that are read from a
    file have the type they are stored in, float16 or float32. Raises SSVHError if they hold NaN.
    """
    order = draw_order(len(videos), *sizes(videos), seed)
    cuts = list(range(size, len(videos), size))
    if cuts and len(videos) - cuts[-1] == 1:
        cuts.pop()  # a video alone has nothing to be contrasted with
    batches = np.split(order.rows, cuts)
    if videos.held:
        return ((rows, videos.read(rows)) for rows in batches)
    return _gather(videos.features, order, batches)


def _gather(features: Rows, order: Order, batches: list[np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the batches of an order, with no more in memory than its window, a batch and a block."""
    count, *shape = features.shape
    room = order.window + max(map(len, batches)) + max(end - first for first, end in order.blocks)
    dtype = np.float16 if features.dtype == np.float16 else np.float32
    buffer = np.empty((min(count, room), *shape), dtype)
    free, place = list(range(len(buffer))), np.empty(count, np.int64)  # place: where in the buffer a video lies
    blocks, read, needed = iter(order.blocks), 0, 0
    for rows in batches:
        needed += len(rows)
        while read < min(count, order.window + needed):  # the last video of the batch was drawn among these
            first, end = next(blocks)
            place[first:end] = [free.pop() for _ in range(first, end)]
            buffer[place[first:end]] = features[first:end]
            read += end - first
        yield rows, buffer[place[rows]]
        free += place[rows].tolist()


def in_background(items: Iterator[Item]) -> Generator[Item, None, None]:
    """Yield the same items in the same order, making the next one in a thread while the last one is used.

    An error in the thread is raised here. When this iterator is closed, or its loop is left by an error or an
    interrupt, the thread ends after its current item.
    """
    with ThreadPoolExecutor(1, "ssvh-reader") as thread:
        coming = thread.submit(_next, items)
        while (item := coming.result()) is not None:
            coming = thread.submit(_next, items)
            yield item[0]


def _next(items: Iterator[Item]) -> tuple[Item] | None:
    """Return the next item inside a tuple, so that None can mean the end."""
    for item in items:
        return (item,)
    return None
