"""Autograd functions with the types that PyTorch's annotations leave out."""

from __future__ import annotations

from torch import Tensor
from torch.autograd.function import Function, FunctionCtx


class Context(FunctionCtx):
    """The ``ctx`` of an autograd function, with the attributes that PyTorch sets in C++."""

    saved_tensors: tuple[Tensor, ...]
    needs_input_grad: tuple[bool, ...]  # of every argument of ``forward``, whether or not it is a tensor


def apply(function: type[Function], *arguments: Tensor | bool) -> Tensor:
    """Apply an autograd ``function`` that has one output."""
    output: Tensor = function.apply(*arguments)
    return output
