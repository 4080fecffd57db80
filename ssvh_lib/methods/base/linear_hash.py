"""What the classical methods share: a linear map of a video's mean frame, thresholded at the mean or the median.

Shapes: B videos, N training videos, T frames, D feature size, K bits.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ...errors import SSVHError
from . import ClassicalMethod, MethodConfig


class LinearHash(ClassicalMethod):
    """Signs of ``(x̄ − mean) projection``, where x̄ is the temporal mean of a video's features.

    ``mean (D,)`` is usually that of the training videos; ``projection`` is ``(D, K)``.
    """

    mean: Tensor
    projection: Tensor

    def __init__(self, config: MethodConfig):
        super().__init__(config)
        self.register_buffer("mean", torch.zeros(config.features))
        self.register_buffer("projection", torch.zeros(config.features, config.bits))

    def store(self, mean: np.ndarray, projection: np.ndarray) -> None:
        """Keep the solution, ``mean (D,)`` and ``projection (D, K)``, in float32."""
        self.mean.copy_(torch.from_numpy(mean))
        self.projection.copy_(torch.from_numpy(np.ascontiguousarray(projection)))

    def encode(self, frames: Tensor) -> Tensor:
        """Map frames ``(B, T, D)`` to the coordinates of their mean ``(B, K)``."""
        return (frames.mean(dim=1) - self.mean) @ self.projection


class PrincipalHash(LinearHash):
    """A linear hash that needs a principal direction for each bit: at most min(N, D) bits."""

    def __init__(self, config: MethodConfig):
        if config.bits > config.features:
            raise SSVHError(
                f"{self.TITLE} needs a principal direction for each bit: at most {config.features} bits "
                f"on features of size {config.features}, got {config.bits}."
            )
        super().__init__(config)


class MedianHash(ClassicalMethod):
    """Signs of ``x̄ projection − threshold``, where x̄ is the temporal mean of a video's features.

    ``projection`` is ``(D, K)``; ``threshold (K,)`` is the median over training videos, so that bits are balanced.
    """

    projection: Tensor
    threshold: Tensor

    def __init__(self, config: MethodConfig):
        super().__init__(config)
        self.register_buffer("projection", torch.zeros(config.features, config.bits))
        self.register_buffer("threshold", torch.zeros(config.bits))

    def store(self, projection: np.ndarray, pooled: np.ndarray) -> None:
        """Keep ``projection (D, K)`` and the median outputs of the mean frames ``pooled (N, D)``, in float32."""
        self.projection.copy_(torch.from_numpy(projection))
        self.threshold.copy_(torch.from_numpy(np.median(pooled @ projection, axis=0)))

    def encode(self, frames: Tensor) -> Tensor:
        """Map frames ``(B, T, D)`` to their mean outputs, less the threshold ``(B, K)``."""
        return frames.mean(dim=1) @ self.projection - self.threshold
