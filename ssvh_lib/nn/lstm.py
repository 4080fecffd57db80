"""The LSTM of SSTH and SSVH, with peepholes and a batch norm for every step, and their optimiser with clipping.

Shapes: B videos, T steps, I size of the inputs, K width, which is the number of bits. As in the code that was
released with SSTH (github.com/hanwangzhang/BLSTM) and SSVH (github.com/lixiangpengcs/Self-Supervised-Video-Hashing).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, overload

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, linear
from torch.optim.optimizer import ParamsT

from .layers import sign_ste

GATES = 4  # input, forget, candidate, output: the order of the rows in fused weights
PEEPHOLES = 3  # of the gates input, forget and output


class State(NamedTuple):
    """The state that one step of an LSTM passes on to the next."""

    hidden: Tensor  # (B, K), signs if the LSTM is binary
    cell: Tensor  # (B, K), after its batch norm


class StepNorm(nn.Module):
    """Batch norm of cells ``(B, K)`` with a separate gain, shift and running statistics for each of ``steps``.

    In training it uses the mean and the biased deviation of the batch, in float32. Evaluation uses their running
    averages, of the deviation and not of the variance; ``momentum`` is the share of the past in them.
    """

    mean: Tensor  # (steps, K), running average
    deviation: Tensor  # (steps, K), running average

    EPSILON = 1e-10  # added to the variance; the released code adds it to the deviation once more

    def __init__(self, steps: int, width: int, momentum: float):
        super().__init__()
        self.momentum = momentum
        self.gain = nn.Parameter(torch.ones(steps, width))
        self.shift = nn.Parameter(torch.zeros(steps, width))
        self.register_buffer("mean", torch.zeros(steps, width))
        self.register_buffer("deviation", torch.ones(steps, width))

    def forward(self, cell: Tensor, step: int) -> Tensor:
        """Normalise the cell of a step."""
        mean = variance = None
        if self.training:
            self._update_statistics(cell.detach(), step)
        else:
            mean, variance = self.mean[step], self.deviation[step].square()
        return batch_norm(cell, mean, variance, self.gain[step], self.shift[step], self.training, eps=self.EPSILON)

    def _update_statistics(self, cell: Tensor, step: int) -> None:
        deviation, mean = torch.std_mean(cell, dim=0, correction=0)
        self.mean[step].lerp_(mean, 1 - self.momentum)
        self.deviation[step].lerp_(deviation, 1 - self.momentum)


class PeepholeLSTM(nn.Module):
    """``steps`` of an LSTM whose gates see the cell (peepholes) and whose cell is normalised at every step.

    The normalised cell is passed on. The hidden state is ``squash`` of it times the output gate; with ``binary``, its
    signs are passed on, with a straight-through gradient. Without ``inputs``, only the initial state drives it.
    """

    def __init__(
        self,
        inputs: int | None,
        width: int,
        steps: int,
        momentum: float,
        *,
        binary: bool = False,
        squash: Callable[[Tensor], Tensor] | None = None,
    ):
        super().__init__()
        self.steps, self.binary, self.squash = steps, binary, squash or nn.Identity()
        self.read = None if inputs is None else nn.Parameter(glorot(GATES, inputs, width))  # (4K, I)
        recurrent = [nn.init.orthogonal_(torch.empty(width, width), gain=1.1) for _ in range(GATES)]
        self.recurrent = nn.Parameter(torch.cat(recurrent))  # (4K, K)
        self.bias = nn.Parameter(torch.eye(GATES)[1].repeat_interleave(width))  # 1 for the forget gate, else 0
        self.peepholes = nn.Parameter(torch.empty(PEEPHOLES * width).uniform_(-0.1, 0.1))
        self.norm = StepNorm(steps, width, momentum)

    def forward(self, inputs: Tensor | None, state: State | None = None) -> tuple[Tensor, State]:
        """Map inputs ``(B, T, I)`` and the initial state to real hidden states ``(B, T, K)`` and the last state.

        Either may be None, which stands for zeros, but not both: raises ValueError.
        """
        if state is None:
            state = self._zero_state(inputs)
        hidden_states = []
        for step, share in enumerate(self._drive(inputs)):
            gates = linear(state.hidden, self.recurrent).float() + share  # (B, 4K)
            hidden, cell = self._step(gates, state.cell, step)
            hidden_states.append(hidden)
            state = State(sign_ste(hidden) if self.binary else hidden, cell)
        return torch.stack(hidden_states, dim=1), state

    def _zero_state(self, inputs: Tensor | None) -> State:
        if inputs is None:
            raise ValueError("Without inputs, an LSTM needs a state to start from.")
        return State(*inputs.new_zeros(2, len(inputs), self.recurrent.shape[1]))

    def _drive(self, inputs: Tensor | None) -> Sequence[Tensor]:
        """Return for each step the share of its input in all gates ``(B, 4K)``, in one product for all steps."""
        if self.read is None or inputs is None:
            return [self.bias] * self.steps
        return linear(inputs, self.read, self.bias).float().unbind(1)

    def _step(self, gates: Tensor, cell: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """Return hidden state and cell after a step, from the gates ``(B, 4K)`` and the cell ``(B, K)`` before it."""
        K = cell.shape[1]
        early, late = torch.split(self.peepholes, [2 * K, K])
        enter, forget = torch.addcmul(gates[:, : 2 * K], cell.repeat(1, 2), early).sigmoid().chunk(2, dim=1)
        cell = self.norm(forget * cell + enter * gates[:, 2 * K : 3 * K].tanh(), step)
        leave = torch.addcmul(gates[:, 3 * K :], cell, late).sigmoid()
        return leave * self.squash(cell), cell


class FirstStep(nn.Module):
    """The first step of a ``PeepholeLSTM`` from a state of zeros, ``(B, I) -> (B, K)``.

    It has no weights for the previous hidden state, which would be multiplied by zero, and no forget gate.
    """

    def __init__(self, inputs: int, width: int, momentum: float):
        super().__init__()
        self.read = nn.Parameter(glorot(GATES - 1, inputs, width))  # (3K, I): input, candidate, output
        self.bias = nn.Parameter(torch.zeros((GATES - 1) * width))
        self.peephole = nn.Parameter(torch.empty(width).uniform_(-0.1, 0.1))
        self.norm = StepNorm(1, width, momentum)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the hidden state."""
        enter, candidate, leave = linear(inputs, self.read, self.bias).float().chunk(3, dim=1)
        cell = self.norm(enter.sigmoid() * candidate.tanh(), 0)
        hidden: Tensor = torch.addcmul(leave, cell, self.peephole).sigmoid() * cell
        return hidden


class ClippedMomentum(torch.optim.Optimizer):
    """Gradient descent with momentum and elementwise clipping of the velocity: v ← clip(m·v − lr·g, ±clip), θ ← θ + v.

    Where |lr·g| exceeds the clip, a weight moves by exactly the clip in the direction of −g, whatever the scale of the
    loss. ``weight_decay`` adds that multiple of θ to g.
    """

    def __init__(self, parameters: ParamsT, lr: float, *, momentum: float, clip: float, weight_decay: float = 0.0):
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "clip": clip, "weight_decay": weight_decay})

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Update every parameter that has a gradient."""
        loss = None if closure is None else torch.enable_grad()(closure)()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, parameter.grad, group)
        return loss

    def _update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        gradient = gradient.add(parameter, alpha=group["weight_decay"])
        velocity = self.state[parameter].setdefault("velocity", torch.zeros_like(parameter))
        velocity.mul_(group["momentum"]).sub_(gradient, alpha=group["lr"]).clamp_(-group["clip"], group["clip"])
        parameter.add_(velocity)


def glorot(gates: int, inputs: int, width: int) -> Tensor:
    """Draw weights ``(gates · K, I)``, Glorot-uniform for each gate by itself."""
    return torch.cat([nn.init.xavier_uniform_(torch.empty(width, inputs)) for _ in range(gates)])


def squared_error(predicted: Tensor, frames: Tensor) -> Tensor:
    """Sum the squared error of two tensors ``(B, T, D)`` over videos, frames and features, in float32."""
    return (predicted.float() - frames.float()).square().sum()
