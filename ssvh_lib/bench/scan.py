"""The selective scan against its readable loop and against a parallel scan in plain PyTorch."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from itertools import product
from statistics import median
from typing import NamedTuple

import pandas as pd
import torch
from joblib import cpu_count
from torch import Tensor
from torch.nn.functional import pad
from tqdm import tqdm

from ..nn.mamba import selective_scan, selective_scan_loop
from ..utils.measured_process import LIMIT, in_subprocess, peak_memory_growth

TITLE = "Selective scan"
SHAPES = ((128, 25, 512, 16), (32, 256, 512, 16), (8, 1024, 512, 16))  # B, T, E, S of the scans
PASSES = ("forward", "forward + backward")
SECONDS, LEAST, MOST = 1.0, 3, 30  # a call is timed repeatedly for this long, but between LEAST and MOST times
NOTE = (
    "E = {2}, S = {3}, float32. ms: median of several calls. MB: peak memory of a call, with what it returns, without "
    "its inputs. In brackets: how many times ours, which is selective_scan. parallel: Blelloch's scan in PyTorch."
)


class Case(NamedTuple):
    """One scan to be measured, of ``shape (B, T, E, S)``."""

    device: str
    shape: tuple[int, int, int, int]
    passes: str
    scan: str


def selective_scan_parallel(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> Tensor:
    """Compute ``selective_scan_loop`` as textbooks do on parallel machines: ``y (B, T, E)`` by way of (B, T, E, S)."""
    decay, drive = torch.exp(delta[..., None] * A), (delta * u)[..., None] * B[:, :, None]  # (B, T, E, S) each
    return torch.einsum("btes,bts->bte", _states(decay, drive), C) + D * u


def _states(a: Tensor, b: Tensor) -> Tensor:
    """Return all h_t = a_t h_{t-1} + b_t along axis 1, from h = 0, by a scan of half the length over pairs of frames.

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


def measure(say: Callable[[str], object]) -> list[dict]:
    """Return every ``Case`` with its ``figures``, null if memory did not suffice."""
    devices = ["cpu", *["cuda"] * torch.cuda.is_available()]
    cases = [Case(*parts) for parts in product(devices, SHAPES, PASSES, SCANS)]
    records = []
    for case in (bar := tqdm(cases, bar_format="{n}/{total} |{bar:30}| {elapsed} {desc}")):
        bar.set_description_str(", ".join(map(str, case)))
        records.append(case._asdict() | {"figures": in_subprocess(figures, *case)})
    return records


def figures(device: str, shape: tuple[int, int, int, int], passes: str, scan: str) -> dict[str, float]:
    """Return milliseconds of a ``Case`` by threads, and MB of its first call, with one thread.

    Changes threads and limits of this process. A small call comes first, which loads and compiles what is needed.
    """
    case = Case(device, shape, passes, scan)
    if case.device == "cpu" and (most := resource.getrlimit(resource.RLIMIT_DATA)[1]) == resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_DATA, (LIMIT * 10**9, most))
    B, T, *_ = case.shape
    small, call = _call(case, 1, min(T, 40)), _call(case, B, T)
    torch.set_num_threads(1)
    small()
    memory = peak_memory_growth(call, case.device)
    found: dict[str, float] = {}
    for threads in [1] if case.device == "cuda" else sorted({1, cpu_count()}):
        torch.set_num_threads(threads)
        small()
        name = "GPU" if case.device == "cuda" else "1 thread" if threads == 1 else f"{threads} threads"
        found[f"ms, {name}"] = round(1e3 * _median_seconds(call, case.device), 4)
    return {**found, "MB": round(memory, 3)}


def _call(case: Case, B: int, T: int) -> Callable[[], object]:
    """Make a scan of random values ``(B, T, E)``, with rates and steps as Mamba initialises them."""
    (E, S), scan, back = case.shape[2:], SCANS[case.scan], case.passes != PASSES[0]
    rng = torch.Generator().manual_seed(0)
    u, weight, b, c, d = (torch.randn(*s, generator=rng) for s in [(B, T, E)] * 2 + [(B, T, S)] * 2 + [(E,)])
    delta = 10 ** (2 * torch.rand(B, T, E, generator=rng) - 3)  # log-uniform between 0.001 and 0.1
    values = (u, delta, -torch.arange(1.0, S + 1).repeat(E, 1), b, c, d)
    inputs, weight = [x.to(case.device).requires_grad_(back) for x in values], weight.to(case.device)
    return lambda: torch.autograd.grad(scan(*inputs), inputs, weight) if back else scan(*inputs)


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


def table(records: list[dict]) -> tuple[pd.DataFrame, str]:
    """Return a row for each case, with the ratio to ours in brackets, and the note."""
    ours = {_place(case): case["figures"] for case in records if case["scan"] == "ours"}
    rows = pd.DataFrame(_scan_row(case, ours[_place(case)]) for case in records).fillna("–")
    if rows["device"].nunique() == 1:
        rows = rows.drop(columns="device")
    return rows, NOTE.format(*records[0]["shape"])


def _place(case: dict) -> tuple:
    return case["device"], *case["shape"], case["passes"]


def _scan_row(case: dict, ours: dict[str, float] | None) -> dict[str, str]:
    row = {
        "device": case["device"],
        "B × T": "{} × {}".format(*case["shape"]),
        "pass": case["passes"],
        "scan": case["scan"],
    }
    for name, value in (case["figures"] or {}).items():
        row[name] = f"{value:,.2f}" + (f" ({value / ours[name]:,.2f}×)" if ours and ours.get(name) else "")
    return row if case["figures"] else row | {"MB": f"over {LIMIT} GB" if case["device"] == "cpu" else "too much"}
