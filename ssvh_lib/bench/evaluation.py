"""How long it takes to measure rankings of FCVID's size, and in what memory: ours, FAISS, and plain NumPy.

All ways are given the same random codes and labels.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from joblib import cpu_count

from ..evaluation.codes import Codes
from ..evaluation.metrics import CUTOFFS, evaluate
from ..utils.measured_process import apart, peak_bytes

TITLE = "Evaluation at the size of FCVID"
ITEMS, SOME, BITS, LABELS = 45_600, 4_560, 64, 239  # FCVID, where all items are queries; and a tenth of them
SECONDS, MOST = 6.0, 5  # a way is timed again for so long, at most so often
NOTE = (
    f"Random codes of {BITS} bits around {LABELS} centres, which are the labels; some videos have several. Queries "
    "lie in the database and find themselves. mAPs: @5, 20, 40, 60, 80, 100. s: median of several calls, compiling not "
    "counted. × ours: time for a query, against our first row. peak: resident memory of the process, with Python and "
    "its libraries (0.4 GB). FAISS finds neighbours, whose labels are then looked at. NumPy: the steps of the authors' "
    "code, with matrices of all distances, orders and relevances, for the first tenth of the queries; its sort leaves "
    "ties in no particular order."
)


class Case(NamedTuple):
    """A way to be measured, at a size."""

    way: str
    queries: int
    items: int
    bits: int
    labels: int
    threads: int


class Task(NamedTuple):
    """What a way is given: codes ``(N, K)``, multi-hot labels ``(N, L)`` and the cutoffs."""

    queries: np.ndarray
    database: np.ndarray
    query_labels: np.ndarray
    labels: np.ndarray
    k: tuple[int, ...]


def measure(
    say: Callable[[str], object], items: int = ITEMS, some: int = SOME, bits: int = BITS, labels: int = LABELS
) -> list[dict]:
    """Time every way of ``WAYS`` with one thread and with all, and say what came out.

    Ways that hold whole matrices get only ``some`` queries; at the default sizes they take 4 GB.
    """
    rows, ours = [], {}
    for way, (_, finds, slow) in WAYS.items():
        for threads in sorted({1, cpu_count()}):
            case = Case(way, some if slow else items, items, bits, labels, threads)
            found = apart("bench.evaluation", "figures", *case, threads=threads)
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
    """One row for each way and number of threads."""
    return pd.DataFrame(records), NOTE


def figures(*parts: Any) -> dict[str, float]:
    """Seconds, peak memory and mAP@100 of a ``Case``."""
    case = Case(*parts)
    work = WAYS[case.way][0]
    task = random_task(case)
    work(Task(*(values[:64] for values in task[:4]), k=(5,)))  # what is loaded or compiled once is then there
    taken: list[float] = []
    while not taken or (sum(taken) < SECONDS and len(taken) < MOST):
        start = time.perf_counter()
        found = work(task)
        taken.append(time.perf_counter() - start)
    return {"s": median(taken), "peak": peak_bytes(), "map": found[CUTOFFS[-1]]}


def random_task(case: Case) -> Task:
    """Codes as ±1 int8, each near the centre of its first label; the queries are the first items."""
    rng = np.random.default_rng(0)
    centres, cluster = rng.random((case.labels, case.bits)) < 0.5, rng.integers(case.labels, size=case.items)
    bits = centres[cluster] ^ (rng.random((case.items, case.bits), np.float32) < 0.25)
    signs, labels = 2 * bits.view(np.int8) - 1, np.eye(case.labels, dtype=np.uint8)[cluster]
    labels |= rng.random(labels.shape, np.float32) < 0.5 / case.labels
    return Task(signs[: case.queries], signs, labels[: case.queries], labels, CUTOFFS)


def _ours(task: Task, **options: object) -> dict[int, float]:
    return evaluate(*task[:4], k=task.k, progress=False, **options).map


def _ours_at_all_ranks(task: Task) -> dict[int, float]:
    return _ours(task, ranks=len(task.database))


def _ours_expected(task: Task) -> dict[int, float]:
    return _ours(task, ties="expected")


def _faiss(task: Task) -> dict[int, float]:
    import faiss

    index = faiss.IndexBinaryFlat(task.database.shape[1])
    index.use_heap = False  # it counts, which is faster here
    index.add(Codes.from_values(task.database).packed)
    _, nearest = index.search(Codes.from_values(task.queries).packed, max(task.k))
    labels, found = _words(task.labels), zip(nearest, _words(task.query_labels), strict=True)
    return _means(np.stack([(labels[items] & wanted).any(axis=1) for items, wanted in found]), task.k)


def _numpy(task: Task) -> dict[int, float]:
    """All matrices at once, as float32 where that does, with the default sort."""
    products = task.database.astype(np.float32) @ task.queries.astype(np.float32).T
    order = np.argsort(0.5 * (task.database.shape[1] - products), axis=0)  # (N, Q)
    similar = task.labels.astype(np.float32) @ task.query_labels.astype(np.float32).T > 0
    return _means(np.take_along_axis(similar, order, axis=0)[: max(task.k)].T, task.k)


def _words(labels: np.ndarray) -> np.ndarray:
    """Multi-hot labels as 64-bit words: of two videos with a label in common, a word has a bit in common."""
    return np.packbits(np.pad(labels, ((0, 0), (0, -labels.shape[1] % 64))), axis=1).view(np.uint64)


def _means(hits: np.ndarray, k: tuple[int, ...]) -> dict[int, float]:
    """mAP at each cutoff, divided by k, from the relevance of the first ranks ``(Q, depth)``."""
    precisions = hits * hits.cumsum(axis=1) / np.arange(1, hits.shape[1] + 1)
    return {cutoff: float((precisions[:, :cutoff].sum(axis=1) / cutoff).mean()) for cutoff in k}


MAPS, RADIUS = "mAPs", "mAPs, precision-recall by radius"
WAYS = {  # how, what it finds, and whether it is so slow that it gets only some queries
    "ours": (_ours, RADIUS, False),
    "ours, curves over all ranks": (_ours_at_all_ranks, f"{RADIUS} and by rank", False),
    "FAISS, exhaustive": (_faiss, MAPS, False),
    "ours, ties='expected'": (_ours_expected, RADIUS, False),
    "NumPy": (_numpy, MAPS, True),
}
