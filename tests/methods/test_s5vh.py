"""S5VH: its three signals, its centres and labels, and what its released code does otherwise."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch.nn.functional import softplus
from toys import batch_of, dataset_of, generator, started

import ssvh_lib as ssvh
from ssvh_lib.clustering.hash_centres import hadamard_centres, random_centres, semantic_centres
from ssvh_lib.clustering.reduction import mean_pooled
from ssvh_lib.methods import build
from ssvh_lib.nn.backbones import BACKBONES
from ssvh_lib.nn.layers import sign_ste
from ssvh_lib.nn.mamba import Mamba


def model_of(bits=16, **choices):
    dataset = dataset_of()
    return started("s5vh", dataset, bits, **choices), dataset


def mambas(model):
    return [part for part in model.modules() if isinstance(part, Mamba)]


# Global signal


def test_centres_are_signs_far_from_each_other_and_not_trained():
    model, _ = model_of(bits=32)
    assert model.centres.abs().eq(1).all()
    assert "centres" in model.state_dict()
    assert "centres" not in dict(model.named_parameters())
    distance = (32 - model.centres @ model.centres.T) / 2
    assert distance[~torch.eye(4, dtype=torch.bool)].min() >= 8


def test_label_and_centre_of_a_video_come_from_one_clustering():
    """The centre that is optimised for cluster k has label k: redo the clustering from the same random numbers."""
    model, dataset = model_of()
    config = model.config
    _, labels = semantic_centres(
        mean_pooled(dataset.train), config.clusters, config.dimensions, np.random.default_rng(0)
    )
    fresh = build("s5vh", dataset, 16)
    fresh.begin_epoch(0, dataset.train, np.random.default_rng(0))
    assert (fresh.labels.argmax(dim=1).numpy() == labels).all()
    assert fresh.labels.sum(dim=1).eq(1).all()


@pytest.mark.parametrize(("hadamard", "first"), [(True, hadamard_centres), (False, random_centres)])
def test_without_optimisation_the_centres_stay_where_they_start(hadamard, first):
    plain, dataset = model_of(optimised_centres=False, hadamard_start=hadamard)
    rng = np.random.default_rng(0)
    semantic_centres(mean_pooled(dataset.train), plain.config.clusters, plain.config.dimensions, rng)
    assert np.array_equal(plain.centres.numpy(), first(plain.config.clusters, 16, rng))


def test_optimised_centres_keep_the_similarities_of_the_clusters():
    """Thirty clusters on a line: the nearer two of them, the nearer their codes."""
    rng = np.random.default_rng(0)
    place = np.repeat(np.arange(30.0), 4)
    values = np.cos(place[:, None] / 10 + np.arange(64) / 10)[:, None] + 0.01 * rng.standard_normal((120, 25, 64))
    part = dataclasses.replace(dataset_of(120).train, features=values.astype(np.float32))
    dataset = dataclasses.replace(dataset_of(120), train=part)
    correlations = []
    for optimised in (True, False):
        model = build("s5vh", dataset, 32, clusters=30, optimised_centres=optimised)
        model.begin_epoch(0, part, np.random.default_rng(0))
        codes = model.centres[model.labels.argmax(dim=1)].numpy()
        inner, far = codes @ codes.T, np.abs(place[:, None] - place)
        correlations.append(np.corrcoef(inner[far > 0], -far[far > 0])[0, 1])
    assert correlations[0] > 0.5 > correlations[1]


def test_labels_stay_hard_during_warm_up_and_then_take_in_a_share_of_the_prediction_each_look():
    dataset = dataset_of()
    model = build("s5vh", dataset, 16, warm_up=1, smoothing=0.25)
    batch = batch_of(dataset)
    model.begin_epoch(0, dataset.train, np.random.default_rng(0))
    hard = model.labels.clone()
    assert torch.equal(model.soft_labels(batch), hard[:16])
    model.begin_epoch(1, dataset.train, np.random.default_rng(1))
    prediction = model.predict(batch.frames).detach()
    torch.testing.assert_close(model.soft_labels(batch), 0.75 * hard[:16] + 0.25 * prediction)
    twice = model.soft_labels(batch)
    torch.testing.assert_close(twice, 0.75**2 * hard[:16] + (1 - 0.75**2) * prediction)
    torch.testing.assert_close(model.labels[:16], twice)
    assert torch.equal(model.labels[16:], hard[16:])
    torch.testing.assert_close(twice.sum(dim=1), torch.ones(16))


def test_the_prediction_is_the_softmax_of_the_alignment_with_drop_path_off():
    model, dataset = model_of(layers=2, drop_path=0.9)
    frames = batch_of(dataset).frames
    wanted = (model.eval().encode(frames) @ model.centres.T / (16 * 0.5)).softmax(dim=1)
    model.train()
    torch.testing.assert_close(model.predict(frames), wanted)
    assert model.training


def test_predictions_reach_labels_without_a_gradient():
    model, dataset = model_of()
    model.loss(batch_of(dataset), generator())["loss"].backward()
    assert not model.labels.requires_grad


def test_the_total_weighs_the_three_signals():
    model, dataset = model_of(reconstruction_weight=3.0, contrast_weight=5.0, centre_weight=7.0)
    terms = model.loss(batch_of(dataset), generator())
    wanted = 3 * terms["reconstruction"] + 5 * terms["contrast"] + 7 * terms["alignment"]
    torch.testing.assert_close(terms["loss"], wanted)


# Parts


def test_two_scans_have_weights_of_their_own_and_mambas_start_is_kept():
    model, _ = model_of()
    first = model.encoder[0]
    assert len(first.mixers) == 2
    assert not torch.equal(first.mixers[0].in_proj.weight, first.mixers[1].in_proj.weight)
    for mamba in mambas(model):
        step = softplus(mamba.dt_proj.bias)
        assert step.min() >= 0.99e-4
        assert step.max() <= 0.101
        assert torch.equal(mamba.A_log[0], torch.arange(1.0, 17).log())


def test_frame_codes_are_soft():
    model, dataset = model_of()
    codes = model.frame_codes(batch_of(dataset).frames)
    assert codes.abs().max() < 1
    assert codes.abs().min() < 0.9


def test_hidden_frames_are_rebuilt_in_their_place_in_time(monkeypatch):
    """What the decoder reads at position t is the code of frame t, or the mask token, with the position of t."""
    model, _ = model_of()
    seen, unseen = torch.tensor([[1, 4, 6]]), torch.tensor([[t for t in range(25) if t not in (1, 4, 6)]])
    codes, heard = torch.randn(1, 3, 16), []
    model.decoder.register_forward_pre_hook(lambda _, inputs: heard.append(inputs[0]))
    model.decode(codes, seen, unseen)
    tokens = heard[0][0] - model.decoder_positions
    torch.testing.assert_close(tokens[[1, 4, 6]], model.decoder_embed(codes)[0])
    torch.testing.assert_close(tokens[unseen[0]], model.mask_token.expand(22, -1))


@pytest.mark.parametrize("backbone", BACKBONES)
def test_every_backbone_is_really_trained(backbone):
    model, dataset = model_of(backbone=backbone)
    before = {name: value.clone() for name, value in model.named_parameters()}
    optimiser = model.optimiser()
    for step in range(2):
        optimiser.zero_grad()
        model.loss(batch_of(dataset), generator(step))["loss"].backward()
        optimiser.step()
    parameters = dict(model.named_parameters())
    assert [name for name, value in before.items() if parameters[name].grad.abs().max() == 0] == []
    assert [name for name, value in before.items() if torch.equal(parameters[name], value)] == []


def test_backbones_differ_in_nothing_but_the_blocks():
    models = {name: build("s5vh", dataset_of(), 16, backbone=name) for name in BACKBONES}
    outside = {
        name: {key: value.shape for key, value in model.named_parameters() if ".0." not in key}
        for name, model in models.items()
    }
    assert all(shapes == outside["mamba"] for shapes in outside.values())


def test_an_unknown_backbone_is_refused_with_the_nearest():
    with pytest.raises(ssvh.SSVHError, match="Did you mean 'mamba'"):
        build("s5vh", dataset_of(), 16, backbone="mamba2")


def test_more_clusters_than_videos_are_refused_before_training(tmp_path):
    dataset = dataset_of(videos=8)
    with pytest.raises(ssvh.SSVHError, match="clusters = 9 of s5vh must be from 1 to 8, the number of training"):
        ssvh.fit(build("s5vh", dataset, 16, clusters=9), dataset, tmp_path / "run", progress=False)


def test_published_settings():
    dataset = dataset_of(features=4096)
    model = build("s5vh", dataset, 64, preset="paper")
    assert (len(model.encoder), len(model.decoder)) == (6 + 2, 1 + 1)
    assert model.centres.shape == (450, 64)
    assert model.visible == 7
    assert model.learning_rate(0) == 5e-4
    assert model.learning_rate(250) == pytest.approx((5e-4 + 1e-5) / 2)
    assert model.learning_rate(500) == pytest.approx(1e-5)


# The released code


def test_released_directions_share_one_mamba_but_not_the_norms():
    released, _ = model_of(variant="released")
    paper, _ = model_of()
    assert len(mambas(released)) == len(released.encoder) - 2 + len(released.decoder) - 1
    assert len(mambas(paper)) == 2 * len(mambas(released))
    assert len(released.encoder[0].norms) == 2


def test_released_initialisation_sets_every_step_size_to_softplus_of_zero():
    released, _ = model_of(variant="released")
    for mamba in mambas(released):
        assert mamba.dt_proj.bias.eq(0).all()
        assert softplus(mamba.dt_proj.bias).allclose(torch.full((1,), math.log(2)))


def test_released_centres_are_a_trained_classifier_that_can_beat_the_bound_of_fixed_ones():
    """With ±1 centres no logit leaves ±1/τ, so M labels cost at least log(1 + (M − 1) e^(−2/τ))."""
    released, dataset = model_of(variant="released")
    paper, _ = model_of()
    assert isinstance(released.centres, torch.nn.Parameter)
    bound = math.log(1 + 3 * math.exp(-4))
    for model in (paper, released):
        with torch.no_grad():
            if model is released:
                model.centres.mul_(1000)
            logits = model.encode(batch_of(dataset).frames) @ model.centres.T / (16 * 0.5)
        best = torch.nn.functional.cross_entropy(logits, logits.argmax(dim=1))
        assert (best >= bound) == (model is paper)


def test_released_prediction_lacks_norm_and_scale_and_keeps_drop_path_on():
    released, dataset = model_of(variant="released", layers=2)
    frames = batch_of(dataset).frames
    torch.manual_seed(0)
    one, other = released.predict(frames), released.predict(frames)
    assert not torch.equal(one, other)
    released.eval()
    codes = sign_ste(released.hash.linear(released.encoder(released.tokens(frames)))).mean(dim=1)
    torch.testing.assert_close(released.predict(frames), (codes @ released.centres.T).softmax(dim=1))


def test_released_drop_path_grows_to_a_half_over_the_encoder_and_spares_the_decoder():
    released, _ = model_of(variant="released", layers=6)
    assert [block.drop_path for block in released.encoder[:6]] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert released.decoder[0].drop_path == 0
    paper, _ = model_of(layers=6)
    assert {block.drop_path for block in paper.encoder[:6]} == {0}


def test_released_decoder_reads_all_visible_tokens_before_all_masked_ones():
    released, _ = model_of(variant="released")
    seen, unseen = torch.tensor([[1, 4, 6]]), torch.tensor([[t for t in range(25) if t not in (1, 4, 6)]])
    codes, heard = torch.randn(1, 3, 16), []
    released.decoder.register_forward_pre_hook(lambda _, inputs: heard.append(inputs[0]))
    assert released.decode(codes, seen, unseen).shape == (1, 22, 64)
    place = released.decoder_positions
    torch.testing.assert_close(heard[0][0, :3], released.decoder_embed(codes)[0] + place[seen[0]])
    torch.testing.assert_close(heard[0][0, 3:], released.mask_token + place[unseen[0]])


def test_released_frame_codes_are_signs():
    released, dataset = model_of(variant="released")
    assert released.frame_codes(batch_of(dataset).frames).abs().eq(1).all()


def test_each_departure_can_be_chosen_by_itself():
    tied, _ = model_of(tied_directions=True)
    assert len(tied.encoder[0].mixers) == 1
    assert tied.config.soft_codes
    assert tied.centres.abs().eq(1).all()
