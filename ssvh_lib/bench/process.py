"""A process for each measurement, whose peak memory is thus its own."""

from __future__ import annotations

import importlib
import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

LIMIT = 8  # GB a measurement may take on a CPU


def apart(topic: str, function: str, *given: Any, threads: int = 1) -> Any:
    """What ``function`` of the module ``topic`` of this package returns for ``given``, by a fresh process.

    Arguments and result are plain JSON; None if memory did not suffice. Raises RuntimeError for any other failure.
    """
    command = [sys.executable, "-m", "ssvh_lib.bench.process", topic, function, json.dumps(given)]
    limits = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | limits)
    if done.returncode == -9 or (done.returncode and re.search("MemoryError|allocate mem|out of mem", done.stderr)):
        return None
    if done.returncode:
        raise RuntimeError(f"{topic}, {function}{given} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def growth(call: Callable[[], object], device: str = "cpu") -> float:
    """By how many MB a call raises the peak memory of the GPU, or of this process.

    The peak may lie above what a process holds. So memory is filled up to the peak first, and what the call takes is
    on top of it.
    """
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    ballast, before = [], peak_bytes(device)
    while device == "cpu" and peak_bytes(device) < before + 2**22:
        ballast.append(np.ones(2**17))  # 1 MiB
    before = peak_bytes(device)
    call()
    return (peak_bytes(device) - before) / 1e6


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
    topic, function, given = sys.argv[1:]
    result = getattr(importlib.import_module(f"ssvh_lib.bench.{topic}"), function)(*json.loads(given))
    sys.stdout.write("\n" + json.dumps(result))
