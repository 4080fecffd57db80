"""Commands for training and targets: what is made, and that nothing is made twice."""

import json
import shutil

import pytest
from typer.testing import CliRunner

from ssvh_lib.cli import app
from ssvh_lib.methods import available

REPRODUCE = ["reproduce", "main", "--preset", "smoke", "--bits", "16", "--seeds", "2"]


def test_methods_lists_a_line_each(ssvh):
    lines = ssvh("methods").splitlines()
    assert [line.split()[0] for line in lines] == available()
    assert {"autossvh", "conmh", "itq", "lsh", "s5vh", "ssvh"} <= set(available())


def test_train_makes_a_run_and_the_second_call_finds_it(ssvh, tmp_path):
    words = ["train", "conmh", "--dataset", "moving-digits-smoke", "--bits", "16", "--set", "epochs=1"]
    first = ssvh(*words, "--out", tmp_path / "run")
    (result,) = [line for line in first.splitlines() if "mAP@20" in line]
    trained = (tmp_path / "run" / "model.safetensors").stat().st_mtime_ns
    assert first.startswith("ConMH, 16 bits, preset smoke, 1 epochs of 250 videos.\n")
    assert result in ssvh(*words, "--out", tmp_path / "run").splitlines()
    assert (tmp_path / "run" / "model.safetensors").stat().st_mtime_ns == trained
    assert json.loads((tmp_path / "run" / "config.json").read_text())["config"]["epochs"] == 1


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory, smoke):
    """A folder in which every method was reproduced, and what the command printed."""
    folder = tmp_path_factory.mktemp("reproduced")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSVH_RUNS", str(folder / "runs"))
        patch.chdir(folder)
        result = CliRunner().invoke(app, [*REPRODUCE, "--jobs", "1", "--out", "out"])
    assert result.exit_code == 0, result.output
    return folder, result.output


@pytest.mark.slow
def test_reproduce_writes_tables_and_figures_and_the_second_call_changes_nothing(ssvh, reproduced, monkeypatch):
    folder, text = reproduced
    monkeypatch.setenv("SSVH_RUNS", str(folder / "runs"))
    monkeypatch.chdir(folder)
    assert f"{2 * len(available())} runs to do, 0 kept from before" in text
    assert all(name in text for name in ("ConMH", "ITQ", "LSH", "±"))
    files = {path: path.read_bytes() for path in (folder / "out").rglob("*.*")}
    found = {name: {path.stem for path in files if path.parent.name == name} for name in ("out", "tables", "data")}
    figures = {"A1", "A2", "A4", "S1", "S4", "C1", "rejection"}
    assert found == {"out": figures | {"REPORT"}, "tables": {"main"}, "data": {"main", "budget"}}
    again = ssvh(*REPRODUCE, "--jobs", "1", "--out", "out")
    assert "runs to do" not in again
    assert {path: path.read_bytes() for path in (folder / "out").rglob("*.*")} == files


@pytest.mark.slow
def test_tables_and_figures_follow_from_the_committed_numbers(ssvh, reproduced, tmp_path):
    made = reproduced[0] / "out"
    files = {tmp_path / "out" / path.relative_to(made): path.read_bytes() for path in made.rglob("*.*")}
    shutil.copytree(made / "data", tmp_path / "out" / "data")
    ssvh("tables", "--out", "out")
    ssvh("figures", "--out", "out")
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*.*")} == files


@pytest.mark.slow
def test_reproduce_continues_where_it_was_stopped(ssvh, tmp_path):
    ssvh("reproduce", "main", "--preset", "smoke", "--bits", "16", "--seeds", "1", "--jobs", "1", "--out", "out")
    text = ssvh(*REPRODUCE, "--jobs", "1", "--out", "out")
    assert f"{len(available())} runs to do, {len(available())} kept from before" in text


@pytest.mark.slow
def test_methods_that_need_more_videos_fail_at_once_and_the_others_are_reported(ssvh, make_dataset, tmp_path):
    make_dataset(tmp_path / "mine", train=40)
    text = ssvh("reproduce", "A3", "C2", "--dataset", "mine", "--root", tmp_path, "--bits", "16", "--seeds", "2",
                "--jobs", "1", "--device", "cpu", "--out", tmp_path / "out", code=1)  # fmt: skip
    assert "clusters = 400 of mcmsh must be from 1 to 40, the number of training videos of mine." in text
    assert "AutoSSVH, 16 bits, seed 0, and 1 more: clusters = (65, 105, 155) of autossvh must be from 1 to 40" in text
    assert "4 of 14 runs failed; the others are kept." in text
    assert all(f"\n{name}  " in text for name in ("A3", "C2")), "what was made is summarised"
    records = json.loads((tmp_path / "out" / "data" / "A3.json").read_text())["records"]
    assert [(record["method"], record["seed"]) for record in records] == [("conmh", 0), ("conmh", 1)]
    report = (tmp_path / "out" / "REPORT.md").read_text()
    assert "0.75 of the frames" in report
    assert "No runs of AutoSSVH" in report
