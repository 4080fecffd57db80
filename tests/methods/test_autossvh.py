"""AutoSSVH: the game of sampler and network, voting and point-to-set, and what its released code does otherwise."""

import dataclasses

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from toys import batch_of, dataset_of, generator, started

import ssvh_lib as ssvh
from ssvh_lib.data.batch import Batch
from ssvh_lib.methods import build
from ssvh_lib.methods.autossvh import Clustering
from ssvh_lib.nn.layers import sign_ste
from ssvh_lib.samplers import SAMPLERS


def model_of(bits=16, **choices):
    dataset = dataset_of()
    return started("autossvh", dataset, bits, **choices), dataset


def gradients(model, dataset):
    model.zero_grad()
    terms = model.loss(batch_of(dataset), generator(3))
    terms["loss"].backward()
    return {name: value.grad.clone() for name, value in model.named_parameters() if value.grad is not None}


# The game


@pytest.mark.parametrize("sampler", ["grade-net", "adios"])
def test_reversal_flips_the_samplers_gradient_and_nothing_else(sampler):
    with_reversal, dataset = model_of(sampler=sampler)
    without, _ = model_of(sampler=sampler, reversal=False)
    without.load_state_dict(with_reversal.state_dict())
    for model in (with_reversal, without):
        model.sampler.penalty = lambda views, errors: errors.new_zeros(())  # ADIOS minimises that, reversed or not
        model.clusterings = with_reversal.clusterings
    one, other = gradients(with_reversal, dataset), gradients(without, dataset)
    assert one.keys() == other.keys()
    of_sampler = [name for name in one if name.startswith("sampler.")]
    assert of_sampler
    for name in one:
        sign = -1 if name in of_sampler else 1
        torch.testing.assert_close(one[name], sign * other[name], rtol=1e-4, atol=1e-7)
        assert one[name].abs().max() > 0


@pytest.mark.slow
def test_the_sampler_learns_to_drop_what_cannot_be_rebuilt():
    """Every fifth frame is noise, the others are all alike: the noise, which no code can hold, gets the high scores."""
    rng = np.random.default_rng(0)
    noisy = np.zeros((40, 25), bool)
    noisy[:, ::5] = True
    values = rng.standard_normal((40, 1, 64)) + 3 * noisy[..., None] * rng.standard_normal((40, 25, 64))
    part = dataclasses.replace(dataset_of().train, features=values.astype(np.float32), informative=noisy)
    model = started("autossvh", dataclasses.replace(dataset_of(), train=part), peak_learning_rate=3e-3)
    batch, optimiser = Batch(torch.from_numpy(part.read()), torch.arange(40)), model.optimiser()
    for step in range(40):
        optimiser.zero_grad()
        model.loss(batch, generator(step))["loss"].backward()
        optimiser.step()
    assert model.describe_epoch(part)["agreement"] > 0.7
    cooperative = started("autossvh", dataclasses.replace(dataset_of(), train=part), reversal=False)
    optimiser = cooperative.optimiser()
    for step in range(40):
        optimiser.zero_grad()
        cooperative.loss(batch, generator(step))["loss"].backward()
        optimiser.step()
    assert cooperative.describe_epoch(part)["agreement"] < 0.5


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_trains_and_scores_every_frame(sampler):
    model, dataset = model_of(sampler=sampler)
    found = gradients(model, dataset)
    assert [name for name, _ in model.named_parameters() if name not in found or found[name].abs().max() == 0] == []
    frames = batch_of(dataset).frames
    scores = model.eval().frame_scores(frames)
    assert scores.shape == (16, 25)
    assert scores.isfinite().all()
    assert torch.equal(scores, model.frame_scores(frames))


def test_the_score_of_a_trained_model_can_be_had_from_its_run(tmp_path):
    dataset = dataset_of()
    run = ssvh.fit(build("autossvh", dataset, 16), dataset, tmp_path / "run", progress=False)
    scores = run.model().frame_scores(torch.from_numpy(dataset.query.read()))
    assert scores.shape == (40, 25)
    assert (scores > 0).all()
    assert (scores < 1).all()


def test_agreement_with_the_truth_is_in_the_history_where_the_truth_is_known(smoke, tmp_path):
    run = ssvh.fit(build("autossvh", smoke, 16), smoke, tmp_path / "known", progress=False)
    assert len(run.history["agreement"]) == 2
    assert run.history["agreement"].between(0, 1).all()
    dataset = dataset_of()
    run = ssvh.fit(build("autossvh", dataset, 16), dataset, tmp_path / "unknown", progress=False)
    assert "agreement" not in run.history


def test_an_unknown_sampler_is_refused_with_the_nearest():
    with pytest.raises(ssvh.SSVHError, match="Did you mean 'grade-net'"):
        build("autossvh", dataset_of(), 16, sampler="gradenet")


# Codes, anchors, losses


def test_frame_codes_are_soft_and_video_codes_are_signs_with_a_gradient():
    model, dataset = model_of()
    frames = batch_of(dataset).frames
    codes = model.frame_codes(frames).detach().requires_grad_()
    videos = model.video_codes(codes)
    assert codes.abs().max() < 1
    assert torch.equal(videos, sign_ste(codes.mean(dim=1)))
    videos.sum().backward()
    torch.testing.assert_close(codes.grad, torch.full_like(codes, 1 / 25))


def test_anchors_are_the_votes_of_the_clusters_of_embeddings():
    model, dataset = model_of()
    model.eval()
    frames = torch.from_numpy(dataset.train.read())
    codes = np.where(model.encode(frames).detach().numpy() > 0, 1, -1)
    assert [len(anchors) for _, anchors in model.clusterings] == list(model.config.clusters)
    for labels, anchors in model.clusterings:
        for cluster, anchor in enumerate(anchors):
            members = codes[labels.numpy() == cluster]
            assert (anchor.numpy() == np.where(members.sum(axis=0) >= 0, 1, -1)).all()


def test_point_to_set_begins_after_the_warm_up():
    dataset = dataset_of()
    model = build("autossvh", dataset, 16, warm_up=2)
    terms = []
    for epoch in range(3):
        model.begin_epoch(epoch, dataset.train, np.random.default_rng(epoch))
        terms.append(model.train().loss(batch_of(dataset), generator()))
    assert ["point_to_set" in each for each in terms] == [False, False, True]
    weights = model.config
    last = terms[2]
    wanted = last["reconstruction"] + weights.contrast_weight * last["contrast"]
    torch.testing.assert_close(last["loss"], wanted + weights.set_weight * last["point_to_set"])


def test_point_to_set_is_info_nce_of_view_codes_and_all_anchors():
    model, _ = model_of()
    videos, rows = torch.randn(4, 16), torch.tensor([3, 5, 7, 9])
    terms = []
    for labels, anchors in model.clusterings:
        for video, row in zip(videos, rows, strict=True):
            logits = anchors.float() @ video / (16 * model.config.set_temperature)
            terms.append(logits.logsumexp(0) - logits[labels[row]])
    torch.testing.assert_close(model._point_to_set(videos, rows, generator()), torch.stack(terms).mean())


@pytest.mark.parametrize("term", ["reconstruction", "contrast", "set"])
def test_without_one_of_its_losses(term):
    model, dataset = model_of(**{f"{term}_weight": 0.0})
    full, _ = model_of()
    full.load_state_dict(model.state_dict())
    full.clusterings = model.clusterings
    less, more = (each.loss(batch_of(dataset), generator()) for each in (model, full))
    name, weight = ("point_to_set", 0.2) if term == "set" else (term, 1.0)
    torch.testing.assert_close(less["loss"], more["loss"] - weight * more[name])


# The released code


def test_released_has_no_sampler_to_train_and_drops_at_random():
    released, dataset = model_of(variant="released")
    assert [name for name, _ in released.named_parameters() if name.startswith("sampler.")] == []
    assert released.frame_scores(batch_of(dataset).frames).eq(0).all()


def test_released_codes_are_signs_by_frame_and_means_by_video():
    released, dataset = model_of(variant="released")
    codes = released.frame_codes(batch_of(dataset).frames)
    assert codes.abs().eq(1).all()
    assert torch.equal(released.video_codes(codes), codes.mean(dim=1))


def test_released_decoder_positions_are_learned_from_zeros():
    fresh = build("autossvh", dataset_of(), 16, variant="released")
    assert isinstance(fresh.decoder_positions, torch.nn.Parameter)
    assert fresh.decoder_positions.eq(0).all()
    assert "decoder_positions" in fresh.state_dict()
    assert "decoder_positions" not in build("autossvh", dataset_of(), 16).state_dict()


def test_released_prototypes_are_means_of_codes_and_not_votes():
    released, _ = model_of(variant="released")
    for (labels, prototypes), concentration in zip(released.clusterings, released.concentrations, strict=True):
        torch.testing.assert_close(prototypes.norm(dim=1), torch.ones(len(prototypes)))
        assert not prototypes.abs().eq(prototypes.abs()[:, :1]).all()
        assert concentration.mean().item() == pytest.approx(0.2, rel=1e-4)
        assert len(labels) == 40


def test_released_contrast_counts_videos_of_one_cluster_as_negatives_of_each_other():
    released, _ = model_of(variant="released")
    (labels, prototypes), concentration = released.clusterings[0], released.concentrations[0]
    released.clusterings = [Clustering(torch.zeros_like(labels), prototypes)]  # all in cluster 0
    released.concentrations = [concentration]
    videos = torch.randn(6, 16)
    got = released._point_to_set(videos, torch.arange(6), generator())
    unit = torch.nn.functional.normalize(videos, dim=1)
    terms = []
    for view in unit.chunk(2):  # 3 videos: their own prototype thrice, and the two or more others
        keys = torch.cat([torch.zeros(3, dtype=torch.long), torch.arange(1, len(prototypes))])
        logits = view @ prototypes[keys].T / concentration[keys]
        terms.append(cross_entropy(logits, torch.arange(3)))
    torch.testing.assert_close(got, torch.stack(terms).mean())
    assert got > np.log(3) - 1e-6  # three equal keys: no code can tell its own


def test_released_training_diverges_where_many_codes_are_equal(tmp_path):
    """A concentration of 0 makes the loss NaN; the loop says so instead of going on, and keeps the epoch before."""
    dataset = dataset_of()
    same = dataclasses.replace(dataset.train, features=np.repeat(dataset.train.read([0]), 40, axis=0))
    dataset = dataclasses.replace(dataset, train=same)
    model = build("autossvh", dataset, 16, variant="released")
    with pytest.raises(ssvh.SSVHError, match=r"epoch 2: the loss of step 1 is nan.* after 1 epochs"):
        ssvh.fit(model, dataset, tmp_path / "run", progress=False)


def test_released_input_dropout_on_activitynet_leaves_the_targets_alone():
    assert method_config("activitynet", "released").input_dropout == 0.2
    assert method_config("activitynet", "paper").input_dropout == 0.0
    model, dataset = model_of(variant="released", input_dropout=0.5)
    frames = batch_of(dataset).frames
    tokens = model.tokens(frames)
    torch.manual_seed(0)
    first, second = model._inputs(tokens, frames).chunk(2)
    assert not torch.equal(first, second)  # each view has its own
    assert not torch.equal(first, tokens)
    assert torch.equal(model.eval()._inputs(tokens, frames), tokens.repeat(2, 1, 1))


def method_config(dataset, variant):
    named = dataclasses.replace(dataset_of(), name=dataset)
    return build("autossvh", named, 16, preset="paper", variant=variant).config


def test_published_settings():
    paper, released = method_config("activitynet", "paper"), method_config("activitynet", "released")
    assert (paper.layers, paper.decoder_layers) == (6, 1)
    assert (released.layers, released.decoder_layers) == (12, 2)
    assert (paper.contrast_weight, paper.set_weight, paper.warm_up) == (0.2, 0.01, 100)
    paper, released = method_config("fcvid", "paper"), method_config("fcvid", "released")
    assert (paper.contrast_weight, released.contrast_weight) == (0.2, 1.0)
    assert (paper.clusters, released.clusters) == ((250, 400, 600), (250, 500, 1000))
    ucf = method_config("ucf101", "paper")
    assert (ucf.contrast_weight, ucf.set_weight, ucf.warm_up, ucf.mask_ratio) == (1.0, 0.2, 50, 0.5)
