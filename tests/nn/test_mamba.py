"""The readable scan against values worked by hand, which scan is taken when; Mamba against itself written out."""

import math

import pytest
import torch
from torch.nn.functional import conv1d, silu, softplus
from torch.testing import assert_close

from ssvh_lib.nn import mamba
from ssvh_lib.nn.layers import xavier
from ssvh_lib.nn.mamba import Mamba, selective_scan, selective_scan_loop

# The scan


@pytest.mark.parametrize("scan", [selective_scan_loop, selective_scan])
def test_two_steps_by_hand(scan):
    u, delta = torch.tensor([[[3.0], [5.0]]]), torch.tensor([[[1.0], [2.0]]])  # (1, 2, 1)
    A = torch.tensor([[-math.log(2), -math.log(4)]])  # a step of 1 halves and quarters the states
    B, C = torch.tensor([[[1.0, 10.0], [2.0, 3.0]]]), torch.tensor([[[1.0, 1.0], [1.0, 0.1]]])
    # h_1 = 3 (1, 10); h_2 = h_1 (1/4, 1/16) + 10 (2, 3)
    wanted = [33 + 3 * 7, 20.75 + 0.1 * 31.875 + 5 * 7]
    assert_close(scan(u, delta, A, B, C, torch.tensor([7.0])).flatten(), torch.tensor(wanted))


def test_the_loop_has_the_gradients_of_its_values(inputs):
    assert torch.autograd.gradcheck(selective_scan_loop, inputs(2, 4, E=3, S=2, dtype=torch.float64))


@pytest.mark.parametrize(("dtype", "scan"), [(torch.float64, "selective_scan_loop"), (torch.float32, "_compiled_scan")])
def test_which_scan_a_type_gets(dtype, scan):
    assert mamba._fastest_scan("cpu", dtype) is getattr(mamba, scan)


def test_without_numba_the_loop_is_taken(monkeypatch, inputs):
    monkeypatch.setattr(mamba, "find_spec", lambda name: None)
    assert mamba._fastest_scan.__wrapped__("cpu", torch.float32) is selective_scan_loop


def test_half_precision_is_computed_in_single_and_returned_in_half(inputs):
    made = [values.detach() for values in inputs(2, 40)]
    halves = [values.bfloat16() for values in made]
    y = selective_scan(*halves)
    assert y.dtype == torch.bfloat16
    assert torch.equal(y, selective_scan(*(values.float() for values in halves)).bfloat16())
    assert selective_scan(halves[0].double(), *halves[1:]).dtype == torch.float64


def test_no_videos_give_no_values(inputs):
    made = inputs(0, 3)
    selective_scan(*made).sum().backward()
    assert made[0].grad.shape == (0, 3, 24)
    assert made[2].grad.abs().max() == 0


# Mamba


def written_out(layer, tokens):
    """Mamba by the published formulas: PyTorch's convolution, and the plain scan."""
    u, gate = (tokens @ layer.in_proj.weight.T).chunk(2, dim=-1)
    T, E = u.shape[1:]
    u = silu(conv1d(u.mT, layer.conv1d.weight, layer.conv1d.bias, padding=3, groups=E)[..., :T].mT)
    rank, states = layer.dt_proj.in_features, layer.A_log.shape[1]
    step, B, C = (u @ layer.x_proj.weight.T).split([rank, states, states], dim=-1)
    delta = (1 + (step @ layer.dt_proj.weight.T + layer.dt_proj.bias).exp()).log()
    return selective_scan_loop(u, delta, -layer.A_log.exp(), B, C, layer.D) * silu(gate) @ layer.out_proj.weight.T


@pytest.mark.parametrize("T", [1, 3, 40])
def test_mamba_agrees_with_itself_written_out(module, noise, T):
    layer, tokens = module(Mamba, 20), noise(2, T, 20)
    assert_close(layer(tokens), written_out(layer, tokens))


def test_mamba_has_the_parameters_of_the_authors_package():
    shapes = {name: tuple(parameter.shape) for name, parameter in Mamba(40).named_parameters()}
    assert shapes == {
        "A_log": (80, 16),
        "D": (80,),
        "in_proj.weight": (160, 40),
        "conv1d.weight": (80, 1, 4),
        "conv1d.bias": (80,),
        "x_proj.weight": (3 + 16 + 16, 80),
        "dt_proj.weight": (80, 3),
        "dt_proj.bias": (80,),
        "out_proj.weight": (40, 80),
    }


def test_mamba_starts_as_in_the_paper():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer = Mamba(256)
    steps = softplus(layer.dt_proj.bias)
    assert steps.min() >= 1e-3 * 0.999
    assert steps.max() <= 0.1 * 1.001
    shares = (steps.log() - math.log(1e-3)) / math.log(100)  # uniform between 0 and 1
    assert shares.mean().item() == pytest.approx(0.5, abs=0.05)
    assert shares.std().item() == pytest.approx(12**-0.5, abs=0.02)
    assert 0.24 < layer.dt_proj.weight.abs().max() <= 0.25  # 16^-1/2
    assert_close(-layer.A_log.exp(), -torch.arange(1.0, 17).expand(512, 16))
    assert torch.equal(layer.D, torch.ones(512))


def test_xavier_would_undo_the_start():
    """Why a method must not apply it; the released code of S5VH does."""
    assert_close(softplus(Mamba(32).apply(xavier).dt_proj.bias), torch.full((64,), math.log(2)))


@pytest.mark.parametrize("t", [0, 20, 39])
def test_mamba_does_not_look_ahead(module, noise, t):
    layer, tokens = module(Mamba, 20), noise(2, 40, 20)
    changed = tokens.clone()
    changed[:, t] += 1
    same = (layer(tokens) == layer(changed)).all(dim=-1).all(dim=0)
    assert same.tolist() == [True] * t + [False] * (40 - t)


def test_mamba_does_not_mix_videos(module, noise):
    layer, tokens = module(Mamba, 20), noise(3, 6, 20)
    assert_close(layer(tokens)[1:2], layer(tokens[1:2]))
