"""The LSTM of SSTH and SSVH against a naive one, and their optimiser by hand."""

import math

import pytest
import torch

from ssvh_lib.nn.lstm import ClippedMomentum, FirstStep, PeepholeLSTM, State, StepNorm

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
