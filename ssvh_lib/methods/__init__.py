"""Every hashing method is one file in this folder; ``available`` lists them, ``build`` makes one.

A method file defines one ``torch.nn.Module`` with

* ``Config``, a frozen dataclass with at least ``bits``, ``frames``, ``features`` and ``variant``;
* ``PRESETS``, preset or dataset name -> Config fields; ``VARIANTS``, the allowed variants;
* ``encode(frames (B, T, D)) -> (B, K)`` real values, whose signs are the code;
* either ``solve(videos, rng)`` (classical methods: sets its buffers from the training videos)
  or ``loss(batch, rng)`` (trained methods: a dict of terms with the key ``loss``), ``optimiser()`` and
  ``learning_rate(epoch)``, with ``epochs``, ``batch_size``, ``precision`` and ``max_gradient_norm`` in its Config.

A trained method may also have ``begin_epoch(epoch, videos, rng)``, to look at the whole training set before each epoch;
``MEMORY``, the names of tensors that it needs to go on training but not to encode; ``describe_epoch(videos)``, numbers
for the history; ``stage(epoch)``, the name of what is trained in an epoch: where it changes, the optimiser starts
anew; and ``uncertainty(frames)``, ``(B,)``, how uncertain the code of each video is.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import fields
from typing import Any

import torch
from torch import nn

from ..data import PRESETS
from ..errors import SSVHError, unknown


def available() -> list[str]:
    """The names of all methods, by listing the folder."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def method_class(name: str) -> type[nn.Module]:
    """The class that the file ``methods/<name>.py`` defines; SSVHError if there is no such file."""
    if name not in available():
        raise unknown("method", name, available())
    module = importlib.import_module(f"{__name__}.{name}")
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, nn.Module) and hasattr(value, "Config")
        and value.__module__ == module.__name__
    ]  # fmt: skip
    if len(found) != 1:
        raise SSVHError(f"methods/{name}.py must define exactly one nn.Module with a Config, found {len(found)}.")
    return found[0]


def method_name(model: nn.Module) -> str:
    """The name under which ``build`` knows the class of ``model``."""
    return type(model).__module__.rpartition(".")[2]


def build(name: str, dataset: Any, bits: int = 64, *, seed: int = 0, **choices: Any) -> nn.Module:
    """A method ready to be trained on ``dataset``, with ``bits``-bit codes; ``choices`` are those of ``configure``.

    Raises SSVHError for an unknown method, variant, preset or field, and for bits that are not a positive
    multiple of 8.
    """
    return construct(method_class(name), configure(name, dataset, bits, **choices), seed)


def configure(
    name: str, dataset: Any, bits: int = 64, *, variant: str = "paper", preset: str | None = None, **overrides: Any
) -> Any:
    """The Config of a method for ``dataset``.

    ``preset`` is "smoke", "small" or "paper" (published values for this dataset); by default the one that the dataset
    names in its dataset.toml, or "paper". ``overrides`` replace fields of the Config.
    """
    method = method_class(name)
    check_bits(bits)
    if variant not in method.VARIANTS:
        raise unknown(f"variant of {name}", variant, method.VARIANTS)
    types = {field.name: field.type for field in fields(method.Config)}
    for field, value in overrides.items():
        if field not in types:
            raise unknown(f"field in the Config of {name}", field, types)
        if not _fits(value, types[field]):
            raise SSVHError(f"{field} of {name} must be {types[field]}, got {value!r}.")
    shape = {"frames": dataset.train.frames, "features": dataset.train.size}
    values = preset_values(method, preset or dataset.preset, dataset.name, variant)
    return method.Config(**{**shape, **values, **overrides, "bits": bits, "variant": variant})


def _fits(value: object, annotation: str) -> bool:
    """Whether a value is of the type that a Config field is annotated with, such as ``float | None``."""
    allowed = {"int": (int,), "float": (int, float), "str": (str,), "bool": (bool,), "None": (type(None),)}
    accepted = tuple(kind for part in annotation.split("|") for kind in allowed.get(part.strip(), (object,)))
    return isinstance(value, accepted) and (not isinstance(value, bool) or "bool" in annotation)


def construct(method: type[nn.Module], config: Any, seed: int) -> nn.Module:
    """The method with its initial weights drawn from ``seed``; the global random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return method(config)


def preset_values(method: type[nn.Module], preset: str, dataset: str, variant: str) -> dict[str, Any]:
    """The Config fields that ``preset`` sets: "paper" is the published values for ``dataset``, if there are any.

    What ``PRESETS`` holds for a variant, as in "released" or "fcvid, released", is added for that variant only.
    """
    if preset not in PRESETS:
        raise unknown("preset", preset, PRESETS)
    name = dataset if preset == "paper" else preset
    values = (method.PRESETS.get(key, {}) for key in (variant, name, f"{name}, {variant}"))
    return {field: value for some in values for field, value in some.items()}


def check_bits(bits: int) -> None:
    """SSVHError unless ``bits`` is a positive multiple of 8, which is what can be packed into bytes."""
    if not isinstance(bits, int) or bits <= 0 or bits % 8:
        raise SSVHError(f"bits must be a positive multiple of 8, so that codes can be packed into bytes; got {bits!r}.")
