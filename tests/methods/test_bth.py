"""The one-layer BERT, damaged frames, and BTH and DKPH, which are taught by a first network of their own kind."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

import ssvh_lib as ssvh
from ssvh_lib.data import VideoFeatures
from ssvh_lib.data.batch import Batch
from ssvh_lib.methods import build
from ssvh_lib.methods.base.teacher_student import mean_states, reinitialise
from ssvh_lib.nn.bert import BertEncoder, SpreadNorm, cloze
from ssvh_lib.training import loop

NAMES = ("bth", "dkph")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def dataset_of(videos=80, frames=6, features=8, kinds=10):
    rng = np.random.default_rng(0)
    kind = np.arange(videos) % kinds
    values = rng.standard_normal((videos, frames, features)) + 3 * rng.standard_normal((kinds, features))[kind][:, None]
    part = VideoFeatures(values.astype(np.float32), np.eye(kinds, dtype=np.uint8)[kind], tuple(map(str, range(videos))))
    return ssvh.Dataset("toy", part, part, part, False, tuple(map(str, range(kinds))), "smoke", "toy", None)


def taught(name, dataset, bits=16, **changes):
    """The second network before its first step, without dropout, so that losses can be worked out again."""
    model = build(name, dataset, bits, **{"anchors": 20, "dropout": 0.0, **changes})
    for epoch in (0, 1):
        model.begin_epoch(epoch, dataset.train, np.random.default_rng(epoch))
    return model.train()


def batch_of(dataset, size=12):
    rows = np.arange(size)
    return Batch(torch.from_numpy(dataset.train.read(rows)), torch.from_numpy(rows))


# The encoder


def test_the_encoder_is_what_the_formulas_say():
    """A twin in float64, one video and one frame at a time."""
    torch.manual_seed(0)
    encoder = BertEncoder(5, 4, 3).double().eval()
    frames = torch.randn(2, 3, 5, dtype=torch.float64)
    with torch.no_grad():
        for norm in (encoder.attention_norm, encoder.mlp_norm):
            norm.gain.uniform_(0.5, 2)
            norm.shift.uniform_(-1, 1)

    def linear(layer, x):
        return layer.weight @ x + (0 if layer.bias is None else layer.bias)

    def norm(layer, x):
        spread = ((x - x.mean()).square().sum() / (len(x) - 1)).sqrt()
        return layer.gain * (x - x.mean()) / (spread + 1e-6) + layer.shift

    def gelu(x):
        return x / 2 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))

    def place(t):
        return torch.tensor([math.sin(t), math.cos(t), math.sin(t / 100), math.cos(t / 100)], dtype=torch.float64)

    for video in range(2):
        tokens = [linear(encoder.embed, frames[video, t]) + place(t) for t in range(3)]
        normed = [norm(encoder.attention_norm, x) for x in tokens]
        attention = encoder.attention
        for t in range(3):
            query = linear(attention.query, normed[t])
            scores = torch.stack([query @ linear(attention.key, x) / 2 for x in normed]).softmax(dim=0)
            mixed = sum(score * linear(attention.value, x) for score, x in zip(scores, normed, strict=True))
            middle = tokens[t] + linear(attention.out, mixed)
            changed = linear(encoder.mlp[3], gelu(linear(encoder.mlp[0], norm(encoder.mlp_norm, middle))))
            # the norm computes in float32
            torch.testing.assert_close(encoder(frames)[video, t], middle + changed, rtol=1e-5, atol=1e-5)


def test_the_norm_has_the_unbiased_spread_and_survives_equal_values():
    norm = SpreadNorm(4)
    values = torch.tensor([[1.0, 2.0, 3.0, 6.0], [5.0, 5.0, 5.0, 5.0]], requires_grad=True)
    wanted = (values[0] - 3) / (math.sqrt(14 / 3) + 1e-6)
    torch.testing.assert_close(norm(values)[0], wanted)
    assert norm(values)[1].eq(0).all()
    norm(values).square().sum().backward()
    assert values.grad.isfinite().all()


def test_dropout_acts_in_training_only():
    encoder, frames = BertEncoder(5, 8, 3), torch.randn(2, 3, 5)
    assert not torch.equal(encoder(frames), encoder(frames))
    encoder.eval()
    assert torch.equal(encoder(frames), encoder(frames))


def test_every_parameter_of_the_encoder_is_used():
    encoder = BertEncoder(5, 8, 3)
    encoder(torch.randn(4, 3, 5)).square().mean().backward()
    assert [name for name, value in encoder.named_parameters() if value.grad.abs().max() < 1e-6] == []


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


# Damage


def test_damage_is_that_of_the_sheet():
    """Values say whose they are: video · 100 + frame + 1."""
    B, T = 40, 50
    frames = (100 * torch.arange(B)[:, None] + torch.arange(T) + 1.0)[..., None].expand(B, T, 3)
    kept = frames.clone()
    damaged = cloze(frames, generator())
    assert torch.equal(frames, kept)
    assert (damaged == damaged[..., :1]).all()  # a frame goes as a whole
    zero, swapped = damaged[..., 0] == 0, (damaged[..., 0] != 0) & (damaged != frames)[..., 0]
    assert zero.float().mean().item() == pytest.approx(0.12, abs=0.025)  # 3.5 deviations
    assert swapped.float().mean().item() == pytest.approx(0.015, abs=0.01)
    source = (damaged[..., 0][swapped] - 1).long()
    assert (source // 100 != torch.arange(B)[:, None].expand(B, T)[swapped]).all()
    assert len(torch.unique(source % 100)) > 10


def test_share_says_how_much_is_damaged():
    frames = torch.rand(20, 50, 2) + 1
    assert torch.equal(cloze(frames, generator(), 0.0), frames)
    all_of_it = cloze(frames, generator(), 1.0)
    assert (all_of_it == frames).all(dim=-1).float().mean().item() == pytest.approx(0.1, abs=0.04)


def test_a_video_alone_is_damaged_with_its_own_frames():
    assert cloze(torch.ones(1, 200, 2), generator(), 1.0).unique().tolist() == [0, 1]


# Losses


def parts_of(model, dataset, seed=3):
    """What ``loss`` draws and computes, step by step."""
    rng, batch = generator(seed), batch_of(dataset)
    partners, signs = model.neighbours.pairs(batch.rows, rng)
    rows = np.concatenate([batch.rows.numpy(), partners])
    frames = torch.from_numpy(dataset.train.read(rows))
    damaged = cloze(frames, rng)
    states = model.encoder(damaged)
    anchors = torch.from_numpy(model.neighbours.anchors[model.neighbours.labels[rows]])
    return frames, damaged, states, anchors, signs


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_bth_loss_pair_by_pair(variant):
    dataset = dataset_of()
    model = taught("bth", dataset, variant=variant)
    frames, damaged, states, anchors, signs = parts_of(model, dataset)
    target = frames if variant == "paper" else damaged
    codes = model.hash(states).sign()
    mask = (model.decoder(codes) - target).square().sum() / (2 * 6 * 8 * 12)
    neighbourhood = sum(
        (sign - codes[i].mean(dim=0) @ codes[12 + i].mean(dim=0) / 16) ** 2 / 12 for i, sign in enumerate(signs)
    )
    anchoring = sum((states[i].mean(dim=0) - anchors[i]).square().sum() for i in range(24)) / (32 * 12)
    found = model.loss(batch_of(dataset), generator(3))
    torch.testing.assert_close(found["reconstruction"], mask)
    torch.testing.assert_close(found["neighbourhood"], neighbourhood.float())
    torch.testing.assert_close(found["anchoring"], anchoring)
    torch.testing.assert_close(found["loss"], 0.92 * mask + 0.08 * found["neighbourhood"] + 0.8 * anchoring)


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_dkph_loss_pair_by_pair_and_the_released_triplets_have_the_same_gradient(variant):
    dataset = dataset_of()
    model = taught("dkph", dataset, variant=variant)
    frames, damaged, states, anchors, signs = parts_of(model, dataset)
    target = frames if variant == "paper" else damaged
    codes = model.hash(states.reshape(24, -1)).sign()
    rebuilt = model.decoder(torch.stack([codes + model.temporal(states[:, t]) for t in range(6)], dim=1))
    mask = (rebuilt - target).square().sum() / (2 * 6 * 8 * 12)
    similarity = sum((sign - codes[i] @ codes[12 + i] / 16) ** 2 / 12 for i, sign in enumerate(signs))
    means = states.mean(dim=1)
    weight = torch.from_numpy((1 - signs) / 2).float()[:, None]  # [code] anchors of similar pairs become zero
    triplets = torch.nn.TripletMarginLoss(margin=0.5)(means[:12], weight * anchors[:12], weight * anchors[12:])
    released = (means - anchors).square().sum() / (32 * 12) + 0.1 * triplets
    found = model.loss(batch_of(dataset), generator(3))
    torch.testing.assert_close(found["reconstruction"], mask)
    torch.testing.assert_close(found["similarity"], similarity.float())
    constant = 0.1 * 0.5 * float((signs > 0).mean())
    torch.testing.assert_close(found["temporal"], released - constant)
    torch.testing.assert_close(found["loss"], mask + 0.9 * found["temporal"] + 0.11 * found["similarity"])
    own, theirs = (
        torch.autograd.grad(loss, model.encoder.embed.weight, retain_graph=True)[0]
        for loss in (found["temporal"], released)
    )
    torch.testing.assert_close(own, theirs)


@pytest.mark.parametrize("name", NAMES)
def test_variants_differ_in_the_target_only(name):
    dataset = dataset_of()
    paper, released = (
        taught(name, dataset, variant=variant).loss(batch_of(dataset), generator()) for variant in ("paper", "released")
    )
    assert paper["reconstruction"] != released["reconstruction"]
    assert all(torch.equal(paper[key], released[key]) for key in paper if key not in ("loss", "reconstruction"))


def test_dkph_codes_are_those_of_whole_videos():
    dataset = dataset_of()
    model = build("dkph", dataset, 16).eval()
    frames = torch.from_numpy(dataset.train.read(np.arange(4)))
    assert model.hash.weight.shape == (16, 6 * 32)
    assert model.encode(frames).abs().max() > 0
    moved = model.encode(frames.flip(1))
    assert not torch.allclose(moved, model.encode(frames))


# Two networks, one after the other


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
