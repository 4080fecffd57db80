"""Pseudo-neighbours by anchors at the size of FCVID, and the memory that a dense table of all pairs would take."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import torch
from joblib import cpu_count

from ..clustering.anchor_graph import neighbours_of
from ..utils.measured_process import measure_in_subprocess, peak_memory_growth

TITLE = "Pseudo-neighbours"
SIZES = ((45_600, 2_000, 256), (11_400, 500, 256))  # N, M, d: FCVID's hidden states, and a quarter of them
CLASSES, BATCH, REPEATS = 239, 256, 20
NOTE = (
    "Vectors of 239 normal clouds. graph: seconds for k-means, 16 updates at most, and five nearest anchors of each. "
    "pairs: milliseconds to draw a partner for each of 256 videos, median. MB: by how much the peak memory grew, "
    "without the vectors. table: MB of one float32 table of all pairs; the released code of BTH holds several."
)


def measure(say: Callable[[str], object]) -> list[dict]:
    """Return a record for each size and number of threads."""
    threads = sorted({1, cpu_count()})
    return [measure_in_subprocess(graph, *size, count, threads=count) for size in SIZES for count in threads]


def graph(N: int, M: int, d: int, threads: int) -> dict:
    """Find the neighbours of N vectors once, and draw pairs."""
    rng, drawn = np.random.default_rng(0), torch.Generator().manual_seed(0)
    vectors = 1.5 * rng.standard_normal((CLASSES, d), dtype=np.float32)[rng.integers(0, CLASSES, N)]
    vectors += rng.standard_normal((N, d), dtype=np.float32)
    neighbours_of(vectors[: 2 * M], 8, rng)  # what is loaded once is loaded
    found, taken = [], []

    def build() -> None:
        start = time.perf_counter()
        found.append(neighbours_of(vectors, M, rng))
        found[0].pairs(np.arange(1), drawn)
        taken.append(time.perf_counter() - start)

    memory = peak_memory_growth(build)
    pairs = []
    for _ in range(REPEATS):
        rows, start = rng.integers(0, N, BATCH), time.perf_counter()
        found[0].pairs(rows, drawn)
        pairs.append(time.perf_counter() - start)
    figures = {"graph, s": round(taken[0], 2), "pairs, ms": round(1e3 * float(np.median(pairs)), 1)}
    return {"videos": N, "anchors": M, "size": d, "threads": threads, **figures, "MB": round(memory, 1)}


def table(records: list[dict]) -> tuple[pd.DataFrame, str]:
    """Return a row for each size and number of threads, and the note."""
    rows = pd.DataFrame(records)
    rows["table, MB"] = (4 * rows["videos"].astype(float) ** 2 / 1e6).map("{:,.0f}".format)
    return rows, NOTE
