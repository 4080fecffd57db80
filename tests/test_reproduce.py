"""Targets and what is made of them: every published experiment has one, and the committed figures come from them."""

import json
from pathlib import Path

import pytest

import ssvh_lib as ssvh
from ssvh_lib import reproduce as engine
from ssvh_lib.experiments import experiment
from ssvh_lib.experiments.experiment import folder_of
from ssvh_lib.experiments.runner import RunsFailed
from ssvh_lib.experiments.targets import SYSTEMS, TARGETS, target
from ssvh_lib.literature.claims import CLAIMS
from ssvh_lib.methods import available
from ssvh_lib.reproduce import folder_for

FIGURES = Path(__file__).parents[1] / "figures"
ITEMS = [f"A{n}" for n in range(1, 10)] + [f"S{n}" for n in range(1, 11)] + [f"C{n}" for n in range(1, 6)]


def quiet(_):
    pass


def test_every_published_experiment_is_a_target_and_every_claim_belongs_to_one():
    assert set(ITEMS) <= set(TARGETS)
    assert {claim.partition("-")[0] for claim in CLAIMS} == set(ITEMS)
    assert all(wanted.item for name, wanted in TARGETS.items() if name in ITEMS)


@pytest.mark.parametrize("name", [name for name, wanted in TARGETS.items() if wanted.rows])
def test_the_rows_that_claims_are_about_are_run(name):
    """A claim whose rows its target does not have could never be judged."""
    rows = {(row.method, row.label, row.variant) for row in TARGETS[name].rows}
    unread = {"jtae", "nph"}  # of which numbers are published, but no method could be read
    for claim in CLAIMS.values():
        if claim.name.partition("-")[0] == name:
            for row in filter(None, (claim.row, claim.over)):
                known = row.method not in unread and not row.label.startswith("S5VH, r")
                assert not known or (row.method, row.label, row.variant) in rows, (claim.name, row)


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_can_be_configured_and_its_runs_differ(smoke, name):
    """No misspelt field, method or variant in a table that nobody asked for yet. Two sweeps may share a run."""
    runs = TARGETS[name].runs("moving-digits", "smoke")
    places = {(folder_of(run), run.tested_on, run.label.rstrip("0123456789.")) for run in runs}
    assert len(places) == len(runs)
    assert len(runs) >= len(TARGETS[name].rows) * len(TARGETS[name].bits)


def test_the_systems_and_their_ablations_have_three_seeds():
    for name in ("A6", "A7", "A8", "S3", "S7", "S8", "S9", "C2", "C3"):
        assert all(row.seeds is None for row in TARGETS[name].rows)
        assert TARGETS[name].seeds == 3
    main = {(run.method, run.bits, run.seed) for run in TARGETS["main"].runs("moving-digits", "small")}
    assert {(name, bits, seed) for name in SYSTEMS for bits in (16, 32, 64) for seed in range(3)} <= main
    assert {name for name, _, _ in main} == set(available())


def test_rows_with_changes_share_the_run_of_the_method_where_they_change_nothing(smoke):
    main = {folder_of(run) for run in TARGETS["main"].runs("moving-digits", "smoke")}
    for name, label in (("A6", "IX AutoSSVH"), ("S8", "S5VH"), ("S7", "S5VH, mamba"), ("C3", "ConMH")):
        whole = [run for run in TARGETS[name].runs("moving-digits", "smoke") if run.label == label]
        assert len(whole) == 3
        assert {folder_of(run) for run in whole} <= main


def test_transfer_asks_another_dataset_and_needs_one():
    runs = TARGETS["A5"].runs("moving-digits", "smoke")
    assert {run.tested_on for run in runs} == {"", "moving-shapes-smoke"}
    assert "no dataset to transfer to from hmdb51" in TARGETS["A5"].lacks("hmdb51")
    assert not TARGETS["A5"].lacks("ucf101")


def test_an_unknown_target_is_refused_by_name():
    with pytest.raises(ssvh.SSVHError, match="Did you mean 'systems'"):
        target("system")


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
