"""From targets to figures: the runs are made once, and the committed figures come from the committed records."""

import json
from pathlib import Path

import pytest

import ssvh_lib as ssvh
from ssvh_lib import reproduce as engine
from ssvh_lib.experiments import experiment
from ssvh_lib.experiments.runner import RunsFailed
from ssvh_lib.reproduce import folder_for

FIGURES = Path(__file__).parents[1] / "figures"


def quiet(_):
    pass


def test_figures_of_other_data_do_not_replace_those_kept_with_the_code():
    assert folder_for("moving-digits", "small") == FIGURES
    assert folder_for("moving-digits", "smoke") == FIGURES / "moving-digits-smoke"
    assert folder_for("ucf101", "paper") == FIGURES / "ucf101-paper"


@pytest.fixture
def own_runs(tmp_path, monkeypatch, smoke):
    monkeypatch.setenv("SSVH_RUNS", str(tmp_path / "runs"))
    return tmp_path


def made_of(own_runs, *names, **options):
    options = {"dataset": "moving-digits", "preset": "smoke", "out": own_runs / "out", "jobs": 1} | options
    made = engine.reproduce(names, say=quiet, **options)
    engine.draw(options["out"])
    engine.tabulate(options["out"])
    engine.write_report(options["out"])
    return made


@pytest.mark.slow
def test_a_target_is_made_from_runs_to_report_and_again_without_training(own_runs):
    assert made_of(own_runs, "C2", seeds=2) == ["C2"]
    out = own_runs / "out"
    records = json.loads((out / "data" / "C2.json").read_text())["records"]
    asked = {(f"mask ratio {ratio}", seed) for ratio in (0.25, 0.5, 0.75, 0.9) for seed in (0, 1)}
    assert {(record["label"], record["seed"]) for record in records} == asked
    assert {path.name for path in out.glob("*.*")} == {"C2.svg", "REPORT.md", "REPORT.html"}
    assert {path.suffix for path in (out / "tables").glob("C2.*")} == {".md", ".csv", ".tex"}
    assert "0.5 of the frames" in (out / "REPORT.md").read_text()
    before = {path: path.read_bytes() for path in out.rglob("*.*")}
    made_of(own_runs, "C2", seeds=2)
    assert {path: path.read_bytes() for path in out.rglob("*.*")} == before


@pytest.mark.slow
def test_the_list_says_how_far_each_target_is(own_runs):
    def word(name):
        return engine.state(name, "moving-digits", "smoke")[0]

    assert word("C2") == "to do"
    assert word("S10") == "to do"  # though three of its rows are one run
    made_of(own_runs, "C2", seeds=1)
    assert word("C2") == "partial"
    made_of(own_runs, "C2")
    assert word("C2") == "done"
    assert word("A6") == "to do"
    assert word("A5") == "partial"  # one of its runs was made for C2, but not tested on the other dataset
    assert word("A9") == "nothing to run"
    assert word("S2") == ("done" if (FIGURES / "moving-digits-smoke" / "data" / "S2.json").is_file() else "to do")
    assert engine.state("main", "ucf101", "paper")[0] == "missing data"


def test_nothing_is_trained_for_a_mistake(own_runs):
    with pytest.raises(ssvh.SSVHError, match="nothing to run"):
        made_of(own_runs, "A9")
    with pytest.raises(ssvh.SSVHError, match="no dataset to transfer to"):
        made_of(own_runs, "A5", dataset="hmdb51")
    assert not list(own_runs.rglob("config.json"))


def test_what_did_not_fail_is_written_and_its_targets_are_named(own_runs, monkeypatch):
    fit = experiment.fit

    def failing(model, *rest, **options):
        if type(model).__name__ == "MCMSH":
            raise RuntimeError("out of luck")
        return fit(model, *rest, **options)

    monkeypatch.setattr(experiment, "fit", failing)
    with pytest.raises(RunsFailed, match="1 of 3 runs failed") as failed:
        made_of(own_runs, "A3", bits=[16], seeds=1)
    assert failed.value.made == ["A3"]
    records = json.loads((own_runs / "out" / "data" / "A3.json").read_text())["records"]
    assert {record["method"] for record in records} == {"conmh", "autossvh"}


@pytest.mark.slow
def test_the_committed_figures_follow_from_the_committed_records(tmp_path):
    (tmp_path / "data").symlink_to(FIGURES / "data")
    written = [*engine.draw(tmp_path), *engine.tabulate(tmp_path), *engine.write_report(tmp_path)]
    assert {path.name for path in written} >= {"A1.svg", "main.md", "REPORT.md", "REPORT.html"}
    for path in written:
        if path.name != "REPORT.html":  # made on the spot, and not kept in git
            assert path.read_bytes() == (FIGURES / path.relative_to(tmp_path)).read_bytes(), path.name
