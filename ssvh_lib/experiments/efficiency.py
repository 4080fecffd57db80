"""Memory, operations and seconds of encoding one video as it grows longer, for each backbone of S5VH (its Figure 1a).

Memory and seconds are measured, each in separate processes; operations are counted, as ``flops.py`` says.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import joblib
import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from ..errors import SSVHError, unknown
from ..literature.names import printed_name
from ..methods import construct
from ..methods.s5vh import S5VH
from ..nn.backbones import BACKBONES
from ..utils.devices import choose_device
from ..utils.measured_process import in_subprocess, peak_memory_growth
from .flops import operations
from .results import Record

BITS = 64
SECONDS, MOST = 0.3, 5  # a call is measured repeatedly for this long, but at most this often
# Blocks of 64 KiB and more are given back at once, so that the peak is what a call holds, not what the allocator keeps.
EXACT = {"MALLOC_MMAP_THRESHOLD_": str(2**16)}
Measurement = Callable[[str, str, str], Sequence[Sequence[float]]]  # of a preset, backbone and device, like ``memory``
NOTE = (
    "Random features, one video at a time. MB: by how much encoding raises the peak memory of a process, beyond model "
    "and video, to about half a MB. GFLOP: counted, a product and a sum being two; RetNet and RWKV are computed in the "
    "form that is quadratic in frames, RWKV up to 500 of them. s: of one thread, median of several calls, one process "
    "a core side by side. Exponent: p, if a measure grows with the p-th power of the number of frames, by the longest "
    "two videos."
)


@dataclass(frozen=True)
class Sweep:
    """The videos and models to measure; by default of the published size, which the defaults of S5VH's Config have."""

    backbones: tuple[str, ...] = tuple(BACKBONES)
    frames: tuple[int, ...] = (25, 50, 100, 200, 500, 1000, 2000)
    features: int = 4096
    fields: dict[str, Any] = field(default_factory=dict)  # of the Config

    def lengths(self, backbone: str) -> tuple[int, ...]:
        """Return the frame counts; our RWKV copies its keys for every frame, which would take minutes beyond 500."""
        return tuple(T for T in self.frames if backbone != "rwkv" or T <= 500)

    def model(self, backbone: str, frames: int, seed: int = 0) -> S5VH:
        """Return S5VH with this backbone and random weights."""
        config = S5VH.Config(bits=BITS, frames=frames, features=self.features, backbone=backbone, **self.fields)
        return construct(S5VH, config, seed).eval()


_SMOKE = Sweep(("mamba", "transformer"), (100, 200, 400), 32, dict(S5VH.PRESETS["smoke"]))
SWEEPS = {"smoke": _SMOKE, "small": Sweep(), "paper": Sweep()}
SEEDS = {"mamba": 3, "transformer": 3}  # of the two that the paper compares; others have one


def collect(_runs: object, _records: object, preset: str) -> list[Record]:
    """Measure each backbone and seed of weights on videos of 25 to 2,000 frames, and return a record for each.

    Uses the first GPU if there is one. Raises SSVHError for an unknown preset, or if memory does not suffice.
    """
    if preset not in SWEEPS:
        raise unknown("preset", preset, SWEEPS)
    sweep, device = SWEEPS[preset], choose_device().type
    measured = _side_by_side(sweep.backbones, preset, device)
    records = []
    for backbone in sweep.backbones:
        flops = encoding_operations(sweep, backbone, sweep.lengths(backbone))
        runs = zip(measured[memory, backbone], measured[seconds, backbone], strict=True)
        records += [_record(preset, backbone, seed, device, flops, *run) for seed, run in enumerate(runs)]
    return records


def _side_by_side(
    backbones: Sequence[str], preset: str, device: str
) -> dict[tuple[Measurement, str], Sequence[Sequence[float]]]:
    """Measure memory and seconds of each backbone, in single-threaded processes, one per core or GPU.

    Returns, by measurement and backbone, a list for each seed with a number for each length.
    """
    tasks = [(kind, backbone) for kind in (memory, seconds) for backbone in backbones]
    workers = joblib.cpu_count() if device == "cpu" else 1
    with joblib.parallel_config("threading"):
        answers = joblib.Parallel(workers, return_as="generator")(
            joblib.delayed(_measured)(kind, backbone, preset, device) for kind, backbone in tasks
        )
        layout = "{l_bar}{bar:30}| {remaining} left"
        return dict(zip(tasks, tqdm(answers, "backbones", len(tasks), bar_format=layout), strict=True))


def _measured(kind: Measurement, backbone: str, preset: str, device: str) -> Sequence[Sequence[float]]:
    answer = in_subprocess(kind, preset, backbone, device, environment=EXACT if kind is memory else {})
    if answer is None:
        raise SSVHError(f"Memory did not suffice to measure S5VH with the backbone {backbone}. Stop other programs.")
    return answer


def _record(
    preset: str,
    backbone: str,
    seed: int,
    device: str,
    flops: list[int],
    peak: Sequence[float],
    seconds: Sequence[float],
) -> Record:
    frames = SWEEPS[preset].lengths(backbone)
    longest = {f"peak_bytes_{frames[-1]}": peak[-1], f"flops_{frames[-1]}": flops[-1]}
    return {
        "dataset": "random features", "method": "s5vh", "variant": "paper", "label": f"S5VH, {backbone}",
        "preset": preset, "bits": BITS, "seed": seed, "device": device,
        "frames": list(frames), "peak_bytes": peak, "flops": flops, "seconds": seconds, **longest,
    }  # fmt: skip


def memory(preset: str, backbone: str, device: str) -> list[list[int]]:
    """Measure by how many bytes encoding raises the peak memory, for each seed and frame count.

    Must run in a fresh process, whose peak nothing else has raised.
    """

    def grown(call: Callable[[], object]) -> float:
        return 1e6 * peak_memory_growth(call, device)

    return [[max(0, round(_median(grown, call))) for call in calls] for calls in _calls(preset, backbone, device)]


def seconds(preset: str, backbone: str, device: str) -> list[list[float]]:
    """Measure the seconds of encoding, for each seed and frame count."""
    return [[round(_median(_seconds, call), 6) for call in calls] for calls in _calls(preset, backbone, device)]


def _calls(preset: str, backbone: str, device: str) -> Iterator[Iterator[Callable[[], Tensor]]]:
    """Yield for each seed the calls that encode a video, one for each frame count.

    Everything that is loaded only once is loaded before the first.
    """
    sweep = SWEEPS[preset]
    _call(sweep, backbone, sweep.frames[0], 0, device)()
    for seed in range(SEEDS.get(backbone, 1)):
        yield (_call(sweep, backbone, T, seed, device) for T in sweep.lengths(backbone))


def _call(sweep: Sweep, backbone: str, T: int, seed: int, device: str) -> Callable[[], Tensor]:
    model = sweep.model(backbone, T, seed).to(device)
    video = torch.randn(1, T, sweep.features, generator=torch.Generator().manual_seed(seed)).to(device)
    return torch.inference_mode()(lambda: model.encode(video).cpu())  # .cpu() waits for a GPU


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _median(measure: Callable[[Callable[[], object]], float], call: Callable[[], object]) -> float:
    """Return the median of several measurements of a call, repeated for ``SECONDS``, but at most ``MOST`` times."""
    found: list[float] = []
    start = time.perf_counter()
    while not found or (time.perf_counter() - start < SECONDS and len(found) < MOST):
        found.append(measure(call))
    return median(found)


def encoding_operations(sweep: Sweep, backbone: str, frames: Iterable[int]) -> list[int]:
    """Count the operations of encoding one video, for each number of ``frames``.

    For every backbone they are a polynomial in T of degree 2 at most, so three short videos determine it.
    """
    first, second, third = (_encoding_operations(sweep, backbone, T) for T in (8, 9, 10))
    slope, bend = second - first, third - 2 * second + first
    return [first + (T - 8) * slope + (T - 8) * (T - 9) // 2 * bend for T in frames]


def _encoding_operations(sweep: Sweep, backbone: str, T: int) -> int:
    model, video = sweep.model(backbone, T), torch.zeros(1, T, sweep.features)
    return operations(model, torch.inference_mode()(lambda: model.encode(video)))


def table(records: list[Record], order: Sequence[str]) -> pd.DataFrame:
    """Return a row for each backbone: means over seeds for the shortest and the longest video, "—" if not measured.

    Rows are in the ``order`` of printed names; others come after them.
    """
    lengths = {length for record in records for length in record["frames"]}
    ends = sorted({min(lengths), max(lengths)}) if records else []
    grouped: dict[str, list[Record]] = {}
    for record in records:
        grouped.setdefault(printed_name(**record), []).append(record)
    names = sorted(grouped, key=lambda name: (order.index(name) if name in order else len(order), name))
    return pd.DataFrame([{"backbone": name} | _cells(grouped[name], ends) for name in names])


def _cells(records: list[Record], ends: list[int]) -> dict[str, str]:
    frames = records[0]["frames"]
    cells: dict[str, str] = {}
    for measure, (title, unit, digits) in _PRINTED.items():
        means = np.mean([record[measure] for record in records], axis=0)
        found = dict(zip(frames, means / unit, strict=True))
        cells |= {f"{title}, {T:,} frames": f"{found[T]:,.{digits}f}" if T in found else "—" for T in ends}
        cells[f"{title}, exponent"] = _exponent(frames, means)
    return cells


_PRINTED = {"peak_bytes": ("MB", 1e6, 1), "flops": ("GFLOP", 1e9, 2), "seconds": ("s", 1, 3)}


def _exponent(frames: list[int], means: np.ndarray) -> str:
    """Return p, if a measure grows with the p-th power of the number of frames, by the longest two videos."""
    if len(frames) < 2 or min(means[-2:]) <= 0:
        return "—"
    return f"{np.log(means[-1] / means[-2]) / np.log(frames[-1] / frames[-2]):.2f}"
