"""Counts of the operations of a call or of a whole training: (m × k) times (k × n) has 2 m k n of them.

Products of elements do not count, except inside recurrences, where they take the place of matrix products.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ..data import VideoFeatures
from ..data.batch import Batch
from ..data.published import PUBLISHED
from ..errors import SSVHError, unknown
from ..methods import TrainedMethod, construct, method_class, preset_values
from ..nn.mamba import Mamba
from ..nn.rwkv import RWKV


def operations(model: nn.Module, call: Callable[[], object]) -> int:
    """Count the operations of a ``call`` that uses ``model`` on a CPU, including those that PyTorch does not see.

    PyTorch counts matrix products, convolutions and attention, forward and backward. We add LSTMs, and the recurrences
    of ``UNSEEN``: these three times if a gradient is wanted, as backward passes cost about two forward ones.
    """
    unseen = []

    def add(part: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        unseen.append(UNSEEN[type(part)](part, inputs[0]) * (3 if output.requires_grad else 1))

    hooks = [part.register_forward_hook(add) for part in model.modules() if type(part) in UNSEEN]
    try:
        with FlopCounterMode(display=False, custom_mapping={torch.ops.aten.mkldnn_rnn_layer: _lstm}) as counter:
            call()
    finally:
        for hook in hooks:
            hook.remove()
    return counter.get_total_flops() + sum(unseen)


def _lstm(frames: Sequence[int], inputs: Sequence[int], hidden: Sequence[int], *_: object, **__: object) -> int:
    """Count an LSTM, a single operator on CPUs, by the shapes of frames (T, B, C) and weights (4K, C) and (4K, K)."""
    return 2 * math.prod(frames[:2]) * (math.prod(inputs) + math.prod(hidden))


def mamba_operations(mixer: Mamba, tokens: Tensor) -> int:
    """Count scan and convolution of a ``Mamba``, on ``tokens (B, T, C)``.

    For each frame, channel and state: two for exp(delta A), three for h, two for C h; for each frame and channel: one
    for delta u and two for D u, and two for each place of the convolution.
    """
    channels, states = mixer.A_log.shape
    return math.prod(tokens.shape[:2]) * channels * (7 * states + 3 + 2 * mixer.conv1d.kernel_size[0])


def rwkv_operations(block: RWKV, tokens: Tensor) -> int:
    """Count the decay of all earlier keys at each frame of ``tokens (B, T, C)``, as ``rwkv.wkv`` computes it."""
    B, T, C = tokens.shape
    return B * C * T * (T - 1) // 2


UNSEEN: dict[type[nn.Module], Callable[[Any, Tensor], int]] = {Mamba: mamba_operations, RWKV: rwkv_operations}


# A few videos cannot form more clusters; the cost of a step hardly depends on their number.
_FEWER: dict[str, dict[str, Any]] = {"s5vh": {"clusters": 4, "dimensions": 4}, "autossvh": {"clusters": (2, 3, 4)}}


def training_operations(method: str, dataset: str, *, bits: int = 64, videos: int = 8) -> int:
    """Count a whole training of a method as published for ``dataset``: all steps, and all passes before epochs.

    Counted on a step of a few random ``videos``, before and after the warm-up, and scaled by the number of training
    videos and epochs. Clustering, evaluation and the optimiser are not counted. Raises SSVHError for an unknown
    dataset.
    """
    if dataset not in PUBLISHED:
        raise unknown("published dataset", dataset, PUBLISHED)
    facts, kind = PUBLISHED[dataset], method_class(method)
    values = preset_values(kind, "paper", dataset, "paper") | _FEWER.get(method, {})
    model = construct(kind, kind.Config(bits=bits, frames=facts.frames, features=facts.size, **values), 0)
    if not isinstance(model, TrainedMethod):
        raise SSVHError(f"{method} is not trained by gradient, so it has no steps to count.")
    config = model.config
    warm_up = getattr(config, "warm_up", 0)
    first, last = (_epoch_operations(model, epoch, videos) for epoch in (0, config.epochs - 1))
    return facts.train.videos * (warm_up * first + (config.epochs - warm_up) * last) // videos


def _epoch_operations(model: TrainedMethod, epoch: int, videos: int) -> int:
    """Count one epoch of a training set of ``videos``, in a single step."""
    shape = (videos, model.config.frames, model.config.features)
    features = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
    stored = VideoFeatures.unlabelled(features)

    def work() -> None:
        model.begin_epoch(epoch, stored, np.random.default_rng(0))
        model.train()
        batch = Batch(torch.from_numpy(features), torch.arange(videos))
        model.loss(batch, torch.Generator().manual_seed(0))["loss"].backward()

    return operations(model, work)
