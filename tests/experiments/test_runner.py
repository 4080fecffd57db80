"""Carrying out a grid: in processes of one thread each, measured once, with failures reported and not contagious."""

import json
import os
import select
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

import ssvh_lib as ssvh
from ssvh_lib.experiments import experiment as grids
from ssvh_lib.experiments import measures, runner
from ssvh_lib.experiments.experiment import Experiment, Row, folder_of, grid
from ssvh_lib.experiments.runner import estimate, execute, lacking
from ssvh_lib.methods import TrainedMethod, method_class
from ssvh_lib.training import loop
from ssvh_lib.training.runs import Run
from ssvh_lib.utils import devices


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch, smoke):
    monkeypatch.setenv("SSVH_RUNS", str(tmp_path / "runs"))


def quiet(line):
    """Nothing is printed in tests."""


def every_method(bits, seeds, **measured):
    return grid([Row(name) for name in ssvh.available()], "moving-digits", "smoke", bits, seeds, **measured)


def asked(method="conmh", **options):
    return Experiment("moving-digits-smoke", method, 16, 0, "smoke", **options)


def test_the_grid_has_every_method_length_and_seed_with_the_slow_ones_first():
    runs = every_method([16, 32], 3)
    assert len(runs) == len(set(runs)) == len(ssvh.available()) * 2 * 3
    assert {experiment.dataset for experiment in runs} == {"moving-digits-smoke"}
    slow = [issubclass(method_class(experiment.method), TrainedMethod) for experiment in runs]
    assert slow == sorted(slow, reverse=True)
    assert {"itq", "lsh"} <= {experiment.method for experiment in runs[sum(slow) :]}


@pytest.mark.slow
def test_side_by_side_in_one_thread_each_gives_what_one_after_another_gives(tmp_path, monkeypatch):
    runs = every_method([16], 2)
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
    log = folder_of(runs[0]) / "error.log"
    with monkeypatch.context() as patch:
        patch.setattr(grids, "fit", _failing(grids.fit))
        with pytest.raises(ssvh.SSVHError, match=r"1 of 2 runs failed") as failed:
            execute(runs, jobs=1, say=quiet)
    assert list(failed.value.records) == [runs[1]]
    assert f"ConMH, 16 bits, seed 0: RuntimeError: out of luck\n  Log: {log}" in str(failed.value)
    assert log.read_text().startswith("Traceback")
    assert (folder_of(runs[1]) / "metrics.json").is_file()
    assert not (folder_of(runs[0]) / "metrics.json").is_file()
    execute(runs, jobs=1, say=quiet)  # a folder that holds a log only is no obstacle
    assert not log.exists()


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


def test_two_processes_do_not_train_the_same_run(smoke, tmp_path, monkeypatch):
    monkeypatch.setattr("ssvh_lib.training.runs.LOCK_PATIENCE", 0.1)
    model = ssvh.build("lsh", smoke, 16)
    run = ssvh.fit(model, smoke, tmp_path / "run", progress=False)
    (run.folder / "env.json").unlink()  # as if unfinished
    with run.lock(), pytest.raises(ssvh.SSVHError, match="Another process is training"):
        ssvh.fit(model, smoke, tmp_path / "run", progress=False)
    assert ssvh.fit(model, smoke, tmp_path / "run", progress=False).finished


def test_a_run_that_two_rows_share_is_carried_out_once(monkeypatch):
    ran = []
    real = runner.run
    monkeypatch.setattr(
        runner,
        "run",
        lambda experiment, *rest, **options: ran.append(experiment) or real(experiment, *rest, **options),
    )
    one = Experiment("moving-digits-smoke", "lsh", 16, 0, "smoke")
    other = Experiment("moving-digits-smoke", "lsh", 16, 0, "smoke", label="LSH, again")
    first, second = execute([one, other], jobs=1, say=quiet)
    assert len(ran) == 1
    assert first["map"] == second["map"]
    assert (first["label"], second["label"]) == ("", "LSH, again")


def forbidden(*_, **__):
    raise AssertionError("this was there already")


def test_a_row_may_have_more_or_fewer_seeds_than_the_others():
    runs = grid([Row("conmh"), Row("dkph", seeds=1)], "moving-digits", "smoke", [16, 32], 3)
    assert [(run.method, run.bits, run.seed) for run in runs] == [
        *(("conmh", bits, seed) for bits in (16, 32) for seed in range(3)),
        *(("dkph", bits, 0) for bits in (16, 32)),
    ]


@pytest.mark.parametrize("method", ["conmh", "s5vh", "autossvh", "bth", "bervae"])
def test_by_epoch_measures_what_each_epoch_left(method, smoke):
    """Epoch 0 is the model as initialised, the last one the result."""
    experiment = asked(method, by_epoch=True)
    (record,) = execute([experiment], jobs=1, say=quiet)
    curves, epochs = record["by_epoch"], Run(folder_of(experiment)).config["config"]["epochs"]
    assert curves["epoch"] == list(range(epochs + 1))
    assert [curves["mAP@5"][-1], curves["mAP@20"][-1]] == [record["map"]["5"], record["map"]["20"]]
    untrained = ssvh.build(method, smoke, 16, preset="smoke")
    codes = ssvh.encode(untrained, smoke.query), ssvh.encode(untrained, smoke.database)
    found = ssvh.evaluate(*codes, smoke.query.labels, smoke.database.labels, progress=False).map
    assert (curves["mAP@5"][0], curves["mAP@20"][0]) == (found[5], found[20])
    assert record["warm_up"] == Run(folder_of(experiment)).config["config"].get("warm_up")


def test_measures_are_made_one_by_one_and_a_run_is_trained_once(monkeypatch):
    """by_epoch among other wishes: its weights are kept in the first training, and nothing is done twice."""
    plain, followed = asked(), asked(by_epoch=True)
    assert folder_of(plain) == folder_of(followed)
    trained, real = [], loop._train
    with monkeypatch.context() as patch:
        patch.setattr(loop, "_train", lambda *given: trained.append(given) or real(*given))
        first, second = execute([plain, followed], jobs=1, say=quiet)
    assert len(trained) == 1
    assert first == {name: value for name, value in second.items() if name not in ("by_epoch", "warm_up")}
    (folder_of(plain) / "by_epoch.json").unlink()
    assert lacking([plain, followed]) == [followed]
    with monkeypatch.context() as patch:
        patch.setattr(loop, "_train", forbidden)
        patch.setattr(measures, "_measured", forbidden)
        assert execute([plain, followed], jobs=1, say=quiet) == [first, second]
        patch.setattr(measures, "_map_after", forbidden)
        assert execute([plain, followed], jobs=1, say=quiet) == [first, second]


def test_a_run_without_its_epochs_is_trained_again_and_its_metrics_stay(tree):
    (before,) = execute([asked()], jobs=1, say=quiet)
    folder = folder_of(asked())
    files = tree(folder)
    assert not (folder / "epochs").exists()
    (after,) = execute([asked(by_epoch=True)], jobs=1, say=quiet)
    assert after["by_epoch"]["mAP@20"][-1] == before["map"]["20"]
    assert {name: content for name, content in tree(folder).items() if name in files} == files


def test_a_measure_is_made_again_if_its_code_has_changed(monkeypatch):
    first, again = asked("lsh"), asked("itq")
    execute([first, again], jobs=1, say=quiet)
    path = folder_of(again) / "metrics.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"code": "of yesterday", "map": {}}))
    assert lacking([first, again]) == [again]
    monkeypatch.setattr(loop, "_solve", forbidden)
    assert execute([again], jobs=1, say=quiet)[0]["map"]["20"] > 0


@pytest.fixture
def other(make_dataset, tmp_path, smoke, monkeypatch):
    """A root with the smoke dataset and others: one of the same shape of features, and one of smaller ones."""
    root = tmp_path / "data"
    root.mkdir()
    (root / "moving-digits-smoke").symlink_to(smoke.root)
    make_dataset(root / "alike", train=60, query=10, frames=smoke.train.frames, size=smoke.train.size)
    make_dataset(root / "small", frames=4, size=8)
    monkeypatch.setenv("SSVH_DATA", str(root))
    return root


def test_tested_on_another_dataset_are_the_codes_of_that_dataset(other, monkeypatch):
    here, there = asked("itq"), asked("itq", tested_on="alike")
    first, second = execute([here, there], jobs=1, say=quiet)
    assert first["dataset"] == "moving-digits-smoke"
    assert second["dataset"] == "moving-digits-smoke-to-alike"
    assert folder_of(here) == folder_of(there)
    model, alike = Run(folder_of(here)).model(), ssvh.load_dataset("alike")
    codes = ssvh.encode(model, alike.query), ssvh.encode(model, alike.database)
    k = tuple(map(int, second["map"]))
    expected = ssvh.evaluate(*codes, alike.query.labels, alike.database.labels, k=k, progress=False).map
    assert second["map"] == {str(k): value for k, value in expected.items()}
    assert second["queries"] == 10
    monkeypatch.setattr(loop, "_solve", forbidden)
    monkeypatch.setattr(measures, "_measured", forbidden)
    assert execute([there], jobs=1, say=quiet) == [second]


def test_a_test_set_that_has_changed_is_measured_again(other, make_dataset, smoke):
    there = asked("itq", tested_on="alike")
    (first,) = execute([there], jobs=1, say=quiet)
    make_dataset(other / "alike", train=60, query=10, frames=smoke.train.frames, size=smoke.train.size, seed=1)
    grids._dataset.cache_clear()
    assert lacking([there]) == [there]
    (second,) = execute([there], jobs=1, say=quiet)
    assert second["map"] != first["map"]
    grids._dataset.cache_clear()


def test_what_cannot_be_measured_is_refused_before_anything_runs(other, tmp_path):
    with pytest.raises(ssvh.SSVHError, match=r"trained on moving-digits-smoke reads .* of size .*; small has 4 of 8"):
        execute([asked("lsh"), asked("lsh", tested_on="small")], say=quiet)
    with pytest.raises(ssvh.SSVHError, match="ITQ, 16 bits, seed 0 is not trained in epochs"):
        execute([asked("lsh"), asked("itq", by_epoch=True)], say=quiet)
    with pytest.raises(ssvh.SSVHError, match="either by_epoch or tested_on"):
        asked(by_epoch=True, tested_on="alike")
    assert not (tmp_path / "runs").exists()


def test_an_estimate_takes_the_row_before_the_method_and_counts_what_is_missing(make_record, monkeypatch):
    monkeypatch.setattr(runner, "EVALUATION", 0.5)
    known = [
        *(make_record("conmh", preset="smoke", seed=seed, seconds=seconds) for seed, seconds in enumerate((1, 3, 50))),
        make_record("conmh", preset="smoke", label="mask ratio 0.5", seconds=20.0),
        make_record("conmh", preset="small", seconds=1000.0),
        make_record("lsh", preset="smoke", seconds=0.25),
    ]
    assert estimate([asked()], known) == 3 + 0.5
    assert estimate([asked(), asked(label="again")], known) == 3 + 0.5  # one run
    assert estimate([asked(label="mask ratio 0.5", changes=(("mask_ratio", 0.5),))], known) == 20 + 0.5
    new = asked(label="new", changes=(("mask_ratio", 0.4),))
    assert estimate([new, asked("lsh")], known) == np.median([1, 3, 50, 20]) + 0.25 + 2 * 0.5
    assert estimate([asked("dkph"), asked()], known) is None
    assert estimate([], known) == 0
    execute([asked("lsh"), asked()], jobs=1, say=quiet)
    assert estimate([asked("lsh"), asked()], []) == 0
    assert estimate([asked("lsh"), asked(by_epoch=True)], known) == 3 + 0.5 * (1 + 2)  # two epochs, twice the last
    (folder_of(asked("lsh")) / "metrics.json").unlink()
    assert estimate([asked("lsh")], []) == 0.5


def test_what_is_about_to_happen_is_said_before(make_record):
    said = []
    execute([asked("lsh")], jobs=1, say=said.append)
    known = [make_record(name, preset="smoke", seconds=99.0) for name in ("itq", "pca", "sh")]
    execute([asked(name) for name in ("lsh", "itq", "pca", "sh")], jobs=2, known=known, say=said.append)
    assert said == [
        "1 runs to do, 0 kept from before, 1 at a time.",
        "3 runs to do, 1 kept from before, 2 at a time, about 2 min.",
    ]


def test_runs_side_by_side_are_one_a_core_or_one_a_gpu(monkeypatch):
    assert runner.default_jobs("cpu") == runner.joblib.cpu_count()
    monkeypatch.setattr(runner, "choose_device", torch.device)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert runner.default_jobs("cuda") == 3
    assert runner.default_jobs("cuda:1") == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_claimed_gpu_has_a_number_and_is_the_current_one():
    with devices.claimed("cuda") as device:
        assert device.index == torch.cuda.current_device()
    execute([asked(by_epoch=True)], jobs=1, device="cuda", say=quiet)
