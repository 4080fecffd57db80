"""The contract of a method: what it must offer to the rest of the library, what it may offer, and the defaults.

A method is one file in ``methods/`` with one class. It is a ``ClassicalMethod``, which solves for its buffers, or a
``TrainedMethod``, which the training loop trains by gradient. Its nested ``Config`` is a frozen dataclass that extends
``MethodConfig`` or ``TrainedConfig`` by the hyper-parameters, each with its source in a trailing comment; a field of
the base is declared again only to give it the method's own default. The other modules of this folder are partial
methods that several methods extend.

Shapes: B videos, N training videos, T frames, D feature size, K bits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from ...data import Dataset
from ...data.batch import Batch, Videos
from ...errors import SSVHError, unknown

PRECISIONS = ("float32", "bfloat16")

# Name of a preset, dataset or variant -> fields of the Config.
Presets = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class MethodConfig:
    """The fields that every method has."""

    bits: int  # K
    frames: int  # T
    features: int  # D
    variant: str = "paper"  # one of the method's VARIANTS


@dataclass(frozen=True, kw_only=True)
class TrainedConfig(MethodConfig):
    """The fields that every trained method has."""

    epochs: int
    batch_size: int
    peak_learning_rate: float
    precision: str = "float32"  # ours: or "bfloat16", autocast
    max_gradient_norm: float | None = None  # None, as in all released code: gradients are not clipped


class Method(nn.Module, ABC):
    """A network or a projection that turns the frames of a video into a binary code.

    ``PRESETS`` holds "smoke", "small" and, for the preset "paper", the names of published datasets; what it holds under
    the name of a variant, as in "released" or "fcvid, released", is set for that variant only. ``VARIANTS`` are
    "paper", the method as its paper describes it, and "released" where the authors' code computes something else.
    """

    TITLE: ClassVar[str] = ""  # the name as the papers print it; the name of the file if there is none
    PRESETS: ClassVar[Presets] = {}
    VARIANTS: ClassVar[tuple[str, ...]] = ("paper",)
    Config: ClassVar[type[MethodConfig]] = MethodConfig

    config: MethodConfig
    # Frames (B, T, D) -> how uncertain the code of each video is, (B,); None for a method that cannot tell.
    uncertainty: Callable[[Tensor], Tensor] | None = None

    def __init__(self, config: MethodConfig):
        super().__init__()
        self.config = config

    @abstractmethod
    def encode(self, frames: Tensor) -> Tensor:
        """Map frames ``(B, T, D)`` to real values ``(B, K)``, whose signs are the code."""

    def check(self, dataset: Dataset) -> None:
        """Raise SSVHError if the method cannot be trained on ``dataset``; called before a folder is made."""
        asked, given = (self.config.frames, self.config.features), (dataset.train.frames, dataset.train.size)
        if asked != given:
            raise SSVHError(
                f"The model reads {asked[0]} frames of size {asked[1]}, {dataset.name} has {given[0]} of {given[1]}. "
                f"Build it with dataset={dataset.name!r}."
            )

    def check_groups(self, dataset: Dataset, **groups: int | tuple[int, ...]) -> None:
        """Raise SSVHError unless the training videos suffice for ``groups``: field of the Config -> number of groups.

        Some methods form groups only after hours of warm-up, too late to find out that there are too few videos.
        """
        for field, counts in groups.items():
            every = (counts,) if isinstance(counts, int) else counts
            if not all(1 <= count <= len(dataset.train) for count in every):
                raise SSVHError(
                    f"{field} = {counts} of {self.name()} must be from 1 to {len(dataset.train)}, the number of "
                    f"training videos of {dataset.name}. Give fewer, as the preset smoke does, or add videos."
                )

    @classmethod
    def name(cls) -> str:
        """Return the name under which ``build`` knows the method, which is that of its file."""
        return cls.__module__.rpartition(".")[2]

    @property
    def device(self) -> torch.device:
        """Return the device of the parameters and buffers."""
        return next(chain(self.parameters(), self.buffers())).device


class ClassicalMethod(Method):
    """A method without gradient descent, whose results are buffers."""

    @abstractmethod
    def solve(self, videos: Videos, rng: np.random.Generator) -> None:
        """Set the buffers from the training videos; everything random is drawn from ``rng``."""


class TrainedMethod(Method):
    """A method trained by gradient descent.

    ``REMEMBERED`` names tensors that it needs to go on training but not to encode. They are saved after each epoch,
    so that a resumed run equals an uninterrupted one.
    """

    Config: ClassVar[type[TrainedConfig]] = TrainedConfig
    REMEMBERED: ClassVar[tuple[str, ...]] = ()

    config: TrainedConfig

    @abstractmethod
    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Compute the terms of the loss as scalars; the one called "loss" is minimised, all go into the history.

        Everything random is drawn from ``rng``, which is on the device of the batch.
        """

    @abstractmethod
    def learning_rate(self, epoch: int) -> float:
        """Return the learning rate of an epoch; ``epoch`` counts from 0."""

    def optimiser(self) -> torch.optim.Optimizer:
        """Make the optimiser: by default Adam without weight decay."""
        return torch.optim.Adam(self.parameters(), lr=self.config.peak_learning_rate)

    def begin_epoch(self, epoch: int, videos: Videos, rng: np.random.Generator) -> None:
        """Look at the whole training set before an epoch, for example to cluster it; by default do nothing."""

    def describe_epoch(self, videos: Videos) -> dict[str, float]:
        """Return numbers for the history after an epoch; by default none."""
        return {}

    def stage(self, epoch: int) -> str:
        """Name what is trained in an epoch; where that changes, the optimiser starts anew. By default it never does."""
        return ""

    def check(self, dataset: Dataset) -> None:
        """Raise SSVHError if the precision is unknown or the method cannot be trained on ``dataset``."""
        if self.config.precision not in PRECISIONS:
            raise unknown("precision", self.config.precision, PRECISIONS)
        super().check(dataset)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put ``model`` into evaluation mode, and back into the mode that it was in."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)
