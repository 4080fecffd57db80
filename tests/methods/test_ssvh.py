"""SSVH: its neighbours, its losses, its two layers and its memory."""

import numpy as np
import pytest
import torch
from toys import batch_of, dataset_of, generator, started

import ssvh_lib as ssvh
from ssvh_lib.methods import build
from ssvh_lib.methods.ssvh import neighbour_pairs
from ssvh_lib.nn.lstm import State
from ssvh_lib.training import loop


def naive_neighbours(vectors, nearest, lists):
    """Sets and loops over a dense N × N."""
    N = len(vectors)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    own = [set(np.argsort(-(unit @ one), kind="stable")[: nearest + 1]) for one in unit]
    found = np.zeros((N, N), dtype=bool)
    for i in range(N):
        overlap = np.array([len(own[i] & other) for other in own])
        for j in np.argsort(-overlap, kind="stable")[:lists]:
            for member in own[j]:
                found[i, member] = found[member, i] = True
    return found


@pytest.mark.parametrize(("nearest", "lists"), [(1, 2), (3, 1), (4, 5), (10, 5)])
def test_neighbours_equal_those_found_with_sets(rng, nearest, lists):
    vectors = rng.standard_normal((300, 6))  # more than a block
    found = np.zeros((300, 300), dtype=bool)
    pairs = neighbour_pairs(vectors, nearest, lists)
    found[tuple(pairs)] = True
    assert (found == naive_neighbours(vectors, nearest, lists)).all()
    assert len(np.unique(pairs, axis=1).T) == pairs.shape[1] == found.sum()


def test_neighbours_are_mutual_and_a_video_is_its_own_even_if_it_is_black(rng):
    vectors = rng.standard_normal((20, 4))
    vectors[3:6] = 0
    first, second = neighbour_pairs(vectors, 2, 2)
    pairs = set(zip(first.tolist(), second.tolist(), strict=True))
    assert pairs == {(j, i) for i, j in pairs}
    assert {(i, i) for i in range(20)} <= pairs


@pytest.mark.parametrize(("nearest", "lists"), [(0, 1), (8, 1), (3, 5), (3, 0)])
def test_neighbourhoods_that_cannot_be_are_refused(rng, nearest, lists):
    with pytest.raises(ssvh.SSVHError, match="nearest must be 1 to N − 1, and lists 1 to nearest"):
        neighbour_pairs(rng.standard_normal((8, 4)), nearest, lists)


def test_rows_of_the_neighbourhood_matrix():
    dataset = dataset_of()
    model = started("ssvh", dataset, nearest=3, lists=2)
    dense = naive_neighbours(dataset.train.read().mean(axis=1), 3, 2)
    rows = torch.tensor([7, 0, 33])
    assert torch.equal(model.neighbours(rows), torch.from_numpy(dense[rows].astype(np.float32)))


def test_loss_of_ssvh_written_out():
    dataset = dataset_of()
    model, batch = started("ssvh", dataset, quantisation_weight=0.3, structure_weight=0.9), batch_of(dataset)
    model.bank = torch.randn(40, 16)
    bank = model.bank.clone()
    terms = model.loss(batch, generator())
    x = batch.frames[:, :24]
    h, state = model._encode(x)
    bank[:16] = h.detach()
    assert torch.equal(model.bank, bank)
    S = model.neighbours(batch.rows)
    neighbourhood = sum(
        (h[i] @ (h[j] if j < 16 else bank[j]) / 16 - S[i, j]) ** 2 for i in range(16) for j in range(40)
    )
    quantisation = (h - h.sign()).square().sum()
    rewind, play, mean = model._reconstruct(state)
    reconstruction = (rewind - x.flip(1)).square().sum() / 3 + (play - x).square().sum() / 3
    reconstruction = reconstruction + 24 / 3 * (mean - x.mean(dim=1)).square().sum()
    torch.testing.assert_close(terms["neighbourhood"], neighbourhood, rtol=1e-5, atol=0)
    torch.testing.assert_close(terms["reconstruction"], reconstruction, rtol=1e-5, atol=0)
    expected = 0.9 * (neighbourhood + 0.3 * quantisation) + 0.1 * reconstruction
    torch.testing.assert_close(terms["loss"], expected, rtol=1e-5, atol=0)
    weights = list(model.lower.parameters())  # the gradient passes through both factors of the inner products
    found = torch.autograd.grad(terms["neighbourhood"], weights)
    torch.testing.assert_close(found, torch.autograd.grad(neighbourhood, weights), rtol=1e-3, atol=1e-3)


def test_an_odd_last_frame_is_not_used():
    dataset = dataset_of()
    model, frames = started("ssvh", dataset).eval(), batch_of(dataset).frames
    changed = frames.clone()
    changed[:, 24] = 9.0
    assert torch.equal(model.encode(frames), model.encode(changed))
    changed[:, 23] = 9.0
    assert not torch.equal(model.encode(frames), model.encode(changed))
    assert (model.lower.steps, model.upper.steps) == (24, 12)


def test_the_upper_layer_reads_the_second_of_two_states():
    dataset = dataset_of()
    model, frames = started("ssvh", dataset).eval(), batch_of(dataset).frames[:, :24]
    lower, _ = model.lower(frames)
    upper, _ = model.upper(torch.stack([lower[:, t] for t in range(1, 24, 2)], dim=1))
    assert torch.equal(model.encode(frames), upper[:, -1])


def test_one_frame_is_too_few_for_two_layers():
    with pytest.raises(ssvh.SSVHError, match="at least 2 frames, got 1"):
        build("ssvh", dataset_of(frames=1), 16)


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_only_the_released_play_decoder_reads_rewinds_states(variant, noise):
    model = started("ssvh", dataset_of(), variant=variant).eval()
    heard = {}
    for name in ("rewind_lower", "play_lower"):
        getattr(model, name).register_forward_pre_hook(lambda _, inputs, name=name: heard.update({name: inputs[0]}))
    state = State(noise(5, 16).sign(), noise(5, 16))
    model._reconstruct(state)
    rewind, play = model.rewind_upper(None, state)[0], model.play_upper(None, state)[0]
    own = play if variant == "paper" else rewind
    for t in range(12):
        assert torch.equal(heard["rewind_lower"][:, 2 * t], rewind[:, t])
        assert torch.equal(heard["rewind_lower"][:, 2 * t + 1], rewind[:, t])
        assert torch.equal(heard["play_lower"][:, 2 * t], play[:, t])
        assert torch.equal(heard["play_lower"][:, 2 * t + 1], own[:, t])


def test_an_interrupted_run_of_ssvh_gets_its_bank_and_its_neighbours_back(tmp_path, monkeypatch):
    dataset = dataset_of(frames=4)

    def fit(folder):
        model = build("ssvh", dataset, 16, epochs=3)
        return ssvh.fit(model, dataset, folder, progress=False), model

    whole, finished = fit(tmp_path / "whole")
    real, calls = loop._step, []

    def stopping(*arguments):
        calls.append(None)
        if len(calls) == 3:  # one step an epoch
            raise KeyboardInterrupt
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "_step", stopping)
        with pytest.raises(KeyboardInterrupt):
            fit(tmp_path / "parts")
    resumed, again = fit(tmp_path / "parts")
    assert torch.equal(again.bank, finished.bank)
    assert torch.equal(again.pairs, finished.pairs)
    assert resumed.history["loss"].tolist() == whole.history["loss"].tolist()
    assert all(torch.equal(one, other) for one, other in zip(again.parameters(), finished.parameters(), strict=True))
