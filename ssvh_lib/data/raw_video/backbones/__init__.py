"""Frozen image networks, which turn pictures into features.

One comes with the extra ``video`` and needs no network: ``efficientnet-lite0``. Any other name is that of an image
model of 🤗 Transformers, on the model hub or in a local folder (``hub``).
"""

from __future__ import annotations

from pathlib import Path

from ....utils.devices import choose_device
from .base import Backbone

__all__ = ["DEFAULT", "Backbone", "load_backbone"]

DEFAULT = "efficientnet-lite0"


def load_backbone(name: str | Path = DEFAULT, device: str = "auto") -> Backbone:
    """Load a backbone by its name, or from a local folder, onto a device, ready to describe pictures.

    Raises SSVHError, which says what to do, if it cannot be loaded (a package that is not installed, no such folder, no
    network, weights that are not complete or not safe to read) or is not an image model, or if the device is not there.
    """
    from . import hub, lite0  # which import torch

    place = choose_device(device)
    built_in = {lite0.NAME: lite0.load}
    loaded = built_in[str(name)]() if str(name) in built_in else hub.load(name)
    return loaded.on(place)
