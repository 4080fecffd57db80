"""Time and memory to evaluate rankings of FCVID's size: ours, FAISS, and plain NumPy.

All of them get the same random codes and labels.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from joblib import cpu_count

from ..evaluation.codes import Codes
from ..evaluation.metrics import CUTOFFS, evaluate
from ..utils.measured_process import measure_in_subprocess, peak_bytes

TITLE = "Evaluation at the size of FCVID"
ITEMS, SOME, BITS, LABELS = 45_600, 4_560, 64, 239  # FCVID, where all items are queries; and a tenth of them
SECONDS, MOST = 6.0, 5  # each way is timed repeatedly for this long, but at most this often
NOTE = (
    f"Random codes of {BITS} bits around {LABELS} centres, which are the labels; some videos have several. Queries "
    "lie in the database and find themselves. mAPs: @5, 20, 40, 60, 80, 100. s: median of several calls, compiling not "
    "counted. × ours: time for a query, against our first row. peak: resident memory of the process, with Python and "
    "its libraries (0.4 GB). FAISS finds neighbours, whose labels are then looked at. NumPy: the steps of the authors' "
    "code, with matrices of all distances, orders and relevances, for the first tenth of the queries; its sort leaves "
    "ties in no particular order."
)


class Case(NamedTuple):
    """One of ``WAYS`` to be measured, at one size."""

    way: str
    queries: int
    items: int
    bits: int
    labels: int
    threads: int


class Task(NamedTuple):
    """The input of an evaluation: codes ``(N, K)``, multi-hot labels ``(N, L)`` and the cutoffs."""

    queries: np.ndarray
    database: np.ndarray
    query_labels: np.ndarray
    labels: np.ndarray
    k: tuple[int, ...]


class Way(NamedTuple):
    """A way to evaluate a ``Task``."""

    maps: Callable[[Task], dict[int, float]]  # cutoff -> mAP
    finds: str
    slow: bool  # slow enough to get only some of the queries


def measure(
    say: Callable[[str], object], items: int = ITEMS, some: int = SOME, bits: int = BITS, labels: int = LABELS
) -> list[dict]:
    """Time each of ``WAYS`` with one thread and with all, and say the results.

    Ways that hold whole matrices get only ``some`` queries; at the default sizes they take 4 GB.
    """
    rows: list[dict] = []
    ours: dict[int, float] = {}  # seconds a query, by number of threads
    for way, (_, finds, slow) in WAYS.items():
        for threads in sorted({1, cpu_count()}):
            case = Case(way, some if slow else items, items, bits, labels, threads)
            found = measure_in_subprocess(figures, *case, threads=threads)
            each = found["s"] / case.queries
            row = {
                "way": way,
                "finds": finds,
                "queries × items": f"{case.queries:,} × {items:,}",
                "threads": threads,
                "s": round(found["s"], 2),
                "× ours": round(each / ours.setdefault(threads, each), 1),
                "peak, GB": round(found["peak"] / 1e9, 2),
                "mAP@100": round(found["map"], 6),
            }
            say(", ".join(f"{name} {value}" for name, value in row.items()))
            rows.append(row)
    return rows


def table(records: list[dict]) -> tuple[pd.DataFrame, str]:
    """Return a row for each way and number of threads, and the note."""
    return pd.DataFrame(records), NOTE


def figures(way: str, queries: int, items: int, bits: int, labels: int, threads: int) -> dict[str, float]:
    """Return seconds, peak memory and mAP@100 of a ``Case``."""
    work, task = WAYS[way].maps, random_task(Case(way, queries, items, bits, labels, threads))
    few = Task(task.queries[:64], task.database[:64], task.query_labels[:64], task.labels[:64], k=(5,))
    work(few)  # loads and compiles what is needed
    taken: list[float] = []
    while not taken or (sum(taken) < SECONDS and len(taken) < MOST):
        start = time.perf_counter()
        found = work(task)
        taken.append(time.perf_counter() - start)
    return {"s": median(taken), "peak": peak_bytes(), "map": found[CUTOFFS[-1]]}


def random_task(case: Case) -> Task:
    """Draw codes of ±1 int8, each near the centre of its first label; the queries are the first items."""
    rng = np.random.default_rng(0)
    centres, cluster = rng.random((case.labels, case.bits)) < 0.5, rng.integers(case.labels, size=case.items)
    bits = centres[cluster] ^ (rng.random((case.items, case.bits), np.float32) < 0.25)
    signs, labels = 2 * bits.view(np.int8) - 1, np.eye(case.labels, dtype=np.uint8)[cluster]
    labels |= rng.random(labels.shape, np.float32) < 0.5 / case.labels
    return Task(signs[: case.queries], signs, labels[: case.queries], labels, CUTOFFS)


def _ours(task: Task, ranks: int = 0, ties: Literal["stable", "expected"] = "stable") -> dict[int, float]:
    return evaluate(*task[:4], k=task.k, progress=False, ranks=ranks, ties=ties).map


def _ours_at_all_ranks(task: Task) -> dict[int, float]:
    return _ours(task, ranks=len(task.database))


def _ours_expected(task: Task) -> dict[int, float]:
    return _ours(task, ties="expected")


def _faiss(task: Task) -> dict[int, float]:
    import faiss

    index = faiss.IndexBinaryFlat(task.database.shape[1])
    index.use_heap = False  # type: ignore[attr-defined] # FAISS types lack it; counting is faster here than a heap
    index.add(Codes.from_values(task.database).packed)
    _, nearest = index.search(Codes.from_values(task.queries).packed, max(task.k))
    labels, results = _words(task.labels), zip(nearest, _words(task.query_labels), strict=True)
    return _means(np.stack([(labels[items] & wanted).any(axis=1) for items, wanted in results]), task.k)


def _numpy(task: Task) -> dict[int, float]:
    """Make all matrices at once, as float32 where that suffices, and sort with the default algorithm."""
    products = task.database.astype(np.float32) @ task.queries.astype(np.float32).T
    order = np.argsort(0.5 * (task.database.shape[1] - products), axis=0)  # (N, Q)
    similar = task.labels.astype(np.float32) @ task.query_labels.astype(np.float32).T > 0
    return _means(np.take_along_axis(similar, order, axis=0)[: max(task.k)].T, task.k)


def _words(labels: np.ndarray) -> np.ndarray:
    """Pack multi-hot labels into 64-bit words, which share a bit where two videos share a label."""
    return np.packbits(np.pad(labels, ((0, 0), (0, -labels.shape[1] % 64))), axis=1).view(np.uint64)


def _means(hits: np.ndarray, k: tuple[int, ...]) -> dict[int, float]:
    """Return mAP at each cutoff, divided by k, from the relevance of the first ranks ``(Q, depth)``."""
    precisions = hits * hits.cumsum(axis=1) / np.arange(1, hits.shape[1] + 1)
    return {cutoff: float((precisions[:, :cutoff].sum(axis=1) / cutoff).mean()) for cutoff in k}


MAPS, RADIUS = "mAPs", "mAPs, precision-recall by radius"
WAYS = {
    "ours": Way(_ours, RADIUS, slow=False),
    "ours, curves over all ranks": Way(_ours_at_all_ranks, f"{RADIUS} and by rank", slow=False),
    "FAISS, exhaustive": Way(_faiss, MAPS, slow=False),
    "ours, ties='expected'": Way(_ours_expected, RADIUS, slow=False),
    "NumPy": Way(_numpy, MAPS, slow=True),
}
