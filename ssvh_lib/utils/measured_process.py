"""Measurements in subprocesses, each with its own peak memory."""

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
from typing import TypeVar

import numpy as np
import torch
from joblib import cpu_count

LIMIT = 8  # GB a measurement may take on a CPU

T = TypeVar("T")


def in_subprocess(
    function: Callable[..., T],
    *arguments: object,
    threads: int = 1,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> T | None:
    """Call a module's ``function`` in a new process and return its result, or None if memory did not suffice.

    Arguments and result travel as JSON; ``environment`` holds variables for that process. Raises RuntimeError for any
    other failure.
    """
    command = [sys.executable, "-m", __spec__.name, function.__module__, function.__name__, json.dumps(arguments)]
    limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **limits, **environment})
    if done.returncode == -9 or (done.returncode and re.search("MemoryError|allocate mem|out of mem", done.stderr)):
        return None
    if done.returncode:
        raise RuntimeError(f"{function.__name__}{arguments} of {function.__module__} failed:\n{done.stderr}")
    result: T = json.loads(done.stdout.splitlines()[-1])
    return result


def measure_in_subprocess(function: Callable[..., T], *arguments: object, threads: int = 1) -> T:
    """Return what ``in_subprocess`` does. Raises MemoryError if memory did not suffice."""
    result = in_subprocess(function, *arguments, threads=threads)
    if result is None:
        raise MemoryError(f"{function.__name__}{arguments} of {function.__module__} needs more memory than there is.")
    return result


def machine() -> dict[str, str | int | None]:
    """Return the names of processor and GPU, and the number of cores."""
    file = Path("/proc/cpuinfo")
    named = re.search("model name\\s*: (.+)", file.read_text()) if file.is_file() else None
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {"cpu": named[1] if named else platform.processor() or platform.machine(), "cores": cpu_count(), "cuda": gpu}


def peak_memory_growth(call: Callable[[], object], device: str = "cpu") -> float:
    """Return by how many MB a call raises the peak memory of the GPU, or of this process.

    The peak may be above the memory in use. Memory is therefore filled up to the peak first, so that whatever the call
    allocates comes on top of it.
    """
    _reset_peak(device)
    ballast, before = [], peak_bytes(device)
    while device == "cpu" and peak_bytes(device) < before + 2**22:
        ballast.append(np.ones(2**17))  # 1 MiB
    before = peak_bytes(device)
    call()
    return (peak_bytes(device) - before) / 1e6


def _reset_peak(device: str) -> None:
    """Reset the peak to the memory in use where the system can: on CUDA and Linux. Elsewhere only ballast helps."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    else:
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")


def peak_bytes(device: str = "cpu") -> int:
    """Return the most memory that this process, or the GPU, has held.

    On Linux ``getrusage`` would begin with the peak of the process that started this one.
    """
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    status = Path("/proc/self/status")
    held = re.search(r"VmHWM:\s*(\d+) kB", status.read_text()) if status.is_file() else None
    if held is not None:
        return 1024 * int(held[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    module, name, arguments = sys.argv[1:]
    result = getattr(importlib.import_module(module), name)(*json.loads(arguments))
    sys.stdout.write("\n" + json.dumps(result))
