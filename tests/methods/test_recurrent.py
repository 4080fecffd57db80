"""SSTH and SSVH: their LSTM against a naive one, their optimiser by hand, their losses, neighbours and memory."""

import math

import numpy as np
import pytest
import torch
from toys import batch_of, dataset_of, generator, started

import ssvh_lib as ssvh
from ssvh_lib.methods import build
from ssvh_lib.methods.ssvh import neighbour_pairs
from ssvh_lib.nn.lstm import ClippedMomentum, FirstStep, PeepholeLSTM, State, StepNorm
from ssvh_lib.training import loop

# The LSTM


def naive(lstm, inputs, state):
    """The same LSTM gate by gate, with its batch norm written out; states are (hidden, cell)."""
    read = [0.0] * 4 if lstm.read is None else lstm.read.chunk(4)
    (u_i, u_f, u_c, u_o), (b_i, b_f, b_c, b_o), (p_i, p_f, p_o) = (
        part.chunk(count) for part, count in ((lstm.recurrent, 4), (lstm.bias, 4), (lstm.peepholes, 3))
    )
    hidden, cell = state
    states = []
    for t in range(lstm.steps):
        w_i, w_f, w_c, w_o = (inputs[:, t] @ w.T for w in read) if lstm.read is not None else read
        i = torch.sigmoid(w_i + hidden @ u_i.T + p_i * cell + b_i)
        f = torch.sigmoid(w_f + hidden @ u_f.T + p_f * cell + b_f)
        g = torch.tanh(w_c + hidden @ u_c.T + b_c)
        cell = f * cell + i * g
        if lstm.training:
            mean = cell.mean(0)
            deviation = ((cell - mean).square() + 1e-10).mean(0).sqrt()
        else:
            mean, deviation = lstm.norm.mean[t], lstm.norm.deviation[t]
        cell = lstm.norm.gain[t] * (cell - mean) / (deviation + 1e-10) + lstm.norm.shift[t]
        o = torch.sigmoid(w_o + hidden @ u_o.T + p_o * cell + b_o)
        states.append(o * lstm.squash(cell))
        hidden = torch.where(states[-1] > 0, 1.0, -1.0) if lstm.binary else states[-1]
    return torch.stack(states, dim=1), (hidden, cell)


def lstm_of(inputs=5, width=3, steps=4, **options):
    torch.manual_seed(0)
    lstm = PeepholeLSTM(inputs, width, steps, 0.5, **options)
    for parameter in (lstm.norm.gain, lstm.norm.shift, lstm.norm.mean):
        parameter.data.add_(torch.randn_like(parameter) / 4)
    lstm.norm.deviation.uniform_(0.5, 2)
    return lstm


@pytest.mark.parametrize("mode", ["training", "evaluation"])
@pytest.mark.parametrize("options", [{}, {"binary": True}, {"squash": torch.tanh}, {"inputs": None}])
def test_lstm_equals_a_naive_one(mode, options, noise):
    lstm = lstm_of(**options).train(mode == "training")
    inputs = None if lstm.read is None else noise(6, 4, 5)
    state = State(noise(6, 3), noise(6, 3))
    hidden, carried = lstm(inputs, state)
    expected, expected_carried = naive(lstm, inputs, state)
    torch.testing.assert_close(hidden, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(tuple(carried), expected_carried, rtol=1e-4, atol=1e-5)


def test_gradients_equal_those_of_the_naive_lstm(noise):
    lstm, inputs = lstm_of(), noise(6, 4, 5)
    zeros, target = torch.zeros(6, 3), noise(6, 4, 3)
    found = torch.autograd.grad((lstm(inputs)[0] * target).sum(), lstm.parameters())
    expected = torch.autograd.grad((naive(lstm, inputs, (zeros, zeros))[0] * target).sum(), lstm.parameters())
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_one_step_by_hand():
    """One unit, all weights 1/2 and biases 0; in evaluation the norm of a fresh LSTM changes nothing."""
    lstm = PeepholeLSTM(1, 1, 1, 0.9).eval()
    for parameter in (lstm.read, lstm.recurrent, lstm.peepholes):
        parameter.data.fill_(0.5)
    lstm.bias.data.zero_()
    hidden, state = lstm(torch.tensor([[[2.0]]]), State(torch.tensor([[-1.0]]), torch.tensor([[4.0]])))

    def sigmoid(x):
        return 1 / (1 + math.exp(-x))

    gate = sigmoid(1 - 0.5 + 2)  # x/2 + h/2 + c/2
    cell = gate * 4 + gate * math.tanh(0.5)
    output = sigmoid(0.5 + cell / 2)  # the output gate sees the new cell
    assert state.cell.item() == pytest.approx(cell, rel=1e-5)
    assert hidden.item() == state.hidden.item() == pytest.approx(output * cell, rel=1e-5)


def test_weights_start_as_published():
    lstm = PeepholeLSTM(7, 6, 2, 0.9)
    for gate in lstm.recurrent.detach().chunk(4):
        torch.testing.assert_close(gate @ gate.T, 1.21 * torch.eye(6))
    assert lstm.read.abs().max() <= math.sqrt(6 / (7 + 6))
    assert lstm.bias.tolist() == [0.0] * 6 + [1.0] * 6 + [0.0] * 12
    assert lstm.peepholes.abs().max() <= 0.1


def test_a_binary_lstm_carries_signs_whose_gradient_passes_straight_through(noise):
    lstm, inputs = lstm_of(steps=1, binary=True), noise(6, 1, 5)
    hidden, state = lstm(inputs)
    assert torch.equal(state.hidden, torch.where(hidden[:, 0] > 0, 1.0, -1.0))
    weights = list(lstm.parameters())[:1]
    through = torch.autograd.grad(state.hidden.sum(), weights, retain_graph=True)
    plain = torch.autograd.grad((hidden[:, 0] * (hidden[:, 0].abs() < 1)).sum(), weights)
    torch.testing.assert_close(through, plain)


def test_every_step_has_a_norm_of_its_own_and_averages_deviations():
    norm = StepNorm(2, 1, momentum=0.75)
    normalised = norm(torch.tensor([[1.0], [5.0]]), 1)  # mean 3, biased deviation 2
    torch.testing.assert_close(normalised, torch.tensor([[-1.0], [1.0]]))
    norm(torch.tensor([[1.0], [9.0]]), 1)  # mean 5, deviation 4
    assert norm.mean.flatten().tolist() == [0.0, 0.75 * (0.25 * 3) + 0.25 * 5]
    assert norm.deviation.flatten().tolist() == [1.0, 0.75 * (0.75 + 0.25 * 2) + 0.25 * 4]
    norm.eval()
    torch.testing.assert_close(norm(torch.tensor([[7.0]]), 0), torch.tensor([[7.0]]))
    before = norm.mean.clone()
    expected = (7 - norm.mean[1]) / norm.deviation[1]
    torch.testing.assert_close(norm(torch.tensor([[7.0]]), 1)[0], expected)
    assert torch.equal(norm.mean, before)


def test_the_first_step_from_nothing_is_that_of_the_lstm(noise):
    lstm, first, inputs = lstm_of(steps=1), FirstStep(5, 3, 0.5), noise(6, 5)
    rows = torch.cat([torch.arange(3), torch.arange(6, 12)])  # all but the forget gate
    first.read.data, first.bias.data = lstm.read.data[rows], lstm.bias.data[rows]
    first.peephole.data = lstm.peepholes.data[6:]
    first.norm.load_state_dict(lstm.norm.state_dict())
    torch.testing.assert_close(first(inputs), lstm(inputs[:, None])[0][:, 0])


# The optimiser


def test_clipped_momentum_by_hand():
    """lr .1, momentum .5, clip .3: velocities −.2, then .5·−.2 − .1·8 = −.9 cut to −.3, then −.15 + .1."""
    weight = torch.nn.Parameter(torch.tensor([1.0]))
    optimiser = ClippedMomentum([weight], lr=0.1, momentum=0.5, clip=0.3)
    places = []
    for gradient in (2.0, 8.0, -1.0):
        weight.grad = torch.tensor([gradient])
        optimiser.step()
        places.append(weight.item())
    assert places == pytest.approx([0.8, 0.5, 0.45])


def test_where_the_clip_binds_the_scale_of_the_loss_does_not_count():
    moved = []
    for scale in (1.0, 1e3):
        weight = torch.nn.Parameter(torch.zeros(20))
        optimiser = ClippedMomentum([weight], lr=1e3, momentum=0.9, clip=1e-4)
        weight.grad = torch.linspace(-2, 2, 20) * scale
        optimiser.step()
        moved.append(weight.detach().clone())
    torch.testing.assert_close(moved[0], 1e-4 * -torch.linspace(-2, 2, 20).sign())
    assert torch.equal(*moved)


def test_weight_decay_is_the_gradient_of_half_the_squared_weights():
    weight = torch.nn.Parameter(torch.tensor([3.0]))
    optimiser = ClippedMomentum([weight], lr=0.1, momentum=0.0, clip=1.0, weight_decay=0.5)
    weight.grad = torch.zeros(1)
    optimiser.step()
    assert weight.item() == pytest.approx(3 - 0.1 * 0.5 * 3)


def test_the_velocity_is_kept_with_the_state_of_the_optimiser():
    weight = torch.nn.Parameter(torch.tensor([1.0]))
    first, second = (ClippedMomentum([weight], lr=0.1, momentum=0.5, clip=1.0) for _ in range(2))
    weight.grad = torch.tensor([2.0])
    first.step()
    second.load_state_dict(first.state_dict())
    weight.grad = torch.tensor([0.0])
    second.step()
    assert weight.item() == pytest.approx(1 - 0.2 - 0.1)


# SSTH


def test_loss_of_ssth_is_summed_over_three_decoders():
    dataset = dataset_of()
    model, batch = started("ssth", dataset, mean_weight=7.0), batch_of(dataset)
    terms, x = model.loss(batch, generator()), batch.frames
    _, state = model.encoder(x)
    rewind, play, mean = model.rewind(state), model.play(state), model.mean(state)
    assert mean.shape == (16, 1, 64)
    expected = [
        sum((rewind[:, t] - x[:, 24 - t]).square().sum() for t in range(25)),
        sum((play[:, t] - x[:, t]).square().sum() for t in range(25)),
        (mean[:, 0] - x.mean(dim=1)).square().sum(),
    ]
    for name, value in zip(("rewind", "play", "mean"), expected, strict=True):
        torch.testing.assert_close(terms[name], value, rtol=1e-5, atol=0)
    torch.testing.assert_close(terms["loss"], (expected[0] + expected[1] + 7 * expected[2]) / 3, rtol=1e-5, atol=0)


def test_code_of_ssth_is_what_the_decoders_start_from_and_knows_the_order_of_the_frames():
    dataset = dataset_of()
    model, frames = started("ssth", dataset).eval(), batch_of(dataset).frames
    codes = model.encode(frames)
    assert torch.equal(torch.where(codes > 0, 1.0, -1.0), model.encoder(frames)[1].hidden)
    assert (codes.sign() != model.encode(frames.flip(1)).sign()).any()


def test_published_settings_of_ssth():
    model = build("ssth", dataset_of(features=4096), 64, preset="paper")
    optimiser = model.optimiser().param_groups[0]
    assert (optimiser["momentum"], optimiser["clip"], optimiser["weight_decay"]) == (0.9, 1e-4, 1e-4)
    assert model.learning_rate(0) == 1e-3
    assert model.learning_rate(22) == pytest.approx(9e-4)
    assert model.encoder.recurrent.shape == (4 * 64, 64)


# SSVH


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
