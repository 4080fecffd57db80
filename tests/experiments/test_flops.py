"""Operations are those worked by hand."""

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus
from torch.utils._python_dispatch import TorchDispatchMode

from ssvh_lib.errors import SSVHError
from ssvh_lib.experiments.flops import mamba_operations, operations, rwkv_operations, training_operations
from ssvh_lib.nn.backbones import LSTM
from ssvh_lib.nn.layers import Attention
from ssvh_lib.nn.mamba import Mamba, selective_scan_loop
from ssvh_lib.nn.rwkv import RWKV


def counted(model, *shape):
    with torch.inference_mode():
        return operations(model, lambda: model(torch.zeros(shape)))


def test_a_linear_layer_has_two_operations_for_each_weight_and_row():
    assert counted(nn.Linear(3, 5), 7, 3) == 2 * 7 * 3 * 5


def test_a_training_step_of_two_layers_counts_both_passes():
    """Forward, then the gradients of all weights, and that of what lies between the layers."""
    model = nn.Sequential(nn.Linear(3, 5), nn.Linear(5, 2))
    first, second = 2 * 7 * 3 * 5, 2 * 7 * 5 * 2
    assert operations(model, lambda: model(torch.zeros(7, 3)).sum().backward()) == 2 * first + 3 * second


@pytest.mark.parametrize("T", [1, 6, 12])
def test_attention_is_quadratic_in_frames(T):
    C, inner = 8, 2 * 4
    projections = 2 * T * C * 3 * inner + 2 * T * inner * C
    assert counted(Attention(C, heads=2), 1, T, C) == projections + 2 * (2 * T * T * inner)


@pytest.mark.parametrize("T", [1, 5, 10])
def test_mamba_is_linear_in_frames(T):
    C, E, S, R = 8, 16, 16, 1
    products = 2 * (C * 2 * E + E * (R + 2 * S) + R * E + E * C)
    scan, convolution = E * (7 * S + 3), 2 * 4 * E
    assert counted(Mamba(C), 3, T, C) == 3 * T * (products + scan + convolution)


def test_the_operations_of_a_scan_are_those_that_its_loop_carries_out(noise):
    """Every product, sum and exponential of ``selective_scan_loop``, seen as it happens."""

    class Seen(TorchDispatchMode):
        total = 0

        def __torch_dispatch__(self, function, types, given=(), options=None):
            result, name = function(*given, **(options or {})), function.overloadpacket.__name__
            if name in ("mul", "add", "exp"):
                self.total += result.numel()
            elif name == "sum":
                self.total += given[0].numel()
            return result

    T, mixer = 5, Mamba(8)
    E, S = mixer.A_log.shape
    with torch.inference_mode(), Seen() as seen:
        selective_scan_loop(
            noise(2, T, E), softplus(noise(2, T, E)), -noise(E, S).exp(), noise(2, T, S), noise(2, T, S), noise(E)
        )
    outside = E * S  # exp of A, before the scan
    convolution = 2 * T * E * 2 * 4
    assert seen.total - outside == mamba_operations(mixer, torch.zeros(2, T, 8)) - convolution


def test_a_backward_pass_counts_the_recurrence_twice_more():
    mixer = Mamba(8)
    tokens = torch.zeros(2, 4, 8)
    found = operations(mixer, lambda: mixer(tokens).sum().backward())
    products = counted(mixer, 2, 4, 8) - mamba_operations(mixer, tokens)
    spared = 2 * 2 * 4 * 8 * 2 * 16  # the gradient of what went in, which nobody wants
    assert found == 3 * products - spared + 3 * mamba_operations(mixer, tokens)


def test_an_lstm_counts_both_its_matrices_at_every_frame():
    T, C = 5, 6
    assert counted(LSTM(C), 2, T, C) == 2 * T * 2 * 4 * C * (C + C)


def test_the_keys_of_rwkv_fade_at_every_later_frame():
    assert rwkv_operations(RWKV(8), torch.zeros(3, 4, 8)) == 3 * 8 * (0 + 1 + 2 + 3)


def test_counting_leaves_no_hook_behind_even_if_the_call_fails():
    mixer = Mamba(8)
    with pytest.raises(RuntimeError):
        operations(mixer, lambda: mixer(torch.zeros(1, 2, 3)))
    assert not mixer._forward_hooks


@pytest.mark.slow
def test_a_published_training_of_conmh_has_the_operations_worked_by_hand():
    """FCVID: 800 epochs of 45,585 videos of 25 frames, of which two views see 7 each and have 18 rebuilt."""
    D, C, inner, W, winner = 4096, 256, 6 * 42, 192, 3 * 64
    V, M, T = 7, 18, 25

    def block(tokens, width, inner):
        return 2 * tokens * (4 * width * inner + 8 * width * width) + 4 * tokens * tokens * inner

    embed = 2 * T * D * C  # once for both views, and without a gradient of the features
    encoder = 12 * block(V, C, inner) + 2 * V * C * C + 2 * V * C * 64
    decoder = 2 * V * 64 * W + 2 * block(T, W, winner) + 2 * M * W * D
    by_hand = 45_585 * 800 * (2 * embed + 3 * 2 * (encoder + decoder))
    assert training_operations("conmh", "fcvid", videos=2) == pytest.approx(by_hand, rel=2e-3)  # contrast is left out


def test_looks_at_the_training_set_after_the_warm_up_are_counted(monkeypatch):
    """AutoSSVH encodes every video before each epoch that follows its warm-up, all frames, without a gradient."""
    from ssvh_lib.experiments import flops as module

    epochs = []
    counts = module._epoch_operations
    monkeypatch.setattr(module, "_epoch_operations", lambda *given: epochs.append(counts(*given)) or epochs[-1])
    total = training_operations("autossvh", "hmdb51", videos=4)
    before, after = epochs
    assert total == 3_570 * (50 * before + 300 * after) // 4
    look = 4 * (2 * 25 * 4096 * 256 + 12 * (2 * 25 * (4 * 256 * 252 + 8 * 256**2) + 4 * 25**2 * 252) + 2 * 25 * 256**2)
    assert after - before == pytest.approx(look, rel=0.02)


def test_a_training_of_an_unknown_dataset_is_refused():
    with pytest.raises(SSVHError, match="Did you mean 'ucf101'"):
        training_operations("conmh", "ucf102")
