"""Optimised hash centres against those from Hadamard matrices and random ones."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict

import numpy as np
import pandas as pd

from ..clustering.hash_centres import hadamard_centres, merit, optimise_centres, random_centres, semantic_centres
from ..clustering.reduction import mean_pooled
from ..data import load_dataset
from ..utils.files import data_root
from ..utils.measured_process import measure_in_subprocess

TITLE = "Hash centres"
CENTRES = (("moving-digits", 100, 64), ("synthetic", 450, 64))  # dataset, M, K
NOTE = "One thread. minimum, mean, bound: Hamming distances. correlation: Spearman's, with semantic distances."


def measure(say: Callable[[str], object]) -> list[dict]:
    """Return seconds and ``Merit`` of each kind of centres."""
    sources = [source for source in CENTRES if source[0] == "synthetic" or (data_root() / source[0]).is_dir()]
    if len(sources) < len(CENTRES):
        say("Hash centres of datasets that are not there yet are left out; `ssvh data` makes moving-digits.")
    return [record for source in sources for record in measure_in_subprocess(kinds, *source)]


def kinds(source: str, M: int, K: int) -> list[dict]:
    """Make M centres of K bits in each way, and return a record for each."""
    semantic, records = _semantic(source, M), []
    for kind in ("optimised", "Hadamard", "random"):
        rng, start = np.random.default_rng(0), time.perf_counter()
        codes = (random_centres if kind == "random" else hadamard_centres)(M, K, rng)
        codes = optimise_centres(semantic, codes) if kind == "optimised" else codes
        seconds = round(time.perf_counter() - start, 6)
        found = {name: value if np.isfinite(value) else None for name, value in asdict(merit(codes, semantic)).items()}
        records.append({"source": source, "centres": M, "bits": K, "codes": kind, "seconds": seconds, **found})
    return records


def _semantic(source: str, count: int) -> np.ndarray:
    """Return semantic centres ``(M, d)``: those of a dataset's clusters, or synthetic ones in 30 groups."""
    if source != "synthetic":
        return semantic_centres(mean_pooled(load_dataset(source).train), count, 128, 0)[0]
    rng = np.random.default_rng(0)
    return rng.standard_normal((30, 128))[rng.integers(30, size=count)] + rng.standard_normal((count, 128))


def table(records: list[dict]) -> tuple[pd.DataFrame, str]:
    """Return a row for each kind of centres of each source, and the note."""
    rows = pd.DataFrame(records).drop(columns="score")
    return rows.map(lambda value: f"{value:z.2f}" if isinstance(value, float) else value), NOTE
