"""A grid on a real Dask cluster of two worker processes: the same records, deaths survived, failures not contagious."""

import os
import select
import signal
import subprocess
import sys
import threading
from functools import partial

import dask
import pytest
import torch
from distributed import Client, LocalCluster

import ssvh_lib as ssvh
from ssvh_lib.experiments import runner, workers
from ssvh_lib.experiments.experiment import Experiment, folder_of
from ssvh_lib.experiments.runner import execute
from ssvh_lib.training.runs import Run
from ssvh_lib.utils.files import read_json

pytestmark = pytest.mark.slow

EPOCHS = 30  # seconds of training, so that there is a middle to die in


@pytest.fixture(scope="module")
def address():
    options = {"processes": True, "n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with dask.config.set({"distributed.scheduler.allowed-failures": 1}), LocalCluster(**options) as cluster:
        yield cluster.scheduler_address


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch, smoke):
    monkeypatch.setenv("SSVH_RUNS", str(tmp_path / "runs"))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def asked(method="conmh", seed=0, label="", **changes):
    return Experiment("moving-digits-smoke", method, 16, seed, "smoke", changes=tuple(changes.items()), label=label)


GOOD = [asked("lsh"), asked("itq"), asked(seed=0), asked(seed=1)]


def quiet(line):
    """Nothing is printed in tests."""


def same(one, other):
    """Whether two records agree in all but what the clock says."""
    clock = ("seconds", "encoded_per_second")
    first, second = ({name: value for name, value in of.items() if name not in clock} for of in (one, other))
    return first == second


def test_a_cluster_gives_what_this_machine_gives_and_a_failed_run_stops_no_other(address, tmp_path, monkeypatch):
    bad = asked(label="too fast", peak_learning_rate=1e30, max_gradient_norm=None)
    with pytest.raises(ssvh.SSVHError, match=r"1 of 5 runs failed.*\s+too fast, .*lower learning rate") as failed:
        execute([bad, *GOOD], scheduler=address, say=quiet)
    log = folder_of(bad) / "error.log"
    assert str(log) in str(failed.value)
    assert "FloatingPointError" in log.read_text()
    there = execute(GOOD, scheduler="tcp://not.needed:1", say=quiet)  # all are in the cache
    assert {read_json(folder_of(run) / "env.json")["threads"] for run in GOOD} == {1}
    monkeypatch.setenv("SSVH_RUNS", str(tmp_path / "here"))
    assert all(map(same, there, execute(GOOD, jobs=1, device="cpu", say=quiet)))


def until(condition):
    """Look again and again until something has happened."""
    pause = threading.Event()
    while not (found := condition()):
        pause.wait(0.02)
    return found


def test_a_killed_worker_loses_an_epoch_and_another_goes_on(address, tmp_path, monkeypatch):
    long = asked(epochs=EPOCHS)
    run = Run(folder_of(long))
    seen = []

    def kill():
        """When some epochs are there, SIGKILL the process that trains; then see how many there are until the end."""
        with Client(address, set_as_default=False) as client:
            ids = client.run(os.getpid)
            until(lambda: len(run.history) > 3)
            (victim,) = (worker for worker, tasks in client.processing().items() if tasks)
            os.kill(ids[victim], signal.SIGKILL)
        until(lambda: seen.append(len(run.history)) or run.finished)

    thread = threading.Thread(target=kill)
    thread.start()
    (record,) = execute([long], scheduler=address, say=quiet)
    thread.join()
    assert 3 < seen[0] < EPOCHS  # it was in the middle
    assert min(seen) >= seen[0] - 1  # and did not begin anew
    assert list(run.history["epoch"]) == list(range(1, EPOCHS + 1))
    monkeypatch.setenv("SSVH_RUNS", str(tmp_path / "here"))
    assert same(record, execute([long], jobs=1, device="cpu", say=quiet)[0])


def test_an_interrupt_cancels_what_has_not_begun(address, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "_line", stop)
    runs = [asked("lsh"), *(asked(seed=seed, epochs=10) for seed in range(6))]
    with pytest.raises(KeyboardInterrupt):
        execute(runs, scheduler=address, say=quiet)
    with Client(address, set_as_default=False) as client:
        until(lambda: not any(client.processing().values()))
    assert not folder_of(runs[-1]).exists()


def test_a_worker_that_cannot_do_it_is_named_before_anything_runs(address, tmp_path):
    with workers.cluster(address) as crew:
        crew.check(tmp_path / "runs", [tmp_path], partial(str, 3))
        with pytest.raises(ssvh.SSVHError, match=r"The worker tcp://.* does not see .*nowhere.*one file system"):
            crew.check(tmp_path / "runs", [tmp_path / "nowhere"], str)
        with pytest.raises(ssvh.SSVHError, match=r"The worker tcp://.* has another version"):
            crew.check(tmp_path / "runs", [], os.getpid)
    assert list((tmp_path / "runs").iterdir()) == []
    token = tmp_path / ".seen-1"
    with pytest.raises(ssvh.SSVHError, match=rf"tcp://there:1 does not see {tmp_path}\. A cluster needs"):
        workers._check_answer("tcp://there:1", ([token], None), {token: tmp_path}, None)
    absent = ModuleNotFoundError("No module named 'ssvh_lib'")
    with pytest.raises(ssvh.SSVHError, match=r"cannot begin: ModuleNotFoundError: No module.* the same versions"):
        workers._check_answer("tcp://there:1", absent, {}, None)


def test_a_cluster_that_cannot_be_used_is_one_clear_error(monkeypatch):
    monkeypatch.setattr(workers, "PATIENCE", 0.5)
    for wrong in ("tcp://127.0.0.1:1", "no address", "file://there:1"):
        with pytest.raises(ssvh.SSVHError, match=f"No Dask scheduler answers at '{wrong}'.*dask scheduler"):
            execute([asked("lsh")], scheduler=wrong, say=quiet)
    for options, expected in (
        ({"n_workers": 0}, r"has no workers\. Start some"),
        ({"n_workers": 1, "threads_per_worker": 2}, r"several tasks at a time .* --nthreads 1"),
    ):
        cluster = LocalCluster(processes=False, dashboard_address=":0", **options)
        with cluster, pytest.raises(ssvh.SSVHError, match=expected):
            execute([asked("lsh")], scheduler=cluster.scheduler_address, say=quiet)
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ssvh.SSVHError, match=r"needs the package distributed.*pip install"):
        execute([asked("lsh")], scheduler="tcp://127.0.0.1:1", say=quiet)
    assert not folder_of(asked("lsh")).exists()


def test_a_task_whose_workers_die_again_and_again_is_lost(address):
    """The last one here: a worker that dies while it starts is not always started again."""
    with workers.cluster(address) as crew:
        results = dict(crew.results(os._exit, [1]))
    assert isinstance(results[1], workers.Lost)
    assert "died while running it" in str(results[1])


WORKER = """
import os, threading, sys
from ssvh_lib.experiments.workers import _exit_when_orphaned
parent = os.getpid()
if os.fork() == 0:
    threading.Thread(target=_exit_when_orphaned, args=(parent,), daemon=True).start()
    print("working", flush=True)
    threading.Event().wait()
os.wait()
"""


@pytest.mark.slow
def test_a_worker_ends_with_the_process_that_started_it():
    """After SIGKILL of the parent, the worker's end of the pipe is closed, so it runs no more."""
    parent = subprocess.Popen([sys.executable, "-W", "ignore", "-c", WORKER], stdout=subprocess.PIPE, text=True)
    assert parent.stdout.readline() == "working\n"
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    readable, _, _ = select.select([parent.stdout], [], [], 60)
    assert readable
    assert parent.stdout.read() == ""
    parent.stdout.close()
