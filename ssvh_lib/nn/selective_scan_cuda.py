"""The selective scan of Mamba on a GPU: both passes as Triton kernels; ``mamba.py`` explains it.

A program, which is one warp, takes a block of channels of one video through time, with its states in registers. The
backward pass walks through ``CHUNK`` frames at a time, from the last to the first: it restores their states from the
one stored before them. Thus nothing of the size ``(B, T, E, S)`` is ever in memory.

Where several programs contribute to a gradient, each writes its own partial sum and PyTorch adds these: there are no
atomic additions, hence equal inputs give equal results. Frames, channels and states beyond the last are read as zeros;
a step of zero leaves a state as it is, and everything else they contribute is zero.

Importing this module raises ImportError where Triton is missing or too old. Kernels are compiled at the first call, in
some seconds, and cached in ``~/.triton``.
"""

# mypy: allow-untyped-decorators
# Triton's decorator has no types that mypy can read.

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

from .autograd import Context, apply

if not hasattr(tl, "tuple"):
    raise ImportError("the kernels hold the states of a chunk in a tuple, which needs Triton 3.3")

CHUNK = 8  # frames between two stored states: in the backward pass, the states of as many are in registers
VALUES = 256  # states of a program: 8 a thread, so that a chunk of them fits into the registers of one thread


def selective_scan_triton(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> Tensor:
    """Compute ``mamba.selective_scan_loop`` on a GPU, in float32: ``y (B, T, E)``.

    ``u`` and ``delta (B, T, E)``, ``A (E, S)``, ``B`` and ``C (B, T, S)``, ``D (E,)``, of any strides.
    """
    return apply(_TritonScan, torch.is_grad_enabled(), u, delta, A, B, C, D)


class _TritonScan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Context, differentiate: bool, *inputs: Tensor) -> Tensor:
        y, starts = _scan_forward(*inputs, keep=differentiate and any(ctx.needs_input_grad))
        ctx.save_for_backward(*inputs, starts)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, gradient: Tensor) -> tuple[Tensor | None, ...]:
        gradients = _scan_backward(*ctx.saved_tensors, dy=gradient)
        needed = zip(gradients, ctx.needs_input_grad[1:], strict=True)
        return None, *(values if need else None for values, need in needed)


def _scan_forward(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, *, keep: bool
) -> tuple[Tensor, Tensor]:
    """Return ``y (B, T, E)`` and the states at chunk borders ``(B, borders, S, E)``: no borders unless ``keep``."""
    inputs = _laid_out(u, delta, A, B, C, D)
    borders = max(u.shape[1] - 1, 0) // CHUNK if keep else 0
    y, starts = torch.empty_like(inputs[0]), u.new_empty(len(u), borders, *A.T.shape)
    options = _options(A)
    with torch.cuda.device(u.get_device()):  # Triton launches on the current device, whatever that of the tensors
        _forward[_grid(u, options)](*inputs, y, starts, borders, *u.shape[1:], **options)
    return y, starts


def _scan_backward(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor, starts: Tensor, *, dy: Tensor
) -> tuple[Tensor, ...]:
    """Return the gradients of the six inputs, given that of ``y (B, T, E)``."""
    inputs = _laid_out(u, delta, A, B, C, D)
    options = _options(A)
    du, ddelta = torch.empty_like(inputs[0]), torch.empty_like(inputs[0])
    dA, dD = u.new_empty(len(u), *A.T.shape), u.new_empty(len(u), len(D))
    dBC = u.new_empty(2, len(u), triton.cdiv(len(D), options["BLOCK"]), *B.shape[1:])
    results = (du, ddelta, dA, dBC[0], dBC[1], dD)
    with torch.cuda.device(u.get_device()):
        _backward[_grid(u, options)](*inputs, starts, dy.contiguous(), *results, *u.shape[1:], **options)
    return du, ddelta, dA.sum(0).T, *dBC.sum(2), dD.sum(0)


def _laid_out(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> tuple[Tensor, ...]:
    """Lay the inputs out with channels last, in A too, so that neighbours in a warp read neighbours in memory."""
    return tuple(values.contiguous() for values in (u, delta, A.T, B, C, D))


def _options(A: Tensor) -> dict[str, int]:
    """Return the constants that the kernels are compiled for; sizes are powers of two."""
    states = triton.next_power_of_2(A.shape[1])
    block = min(max(VALUES // states, 8), 64)  # 8 channels are 32 bytes, the smallest memory transaction
    # No fused multiply-adds: with them, lanes that add up the same numbers in another order differ in the last digit.
    fixed = {"num_warps": 1, "enable_fp_fusion": False}
    return {"S": A.shape[1], "STATES": states, "BLOCK": block, "CHUNK": CHUNK, **fixed}


def _grid(u: Tensor, options: dict[str, int]) -> tuple[int]:
    """Return the number of programs: one for each video and block of channels."""
    return (len(u) * triton.cdiv(u.shape[2], options["BLOCK"]),)


# In the kernels, a tile is (states, channels) of one frame. The compiler unrolls loops over static_range: the loads of
# a chunk's frames do not depend on each other, and with no store between them they overlap.


@triton.jit
def _read(source: tl.tensor, row: tl.tensor, columns: tl.tensor, width: int, valid: tl.tensor) -> tl.tensor:
    """Load ``columns`` of one row of ``source (…, width)``, and zeros for those that it does not have."""
    return tl.load(source + row * width + columns, mask=columns < tl.where(valid, width, 0), other=0.0)


@triton.jit
def _write(
    target: tl.tensor, row: tl.tensor, columns: tl.tensor, width: int, valid: tl.tensor, values: tl.tensor
) -> None:
    tl.store(target + row * width + columns, values, mask=columns < tl.where(valid, width, 0))


@triton.jit
def _own(E: int, S: tl.constexpr, STATES: tl.constexpr, BLOCK: tl.constexpr) -> tuple[tl.tensor, ...]:
    """Return a program's video, states and channels, where its tile lies in ``(S, E)``, and which part lies inside."""
    blocks = tl.cdiv(E, BLOCK)
    video = (tl.program_id(0) // blocks).to(tl.int64)  # offsets can be beyond 2^31
    s, e = tl.arange(0, STATES), tl.program_id(0) % blocks * BLOCK + tl.arange(0, BLOCK)
    return video, s, e, s[:, None] * E + e[None, :], (s[:, None] < S) & (e[None, :] < E)


@triton.jit(do_not_specialize=["borders", "T"])
def _forward(
    u: tl.tensor, delta: tl.tensor, A: tl.tensor, B: tl.tensor, C: tl.tensor, D: tl.tensor, y: tl.tensor,
    starts: tl.tensor, borders: int, T: int, E: int, S: tl.constexpr, STATES: tl.constexpr, BLOCK: tl.constexpr,
    CHUNK: tl.constexpr,
) -> None:  # fmt: skip
    video, s, e, place, inside = _own(E, S, STATES, BLOCK)
    rates, skip = tl.load(A + place, mask=inside, other=0.0), _read(D, 0, e, E, True)
    h = tl.zeros((STATES, BLOCK), tl.float32)
    for begin in range(0, T, CHUNK):
        if begin > 0 and borders > 0:
            tl.store(starts + (video * borders + begin // CHUNK - 1) * S * E + place, h, mask=inside)
        ys = ()  # a growing tuple, because kernels have no lists
        for k in tl.static_range(CHUNK):
            t, valid = video * T + begin + k, begin + k < T
            step, value = _read(delta, t, e, E, valid), _read(u, t, e, E, valid)
            h = tl.exp(step[None, :] * rates) * h + (step * value)[None, :] * _read(B, t, s, S, valid)[:, None]
            ys += (tl.sum(h * _read(C, t, s, S, valid)[:, None], 0) + skip * value,)  # type: ignore[assignment]
        for k in tl.static_range(CHUNK):
            _write(y, video * T + begin + k, e, E, begin + k < T, ys[k])


@triton.jit(do_not_specialize=["T"])
def _backward(
    u: tl.tensor, delta: tl.tensor, A: tl.tensor, B: tl.tensor, C: tl.tensor, D: tl.tensor, starts: tl.tensor,
    dy: tl.tensor, du: tl.tensor, ddelta: tl.tensor, dA: tl.tensor, dB: tl.tensor, dC: tl.tensor, dD: tl.tensor,
    T: int, E: int, S: tl.constexpr, STATES: tl.constexpr, BLOCK: tl.constexpr, CHUNK: tl.constexpr,
) -> None:  # fmt: skip
    video, s, e, place, inside = _own(E, S, STATES, BLOCK)
    rates, skip = tl.load(A + place, mask=inside, other=0.0), _read(D, 0, e, E, True)
    dh, rates_sum = tl.zeros((STATES, BLOCK), tl.float32), tl.zeros((STATES, BLOCK), tl.float32)
    skip_sum = tl.zeros((BLOCK,), tl.float32)
    borders = (T - 1) // CHUNK
    for back in range(borders + 1):
        begin, h = (borders - back) * CHUNK, tl.zeros((STATES, BLOCK), tl.float32)
        if begin > 0:
            h = tl.load(starts + (video * borders + begin // CHUNK - 1) * S * E + place, mask=inside, other=0.0)
        before = (h,)  # the states before each frame
        for k in tl.static_range(CHUNK - 1):
            t, valid = video * T + begin + k, begin + k < T
            step, value = _read(delta, t, e, E, valid), _read(u, t, e, E, valid)
            h = tl.exp(step[None, :] * rates) * h + (step * value)[None, :] * _read(B, t, s, S, valid)[:, None]
            before += (h,)  # type: ignore[assignment]  # a growing tuple, because kernels have no lists
        for k in tl.static_range(CHUNK - 1, -1, -1):
            t, valid = video * T + begin + k, begin + k < T
            step, value, weight = _read(delta, t, e, E, valid), _read(u, t, e, E, valid), _read(dy, t, e, E, valid)
            B_t, C_t = _read(B, t, s, S, valid)[:, None], _read(C, t, s, S, valid)[:, None]
            # The chain rule through h_t = decay h_{t-1} + delta u B, y_t = C h_t + D u.
            decay = tl.exp(step[None, :] * rates)
            kept, driven = decay * before[k], (step * value)[None, :]
            dh += C_t * weight[None, :]
            faded, ddriven = dh * kept, tl.sum(dh * B_t, 0)
            part = tl.program_id(0).to(tl.int64) * T + begin + k
            _write(dB, part, s, S, valid, tl.sum(dh * driven, 1))
            _write(dC, part, s, S, valid, tl.sum(weight[None, :] * (kept + driven * B_t), 1))
            _write(du, t, e, E, valid, ddriven * step + skip * weight)
            _write(ddelta, t, e, E, valid, ddriven * value + tl.sum(faded * rates, 0))
            rates_sum += faded * step[None, :]
            skip_sum += weight * value
            dh *= decay
    tl.store(dA + video * S * E + place, rates_sum, mask=inside)
    _write(dD, video, e, E, True, skip_sum)
