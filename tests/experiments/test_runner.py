"""Carrying out a grid: in processes of one thread each, with failures reported and not contagious."""

import numpy as np
import pytest
import torch
from small_runs import asked, every_method, quiet

import ssvh_lib as ssvh
from ssvh_lib.experiments import experiment as grids
from ssvh_lib.experiments import runner
from ssvh_lib.experiments.experiment import Experiment, folder_of
from ssvh_lib.experiments.runner import estimate, execute
from ssvh_lib.training.runs import Run
from ssvh_lib.utils import devices

pytestmark = pytest.mark.usefixtures("own_runs")


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


@pytest.mark.slow
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
