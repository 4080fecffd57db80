"""MCMSH: its structure of the training set, its losses, and what its released code does otherwise."""

import math

import numpy as np
import pytest
import torch
from toys import batch_of, dataset_of, generator, started

from ssvh_lib.clustering.reduction import mean_pooled
from ssvh_lib.methods import build
from ssvh_lib.methods.mcmsh import View, quadruplet_loss, reduced


def model_of(bits=16, **choices):
    dataset = dataset_of()
    return started("mcmsh", dataset, bits, **choices), dataset


# Structure of the training set


def test_targets_are_the_centres_in_their_principal_components(rng):
    centres = (rng.standard_normal((9, 30)) * np.linspace(1, 5, 30)).astype(np.float32)
    found = reduced(centres, 16)
    assert found.shape == (9, 16)
    wanted = np.linalg.norm(centres[:, None] - centres[None], axis=-1)  # nine points have eight directions: all is kept
    np.testing.assert_allclose(np.linalg.norm(found[:, None] - found[None], axis=-1), wanted, rtol=1e-4, atol=1e-4)
    assert np.all(np.diff(found.var(axis=0)) <= 1e-6)
    assert np.abs(found[:, 9:]).max() == 0
    np.testing.assert_allclose(reduced(centres, 3), found[:, :3], atol=1e-4)


def test_clusters_come_from_mean_features_and_a_video_belongs_to_the_nearest():
    model, dataset = model_of(clusters=6)
    assert model.targets.shape == (6, 32)
    assert model.nearest.shape == (40, 5)
    means = mean_pooled(dataset.train)
    labels = model.nearest[:, 0].numpy()
    centres = np.stack([means[labels == label].mean(axis=0) for label in range(6)])
    nearest = np.linalg.norm(means[:, None] - centres[None], axis=-1).argmin(axis=1)
    assert (nearest == labels).mean() > 0.9


def test_what_is_kept_with_an_epoch_is_enough_to_go_on():
    model, dataset = model_of()
    resumed = build("mcmsh", dataset, 16)
    for name in model.REMEMBERED:
        setattr(resumed, name, getattr(model, name))
    resumed.begin_epoch(1, dataset.train, np.random.default_rng(7))
    rows = torch.arange(16)
    one, other = (each._draw(rows, generator()) for each in (model, resumed))
    assert np.array_equal(one.signs, other.signs)
    assert np.array_equal(np.stack(one.rows), np.stack(other.rows))
    assert resumed.sharpness == model.sharpness


def test_an_unlike_pair_that_is_alike_is_drawn_once_more():
    model, _ = model_of()

    class Known:
        """Video 9 is similar to all others."""

        drawn = iter([np.array([1, 2]), np.array([9, 3]), np.array([5, 6])])

        def pairs(self, rows, rng):
            return rows.numpy(), np.array([1, -1])

        def similar(self, rows, rng):
            return rows.numpy()

        def dissimilar(self, rows, rng):
            return next(self.drawn)

        def tags(self, i, j):
            return np.where((i == 9) | (j == 9), 1, 2)

    model.neighbours = Known()
    rows = model._draw(torch.tensor([0, 4]), generator()).rows
    assert [part.tolist() for part in rows] == [[0, 4], [0, 4], [1, 2], [5, 3]]


# Losses


def test_quadruplets_by_hand():
    """Eight bits: margins 2 and 1/8; distances 4 to the similar one, 8 to the far one, 3 between the two far ones."""
    codes, similar, far, farther = (torch.zeros(1, 8) for _ in range(4))
    similar[0, 0], far[0, :2], farther[0, :2] = 2.0, 2.0, 2.0
    farther[0, 2:5] = 1.0
    assert quadruplet_loss(codes, similar, far, farther).item() == 0 + (1 / 8 + 4 - 3)
    assert quadruplet_loss(codes, far, similar, farther).item() == (2 + 8 - 4) + (1 / 8 + 8 - 7)


def test_the_cluster_error_is_the_distance_to_the_target_of_the_own_cluster():
    model, _ = model_of()
    embedding = torch.ones(2, 32)
    rows = np.array([3, 30])
    wanted = sum((1 - model.targets[model.nearest[row, 0]]).square().mean().item() for row in rows) / 2
    assert model._cluster_error(View(embedding, embedding), rows).item() == pytest.approx(wanted)


def test_the_total_weighs_the_four_terms():
    model, dataset = model_of(cluster_weight=2.0, similarity_weight=3.0, quantisation_weight=5.0, quadruplet_weight=7.0)
    terms = model.loss(batch_of(dataset), generator())
    wanted = 2 * terms["cluster"] + 3 * terms["similarity"] + 5 * terms["quantisation"] + 7 * terms["quadruplet"]
    torch.testing.assert_close(terms["loss"], wanted)


def test_codes_sharpen_and_are_stored_as_they_were_trained():
    model, dataset = model_of()  # in the second epoch
    assert model.sharpness.item() == pytest.approx(math.sqrt(2))
    frames = batch_of(dataset).frames
    again = build("mcmsh", dataset, 16)
    again.load_state_dict(model.state_dict())
    model.eval()
    assert torch.equal(again.eval().encode(frames), model.encode(frames))
    wanted = torch.tanh(math.sqrt(2) * model.hash(model.encoder(frames))).mean(dim=1)
    torch.testing.assert_close(model.encode(frames), wanted)


# The released code


def test_released_codes_are_encoded_less_sharply_than_they_were_trained():
    model, dataset = model_of(variant="released")
    model.eval()
    frames = batch_of(dataset).frames
    values = model.hash(model.encoder(frames))
    torch.testing.assert_close(model.encode(frames), torch.tanh(values).mean(dim=1))
    torch.testing.assert_close(model.view(frames).codes, torch.tanh(math.sqrt(2) * values).mean(dim=1))


class PassingSign(torch.autograd.Function):
    """A sign whose gradient passes unchanged, within ±1."""

    @staticmethod
    def forward(ctx, values):
        return values.sign()

    @staticmethod
    def backward(ctx, gradient):
        return gradient.clamp(-1, 1)


def test_released_quantisation_teaches_nothing(noise):
    """Through the code and through its sign come opposite gradients; detached, the sign leaves one of them."""
    codes = noise(4, 16).tanh().requires_grad_()
    error = (codes - PassingSign.apply(codes)).square().mean()
    (through,) = torch.autograd.grad(error, codes)
    assert through.eq(0).all()
    for variant in ("paper", "released"):
        model, _ = model_of(variant=variant)
        found = model._quantisation_error(View(codes, codes))
        torch.testing.assert_close(found, error)
        assert found.requires_grad == (variant == "paper")


def test_published_settings():
    model = build("mcmsh", dataset_of(features=4096), 64, preset="paper")
    assert (model.config.epochs, model.config.batch_size, model.config.clusters) == (56, 256, 2000)
    assert model.encoder.time[1].long.before.weight.shape == (256, 256)
    assert model.encoder.time[1].short.weights[0].weight.shape == (6, 25, 3)
    assert model.encoder.last.short.weights[0].weight.shape == (16, 16, 3)
