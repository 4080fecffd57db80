"""What is faster, smaller or better, and by how much: the measurements of ``make bench``.

The selective scan against its readable loop and against a parallel scan in plain PyTorch, each case in a process of
its own, whose peak memory is thus its own; and hash centres against Hadamard's and random ones.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib.metadata import version
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from joblib import cpu_count
from torch import Tensor
from torch.nn.functional import pad
from tqdm import tqdm

from .data import load_dataset
from .files import data_root, make_folder, write_json, write_text
from .hash_centres import hadamard_centres, merit, optimise_centres, semantic_centres
from .mamba import selective_scan, selective_scan_loop
from .runs import environment
from .structure import mean_pooled
from .tables import to_markdown

SHAPES = ((128, 25, 512, 16), (32, 256, 512, 16), (8, 1024, 512, 16))  # B, T, E, S of the scans
PASSES = ("forward", "forward + backward")
CENTRES = (("moving-digits", 100, 64), ("synthetic", 450, 64))  # dataset, M, K
LIMIT = 8  # GB a scan may take on a CPU
SECONDS, LEAST, MOST = 1.0, 3, 30  # a call is timed for so long, but at least and at most so often
SCAN_NOTE = (
    "E = {2}, S = {3}, float32. ms: median of several calls. MB: peak memory of a call, with what it returns, without "
    "its inputs. In brackets: how many times ours, which is selective_scan. parallel: Blelloch's scan in PyTorch."
)
CENTRE_NOTE = "One thread. minimum, mean, bound: Hamming distances. correlation: Spearman's, with semantic distances."


class Case(NamedTuple):
    """One scan to be measured, of ``shape (B, T, E, S)``."""

    device: str
    shape: tuple[int, int, int, int]
    passes: str
    scan: str


def selective_scan_parallel(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> Tensor:
    """``selective_scan_loop`` as textbooks have it for parallel machines: ``y (B, T, E)`` by way of (B, T, E, S)."""
    decay, drive = torch.exp(delta[..., None] * A), (delta * u)[..., None] * B[:, :, None]  # (B, T, E, S) each
    return torch.einsum("btes,bts->bte", _states(decay, drive), C) + D * u


def _states(a: Tensor, b: Tensor) -> Tensor:
    """All h_t = a_t h_{t-1} + b_t along axis 1, from h = 0: two frames in a row are one of a scan of half the length.

    2 log2(T) steps, 3T products (Blelloch, 1990). log2(T) doubling steps (Hillis & Steele, 1986) need 2T log2(T).
    """
    T = a.shape[1]
    if T == 1:
        return b
    if T % 2:
        return _states(*(pad(values, (0, 0, 0, 0, 0, 1)) for values in (a, b)))[:, :T]
    (a0, a1), (b0, b1) = (values.unflatten(1, (-1, 2)).unbind(2) for values in (a, b))
    odd = _states(a1 * a0, a1 * b0 + b1)
    even = torch.cat([b0[:, :1], a0[:, 1:] * odd[:, :-1] + b0[:, 1:]], dim=1)
    return torch.stack([even, odd], dim=2).flatten(1, 2)


SCANS = {"ours": selective_scan, "loop": selective_scan_loop, "parallel": selective_scan_parallel}


def execute(say: Callable[[str], object] = print) -> dict:
    """Measure scans and hash centres, say the tables, and return plain JSON.

    ``scan`` is every ``Case`` with its ``figures``, null if memory did not suffice; ``centres`` are seconds and
    ``Merit`` of each kind of codes, with one thread; ``environment`` is commit, versions and machine.
    """
    devices = ["cpu", *["cuda"] * torch.cuda.is_available()]
    cases = [Case(*parts) for parts in product(devices, SHAPES, PASSES, SCANS)]
    sources = [source for source in CENTRES if source[0] == "synthetic" or (data_root() / source[0]).is_dir()]
    try:
        with tqdm(total=len(cases) + len(sources), bar_format="{n}/{total} |{bar:30}| {elapsed} {desc}") as bar:
            scans = [case._asdict() | {"figures": _apart(case, bar)} for case in cases]
            centres = [record for source in sources for record in _apart(source, bar)]
    except KeyboardInterrupt:
        raise KeyboardInterrupt("Stopped. Nothing was written: what is compared is measured in one go.") from None
    results = {"environment": _environment(), "scan": scans, "centres": centres}
    if len(sources) < len(CENTRES):
        say("Hash centres of datasets that are not there yet are left out; `ssvh data` makes moving-digits.")
    for title, table, note in tables(results):
        say(f"\n{title}\n\n{table.to_string(index=False)}\n\n{note}")
    return results


def save(results: dict, folder: Path) -> list[Path]:
    """Write ``data/bench.json`` and ``tables/bench.md`` into ``folder``."""
    data, text = make_folder(folder / "data") / "bench.json", make_folder(folder / "tables") / "bench.md"
    write_json(data, results)
    write_text(text, "\n".join(f"## {title}\n\n{to_markdown(table, note)}" for title, table, note in tables(results)))
    return [data, text]


def _apart(given: tuple, bar: tqdm) -> Any:
    """``_measure`` of a Case, or ``_centres``, by a fresh process, at first of one thread; None if memory lacked."""
    bar.set_description_str(", ".join(map(str, given)))
    command = [sys.executable, "-m", "ssvh_lib.bench", json.dumps(given)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    bar.update()
    if done.returncode == -9 or (done.returncode and re.search("MemoryError|allocate mem|out of mem", done.stderr)):
        return None
    if done.returncode:
        raise RuntimeError(f"{given} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def _measure(case: Case) -> dict[str, float]:
    """Milliseconds by threads, and MB of the first call, with one thread. Changes threads and limits of this process.

    A small call comes before the first, so that what is loaded or compiled once is there.
    """
    if case.device == "cpu" and (most := resource.getrlimit(resource.RLIMIT_DATA)[1]) == resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_DATA, (LIMIT * 10**9, most))
    (B, T), figures, growth = case.shape[:2], {}, None
    small, call = _call(case, 1, min(T, 40)), _call(case, B, T)
    for threads in [1] if case.device == "cuda" else sorted({1, cpu_count()}):
        torch.set_num_threads(threads)
        small()
        growth = _growth(call, case.device) if growth is None else growth
        name = "GPU" if case.device == "cuda" else "1 thread" if threads == 1 else f"{threads} threads"
        figures[f"ms, {name}"] = round(1e3 * _median_seconds(call, case.device), 4)
    return {**figures, "MB": round(growth, 3)}


def _call(case: Case, B: int, T: int) -> Callable[[], object]:
    """A scan of random values ``(B, T, E)``, with rates and steps as Mamba has them at the start."""
    (E, S), scan, back = case.shape[2:], SCANS[case.scan], case.passes != PASSES[0]
    rng = torch.Generator().manual_seed(0)
    u, weight, b, c, d = (torch.randn(*s, generator=rng) for s in [(B, T, E)] * 2 + [(B, T, S)] * 2 + [(E,)])
    delta = 10 ** (2 * torch.rand(B, T, E, generator=rng) - 3)  # log-uniform between 0.001 and 0.1
    values = (u, delta, -torch.arange(1.0, S + 1).repeat(E, 1), b, c, d)
    inputs, weight = [x.to(case.device).requires_grad_(back) for x in values], weight.to(case.device)
    return lambda: torch.autograd.grad(scan(*inputs), inputs, weight) if back else scan(*inputs)


def _growth(call: Callable[[], object], device: str = "cpu") -> float:
    """By how many MB a call raises the peak memory of the GPU, or of this process.

    The peak may lie above what a process holds; on Linux a new one even starts with that of the one it comes from. So
    memory is filled up to the peak first, and what the call takes is on top of it.
    """
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    ballast, before = [], _peak_bytes(device)
    while device == "cpu" and _peak_bytes(device) < before + 2**22:
        ballast.append(np.ones(2**17))  # 1 MiB
    before = _peak_bytes(device)
    call()
    return (_peak_bytes(device) - before) / 1e6


def _peak_bytes(device: str) -> int:
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _median_seconds(call: Callable[[], object], device: str) -> float:
    taken: list[float] = []
    while len(taken) < LEAST or (sum(taken) < SECONDS and len(taken) < MOST):
        taken.append(_seconds(call, device))
    return median(taken)


def _seconds(call: Callable[[], object], device: str) -> float:
    if device == "cpu":
        start = time.perf_counter()
        call()
        return time.perf_counter() - start
    first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    first.record()
    call()
    last.record()
    last.synchronize()
    return first.elapsed_time(last) / 1e3


def _centres(source: str, M: int, K: int) -> Iterator[dict]:
    """A record for each kind of M codes of K bits."""
    semantic = _semantic(source, M)
    for kind in ("optimised", "Hadamard", "random"):
        rng, start = np.random.default_rng(0), time.perf_counter()
        codes = rng.choice([-1, 1], (M, K)) if kind == "random" else hadamard_centres(M, K, rng)
        codes = optimise_centres(semantic, codes) if kind == "optimised" else codes
        seconds = round(time.perf_counter() - start, 6)
        found = {name: value if np.isfinite(value) else None for name, value in asdict(merit(codes, semantic)).items()}
        yield {"source": source, "centres": M, "bits": K, "codes": kind, "seconds": seconds, **found}


def _semantic(source: str, count: int) -> np.ndarray:
    """Semantic centres ``(M, d)``: those of a dataset's clusters, or synthetic ones in 30 groups."""
    if source != "synthetic":
        return semantic_centres(mean_pooled(load_dataset(source).train), count, 128, 0)[0]
    rng = np.random.default_rng(0)
    return rng.standard_normal((30, 128))[rng.integers(30, size=count)] + rng.standard_normal((count, 128))


def _environment() -> dict:
    known, file = environment(torch.device("cpu")), Path("/proc/cpuinfo")
    named = re.search("model name\\s*: (.+)", file.read_text()) if file.is_file() else None
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    more = {"cpu": named[1] if named else known["device"], "cores": cpu_count(), "cuda": gpu}
    return known | more | {"numba": version("numba")}


def tables(results: dict) -> Iterator[tuple[str, pd.DataFrame, str]]:
    """Title, table and note: the scans of each device, the hash centres."""
    for device in dict.fromkeys(case["device"] for case in results["scan"]):
        cases = [case for case in results["scan"] if case["device"] == device]
        ours = {(*case["shape"], case["passes"]): case["figures"] for case in cases if case["scan"] == "ours"}
        rows = pd.DataFrame(_scan_row(case, ours[(*case["shape"], case["passes"])]) for case in cases).fillna("–")
        yield f"Selective scan, {results['environment'][device]}", rows, SCAN_NOTE.format(*cases[0]["shape"])
    rows = pd.DataFrame(results["centres"]).drop(columns="score")
    yield "Hash centres", rows.map(lambda value: f"{value:z.2f}" if isinstance(value, float) else value), CENTRE_NOTE


def _scan_row(case: dict, ours: dict[str, float] | None) -> dict[str, str]:
    row = {"B × T": "{} × {}".format(*case["shape"]), "pass": case["passes"], "scan": case["scan"]}
    for name, value in (case["figures"] or {}).items():
        row[name] = f"{value:,.2f}" + (f" ({value / ours[name]:,.2f}×)" if ours and ours[name] else "")
    return row if case["figures"] else row | {"MB": f"over {LIMIT} GB" if case["device"] == "cpu" else "too much"}


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    sys.stdout.write(json.dumps(_measure(Case(*given)) if len(given) == 4 else list(_centres(*given))))
