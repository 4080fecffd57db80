"""The compiled selective scan against its readable twin: values, gradients, odd shapes and odd numbers."""

import math

import pytest
import torch

from ssvh_lib.nn.mamba import selective_scan, selective_scan_loop

NAMES = ["u", "delta", "A", "B", "C", "D"]


@pytest.fixture(autouse=True)
def _threads():
    """No test changes the number of threads for others."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def value_and_gradients(scan, inputs, weight):
    y = scan(*inputs)
    return [y.detach(), *torch.autograd.grad(y, inputs, weight)]


def assert_same(found, wanted, tolerance):
    for name, one, other in zip(["y", *NAMES], found, wanted, strict=True):
        assert one.shape == other.shape
        error, largest = (one.double() - other.double()).abs().max(), other.double().abs().max()
        assert error <= tolerance * largest, name


@pytest.mark.parametrize("shape", [(3, 1), (3, 2), (5, 25), (2, 32), (2, 33), (2, 256), (1, 2000)])  # chunks are 32
def test_compiled_loops_agree_with_their_twin(inputs, noise, shape):
    made, weight = inputs(*shape), noise(*shape, 24)
    exact = [values.detach().double().requires_grad_() for values in made]
    wanted = value_and_gradients(selective_scan_loop, exact, weight.double())
    assert_same(value_and_gradients(selective_scan, made, weight), wanted, 2e-6)
    assert_same(value_and_gradients(selective_scan_loop, made, weight), wanted, 2e-6)


@pytest.mark.parametrize(("E", "S"), [(1, 1), (16, 3), (70, 16), (128, 5)])  # blocks are of 16 channels, groups of 64
def test_compiled_loops_take_any_number_of_channels_and_states(inputs, noise, E, S):
    made, weight = inputs(2, 40, E, S), noise(2, 40, E)
    wanted = value_and_gradients(selective_scan_loop, made, weight)
    assert_same(value_and_gradients(selective_scan, made, weight), wanted, 2e-6)


def test_compiled_gradients_are_slopes(inputs, noise):
    made, weight = inputs(2, 40), noise(2, 40, 24)
    gradients = value_and_gradients(selective_scan, made, weight)[1:]
    with torch.no_grad():
        for place, gradient in enumerate(gradients):
            step = 1e-2 * gradient / gradient.norm()
            ends = [selective_scan(*made[:place], made[place] + way * step, *made[place + 1 :]) for way in (1, -1)]
            slope = ((ends[0] - ends[1]).double() * weight).sum() / 2e-2
            assert slope.item() == pytest.approx(gradient.norm().item(), rel=2e-3), NAMES[place]


def test_fast_and_slow_decay(inputs, noise):
    """Where exp leaves float32's range, decays are 0, and where it is 1, states stay."""
    made, weight = inputs(2, 40), noise(2, 40, 24)
    with torch.no_grad():
        made[1][:, ::3] *= 1e3
        made[1][:, 1::3] = 0
    wanted = value_and_gradients(selective_scan_loop, made, weight)
    assert_same(value_and_gradients(selective_scan, made, weight), wanted, 2e-6)


@pytest.mark.parametrize("place", range(5))
def test_nan_does_not_hide(inputs, place):
    made = [values.detach() for values in inputs(1, 5)]
    made[place].view(-1)[0] = math.nan
    wanted = selective_scan_loop(*made).isnan()
    assert wanted.any()
    assert torch.equal(selective_scan(*made).isnan(), wanted)


def test_strides_do_not_matter(inputs, noise):
    made, weight = inputs(2, 40), noise(2, 40, 24)
    turned = [values.detach().mT.contiguous().mT.requires_grad_() if values.ndim > 1 else values for values in made]
    assert not turned[0].is_contiguous()
    wanted = value_and_gradients(selective_scan, made, weight)
    assert all(map(torch.equal, value_and_gradients(selective_scan, turned, weight.mT.contiguous().mT), wanted))
    expanded = value_and_gradients(selective_scan, made, torch.ones(()).expand(2, 40, 24))  # what sum() hands back
    assert all(map(torch.equal, expanded, value_and_gradients(selective_scan, made, torch.ones(2, 40, 24))))


def test_results_do_not_depend_on_threads(inputs, noise):
    made, weight = inputs(5, 70, E=130), noise(5, 70, 130)
    found = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        found.append(value_and_gradients(selective_scan, made, weight))
    assert all(map(torch.equal, found[0], found[1]))
    assert all(map(torch.equal, found[0], found[2]))


def test_only_wanted_gradients_are_given(inputs):
    made = [values.detach() for values in inputs(2, 40)]
    assert not selective_scan(*made).requires_grad
    made[3].requires_grad_()
    with torch.no_grad():
        assert not selective_scan(*made).requires_grad
    selective_scan(*made).sum().backward()
    assert [values.grad is None for values in made] == [True, True, True, False, True, True]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_cuda_agrees_with_the_cpu(inputs, noise):
    made, weight = inputs(2, 40), noise(2, 40, 24)
    moved = [values.detach().cuda().requires_grad_() for values in made]
    found = [values.cpu() for values in value_and_gradients(selective_scan, moved, weight.cuda())]
    assert_same(found, value_and_gradients(selective_scan_loop, made, weight), 1e-5)
