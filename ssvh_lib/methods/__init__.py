"""Every hashing method is one file in this folder; ``available`` lists them, ``build`` makes one.

``base`` says what a method must and may offer; the modules of that folder are not methods themselves.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from dataclasses import fields
from typing import Any, TypeVar

import torch

from ..data import PRESETS, Dataset
from ..errors import SSVHError, unknown
from .base import ClassicalMethod, Method, MethodConfig, TrainedConfig, TrainedMethod

__all__ = [
    "ClassicalMethod", "Method", "MethodConfig", "TrainedConfig", "TrainedMethod", "available", "build", "check_bits",
    "configure", "construct", "method_class", "preset_values",
]  # fmt: skip

SomeMethod = TypeVar("SomeMethod", bound=Method)


def available() -> list[str]:
    """List the names of all methods, which are the files of this folder."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.ispkg)


def method_class(name: str) -> type[Method]:
    """Return the class that the file ``methods/<name>.py`` defines; SSVHError if there is no such file."""
    if name not in available():
        raise unknown("method", name, available())
    module = importlib.import_module(f"{__name__}.{name}")
    found = [
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Method) and value.__module__ == module.__name__
    ]
    if len(found) != 1:
        raise SSVHError(
            f"methods/{name}.py must define exactly one ClassicalMethod or TrainedMethod, found {len(found)}."
        )
    return found[0]


def build(
    name: str,
    dataset: Dataset,
    bits: int = 64,
    *,
    seed: int = 0,
    variant: str = "paper",
    preset: str | None = None,
    **overrides: object,
) -> Method:
    """Make a method ready to be trained on ``dataset``, with ``bits``-bit codes; the other choices as in ``configure``.

    Raises SSVHError for an unknown method, variant, preset or field, and for bits that are not a positive
    multiple of 8.
    """
    config = configure(name, dataset, bits, variant=variant, preset=preset, **overrides)
    return construct(method_class(name), config, seed)


def configure(
    name: str,
    dataset: Dataset,
    bits: int = 64,
    *,
    variant: str = "paper",
    preset: str | None = None,
    **overrides: object,
) -> MethodConfig:
    """Make the Config of a method for ``dataset``.

    ``preset`` is "smoke", "small" or "paper" (published values for this dataset); by default the one that the dataset
    names in its dataset.toml, or "paper". ``overrides`` replace fields of the Config.
    """
    method = method_class(name)
    check_bits(bits)
    if variant not in method.VARIANTS:
        raise unknown(f"variant of {name}", variant, method.VARIANTS)
    types = {field.name: str(field.type) for field in fields(method.Config)}
    for field, value in overrides.items():
        if field not in types:
            raise unknown(f"field in the Config of {name}", field, types)
        if not _fits(value, types[field]):
            raise SSVHError(f"{field} of {name} must be {types[field]}, got {value!r}.")
    values: dict[str, Any] = {"frames": dataset.train.frames, "features": dataset.train.size}
    values |= preset_values(method, preset or dataset.preset, dataset.name, variant)
    values |= overrides | {"bits": bits, "variant": variant}
    return method.Config(**values)


def _fits(value: object, annotation: str) -> bool:
    """Tell whether a value is of the type that a Config field is annotated with, such as ``float | None``."""
    allowed = {"int": (int,), "float": (int, float), "str": (str,), "bool": (bool,), "None": (type(None),)}
    accepted = tuple(kind for part in annotation.split("|") for kind in allowed.get(part.strip(), (object,)))
    return isinstance(value, accepted) and (not isinstance(value, bool) or "bool" in annotation)


def construct(method: type[SomeMethod], config: MethodConfig, seed: int) -> SomeMethod:
    """Make the method with its initial weights drawn from ``seed``; the global random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return method(config)


def preset_values(method: type[Method], preset: str, dataset: str, variant: str) -> dict[str, Any]:
    """Return the Config fields that ``preset`` sets: "paper" is the published values for ``dataset``, if there are any.

    What ``PRESETS`` holds for a variant, as in "released" or "fcvid, released", is added for that variant only.
    """
    if preset not in PRESETS:
        raise unknown("preset", preset, PRESETS)
    name = dataset if preset == "paper" else preset
    values = (method.PRESETS.get(key, {}) for key in (variant, name, f"{name}, {variant}"))
    return {field: value for some in values for field, value in some.items()}


def check_bits(bits: int) -> None:
    """Raise SSVHError unless ``bits`` is a positive multiple of 8, which is what can be packed into bytes."""
    if not isinstance(bits, int) or bits <= 0 or bits % 8:
        raise SSVHError(f"bits must be a positive multiple of 8, so that codes can be packed into bytes; got {bits!r}.")
