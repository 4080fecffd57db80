"""The gating MLP of MCMSH: two MLPs mix time and channels, and gates of three ranges weight their outputs.

Shapes: B videos, T frames, D feature size, C width; inside a gate, n is the axis along which it looks and c the other.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool1d, relu

from ..errors import SSVHError

MIDDLE = 3  # [code] the middle range sees means of about this many neighbours


class GatingMLP(nn.Module):
    """Frames ``(B, T, D)`` -> embeddings ``(B, T, C)``, as in MCMSH's released code (github.com/haoyanbin918/MCMSH).

    One layer, without positions and without LayerNorm. T is fixed: weights belong to places in time. The reductions say
    how much narrower the gates are inside than the values they weight. Raises SSVHError unless ``channel_reduction``
    divides ``width``, because the gates on channels are grouped.
    """

    def __init__(
        self,
        features: int,
        width: int,
        frames: int,
        *,
        time_reduction: int = 4,
        channel_reduction: int = 16,
        dropout: float = 0.5,
    ):
        super().__init__()
        if width % channel_reduction:
            raise SSVHError(
                f"The width of the gating MLP must be a multiple of {channel_reduction}, its channel reduction; "
                f"got {width}."
            )
        groups = width // channel_reduction
        self.embed = nn.Linear(features, width)
        self.time = nn.Sequential(mlp(frames, dropout), Gates(width, frames, time_reduction, groups=1))
        self.channels = nn.Sequential(mlp(width, dropout), Gates(frames, width, channel_reduction, groups))
        self.last = Gates(frames, width, channel_reduction, groups)

    def forward(self, frames: Tensor) -> Tensor:
        """Embed the frames."""
        tokens = relu(self.embed(frames))
        tokens = tokens + self.time(tokens.transpose(1, 2)).transpose(1, 2)
        embeddings: Tensor = self.last(tokens + self.channels(tokens))
        return embeddings


def mlp(size: int, dropout: float) -> nn.Sequential:
    """Make an MLP on the last axis, twice as wide inside, with dropout after both layers."""
    inner, outer = nn.Linear(size, 2 * size), nn.Linear(2 * size, size)
    return nn.Sequential(inner, nn.GELU(), nn.Dropout(dropout), outer, nn.Dropout(dropout))


class Gates(nn.Module):
    """The sum of a gate of long, one of middle and one of short range, on values ``(B, n, c)``.

    All have the same form; the range is how far along n the weight of a value looks: over the whole axis; over five
    means of about three neighbours, by two convolutions of width three; or over five neighbours.
    """

    def __init__(self, along: int, gated: int, reduction: int, groups: int):
        super().__init__()
        inner = max(1, gated // reduction)
        few = max(1, along // MIDDLE)
        self.long = Gate(along, Pool(along, 1), *long_weights(gated, inner))
        self.middle = Gate(along, Pool(along, few), *local_weights(gated, inner, groups), Pool(few, along))
        self.short = Gate(along, *local_weights(gated, inner, groups))

    def forward(self, values: Tensor) -> Tensor:
        """Return the weighted values ``(B, n, c)``."""
        values = values.transpose(1, 2)  # (B, c, n)
        weighted: Tensor = self.long(values) + self.middle(values) + self.short(values)
        return weighted.transpose(1, 2)


class Pool(nn.Module):
    """Adaptive average pooling ``(…, n) -> (…, m)``, to fewer values or to more.

    As a product with a fixed matrix it is faster on CPUs, and its gradient on GPUs is deterministic.
    """

    matrix: Tensor

    def __init__(self, size: int, pooled: int):
        super().__init__()
        matrix = adaptive_avg_pool1d(torch.eye(size)[None], pooled)[0]  # (n, m)
        self.register_buffer("matrix", matrix, persistent=False)

    def forward(self, values: Tensor) -> Tensor:
        """Average the values."""
        return values @ self.matrix


class Gate(nn.Module):
    """Values ``(B, c, n)``: a linear map along n, a weight from 0 to 1 for each value, and a second linear map.

    ``weights`` are the layers that make weights ``(B, c, n)`` or ``(B, c, 1)`` of the mapped values.
    """

    def __init__(self, along: int, *weights: nn.Module):
        super().__init__()
        self.before, self.after = nn.Linear(along, along), nn.Linear(along, along)
        self.weights = nn.Sequential(*weights)

    def forward(self, values: Tensor) -> Tensor:
        """Return the weighted values."""
        values = self.before(values)
        weighted: Tensor = self.after(values * self.weights(values))
        return weighted


def long_weights(gated: int, inner: int) -> list[nn.Module]:
    """Make two linear layers over ``gated`` channels, through ``inner`` ones; their initial weights are almost zero."""
    down, up = nn.Conv1d(gated, inner, 1, bias=False), nn.Conv1d(inner, gated, 1, bias=False)
    for layer in (down, up):
        nn.init.normal_(layer.weight, std=0.001)
    return [down, nn.BatchNorm1d(inner), nn.ReLU(), up, nn.BatchNorm1d(gated), nn.Sigmoid()]


def local_weights(gated: int, inner: int, groups: int) -> list[nn.Module]:
    """Make two convolutions over three neighbours and ``gated`` channels, through ``inner`` ones, in ``groups``."""
    down = nn.Conv1d(gated, inner, 3, padding=1, bias=False, groups=groups)
    up = nn.Conv1d(inner, gated, 3, padding=1, bias=False, groups=groups)
    nn.init.kaiming_normal_(down.weight, mode="fan_out", nonlinearity="relu")
    nn.init.xavier_normal_(up.weight)
    return [down, nn.BatchNorm1d(inner), nn.ReLU(), up, nn.BatchNorm1d(gated), nn.Sigmoid()]
