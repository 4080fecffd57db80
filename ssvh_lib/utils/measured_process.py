"""A process for each measurement, whose peak memory is thus its own."""

from __future__ import annotations

import importlib
import json
import os
import platform
import re
import resource
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from joblib import cpu_count

LIMIT = 8  # GB a measurement may take on a CPU


def apart(
    module: str, function: str, *given: Any, threads: int = 1, environment: Mapping[str, str] = MappingProxyType({})
) -> Any:
    """What ``function`` of a ``module`` of this package, such as "bench.scan", returns for ``given``, by a new process.

    Arguments and result are plain JSON; ``environment`` holds variables for that process. None if memory did not
    suffice. Raises RuntimeError for any other failure.
    """
    command = [sys.executable, "-m", __spec__.name, module, function, json.dumps(given)]
    limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **limits, **environment})
    if done.returncode == -9 or (done.returncode and re.search("MemoryError|allocate mem|out of mem", done.stderr)):
        return None
    if done.returncode:
        raise RuntimeError(f"{function}{given} of {module} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def machine() -> dict[str, Any]:
    """Names of processor and GPU, and the number of cores."""
    file = Path("/proc/cpuinfo")
    named = re.search("model name\\s*: (.+)", file.read_text()) if file.is_file() else None
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {"cpu": named[1] if named else platform.processor() or platform.machine(), "cores": cpu_count(), "cuda": gpu}


def growth(call: Callable[[], object], device: str = "cpu") -> float:
    """By how many MB a call raises the peak memory of the GPU, or of this process.

    The peak may lie above what a process holds. So memory is filled up to the peak first, and what the call takes is
    on top of it.
    """
    _forget_peak(device)
    ballast, before = [], peak_bytes(device)
    while device == "cpu" and peak_bytes(device) < before + 2**22:
        ballast.append(np.ones(2**17))  # 1 MiB
    before = peak_bytes(device)
    call()
    return (peak_bytes(device) - before) / 1e6


def _forget_peak(device: str) -> None:
    """From now on the peak is what is held. But for CUDA and Linux it stays, and only ballast makes up for it."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    else:
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")


def peak_bytes(device: str = "cpu") -> int:
    """The most memory that this process, or the GPU, has held.

    On Linux ``getrusage`` would begin with the peak of the process that started this one.
    """
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    status = Path("/proc/self/status")
    if status.is_file():
        return 1024 * int(re.search(r"VmHWM:\s*(\d+) kB", status.read_text())[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    module, function, given = sys.argv[1:]
    result = getattr(importlib.import_module(f"{__package__.rpartition('.')[0]}.{module}"), function)(
        *json.loads(given)
    )
    sys.stdout.write("\n" + json.dumps(result))
