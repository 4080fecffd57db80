"""Devices by name, and GPUs of a host that one run at a time has claimed."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

import ssvh_lib as ssvh
from ssvh_lib.utils import devices

GPUS = [f"pretended-{os.getpid()}-{index}" for index in range(3)]
CLAIMS = """
import sys
from ssvh_lib.utils.devices import claim
with claim(sys.argv[1:], 0.01) as index:
    print(index, flush=True)
    sys.stdin.readline()
"""


def test_of_several_gpus_each_is_used_by_one_run_at_a_time():
    """Twelve runs in six threads: no GPU has two at once, and all three have some."""
    in_use, used = [threading.Lock() for _ in GPUS], set()
    together = threading.Barrier(3)  # passed only if three go at once

    def work(_):
        with devices.claim(GPUS, 0.01) as index:
            assert in_use[index].acquire(blocking=False)
            used.add(index)
            together.wait(30)
            in_use[index].release()

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(work, range(12)))
    assert used == {0, 1, 2}


def test_processes_claim_gpus_too_and_a_killed_one_leaves_its_own():
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    first, second = (subprocess.Popen([sys.executable, "-c", CLAIMS, *GPUS], **pipes) for _ in range(2))
    taken = {int(one.stdout.readline()) for one in (first, second)}
    assert len(taken) == 2
    (free,) = {0, 1, 2} - taken
    with devices.claim(GPUS) as index:
        assert index == free
        third = subprocess.Popen([sys.executable, "-c", CLAIMS, *GPUS], **pipes)
        first.kill()
        assert int(third.stdout.readline()) in taken
        for one in (second, third):
            one.communicate("go on\n")
        first.communicate()


def test_on_a_cpu_there_is_nothing_to_claim():
    with devices.claimed("cpu") as one, devices.claimed("cpu") as other:
        assert one == other == torch.device("cpu")
    with pytest.raises(ssvh.SSVHError, match="'cuda:99' cannot be used"), devices.claimed("cuda:99"):
        pass


def test_auto_is_the_first_gpu_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert devices.choose_device() == torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert devices.choose_device() == torch.device("cpu")


def test_a_device_that_is_not_there_is_refused_with_the_reason():
    with pytest.raises(ssvh.SSVHError, match=r"'toaster' cannot be used \(.*\)\. Try device='cpu' or 'auto'"):
        devices.choose_device("toaster")


def test_a_claim_ends_with_its_block_even_after_an_error():
    with pytest.raises(KeyboardInterrupt), devices.claim(GPUS[:1], 0.01):
        raise KeyboardInterrupt
    with devices.claim(GPUS[:1], 0.01) as index:
        assert index == 0
