"""Time and memory to build and search an index of millions of codes, and its recall.

All cases run on all cores.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, astuple, dataclass
from typing import TypeVar

import faiss
import numpy as np
import pandas as pd
from joblib import cpu_count

from ..search.index_kinds import KINDS, Kind, Neighbours
from ..utils.measured_process import measure_in_subprocess, peak_bytes

TITLE = "Index of codes"
BITS, QUERIES, ALONE, K, RADIUS = 64, 1_000, 100, 100, 2
CLUSTER = 1_000  # codes
NOTE = (
    f"64-bit codes. clustered: {CLUSTER:,} codes around each of N / {CLUSTER:,} random ones, every bit flipped with "
    "probability 1/8, and queries alike; uniform: every bit drawn. build: seconds. ms alone: one query by itself, its "
    f"{K} nearest. ms of {QUERIES:,}: the same, of queries asked together. ms radius: one query, all codes within "
    f"{RADIUS} bits. MB: peak memory on top of the codes, of 8 bytes each. restore: seconds to make the index from "
    f"what its file keeps. recall: the part of the {K} codes returned that are no further than the {K}th of an exact "
    "search. hnsw is a graph with 16 links a code, not part of the library."
)


T = TypeVar("T")


@dataclass(frozen=True)
class Case:
    """An index to be measured: which codes, how many, and its kind."""

    codes: str
    count: int
    kind: str


CASES = (
    *(Case("clustered", 10_000_000, kind) for kind in KINDS),
    *(Case("clustered", 1_000_000, kind) for kind in (*KINDS, "hnsw")),
    *(Case("uniform", 1_000_000, kind) for kind in KINDS),
)


class Graph(Kind):
    """Hierarchical navigable small worlds (Malkov & Yashunin, 2016), for comparison."""

    exact = False

    def __init__(self, packed: np.ndarray, stored: dict[str, np.ndarray] | None = None):
        self._index = faiss.IndexBinaryHNSW(8 * packed.shape[1], 16)
        self._index.hnsw.efSearch = 4 * K
        self.add(packed)

    def within(self, queries: np.ndarray, radius: int) -> list[Neighbours]:
        """Raise NotImplementedError, since FAISS does not offer it."""
        raise NotImplementedError


def measure(say: Callable[[str], object], cases: tuple[Case, ...] | None = None) -> list[dict]:
    """Return the figures of every case, a row each; among cases of the same codes, ``flat`` has to come first."""
    rows: list[dict] = []
    furthest: dict[tuple[str, int], list[int]] = {}
    for case in CASES if cases is None else cases:
        codes = case.codes, case.count
        found = measure_in_subprocess(figures, *astuple(case), furthest.get(codes), threads=cpu_count())
        furthest[codes] = found.pop("furthest")
        rows.append(asdict(case) | found)
        say(", ".join(f"{name} {value}" for name, value in rows[-1].items()))
    return rows


def table(records: list[dict]) -> tuple[pd.DataFrame, str]:
    """Return a row for each case, and the note."""
    rows = pd.DataFrame(records).fillna("–")
    return rows.assign(count=rows["count"].map("{:,}".format)), NOTE


def figures(codes: str, count: int, kind: str, furthest: list[int] | None) -> dict:
    """Measure a ``Case``; ``furthest`` holds the distance of each query's Kth neighbour in an exact search."""
    case = Case(codes, count, kind)
    packed, queries = _codes(case)
    before, make = peak_bytes(), (KINDS | {"hnsw": Graph})[case.kind]
    start = time.perf_counter()
    made = make(packed)
    built = time.perf_counter() - start
    together, (distances, _) = _timed(lambda: made.search(queries, K))
    alone, _ = _timed(lambda: [made.search(query[None], K) for query in queries[:ALONE]])
    measured = {"build": round(built, 2), "ms alone": round(1e3 * alone / ALONE, 3)}
    measured[f"ms of {QUERIES:,}"] = round(1e3 * together / len(queries), 3)
    if case.kind in KINDS:
        near, _ = _timed(lambda: [made.within(query[None], RADIUS) for query in queries[:ALONE]])
        measured["ms radius"] = round(1e3 * near / ALONE, 3)
    measured["MB"] = round((peak_bytes() - before) / 1e6)
    if case.kind in KINDS:
        measured["restore"] = round(_timed(lambda: make(packed, made.stored))[0], 2)
    limit = distances[:, -1] if furthest is None else np.array(furthest)
    measured["recall"] = round(float((distances <= limit[:, None]).mean()), 3)
    return measured | {"furthest": limit.tolist()}


def _codes(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Draw packed codes of the database ``(N, 8)`` and of the queries ``(1000, 8)``."""
    rng = np.random.default_rng(0)

    def words(count: int) -> np.ndarray:
        return rng.integers(0, 2**64, count, dtype=np.uint64)

    def clustered(count: int) -> np.ndarray:
        flips = words(count) & words(count) & words(count)  # each bit is 1 with probability 1/8
        return centres[rng.integers(0, len(centres), count)] ^ flips

    centres = words(max(1, case.count // CLUSTER))
    draw = clustered if case.codes == "clustered" else words
    database = np.empty(case.count, np.uint64)
    for start in range(0, case.count, step := 100_000):
        database[start : start + step] = draw(min(step, case.count - start))
    return database.view(np.uint8).reshape(-1, 8), draw(QUERIES).view(np.uint8).reshape(-1, 8)


def _timed(call: Callable[[], T]) -> tuple[float, T]:
    """Return the seconds that a call takes, and its result."""
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result
