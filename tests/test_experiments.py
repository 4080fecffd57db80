"""Carrying out a grid: in processes of one thread each, with failures reported and not contagious."""

import os
import select
import signal
import subprocess
import sys

import pytest
import torch

import ssvh_lib as ssvh
from ssvh_lib import experiments
from ssvh_lib.experiments import Experiment, execute, folder_of, grid
from ssvh_lib.methods import method_class
from ssvh_lib.runs import Run
from ssvh_lib.targets import TARGETS, target


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch, smoke):
    monkeypatch.setenv("SSVH_RUNS", str(tmp_path / "runs"))


def quiet(line):
    """Nothing is printed in tests."""


def main_grid(bits, seeds):
    return grid(target("main").every_row(), "moving-digits", "smoke", bits, seeds)


def test_the_grid_has_every_method_length_and_seed_with_the_slow_ones_first():
    runs = main_grid([16, 32], 3)
    assert len(runs) == len(set(runs)) == len(ssvh.available()) * 2 * 3
    assert {experiment.dataset for experiment in runs} == {"moving-digits-smoke"}
    slow = [hasattr(method_class(experiment.method), "loss") for experiment in runs]
    assert slow == sorted(slow, reverse=True)
    assert {"itq", "lsh"} <= {experiment.method for experiment in runs[sum(slow) :]}


def test_side_by_side_in_one_thread_each_gives_what_one_after_another_gives(tmp_path, monkeypatch):
    runs = main_grid([16], 2)
    parallel = execute(runs, jobs=2, say=quiet, device="cpu")
    threads = {Run(folder_of(experiment)).folder.joinpath("env.json").read_text() for experiment in runs}
    assert all('"threads": 1' in text for text in threads)
    monkeypatch.setenv("SSVH_RUNS", str(tmp_path / "other"))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        alone = execute(runs, jobs=1, say=quiet, device="cpu")
    finally:
        torch.set_num_threads(before)
    for one, other in zip(parallel, alone, strict=True):
        assert one["map"] == other["map"]
        assert (one["method"], one["seed"]) == (other["method"], other["seed"])


def test_a_failed_run_is_reported_and_the_others_are_finished(monkeypatch):
    runs = [Experiment("moving-digits-smoke", method, 16, 0, "smoke") for method in ("conmh", "lsh")]
    monkeypatch.setattr(experiments, "fit", _failing(experiments.fit))
    with pytest.raises(ssvh.SSVHError, match=r"(?s)1 of 2 runs failed.*ConMH, 16 bits, seed 0.*out of luck"):
        execute(runs, jobs=1, say=quiet)
    assert (folder_of(runs[1]) / "metrics.json").is_file()
    assert not (folder_of(runs[0]) / "metrics.json").is_file()


def _failing(fit):
    def fail(model, *rest, **options):
        if type(model).__name__ == "ConMH":
            raise RuntimeError("out of luck")
        return fit(model, *rest, **options)

    return fail


def test_bad_names_are_found_before_anything_runs(tmp_path):
    good = Experiment("moving-digits-smoke", "lsh", 16, 0, "smoke")
    bad = Experiment("moving-digits-smoke", "lhs", 16, 0, "smoke")
    with pytest.raises(ssvh.SSVHError, match="Did you mean 'lsh'"):
        execute([good, bad], say=quiet)
    assert not (tmp_path / "runs").exists()


def test_metrics_of_a_run_are_those_of_its_codes(smoke):
    experiment = Experiment("moving-digits-smoke", "itq", 16, 0, "smoke")
    (record,) = execute([experiment], jobs=1, say=quiet)
    codes = ssvh.load_codes(folder_of(experiment) / "codes.npz")
    result = ssvh.evaluate(codes["query"], codes["database"], smoke.query.labels, smoke.database.labels)
    assert record["map"] == {str(k): value for k, value in result.map.items()}
    assert record["parameters"] == 0
    assert record["queries"] == 80


WORKER = """
import os, threading, sys
from ssvh_lib.experiments import _end_with
parent = os.getpid()
if os.fork() == 0:
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    print("working", flush=True)
    threading.Event().wait()
os.wait()
"""


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


def test_two_processes_do_not_train_the_same_run(smoke, tmp_path, monkeypatch):
    monkeypatch.setattr(ssvh.runs, "LOCK_PATIENCE", 0.1)
    model = ssvh.build("lsh", smoke, 16)
    run = ssvh.fit(model, smoke, tmp_path / "run", progress=False)
    (run.folder / "env.json").unlink()  # as if unfinished
    with run.lock(), pytest.raises(ssvh.SSVHError, match="Another process is training"):
        ssvh.fit(model, smoke, tmp_path / "run", progress=False)
    assert ssvh.fit(model, smoke, tmp_path / "run", progress=False).finished


def test_every_target_can_be_configured_and_its_rows_differ(smoke):
    """No misspelt field, method or variant in a table that nobody asked for yet."""
    for wanted in TARGETS.values():
        runs = grid(wanted.every_row(), "moving-digits", "smoke", wanted.bits, wanted.seeds)
        assert len({folder_of(run) for run in runs}) == len(runs) == len(wanted.every_row()) * len(wanted.bits) * 3


def test_rows_with_changes_share_the_run_of_the_method_where_they_change_nothing(smoke):
    plain = grid(target("main").every_row(), "moving-digits", "smoke", [32], 1)
    last = grid(target("A6").every_row()[-1:], "moving-digits", "smoke", [32], 1)
    assert folder_of(last[0]) in {folder_of(run) for run in plain}


def test_a_run_that_two_rows_share_is_carried_out_once(monkeypatch):
    ran = []
    real = experiments.run
    monkeypatch.setattr(
        experiments, "run", lambda experiment, device: ran.append(experiment) or real(experiment, device)
    )
    one = Experiment("moving-digits-smoke", "lsh", 16, 0, "smoke")
    other = Experiment("moving-digits-smoke", "lsh", 16, 0, "smoke", label="LSH, again")
    first, second = execute([one, other], jobs=1, say=quiet)
    assert len(ran) == 1
    assert first["map"] == second["map"]
    assert (first["label"], second["label"]) == ("", "LSH, again")
