"""BTH and DKPH, which are taught by a first network of their own kind: what they have in common."""

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from taught import batch_of, dataset_of, taught
from toys import generator

import ssvh_lib as ssvh
from ssvh_lib.data.batch import Batch
from ssvh_lib.methods import build
from ssvh_lib.methods.base.teacher_student import mean_states, reinitialise
from ssvh_lib.nn.bert import BertEncoder
from ssvh_lib.training import loop

NAMES = ("bth", "dkph")


def test_mean_states_are_those_of_undamaged_frames_without_dropout():
    dataset = dataset_of()
    encoder = BertEncoder(8, 16, 6)
    found = mean_states(encoder, dataset.train)
    assert encoder.training
    wanted = encoder.eval()(torch.from_numpy(dataset.train.read())).mean(dim=1).detach().numpy()
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_starting_anew_draws_from_the_generator_and_leaves_the_global_state():
    model = build("bth", dataset_of(), 16)
    before = {key: value.clone() for key, value in model.named_parameters()}
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(7)
        reinitialise(model, np.random.default_rng(seed))
        found.append(model.hash.weight.clone())
        assert torch.rand(1) == torch.rand(1, generator=generator(7))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
    assert [key for key, value in model.named_parameters() if torch.equal(value, before[key]) and value.std() > 0] == []


@pytest.mark.parametrize("name", NAMES)
def test_variants_differ_in_the_target_only(name):
    dataset = dataset_of()
    paper, released = (
        taught(name, dataset, variant=variant).loss(batch_of(dataset), generator()) for variant in ("paper", "released")
    )
    assert paper["reconstruction"] != released["reconstruction"]
    assert all(torch.equal(paper[key], released[key]) for key in paper if key not in ("loss", "reconstruction"))


@pytest.mark.parametrize("name", NAMES)
def test_partners_stand_behind_the_batch(name):
    dataset = dataset_of()
    model = taught(name, dataset)
    picked = torch.tensor([5, 70, 5, 2])
    frames = torch.from_numpy(dataset.train.read(picked.numpy()))
    rows, both, signs = model.with_partners(Batch(frames, picked), model.neighbours, generator())
    assert torch.equal(rows[:4], picked)
    assert torch.equal(both, torch.from_numpy(dataset.train.read(rows.numpy())))
    tags = model.neighbours.tags(rows[:4].numpy(), rows[4:].numpy())
    assert (tags == 1).tolist() == (signs > 0).tolist()
    assert signs.dtype == torch.float32


@pytest.mark.parametrize("name", NAMES)
def test_the_teacher_learns_to_rebuild_and_nothing_else(name):
    dataset = dataset_of()
    model = build(name, dataset, 16, anchors=20)
    model.begin_epoch(0, dataset.train, np.random.default_rng(0))
    assert model.stage(0) == "teacher"
    assert list(model.loss(batch_of(dataset), generator())) == ["loss", "reconstruction"]
    assert model.anchors.shape == (0, 32)


@pytest.mark.parametrize("name", NAMES)
def test_at_the_boundary_the_teacher_leaves_anchors_and_goes(name):
    dataset = dataset_of()
    model = build(name, dataset, 16, anchors=20)
    model.begin_epoch(0, dataset.train, np.random.default_rng(0))
    vectors, before = mean_states(model.encoder, dataset.train), model.encoder.embed.weight.clone()
    model.begin_epoch(1, dataset.train, np.random.default_rng(1))
    assert model.stage(1) == "student"
    assert model.anchors.shape == (20, 32)
    distance = torch.cdist(torch.from_numpy(vectors), model.anchors)
    assert torch.equal(model.nearest[:, 0], distance.argmin(dim=1))
    assert not torch.equal(model.encoder.embed.weight, before)
    labels = model.nearest.clone()
    model.begin_epoch(2, dataset.train, np.random.default_rng(2))
    assert torch.equal(model.nearest, labels)


@pytest.mark.parametrize("name", NAMES)
def test_both_decoders_can_start_at_the_mean_frame(name):
    dataset = dataset_of()
    mean = torch.from_numpy(dataset.train.read().mean(axis=(0, 1)))
    for start_at_mean in (True, False):
        model = build(name, dataset, 16, anchors=20, teacher_epochs=2, epochs=4, start_at_mean=start_at_mean)
        for epoch in range(4):
            model.begin_epoch(epoch, dataset.train, np.random.default_rng(epoch))
            starts = start_at_mean and epoch in (0, 2)
            assert torch.allclose(model.decoder.bias, mean, atol=1e-5) == starts
            with torch.no_grad():
                model.decoder.bias.zero_()


@pytest.mark.parametrize("name", NAMES)
def test_the_learning_rate_starts_anew_with_the_second_network(name):
    model = build(name, dataset_of(), 16, preset="paper")
    teacher = model.config.teacher_epochs
    assert [model.learning_rate(epoch) for epoch in (0, teacher)] == [3e-4, 3e-4]
    assert model.learning_rate(teacher - 1) == model.learning_rate(2 * teacher - 1) == pytest.approx(3e-4 * 0.9**2)
    assert model.learning_rate(10_000) == 1e-4


def stop_in(monkeypatch, epoch, steps_an_epoch):
    """Make training stop in the middle of ``epoch``, counted from 0."""
    real, calls = loop._step, []

    def step(*arguments):
        calls.append(None)
        if len(calls) == epoch * steps_an_epoch + 2:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(loop, "_step", step)


@pytest.mark.parametrize("name", NAMES)
def test_a_run_resumes_exactly_in_either_stage_and_at_the_boundary(name, tmp_path, monkeypatch):
    dataset = dataset_of()

    def fit(folder):
        model = build(name, dataset, 16, anchors=20, teacher_epochs=2, epochs=5, batch_size=16)
        return ssvh.fit(model, dataset, folder, progress=False), model

    whole, finished = fit(tmp_path / "whole")
    assert whole.history.iloc[:, -1].notna().tolist() == [False, False, True, True, True]
    for epoch in range(1, 5):  # 1 in the teacher's stage, 2 at the boundary, 3 and 4 behind it
        folder = tmp_path / str(epoch)
        with monkeypatch.context() as patch:
            stop_in(patch, epoch, 5)
            with pytest.raises(KeyboardInterrupt, match=f"{epoch} are kept"):
                fit(folder)
        run, model = fit(folder)
        pd.testing.assert_frame_equal(
            run.history.drop(columns="seconds"), whole.history.drop(columns="seconds"), check_exact=True
        )
        wanted = load_file(whole.folder / "model.safetensors")
        for key, value in load_file(run.folder / "model.safetensors").items():
            assert torch.equal(value, wanted[key]), key
        assert torch.equal(model.anchors, finished.anchors)
        assert torch.equal(model.nearest, finished.nearest)


@pytest.mark.parametrize("name", NAMES)
def test_progress_names_the_stage_and_the_student_has_an_optimiser_of_its_own(name, tmp_path, monkeypatch, capsys):
    dataset, model = dataset_of(), build(name, dataset_of(), 16, anchors=20, teacher_epochs=1, epochs=3, batch_size=16)
    steps, real = [], loop._step

    def step(model, optimiser, batch, rng):
        terms = real(model, optimiser, batch, rng)
        steps.append(int(optimiser.state[model.hash.weight]["step"]))
        return terms

    monkeypatch.setattr(loop, "_step", step)
    ssvh.fit(model, dataset, tmp_path / "run")
    assert steps == [1, 2, 3, 4, 5, *range(1, 11)]  # Adam counts from 1 again
    shown = capsys.readouterr().err
    assert 0 <= shown.index("seed 0, teacher") < shown.index("seed 0, student")


@pytest.mark.parametrize("name", NAMES)
def test_mistakes_are_found_before_training(name, tmp_path):
    dataset = dataset_of()
    with pytest.raises(ssvh.SSVHError, match=f"anchors = 81 of {name} must be from 1 to 80, the number of training"):
        ssvh.fit(build(name, dataset, 16, anchors=81), dataset, tmp_path / "run", progress=False)
    for teacher_epochs in (0, 2, 3):
        with pytest.raises(ssvh.SSVHError, match="teacher_epochs must be at least 1 and less than all 2 epochs"):
            build(name, dataset, 16, teacher_epochs=teacher_epochs)


@pytest.mark.parametrize("name", NAMES)
def test_published_settings(name):
    model = build(name, dataset_of(frames=25, features=4096), 64, preset="paper")
    config = model.config
    assert (config.width, config.anchors, config.batch_size) == (256, 2000, 256)
    assert config.epochs - config.teacher_epochs == {"bth": 56, "dkph": 49}[name]
    assert model.decoder.weight.shape == (4096, 64)
    assert model.encoder.mlp[0].weight.shape == (1024, 256)
