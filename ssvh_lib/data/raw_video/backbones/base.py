"""A frozen image network with the preparation of its pictures, whoever made it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ....errors import SSVHError

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image
    from torch import Tensor, nn

# Pictures at a time. On a CPU the activations of a few stay in its caches, and in blocks of memory that are used again:
# those of more are fetched from the system and given back for every layer, which doubles the time.
ON_CPU, ON_GPU = 4, 64


class Preparation(Protocol):
    """Turns a picture into the input of a network."""

    def __call__(self, image: Image) -> Tensor:
        """Resize, crop and normalise a picture of any size (RGB): ``(3, H, W)`` float32."""

    def settings(self) -> str:
        """Return everything that the result depends on, as text."""


@dataclass(frozen=True)
class Backbone:
    """A frozen image network, ready to describe pictures; ``load_backbone`` makes one."""

    name: str
    model: nn.Module
    pool: Callable[[Any], Tensor]  # from what the model returns for B pictures to their features (B, D)
    prepare: Preparation
    device: torch.device

    def on(self, device: torch.device) -> Backbone:
        """Return this backbone frozen and moved to a device, in the layout in which convolutions are fastest."""
        import torch

        model = self.model.requires_grad_(False).eval().to(device)
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # which its types leave out
        if device.type == "cpu":
            _leave_pointwise_convolutions_to_onednn(model)
        return replace(self, model=model, device=device)

    @property
    def batch_size(self) -> int:
        """The number of pictures at a time that suits the device."""
        return ON_CPU if self.device.type == "cpu" else ON_GPU

    @cached_property
    def size(self) -> int:
        """The number D of values of a feature. Raises SSVHError as ``describe`` does."""
        from PIL import Image

        return int(self.describe(self.prepare(Image.new("RGB", (64, 64), "gray"))[None]).shape[1])

    def describe(self, pictures: Tensor, batch_size: int | None = None) -> np.ndarray:
        """Compute features ``(T, D)`` float32 of prepared pictures ``(T, 3, H, W)``, at most ``batch_size`` at a time.

        By default that is what suits the device. Raises SSVHError if the network returns NaN or infinity, or runs out
        of memory.
        """
        import torch

        at_a_time = batch_size or self.batch_size
        layout = torch.channels_last
        try:
            with torch.inference_mode():
                parts = [
                    self.pool(self.model(part.to(self.device, memory_format=layout))).float().cpu()
                    for part in pictures.tensor_split(-(-len(pictures) // at_a_time))  # of even sizes
                ]
        except torch.OutOfMemoryError as error:
            raise SSVHError(f"{at_a_time} pictures at a time are too many for {self.device}; ask for fewer.") from error
        features: np.ndarray = torch.cat(parts).numpy()
        if not np.isfinite(features).all():
            raise SSVHError(f"The backbone {self.name} returns NaN or infinity. Are its weights complete?")
        return features

    def fingerprint(self) -> str:
        """Return 16 hex digits for weights and preparation, the same for the hub's copy and a local one."""
        total = hashlib.sha256(self.prepare.settings().encode())
        for key, tensor in sorted(self.model.state_dict().items()):
            total.update(key.encode())
            total.update(np.ascontiguousarray(tensor.cpu().numpy()).data)
        return total.hexdigest()[:16]


def _leave_pointwise_convolutions_to_onednn(model: nn.Module) -> None:
    """Dilate convolutions with kernels of one pixel, which changes nothing but who computes them.

    With one thread and fewer than 16 pictures PyTorch computes them as matrix products of MKL, which on AMD's
    processors takes twice as long as oneDNN, to which it leaves all that are strided or dilated.
    """
    from torch import nn

    for module in model.modules():
        if isinstance(module, nn.Conv2d) and module.kernel_size == module.stride == (1, 1):
            module.dilation = (2, 2)
