"""The Triton kernels against the readable loop: interpreted, which needs no GPU, and on a GPU if there is one."""

import math
import os
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
import torch
from torch.nn.functional import softplus

from ssvh_lib.nn.mamba import selective_scan_loop

# The kernels need 3.3 only, but the interpreters before 3.7 fail with NumPy 2.4.
triton = pytest.importorskip("triton", minversion="3.7", reason="needs Triton 3.7")

NAMES = ["u", "delta", "A", "B", "C", "D"]


@pytest.fixture(scope="module")
def interpreted():
    """Call a function of this file in a process of its own, where kernels are interpreted.

    Triton asks for TRITON_INTERPRET when it is imported and when a kernel is defined, so that in this process the
    answer would hold for whatever else uses Triton, and another test may have imported it already.
    """
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TRITON_INTERPRET", "1")
            assert pool.submit(os.getenv, "TRITON_INTERPRET").result() == "1"
        yield lambda function, *arguments: pool.submit(function, *arguments).result()


def make(B, T, E, S, device="cpu"):
    """The six inputs of a scan, with steps and rates as Mamba has them, and the gradient of its result."""
    generator = torch.Generator().manual_seed(0)
    sizes = [(B, T, E), (B, T, E), (E, 1), (B, T, S), (B, T, S), (E,), (B, T, E)]
    u, delta, rates, *rest, weight = (torch.randn(size, generator=generator).to(device) for size in sizes)
    inputs = [u, softplus(delta - 2), -torch.arange(1.0, S + 1, device=device) * rates.exp(), *rest]
    return [values.requires_grad_() for values in inputs], weight


def value_and_gradients(scan, inputs, weight):
    y = scan(*inputs)
    return [y.detach(), *torch.autograd.grad(y, inputs, weight)]


def kernels(*inputs):
    from ssvh_lib.nn.selective_scan_cuda import selective_scan_triton  # here, as it differs between processes

    return selective_scan_triton(*inputs)


def assert_agrees(shape, device="cpu", tolerance=2e-6):
    inputs, weight = make(*shape, device)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = value_and_gradients(kernels, inputs, weight)
    exact = [values.detach().double().requires_grad_() for values in inputs]
    wanted = value_and_gradients(selective_scan_loop, exact, weight.double())
    for name, one, other in zip(["y", *NAMES], found, wanted, strict=True):
        assert (one.shape, one.dtype) == (other.shape, torch.float32), name
        error, largest = (one - other).abs().max(), other.abs().max()
        assert error <= tolerance * largest, f"{name}: {error.item():.1e} of {largest.item():.1e}"


# Chunks are of 8 frames; blocks of 16 channels, if there are 16 states.
@pytest.mark.parametrize(
    "shape",
    [
        (2, 1, 5, 16),
        (1, 7, 16, 16),
        (1, 8, 3, 16),
        (1, 9, 18, 16),
        (2, 17, 3, 4),
        (1, 2, 70, 4),
        (1, 3, 9, 5),
        (1, 9, 2, 64),
    ],
)
def test_interpreted_kernels_agree_with_the_loop(interpreted, shape):
    interpreted(assert_agrees, shape)


def strides():
    inputs, weight = make(2, 9, 5, 4)
    turned = [values.detach().mT.contiguous().mT.requires_grad_() if values.ndim > 1 else values for values in inputs]
    assert not turned[0].is_contiguous()
    wanted = value_and_gradients(kernels, inputs, weight)
    assert all(map(torch.equal, value_and_gradients(kernels, turned, weight.mT.contiguous().mT), wanted))
    expanded = value_and_gradients(kernels, inputs, torch.ones(()).expand(2, 9, 5))  # what sum() hands back
    assert all(map(torch.equal, expanded, value_and_gradients(kernels, inputs, torch.ones(2, 9, 5))))


def wanted_gradients():
    inputs = [values.detach() for values in make(1, 9, 3, 4)[0]]
    assert not kernels(*inputs).requires_grad
    inputs[3].requires_grad_()
    with torch.no_grad():
        assert not kernels(*inputs).requires_grad
    kernels(*inputs).sum().backward()
    assert [values.grad is None for values in inputs] == [True, True, True, False, True, True]


def stored_states():
    from ssvh_lib.nn import selective_scan_cuda

    shapes, forward = [], selective_scan_cuda._scan_forward

    def watched(*arguments, **options):
        y, starts = forward(*arguments, **options)
        shapes.append(tuple(starts.shape))
        return y, starts

    inputs = make(1, 17, 3, 4)[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selective_scan_cuda, "_scan_forward", watched)
        kept = kernels(*inputs)
        with torch.no_grad():
            assert torch.equal(kernels(*inputs), kept)
        kernels(*(values.detach() for values in inputs))
    assert shapes == [(1, 2, 4, 3), (1, 0, 4, 3), (1, 0, 4, 3)]


def no_videos():
    inputs, _ = make(0, 3, 5, 4)
    kernels(*inputs).sum().backward()
    assert inputs[0].grad.shape == (0, 3, 5)
    assert inputs[2].grad.abs().max() == 0


def nan():
    for place in range(5):
        inputs = [values.detach() for values in make(1, 5, 3, 4)[0]]
        inputs[place].view(-1)[0] = math.nan
        wanted = selective_scan_loop(*inputs).isnan()
        assert wanted.any()
        assert torch.equal(kernels(*inputs).isnan(), wanted), NAMES[place]


@pytest.mark.parametrize("check", [strides, wanted_gradients, stored_states, no_videos, nan])
def test_interpreted_kernels(interpreted, check):
    interpreted(check)


@pytest.mark.skipif(bool(os.getenv("TRITON_INTERPRET")), reason="kernels are interpreted")
def test_the_compiler_takes_the_kernels(monkeypatch, tmp_path):
    """The interpreter takes more than it does; and it needs no GPU."""
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from ssvh_lib.nn import selective_scan_cuda

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    options = selective_scan_cuda._options(torch.empty(8, 16)) | {"CHUNK": 2}  # seconds less
    for kernel in (selective_scan_cuda._forward, selective_scan_cuda._backward):
        sizes = {name: value for name, value in options.items() if name in kernel.arg_names}
        types = dict.fromkeys(kernel.arg_names, "*fp32") | dict.fromkeys(("borders", "T", "E"), "i32")
        signature = {name: "constexpr" if name in sizes else types[name] for name in kernel.arg_names}
        source = ASTSource(kernel, signature, sizes)
        fixed = {name: value for name, value in options.items() if name not in sizes}
        assert triton.compile(source, target=GPUTarget("cuda", 80, 32), options=fixed).asm["cubin"]


# On a GPU, exp has an error of up to two units in the last place, and states that last let it grow.
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("shape", [(2, 1, 24, 16), (5, 25, 512, 16), (2, 33, 70, 5), (3, 40, 64, 4), (1, 2000, 24, 16)])
def test_compiled_kernels_agree_with_the_loop(shape):
    assert_agrees(shape, "cuda", 3e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_compiled_kernels_repeat_themselves():
    inputs, weight = make(5, 100, 70, 16, "cuda")
    runs = [value_and_gradients(kernels, inputs, weight) for _ in range(2)]
    assert all(map(torch.equal, *runs))
