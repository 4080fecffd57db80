"""Measurements in subprocesses: results come back, memory is that of one call, failures are told apart."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ssvh_lib.utils import measured_process
from ssvh_lib.utils.measured_process import in_subprocess, measure_in_subprocess

ROOT = Path(__file__).resolve().parents[2]


def test_any_function_can_be_called_in_a_process_of_its_own(monkeypatch):
    assert in_subprocess(measured_process.peak_bytes, "cpu") > 2**20
    given = []

    def run(*_, env, **__):
        given.append(env)
        raise KeyboardInterrupt

    monkeypatch.setattr(measured_process.subprocess, "run", run)
    with pytest.raises(KeyboardInterrupt):
        in_subprocess(measured_process.peak_bytes, threads=3, environment={"MALLOC_ARENA_MAX": "1"})
    assert (given[0]["OMP_NUM_THREADS"], given[0]["MALLOC_ARENA_MAX"]) == ("3", "1")


@pytest.mark.parametrize(
    ("code", "message"), [(-9, ""), (1, "MemoryError"), (1, "can't allocate memory"), (1, "CUDA out of memory")]
)
def test_too_little_memory_is_no_result_or_an_error(monkeypatch, code, message):
    done = subprocess.CompletedProcess([], code, "", message)
    monkeypatch.setattr(measured_process.subprocess, "run", lambda *_, **__: done)
    assert in_subprocess(os.cpu_count) is None
    with pytest.raises(MemoryError, match=r"cpu_count\(\) of .* needs more memory than there is"):
        measure_in_subprocess(os.cpu_count)


def test_any_other_failure_is_an_error_with_its_traceback():
    with pytest.raises(RuntimeError, match=r"(?s)peak_bytes\('cpu', 'gpu'\) of ssvh_lib\..*TypeError"):
        in_subprocess(measured_process.peak_bytes, "cpu", "gpu")


@pytest.mark.slow
def test_memory_is_what_a_call_takes_even_in_a_process_that_once_held_more():
    """64 MiB are seen though the process has held 256 MiB, and the one that it was started by 512."""
    imports = "import numpy as np, ssvh_lib.utils.measured_process as process"
    inner = f"{imports}; np.ones(2**25); print(process.peak_memory_growth(lambda: np.ones(2**23)))"
    outer = f"import numpy as np, subprocess, sys; np.ones(2**26); subprocess.run([sys.executable, '-c', {inner!r}])"
    done = subprocess.run([sys.executable, "-c", outer], capture_output=True, text=True, cwd=ROOT)
    assert float(done.stdout) == pytest.approx(2**26 / 1e6, rel=0.05), done.stderr
