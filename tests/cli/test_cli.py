"""The command line as a user meets it: what is printed, what is written, and what a mistake gets."""

import json
import shutil
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from ssvh_lib.cli import app
from ssvh_lib.methods import available

REPRODUCE = ["reproduce", "main", "--preset", "smoke", "--bits", "16", "--seeds", "2"]


@pytest.fixture
def ssvh(tmp_path, monkeypatch, smoke):
    monkeypatch.setenv("SSVH_RUNS", str(tmp_path / "runs"))
    monkeypatch.chdir(tmp_path)

    def run(*words, code=0):
        result = CliRunner().invoke(app, [str(word) for word in words])
        assert result.exit_code == code, result.output
        return result.output

    return run


def test_help_names_every_command(ssvh):
    text = ssvh("--help")
    assert all(word in text for word in "methods data extract train index search reproduce tables figures".split())


def test_methods_lists_a_line_each(ssvh):
    lines = ssvh("methods").splitlines()
    assert [line.split()[0] for line in lines] == available()
    assert {"autossvh", "conmh", "itq", "lsh", "s5vh", "ssvh"} <= set(available())


def test_data_shows_sizes(ssvh):
    text = ssvh("data", "moving-digits-smoke")
    assert "250 videos x 25 frames x 256 values, 50 classes, 1.00 labels a video" in text


def test_data_alone_shows_what_data_show_shows(ssvh):
    assert ssvh("data", "moving-digits-smoke") == ssvh("data", "show", "moving-digits-smoke")
    assert all(word in ssvh("data", "--help") for word in ("show", "check", "halve"))


def test_data_check_reports_and_its_exit_status_tells_of_problems(ssvh, tmp_path, make_dataset):
    text = ssvh("data", "check", "moving-digits-smoke")
    assert "250 videos x 25 frames x 256 values" in text
    assert "No problems." in text
    folder = make_dataset(tmp_path / "mine")
    (folder / "query_feats.h5").unlink()
    assert "query_feats.h5 is missing" in ssvh("data", "check", "mine", "--root", tmp_path, code=1)


def test_data_halve_copies_a_dataset(ssvh, tmp_path, make_dataset):
    make_dataset(tmp_path / "mine")
    ssvh("data", "halve", "mine", tmp_path / "half", "--root", tmp_path)
    assert "12 videos x 4 frames x 8 values" in ssvh("data", "half", "--root", tmp_path)


def test_from_a_run_to_an_index_to_a_page(ssvh, tmp_path):
    ssvh("train", "lsh", "--dataset", "moving-digits-smoke", "--bits", "32", "--out", tmp_path / "run")
    text = ssvh("index", tmp_path / "run", "--out", "my.index", "--kind", "multihash")
    assert text.startswith("my.index: 250 codes of 32 bits, kind multihash")
    lines = ssvh("search", "my.index", "--query", "3", "--k", "4", "--html", "pages/found.html").splitlines()
    assert lines[0].startswith("Nearest to digits_query/3, ")
    assert [line.split(".")[0].strip() for line in lines[1:5]] == ["1", "2", "3", "4"]
    distances = [int(line.split()[1]) for line in lines[1:5]]
    assert distances == sorted(distances)
    assert lines[5] == "wrote pages/found.html"
    page = (tmp_path / "pages" / "found.html").read_text(encoding="utf-8")
    assert page.count("<li>") == 4
    assert all(line.split("digits_train/")[1].split()[0] in page for line in lines[1:5])


@pytest.mark.parametrize("command", ["extract", "index", "search", "data check"])
def test_help_of_a_command_says_what_it_does_without_loading_torch(command):
    script = f"import sys; from ssvh_lib.cli import app; sys.argv[1:] = {[*command.split(), '--help']}\n"
    script += "try: app()\nexcept SystemExit: print([m for m in ('torch', 'faiss', 'pandas') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "Usage" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_train_makes_a_run_and_the_second_call_finds_it(ssvh, tmp_path):
    words = ["train", "conmh", "--dataset", "moving-digits-smoke", "--bits", "16", "--set", "epochs=1"]
    first = ssvh(*words, "--out", tmp_path / "run")
    (result,) = [line for line in first.splitlines() if "mAP@20" in line]
    trained = (tmp_path / "run" / "model.safetensors").stat().st_mtime_ns
    assert first.startswith("ConMH, 16 bits, preset smoke, 1 epochs of 250 videos.\n")
    assert result in ssvh(*words, "--out", tmp_path / "run").splitlines()
    assert (tmp_path / "run" / "model.safetensors").stat().st_mtime_ns == trained
    assert json.loads((tmp_path / "run" / "config.json").read_text())["config"]["epochs"] == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "conhm"], "Did you mean 'conmh'"),
        (["train", "lsh", "--dataset", "moving-digit"], "Did you mean 'moving-digits'"),
        (["train", "lsh", "--dataset", "moving-digits-smoke", "--bits", "12"], "positive multiple of 8"),
        (["train", "lsh", "--dataset", "moving-digits-smoke", "--variant", "papers"], "no variant of lsh called"),
        (["train", "lsh", "--dataset", "moving-digits-smoke", "--preset", "tiny"], "no preset called 'tiny'"),
        (["train", "conmh", "--dataset", "moving-digits-smoke", "--set", "epochs"], "--set expects FIELD=VALUE"),
        (["train", "conmh", "--dataset", "moving-digits-smoke", "--set", "epochs=x"], "epochs of conmh must be int"),
        (["train", "conmh", "--dataset", "moving-digits-smoke", "--device", "gpu"], "device 'gpu' cannot be used"),
        ([*REPRODUCE, "--device", "gpu"], "device 'gpu' cannot be used"),
        (["data", "moving-digit"], "Did you mean 'moving-digits'"),
        (["data", "check", "moving-digit"], "Did you mean 'moving-digits'"),
        (["data", "halve", "moving-digit", "out"], "Did you mean 'moving-digits'"),
        (["extract", "--videos", "nowhere", "--out", "out"], "There is no folder nowhere"),
        (["index", "nowhere", "--out", "my.index"], "nowhere holds no finished run"),
        (["index", "nowhere", "--out", "my.index", "--kind", "tree"], "no kind of index called 'tree'"),
        (["search", "my.index", "--query", "0"], "There is no file my.index. `ssvh index RUN --out my.index`"),
        (["search", "my.index"], "either --video FILE or --query NUMBER"),
        (["search", "my.index", "--query", "0", "--video", "a.mp4"], "either --video FILE or --query NUMBER"),
        (["tables", "--out", "nowhere"], "nowhere/data has no records. `make reproduce` makes them"),
        (["figures", "--out", "nowhere"], "nowhere/data has no records. `make reproduce` makes them"),
        (["reproduce", "system"], "Did you mean 'systems'"),
        (["reproduce", "A9"], "A9 cannot be made: nothing to run"),
        (["reproduce", "C2", "--preset", "smoke", "--scheduler", "tcp://127.0.0.1:1"], "No Dask scheduler answers"),
        (["notebooks", "99_none.ipynb"], "There is no notebook 99_none.ipynb"),
    ],
)
def test_a_mistake_is_one_message_without_traceback_and_leaves_nothing(ssvh, tmp_path, words, message):
    text = ssvh(*words, code=1)
    assert message in text
    assert "Traceback" not in text
    assert list(tmp_path.rglob("config.json")) == []


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
