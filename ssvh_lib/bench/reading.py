"""Time and memory to read a training set from a file that is larger than the memory for it.

Each way of reading is measured in a separate process, one epoch long, after the pages of the file were dropped
from the system's cache (which a virtual machine's host may still hold: compare the ways, not the disks).
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from joblib import cpu_count

from ..data import VideoFeatures
from ..data.halve import convert
from ..data.loader import in_background, read_batches
from ..data.rows import StoredRows
from ..utils.measured_process import measure_in_subprocess, peak_bytes

TITLE = "Reading a training set"
VIDEOS, FRAMES, SIZE, BATCH = 9_537, 25, 4096, 128  # UCF101's training set, 3.9 GB
NOTE = (
    f"One epoch in random order, batches of {BATCH}, nothing done with them. videos/s: from opening the file to the "
    "last batch. first batch: seconds until training could begin. peak: resident memory of the process, Python and its "
    "libraries (0.2 to 0.5 GB) included. The file's pages were dropped from the cache before each."
)


def measure(say: Callable[[str], object], videos: int | None = None, folder: Path | None = None) -> list[dict]:
    """Write random features of ``videos`` videos into a temporary folder and read them in each of ``WAYS``.

    Needs 600 KB of disk for each video, in ``folder`` (default: the system's temporary folder).
    """
    videos = videos or VIDEOS
    with tempfile.TemporaryDirectory(prefix="ssvh-bench-", dir=folder) as place:
        path = Path(place) / "float32_feats.h5"
        say(f"Writing {videos:,} videos, {videos * FRAMES * SIZE * 4 / 1e9:.1f} GB, into {place}")
        _write(path, videos)
        halved = path.with_name("float16_feats.h5")
        start = time.perf_counter()
        convert(StoredRows([path], "feats"), halved)
        say(f"Converted to float16 in {time.perf_counter() - start:.1f} s")
        rows = []
        for way in WAYS:
            rows.append({"way": way} | _measure(way, halved if "float16" in way else path))
            say(", ".join(f"{key} {value}" for key, value in rows[-1].items()))
    return rows


def table(records: list[dict]) -> tuple[pd.DataFrame, str]:
    """Return a row for each way of reading, and the note."""
    return pd.DataFrame(records), NOTE


def _write(path: Path, videos: int) -> None:
    """Write features like those after a ReLU: half of the values are 0; each video has another stretch of noise."""
    noise = np.random.default_rng(0).standard_normal(64 * FRAMES * SIZE + 4_099 * 64, dtype=np.float32).clip(min=0)
    with h5py.File(path, "w") as file:
        stored = file.create_dataset("feats", (videos, FRAMES, SIZE), np.float32)
        for start in range(0, videos, 64):
            count = min(64, videos - start)
            values = np.roll(noise, 7 * start)[: count * FRAMES * SIZE] * (1 + start / videos)
            stored[start : start + count] = values.reshape(count, FRAMES, SIZE)


def _measure(way: str, path: Path) -> dict[str, float]:
    """Drop the file from the system's cache and return the figures of one way, measured in a new process."""
    with path.open("rb") as file:
        os.fsync(file.fileno())  # only pages that are on the disk are dropped
        if hasattr(os, "posix_fadvise"):  # not on macOS
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return measure_in_subprocess(figures, way, str(path), threads=cpu_count())


def _load_everything(path: Path) -> Iterator[np.ndarray]:
    with h5py.File(path) as file:
        features = file["feats"][:]
    order = np.random.default_rng(0).permutation(len(features))
    return (features[order[start : start + BATCH]] for start in range(0, len(order), BATCH))


def _random_rows(path: Path) -> Iterator[np.ndarray]:
    stored = h5py.File(path)["feats"]
    order = np.random.default_rng(0).permutation(len(stored))
    return (stored[np.sort(order[start : start + BATCH])] for start in range(0, len(order), BATCH))


def _lazily(path: Path) -> Iterator[np.ndarray]:
    videos = VideoFeatures.unlabelled(StoredRows([path], "feats"))
    return (frames for _, frames in in_background(read_batches(videos, BATCH, 0)))


WAYS = {
    "load everything, then index": _load_everything,
    "random rows of the file": _random_rows,
    "ours": _lazily,
    "ours, float16 file": _lazily,
}


def figures(way: str, path: str) -> dict[str, float]:
    """Read one epoch in one way; return videos a second, seconds to the first batch and peak memory."""
    start, first, videos = time.perf_counter(), 0.0, 0
    for frames in WAYS[way](Path(path)):
        first = first or time.perf_counter() - start
        videos += len(frames)
    seconds = time.perf_counter() - start
    return {
        "videos/s": round(videos / seconds),
        "MB/s": round(videos * FRAMES * SIZE * 4 / seconds / 1e6),
        "first batch, s": round(first, 2),
        "peak, GB": round(peak_bytes() / 1e9, 2),
    }
