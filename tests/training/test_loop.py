"""Training: exact resume, nothing lost, nothing trained twice, errors where they are born."""

import os
import signal
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
import torch
from trained import EPOCHS, assert_same_run, conmh, fit, kept, stop_after, weights

import ssvh_lib as ssvh
from ssvh_lib.evaluation.metrics import evaluate
from ssvh_lib.methods import build
from ssvh_lib.training import loop
from ssvh_lib.training.runs import Run


def test_interrupted_and_resumed_equals_uninterrupted(smoke, tmp_path, monkeypatch):
    whole = fit(smoke, tmp_path / "whole")
    with monkeypatch.context() as patch:
        stop_after(patch, 2, KeyboardInterrupt)
        with pytest.raises(
            KeyboardInterrupt, match=r"epoch 3 of 4; 2 are kept in .*parts\. Ask for the same run again"
        ):
            fit(smoke, tmp_path / "parts")
    assert not Run(tmp_path / "parts").finished
    assert len(Run(tmp_path / "parts").history) == 2
    assert_same_run(fit(smoke, tmp_path / "parts"), whole)


KILLED = """
import os, signal, sys
import ssvh_lib as ssvh
from ssvh_lib.training.runs import Run

save = Run.save_state
def save_and_die(self, state):
    save(self, state)
    if len(state["history"]) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
Run.save_state = save_and_die
dataset = ssvh.load_dataset("moving-digits-smoke", sys.argv[1])
ssvh.fit(ssvh.build("conmh", dataset, 16, epochs=4), dataset, sys.argv[2], progress=False)
"""


@pytest.mark.slow
def test_killed_and_resumed_equals_uninterrupted(smoke, tmp_path):
    """The same after SIGKILL, which no program can answer; the second part runs in another process."""
    words = [sys.executable, "-c", KILLED, str(smoke.root.parent), str(tmp_path / "parts")]
    killed = subprocess.run(words, env=os.environ | {"OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL)
    assert killed.returncode == -signal.SIGKILL
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        assert_same_run(fit(smoke, tmp_path / "parts"), fit(smoke, tmp_path / "whole"))
    finally:
        torch.set_num_threads(before)


def test_a_crash_between_two_files_of_a_checkpoint_loses_only_that_epoch(smoke, tmp_path, monkeypatch):
    """history.csv is written before state.pt; a row that has no state is trained again."""
    whole = fit(smoke, tmp_path / "whole")
    with monkeypatch.context() as patch:
        real = Run.save_state

        def crash(self, state):
            if len(state["history"]) == 3:
                raise OSError("disk full")
            real(self, state)

        patch.setattr(Run, "save_state", crash)
        with pytest.raises(OSError, match="disk full"):
            fit(smoke, tmp_path / "parts")
    assert len(Run(tmp_path / "parts").history) == 3
    assert_same_run(fit(smoke, tmp_path / "parts"), whole)


def test_a_finished_run_is_not_trained_again(smoke, tmp_path, monkeypatch):
    run = fit(smoke, tmp_path / "run")
    files = {path: path.stat().st_mtime_ns for path in run.folder.iterdir()}
    monkeypatch.setattr(loop, "_train", None)  # calling it would fail
    again = conmh(smoke)
    assert ssvh.fit(again, smoke, tmp_path / "run", progress=False).folder == run.folder
    assert all(torch.equal(value, weights(run)[name]) for name, value in again.state_dict().items())
    assert {path: path.stat().st_mtime_ns for path in run.folder.iterdir()} == files


def test_nan_stops_training_where_it_is_born_and_keeps_the_last_good_epoch(smoke, tmp_path, monkeypatch):
    real, calls = loop._step, []

    def poisoned(model, optimiser, batch, rng):
        calls.append(None)
        terms = real(model, optimiser, batch, rng)
        return {name: value * float("nan") for name, value in terms.items()} if len(calls) == 2 * 4 + 2 else terms

    with monkeypatch.context() as patch:
        patch.setattr(loop, "_step", poisoned)
        with pytest.raises(ssvh.SSVHError, match=r"epoch 3: the loss of step 2 is nan.*after 2 epochs"):
            fit(smoke, tmp_path / "run")
    kept = Run(tmp_path / "run").load_state()
    assert len(kept["history"]) == 2
    assert all(value.isfinite().all() for value in kept["model"].values())


def test_a_learning_rate_that_is_too_high_ends_in_words_not_in_nan_codes(smoke, tmp_path):
    model = conmh(smoke, peak_learning_rate=1e30, max_gradient_norm=None)
    with pytest.raises(ssvh.SSVHError, match="lower learning rate"):
        ssvh.fit(model, smoke, tmp_path / "run", progress=False)


def test_gradients_are_clipped_where_the_config_asks(smoke, tmp_path, monkeypatch):
    norms = []

    def clip(parameters, limit):
        norms.append(limit)

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", clip)
    fit(smoke, tmp_path / "free", epochs=1)
    assert norms == []
    fit(smoke, tmp_path / "clipped", epochs=1, max_gradient_norm=0.5)
    assert norms == [0.5] * 4


def test_bfloat16_trains_to_nearly_the_same_losses(smoke, tmp_path):
    full, half = fit(smoke, tmp_path / "full"), fit(smoke, tmp_path / "half", precision="bfloat16")
    assert not half.history["loss"].equals(full.history["loss"])
    np.testing.assert_allclose(half.history["loss"], full.history["loss"], rtol=0.02)
    assert {value.dtype for value in weights(half).values()} == {torch.float32}


def test_learning_rate_follows_the_schedule_of_the_config(smoke, tmp_path):
    run = fit(smoke, tmp_path / "run", peak_learning_rate=1e-3, decay=0.5, decay_every=2, least_learning_rate=6e-4)
    np.testing.assert_allclose(run.history["learning_rate"], [1e-3, 1e-3, 6e-4, 6e-4])


def test_wrong_precision_device_and_shape_are_refused_before_a_folder_is_made(smoke, tmp_path):
    with pytest.raises(ssvh.SSVHError, match="Did you mean 'bfloat16'"):
        fit(smoke, tmp_path / "run", precision="bfloat")
    with pytest.raises(ssvh.SSVHError, match="The model reads 12 frames of size 256"):
        fit(smoke, tmp_path / "run", frames=12)
    assert not (tmp_path / "run").exists()
    with pytest.raises(ssvh.SSVHError, match="device 'nonsense' cannot be used"):
        loop.choose_device("nonsense")


def test_every_video_is_seen_once_an_epoch_and_no_batch_is_a_single_video(smoke):
    batches = list(loop._batches(smoke.train, 83, 7, torch.device("cpu")))  # 250 = 3 * 83 + 1
    assert [len(batch.rows) for batch in batches] == [83, 83, 84]
    rows = torch.cat([batch.rows for batch in batches])
    assert sorted(rows.tolist()) == list(range(250))
    assert rows.tolist() != list(range(250))
    assert torch.equal(batches[0].frames, torch.from_numpy(smoke.train.read(batches[0].rows.numpy())))


def test_training_leaves_the_global_random_state_alone(smoke, tmp_path):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    fit(smoke, tmp_path / "run", epochs=1)
    assert torch.equal(torch.rand(2), expected)


def test_training_learns_something(smoke, tmp_path):
    """Trained codes retrieve better than those of the initial weights, by more than chance could."""
    model = conmh(smoke, epochs=10)
    labels = smoke.query.labels, smoke.database.labels

    def quality():
        return evaluate(ssvh.encode(model, smoke.query), ssvh.encode(model, smoke.database), *labels).map[20]

    untrained = quality()
    run = ssvh.fit(model, smoke, tmp_path / "run", progress=False)
    assert run.history["loss"].iloc[-1] < 0.9 * run.history["loss"].iloc[0]
    assert quality() > untrained + 0.005


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_training_on_a_gpu_resumes_and_comes_close_to_the_cpu(smoke, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after(patch, 2, KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            ssvh.fit(conmh(smoke), smoke, tmp_path / "gpu", device="cuda", progress=False)
    gpu = ssvh.fit(conmh(smoke), smoke, tmp_path / "gpu", device="cuda", progress=False)
    cpu = fit(smoke, tmp_path / "cpu")
    np.testing.assert_allclose(gpu.history["loss"], cpu.history["loss"], rtol=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "variant"), [("s5vh", "paper"), ("s5vh", "released"), ("autossvh", "paper")])
def test_methods_that_look_at_the_whole_set_resume_as_exactly(smoke, tmp_path, monkeypatch, name, variant):
    """Soft labels that drift from epoch to epoch, and clusters that are found anew, survive an interrupt."""

    def fit(folder):
        model = (
            build(name, smoke, 16, variant=variant, epochs=4, smoothing=0.3)
            if name == "s5vh"
            else build(name, smoke, 16, variant=variant, epochs=4)
        )
        return ssvh.fit(model, smoke, folder, progress=False), model

    whole, finished = fit(tmp_path / "whole")
    with monkeypatch.context() as patch:
        stop_after(patch, 3, KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            fit(tmp_path / "parts")
    resumed, again = fit(tmp_path / "parts")
    assert_same_run(resumed, whole)
    if name == "s5vh":
        assert torch.equal(again.labels, finished.labels)
        assert (finished.labels.max(dim=1).values < 1).all()


def test_as_many_steps_as_losses_are_looked_at_are_no_trouble(smoke, tmp_path):
    assert len(list(loop._batches(smoke.train, 16, 0, torch.device("cpu")))) == loop.CHECK_EVERY
    assert fit(smoke, tmp_path / "run", batch_size=16, epochs=1).finished


def assert_same_weights(model, other):
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in model.state_dict().items())


def test_epochs_that_are_kept_lead_from_the_initial_weights_to_the_result(smoke, tmp_path):
    run = kept(smoke, tmp_path / "run")
    assert_same_run(run, fit(smoke, tmp_path / "plain"))
    names = [path.name for path in sorted((run.folder / "epochs").iterdir())]
    assert names == [f"{epoch:03}.safetensors" for epoch in range(EPOCHS + 1)]
    assert_same_weights(run.model(0), conmh(smoke))
    assert_same_weights(run.model(EPOCHS), run.model())
    weights = [torch.cat([value.flatten() for value in run.model(epoch).parameters()]) for epoch in range(EPOCHS + 1)]
    assert all(not torch.equal(one, after) for one, after in pairwise(weights))


def test_an_epoch_is_what_training_for_so_long_gives(smoke, tmp_path):
    """With a learning rate that does not depend on the length of training."""
    run = kept(smoke, tmp_path / "run")
    assert_same_weights(run.model(2), fit(smoke, tmp_path / "short", epochs=2).model())


@pytest.mark.slow
@pytest.mark.parametrize("begun_with", [True, False])
def test_epochs_are_all_kept_whatever_interrupts(smoke, tmp_path, monkeypatch, begun_with):
    """Also if the first part was not asked to keep them: then it is trained again."""
    whole = kept(smoke, tmp_path / "whole")
    with monkeypatch.context() as patch:
        stop_after(patch, 2, KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            ssvh.fit(conmh(smoke), smoke, tmp_path / "parts", progress=False, keep_epochs=begun_with)
    parts = kept(smoke, tmp_path / "parts")
    assert_same_run(parts, whole)
    for epoch in range(EPOCHS + 1):
        assert_same_weights(parts.model(epoch), whole.model(epoch))


def test_a_finished_run_that_lacks_epochs_gets_them_and_stays_as_it_is(smoke, tmp_path, monkeypatch, tree):
    run = fit(smoke, tmp_path / "run")
    before = tree(run.folder)
    with monkeypatch.context() as patch:
        stop_after(patch, 2, KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            kept(smoke, tmp_path / "run")
    assert run.finished
    assert {name: content for name, content in tree(run.folder).items() if name in before} == before
    kept(smoke, tmp_path / "run")
    after = tree(run.folder)
    assert {name: content for name, content in after.items() if not name.startswith("epochs/")} == before
    monkeypatch.setattr(loop, "_train", None)  # calling it would fail
    kept(smoke, tmp_path / "run")
    assert tree(run.folder) == after


def test_the_reader_ends_with_the_epoch_though_the_error_is_kept(smoke, tmp_path, monkeypatch):
    """A traceback keeps what it went through alive; the reader of the training set must not wait for that."""
    closed = []

    def batches(*given):
        try:
            yield from real(*given)
        finally:
            closed.append(True)

    real = loop._batches
    monkeypatch.setattr(loop, "_batches", batches)
    stop_after(monkeypatch, 1, RuntimeError("in the middle"))
    with pytest.raises(RuntimeError) as error:
        fit(smoke, tmp_path / "run")
    assert error.value.__traceback__ is not None
    assert closed == [True, True]
