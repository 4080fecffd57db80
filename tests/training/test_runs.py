"""The folder of a run: where it lies, what it holds, and what is refused or named."""

import os
import subprocess
from pathlib import Path

import pytest
import torch
from trained import EPOCHS, conmh, fit, kept, stop_after

import ssvh_lib as ssvh
from ssvh_lib.methods import build
from ssvh_lib.training import loop, runs
from ssvh_lib.training.loop import describe
from ssvh_lib.training.runs import default_folder, epoch_seed
from ssvh_lib.utils.files import write_json


def test_a_failed_write_keeps_the_old_file_and_leaves_no_litter(smoke, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after(patch, 2, KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            fit(smoke, tmp_path / "run")
    good = (tmp_path / "run" / "state.pt").read_bytes()

    def half(state, path):
        Path(path).write_bytes(b"half")
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", half)
        with pytest.raises(OSError, match="no space left"):
            fit(smoke, tmp_path / "run")
    assert (tmp_path / "run" / "state.pt").read_bytes() == good
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["config.json", "history.csv", "state.pt"]


def test_a_finished_run_holds_what_an_auditor_needs(smoke, tmp_path):
    run = fit(smoke, tmp_path / "run")
    assert sorted(path.name for path in run.folder.iterdir()) == [
        "config.json",
        "env.json",
        "history.csv",
        "model.safetensors",
    ]
    assert run.config["method"] == "conmh"
    assert run.config["config"]["epochs"] == EPOCHS
    assert run.config["data_fingerprint"] == smoke.fingerprint
    assert list(run.history["epoch"]) == [1, 2, 3, 4]
    assert {"loss", "reconstruction", "contrast", "learning_rate"} <= set(run.history.columns)
    assert run.seconds >= run.history["seconds"].iloc[-1] > 0


def test_without_a_folder_the_run_lies_where_its_configuration_says(smoke, tmp_path, monkeypatch):
    monkeypatch.setenv("SSVH_RUNS", str(tmp_path))
    model = build("lsh", smoke, 16)
    run = ssvh.fit(model, smoke, seed=3, progress=False)
    assert run.folder == default_folder(describe("lsh", model.config, smoke, 3))
    assert run.folder.parent == tmp_path / smoke.name
    assert ssvh.fit(build("lsh", smoke, 24), smoke, seed=3, progress=False).folder != run.folder


def test_a_folder_of_another_configuration_is_refused_and_left_alone(smoke, tmp_path):
    run = fit(smoke, tmp_path / "run")
    before = {path.name: path.read_bytes() for path in run.folder.iterdir()}
    with pytest.raises(ssvh.SSVHError, match=r"mask_ratio is 0\.75 there and 0\.5 here"):
        fit(smoke, tmp_path / "run", mask_ratio=0.5)
    with pytest.raises(ssvh.SSVHError, match="seed is 0 there and 1 here"):
        ssvh.fit(conmh(smoke), smoke, tmp_path / "run", seed=1, progress=False)
    assert {path.name: path.read_bytes() for path in run.folder.iterdir()} == before


def test_a_folder_with_other_things_is_refused(smoke, tmp_path):
    (tmp_path / "thesis.txt").write_text("four years")
    with pytest.raises(ssvh.SSVHError, match="not empty and not a run"):
        fit(smoke, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_place_that_cannot_be_written_is_refused_before_training(smoke, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(loop, "_train", None)
    with pytest.raises(ssvh.SSVHError, match="cannot be written"):
        fit(smoke, tmp_path / "file" / "run")


def test_damaged_state_and_weights_are_named(smoke, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after(patch, 1, KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            fit(smoke, tmp_path / "run")
    state = tmp_path / "run" / "state.pt"
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(ssvh.SSVHError, match=r"state\.pt is damaged .* Delete it"):
        fit(smoke, tmp_path / "run")
    state.unlink()
    run = fit(smoke, tmp_path / "run")
    (run.folder / "model.safetensors").write_bytes(b"\0" * 100)
    with pytest.raises(ssvh.SSVHError, match=r"model\.safetensors does not hold the weights"):
        run.model()


def test_a_pickle_that_runs_code_is_not_opened(smoke, tmp_path):
    """state.pt is read with weights_only=True: a file from a stranger cannot run anything."""

    class Evil:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "owned"),))

    run = tmp_path / "run"
    run.mkdir()
    model = conmh(smoke)
    write_json(run / "config.json", describe("conmh", model.config, smoke, 0))
    torch.save({"model": Evil()}, run / "state.pt")
    with pytest.raises(ssvh.SSVHError, match=r"state\.pt is damaged"):
        ssvh.fit(model, smoke, run, progress=False)
    assert not (tmp_path / "owned").exists()


def test_epochs_draw_from_different_seeds():
    seeds = {epoch_seed(seed, epoch) for seed in range(10) for epoch in range(100)}
    assert len(seeds) == 1000


def test_epochs_that_are_not_there_are_asked_for_in_words(smoke, tmp_path):
    run = fit(smoke, tmp_path / "run")
    with pytest.raises(ssvh.SSVHError, match=r"does not keep the weights after epoch 1\. .* keep_epochs=True"):
        run.model(1)
    with pytest.raises(ssvh.SSVHError, match=r"has 4 epochs; ask for one from 0 .* to 4, not 5"):
        run.model(5)
    classical = ssvh.fit(build("itq", smoke, 16), smoke, tmp_path / "itq", progress=False, keep_epochs=True)
    assert not (classical.folder / "epochs").exists()
    with pytest.raises(ssvh.SSVHError, match="not trained in epochs"):
        classical.model(0)
    whole = kept(smoke, tmp_path / "run")
    (whole.folder / "epochs" / "002.safetensors").write_bytes(b"half")
    with pytest.raises(ssvh.SSVHError, match=r"002\.safetensors does not hold the weights"):
        whole.model(2)


def test_a_result_is_of_changed_code_if_code_was_changed_not_if_results_were_written(tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "project_root", lambda: tmp_path)
    for name in ("ssvh_lib/losses.py", "figures/A1.md", "pyproject.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("as committed")
    author = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    for words in (("init", "-q"), ("add", "."), (*author, "commit", "-qm", "first")):
        subprocess.run(["git", "-C", tmp_path, *words], check=True)
    dirty = lambda: runs.environment(torch.device("cpu"))["dirty"]  # noqa: E731
    (tmp_path / "figures" / "A1.md").write_text("made anew")
    assert not dirty()
    (tmp_path / "ssvh_lib" / "losses.py").write_text("changed")
    assert dirty()
