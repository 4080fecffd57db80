"""Mamba (Gu & Dao, 2023): a recurrence whose memory depends on its input.

Shapes: B videos, T frames, C width, E = 2C channels, S states of a channel, R rank of the step sizes. The letters A, B,
C, D of the scan are the paper's.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from subprocess import SubprocessError

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import pad, silu, softplus

from .autograd import Context, apply
from .selective_scan_cpu import scan_backward, scan_forward


def selective_scan_loop(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> Tensor:
    """Compute the selective scan, a frame at a time: ``y (B, T, E)``.

    Each channel of ``u (B, T, E)`` drives S states, each of which decays at its own rate::

        h_t = exp(delta_t A) h_{t-1} + delta_t B_t u_t,        y_t = C_t h_t + D u_t

    with the step sizes ``delta (B, T, E)``, ``A (E, S)`` negative, ``B`` and ``C (B, T, S)``, and ``D (E,)``.
    """
    h, ys = u.new_zeros(len(u), *A.shape), []  # (B, E, S)
    # unbind, because the gradient of one index covers all frames: indexing T times would take T² time.
    for u_t, delta_t, B_t, C_t in zip(u.unbind(1), delta.unbind(1), B.unbind(1), C.unbind(1), strict=True):
        h = torch.exp(delta_t[..., None] * A) * h + (delta_t * u_t)[..., None] * B_t[:, None]
        ys.append((h * C_t[:, None]).sum(dim=-1))
    return torch.stack(ys, dim=1) + D * u


def selective_scan(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor) -> Tensor:
    """Compute ``selective_scan_loop`` by the fastest means there is, in float32 at least; ``y`` has the type of ``u``.

    On a CPU these are compiled loops, if numba is installed; on CUDA the kernel of the authors' package mamba-ssm, if
    installed, or else ours in Triton, which comes with PyTorch there.
    """
    dtype = torch.promote_types(u.dtype, torch.float32)
    scan = _fastest_scan(u.device.type, dtype)
    return scan(*(values.to(dtype) for values in (u, delta, A, B, C, D))).to(u.dtype)


Scan = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor], Tensor]  # u, delta, A, B, C, D -> y


@cache
def _fastest_scan(device: str, dtype: torch.dtype) -> Scan:
    if dtype == torch.float32 and device == "cpu" and find_spec("numba"):
        return _compiled_scan
    if dtype == torch.float32 and device == "cuda":
        return _cuda_scan()
    return selective_scan_loop


def _cuda_scan() -> Scan:
    with suppress(ImportError):
        from mamba_ssm.ops.selective_scan_interface import selective_scan_fn

        return lambda u, delta, A, B, C, D: selective_scan_fn(u.mT, delta.mT, A, B.mT, C.mT, D).mT
    with suppress(ImportError, RuntimeError, OSError, SubprocessError):  # no Triton, or no C compiler for its launcher
        from .selective_scan_cuda import selective_scan_triton

        one = torch.ones(1, 1, 1, device="cuda")
        selective_scan_triton(one, one, -one[0], one, one, one[0, 0])
        return selective_scan_triton
    return selective_scan_loop


def _compiled_scan(*inputs: Tensor) -> Tensor:
    return apply(_CompiledScan, torch.is_grad_enabled(), *inputs)


class _CompiledScan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Context, differentiate: bool, *inputs: Tensor) -> Tensor:
        keep, threads = differentiate and any(ctx.needs_input_grad), torch.get_num_threads()
        y, starts = scan_forward(*(values.detach().numpy() for values in inputs), keep=keep, threads=threads)
        ctx.save_for_backward(*inputs, torch.from_numpy(starts))
        return torch.from_numpy(y)

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, gradient: Tensor) -> tuple[Tensor | None, ...]:
        arrays = (values.detach().numpy() for values in (*ctx.saved_tensors, gradient))
        gradients = scan_backward(*arrays, threads=torch.get_num_threads())
        needed = zip(gradients, ctx.needs_input_grad[1:], strict=True)
        return None, *(torch.from_numpy(values) if need else None for values, need in needed)


class Mamba(nn.Module):
    """The mixer of Mamba ``(B, T, C) -> (B, T, C)``: frame t sees itself and the frames before it.

    The parameters have the names and initial values of the authors' package mamba-ssm. The initial values matter: ``A``
    and the bias of ``dt_proj`` spread the memories of the states from about one frame to a thousand. ``layers.xavier``
    would set that bias to zero, and no state would remember more than a few frames: do not apply it to a Mamba.
    """

    def __init__(self, width: int, states: int = 16, expand: int = 2, kernel: int = 4):
        super().__init__()
        inner, rank = expand * width, math.ceil(width / 16)
        self.split = (rank, states, states)
        self.in_proj = nn.Linear(width, 2 * inner, bias=False)
        self.conv1d = nn.Conv1d(inner, inner, kernel, groups=inner)
        self.x_proj = nn.Linear(inner, sum(self.split), bias=False)
        self.dt_proj = nn.Linear(rank, inner)
        self.A_log = nn.Parameter(torch.arange(1.0, states + 1).log().repeat(inner, 1))  # (E, S)
        self.D = nn.Parameter(torch.ones(inner))
        self.out_proj = nn.Linear(inner, width, bias=False)
        self._initialise_steps()

    def _initialise_steps(self, least: float = 1e-3, most: float = 0.1, floor: float = 1e-4) -> None:
        """Draw weights within ±R^-1/2, and biases whose softplus, a step size, is log-uniform in its range."""
        nn.init.uniform_(self.dt_proj.weight, -(self.split[0] ** -0.5), self.split[0] ** -0.5)
        share = torch.rand(len(self.D))
        delta = (math.log(least) + share * (math.log(most) - math.log(least))).exp().clamp(min=floor)
        with torch.no_grad():
            self.dt_proj.bias.copy_(delta + torch.log(-torch.expm1(-delta)))  # the inverse of softplus

    def forward(self, tokens: Tensor) -> Tensor:
        """Mix each frame with those before it."""
        u, gate = self.in_proj(tokens).chunk(2, dim=-1)  # (B, T, E) each
        u = silu(self._convolved(u))
        step, B, C = self.x_proj(u).split(self.split, dim=-1)  # (B, T, R), (B, T, S), (B, T, S)
        y = selective_scan(u, softplus(self.dt_proj(step)), -self.A_log.exp(), B, C, self.D)
        output: Tensor = self.out_proj(y * silu(gate))
        return output

    def _convolved(self, u: Tensor) -> Tensor:
        """Apply ``conv1d`` causally, as a sum: on CPUs twice as fast as PyTorch's with a group for each channel."""
        weights, bias = self.conv1d.weight[:, 0].unbind(-1), self.conv1d.get_parameter("bias")  # (E,) each
        padded, T = pad(u, (0, 0, len(weights) - 1, 0)), u.shape[1]
        return sum((padded[:, k : k + T] * weight for k, weight in enumerate(weights)), start=bias)
