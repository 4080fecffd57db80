"""The gates of MCMSH: how far they look, how they weigh, and what they keep."""

import pytest
import torch
from toys import dataset_of

import ssvh_lib as ssvh
from ssvh_lib.methods import build
from ssvh_lib.nn.gating_mlp import Gate, Gates, GatingMLP, Pool


def reach(weights, values, place):
    """Along n, which weights change if the values at ``place`` do."""
    changed = values.clone()
    changed[:, :, place] += 1
    difference = (weights(changed) - weights(values)).abs().amax(dim=(0, 1)) > 1e-6
    return difference.nonzero()[:, 0].tolist()


def test_the_three_gates_look_as_far_as_they_are_called(noise):
    gates = Gates(24, 8, 2, groups=1).eval()
    values = noise(4, 8, 24)  # (B, c, n)
    with torch.no_grad():
        for layer in gates.modules():
            if isinstance(layer, torch.nn.Conv1d):
                layer.weight.fill_(0.1)  # positive: nothing is cut off by the ReLU on the way
    values = values.abs()
    assert gates.long.weights(values).shape == (4, 8, 1)
    assert gates.middle.weights(values).shape == gates.short.weights(values).shape == values.shape
    assert reach(gates.short.weights, values, 12) == [10, 11, 12, 13, 14]  # two convolutions over three neighbours
    assert reach(gates.middle.weights, values, 12) == list(range(6, 21))  # over five means of three
    assert reach(gates.long.weights, values, 12) == [0]


@pytest.mark.parametrize(("size", "pooled"), [(25, 8), (8, 25), (24, 1), (128, 42), (3, 3)])
def test_pooling_is_that_of_torch(size, pooled, noise):
    values = noise(2, 3, size)
    torch.testing.assert_close(Pool(size, pooled)(values), torch.nn.functional.adaptive_avg_pool1d(values, pooled))


def test_a_gate_weighs_between_its_two_linear_maps(noise):
    gate, values = Gate(5, torch.nn.Threshold(10.0, 0.25)), noise(2, 3, 5)  # all weights are 1/4
    wanted = gate.after(0.25 * gate.before(values))
    torch.testing.assert_close(gate(values), wanted)


def test_gates_are_summed_and_keep_the_axes(noise):
    gates, values = Gates(5, 16, 8, groups=2), noise(4, 5, 16)  # (B, n, c)
    parts = [gate(values.transpose(1, 2)) for gate in (gates.long, gates.middle, gates.short)]
    torch.testing.assert_close(gates(values), sum(parts).transpose(1, 2))


def test_groups_of_channels_do_not_mix(noise):
    weights = Gates(5, 16, 8, groups=2).eval().short.weights
    values = noise(4, 16, 5)
    changed = values.clone()
    changed[:, :8] += 1
    assert torch.equal(weights(changed)[:, 8:], weights(values)[:, 8:])
    assert not torch.equal(weights(changed)[:, :8], weights(values)[:, :8])


@pytest.mark.parametrize("frames", [1, 2, 3, 8, 25])
def test_any_number_of_frames_can_be_embedded(frames, noise):
    assert GatingMLP(6, 32, frames)(noise(4, frames, 6)).shape == (4, frames, 32)


def test_there_are_no_positions_but_places_in_time_have_weights_of_their_own(noise):
    network, frames = GatingMLP(6, 32, 8).eval(), noise(4, 8, 6)
    assert not torch.allclose(network(frames.flip(1)), network(frames).flip(1), atol=1e-3)


def test_a_width_that_the_groups_do_not_divide_is_refused():
    with pytest.raises(ssvh.SSVHError, match="multiple of 16"):
        build("mcmsh", dataset_of(), 16, width=40)
