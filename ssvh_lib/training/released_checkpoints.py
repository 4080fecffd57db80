"""Checkpoints saved by the authors' own code of ConMH, S5VH and AutoSSVH, read as methods of this library.

Such a file holds named tensors and no configuration. Their shapes tell most of the Config; the other fields keep their
defaults or are arguments of ``load_released``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ..errors import SSVHError, unknown
from ..methods import check_bits, construct
from ..methods.autossvh import AutoSSVH
from ..methods.base.masked_autoencoder import MaskedAutoencoder
from ..methods.conmh import ConMH
from ..methods.s5vh import S5VH

# Parts of our names -> parts of the authors', replaced in this order.
_SHARED = {
    "decoder_embed.": "encoder_to_decoder.", "embed.": "encoder.patch_embed.", "hash.linear.": "binary.",
    "hash.norm.": "ln.", "reconstruct.": "decoder.head.",
}  # fmt: skip
_TRANSFORMER = _SHARED | {
    "attention_norm.": "norm1.", "attention.out.": "attn.proj.", "attention.query_bias": "attn.q_bias",
    "attention.value_bias": "attn.v_bias", "attention.": "attn.", "mlp_norm.": "norm2.", "mlp.0.": "mlp.fc1.",
    "mlp.2.": "mlp.fc2.", "decoder_positions": "pos_embed",
}  # fmt: skip
_MAMBA = _SHARED | {
    "norms.0.": "norm1.", "norms.1.": "norm2.", "mixers.0.": "mamba1.", "centres": "classifier.weight",
}  # fmt: skip

# Field of the Config -> the authors' tensor and the axis of it that has this length.
_SIZES = {
    "bits": ("binary.weight", 0), "features": ("encoder.patch_embed.weight", 1),
    "width": ("encoder.patch_embed.weight", 0), "decoder_width": ("encoder_to_decoder.weight", 0),
}  # fmt: skip

_COUNTERS = r"(.*\.)?total_(ops|params)$"  # of thop, which S5VH's code imports to count operations
_LEADING = {"mask_token": 2, "pos_embed": 1}  # axes of length 1 that stand before ours
_FRAMES = {4096: 25, 2048: 30}  # feature size -> frames of a video, in the published datasets
_HEADS = {1: 1, 24: 16}  # layers -> heads of the authors' "mini" and "large" models; "small" has 6


class _Format(NamedTuple):
    """How to recognise and read a method's checkpoints."""

    method: type[MaskedAutoencoder]
    mark: str  # pattern of a name that tells this method from those further down the list
    names: dict[str, str]  # as _SHARED
    sizes: dict[str, tuple[str, int]]  # as _SIZES
    idle: str = "(?!)"  # pattern of tensors that play no part in the authors' training and inference; here: none


_FORMATS = {
    "s5vh": _Format(
        S5VH, r".*\.mamba1\.", _MAMBA, _SIZES | {"clusters": ("classifier.weight", 0)},
        # Each forward pass puts mamba1 in the place of mamba2, whatever weights that had.
        r"get_token_probs\.|(en|de)coder\.blocks\.\d+\.mamba2\.",
    ),
    "autossvh": _Format(
        AutoSSVH, r"pos_embed$|encoder\.sample_net\.", _TRANSFORMER, _SIZES | {"frames": ("pos_embed", 1)},
        r"encoder\.sample_net\.",
    ),
    "conmh": _Format(ConMH, r".*\.attn\.qkv\.", _TRANSFORMER, _SIZES),
}  # fmt: skip


def load_released(
    path: str | Path, method: str, *, frames: int | None = None, heads: int | None = None, device: str = "cpu"
) -> MaskedAutoencoder:
    """Return the method, in its "released" variant, with the weights that the authors' code saved; in evaluation mode.

    Its ``frame_codes (B, T, D) -> (B, T, K)`` are what the authors' ``inference`` returns. ``model.config`` holds what
    the file tells: sizes, depths, S5VH's clusters, AutoSSVH's frames. For the others, ``frames`` is by default that of
    the published datasets with features of the same size. The number of attention ``heads`` is not certain: by default
    it is 1 for one layer and 16 for 24 layers if that fits the width, else 6. The authors' "base" model needs
    ``heads=12``.

    Raises SSVHError if the file is not such a checkpoint, belongs to another method, is incomplete, or comes from a
    training that diverged. Only tensors and numbers are unpickled, no code.
    """
    if method not in _FORMATS:
        raise unknown("method with released checkpoints", method, _FORMATS)
    kind = _FORMATS[method].method
    try:
        tensors = _read(Path(path), method)
        fields = _fields(tensors, method, frames, heads)
        config = kind.Config(**{**kind.PRESETS.get("released", {}), **fields, "variant": "released"})
        model = construct(kind, config, seed=0)
        model.load_state_dict(_renamed(tensors, method, model))
    except SSVHError as error:
        raise SSVHError(f"{path} cannot be read as a checkpoint of the authors' {method}: {error}") from error
    try:
        return model.to(device).eval()
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise SSVHError(f"The device '{device}' cannot be used ({reason}). Try device='cpu'.") from error


def _read(path: Path, method: str) -> dict[str, Tensor]:
    """Return the tensors of the file by the authors' names."""
    content = _unpickle(path)
    state = content.get("model_state_dict", content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not all(map(_is_weight, state, state.values())):
        raise SSVHError("it does not hold {'model_state_dict': weights by name}. Save the model's state dict.")
    prefix = "module." if all(name.startswith("module.") for name in state) else ""  # of DataParallel
    tensors = {name.removeprefix(prefix): weight.detach().float() for name, weight in state.items()}
    found = [name for name, form in _FORMATS.items() if any(re.match(form.mark, tensor) for tensor in tensors)]
    if not found:
        raise SSVHError(f"it holds {_few(tensors) or 'nothing'}. Give the file that the authors' train.py saves.")
    if found[0] != method:
        raise SSVHError(f"it looks like one of {found[0]}. Call load_released(path, '{found[0]}').")
    return tensors


def _unpickle(path: Path) -> Any:
    if not path.is_file():
        raise SSVHError("there is no such file. Give the one that the authors' train.py saves.")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # zip, pickle and torch errors alike
        raise SSVHError(
            f"it is damaged, not written by torch.save, or needs code to be unpickled ({type(error).__name__}). "
            "If you trust it, load it elsewhere and save the model's state dict alone."
        ) from error


def _is_weight(name: object, value: object) -> bool:
    if not isinstance(name, str) or not isinstance(value, Tensor):
        return False
    return value.layout == torch.strided and value.device.type == "cpu" and value.is_floating_point()


def _fields(tensors: dict[str, Tensor], method: str, frames: int | None, heads: int | None) -> dict[str, Any]:
    """Return the fields of the Config that the tensors tell, and ``frames`` and ``heads``."""
    found = {field: _size(tensors, *place) for field, place in _FORMATS[method].sizes.items()}
    found |= {"layers": _depth(tensors, "encoder"), "decoder_layers": _depth(tensors, "decoder")}
    check_bits(found["bits"])
    found["frames"] = _frames(found, frames)
    if method != "s5vh":
        inner = _size(tensors, "encoder.blocks.0.attn.qkv.weight", 0) // 3
        found["heads"] = _heads(found["width"], inner, found["layers"], heads)
    elif heads is not None:
        raise SSVHError(f"heads={heads} was given, but Mamba has no heads. Leave heads out.")
    return found


def _size(tensors: dict[str, Tensor], name: str, axis: int) -> int:
    if name not in tensors:
        raise SSVHError(f"{name} is missing. Fetch or save the whole file again.")
    shape = tuple(tensors[name].shape)
    if axis >= len(shape) or not shape[axis]:
        raise SSVHError(f"{name} has the shape {shape}. Save it with the authors' code, unchanged.")
    return shape[axis]


def _depth(tensors: dict[str, Tensor], part: str) -> int:
    blocks = {match[1] for name in tensors if (match := re.match(rf"{part}\.blocks\.(\d+)\.", name))}
    return max(1, len(blocks))  # if there is none, the first will be missing


def _frames(found: dict[str, int], given: int | None) -> int:
    told = found.get("frames")
    if given is not None and (not isinstance(given, int) or given < 2 or told not in (None, given)):
        raise SSVHError(f"frames={given!r} was given, but a video has {told or '2 or more'}. Correct it.")
    frames = told or given or _FRAMES.get(found["features"])
    if frames is None:
        raise SSVHError(
            f"it does not tell the number of frames of a video, and no published dataset has features of size "
            f"{found['features']}. Pass frames=."
        )
    return frames


def _heads(width: int, inner: int, layers: int, given: int | None) -> int:
    """Choose heads that are ``width // heads`` wide each and ``inner`` wide together."""
    fitting = [heads for heads in range(1, width + 1) if heads * (width // heads) == inner]
    for heads in [_HEADS.get(layers), 6] if given is None else [given]:
        if heads in fitting:
            return heads
    came = "the heads cannot be told" if given is None else f"heads={given} was given"
    raise SSVHError(
        f"{came}, but the attention, {inner} wide, fits {_few(fitting, 20) or 'no number'} of them at width {width}. "
        "Pass one of these as heads=."
    )


def _renamed(tensors: dict[str, Tensor], method: str, model: MaskedAutoencoder) -> dict[str, Tensor]:
    """Make the state of ``model`` out of the tensors; SSVHError if these are not all that belong to it."""
    form, state = _FORMATS[method], model.state_dict()
    theirs = {name: _their_name(name, form.names, model.config) for name in state}
    missing = [name for name in theirs.values() if name not in tensors]
    surplus = [name for name in tensors.keys() - theirs.values() if not re.match(f"{form.idle}|{_COUNTERS}", name)]
    if missing or surplus:
        raise SSVHError(
            f"missing are {_few(missing) or 'no'} tensors, unknown {_few(sorted(surplus)) or 'none'}. "
            "Fetch or save the whole file again, with the authors' code unchanged."
        )
    return {name: _checked(tensors[theirs[name]], theirs[name], ours.shape) for name, ours in state.items()}


def _their_name(ours: str, parts: dict[str, str], config: MaskedAutoencoder.Config) -> str:
    ends = {
        f"encoder.{config.layers}.": "encoder.norm.", f"encoder.{config.layers + 1}.": "encoder.head.",
        f"decoder.{config.decoder_layers}.": "decoder.norm.",
    }  # fmt: skip
    for part, theirs in (ends | parts).items():
        ours = ours.replace(part, theirs)
    return re.sub(r"^(encoder|decoder)\.(?=\d)", r"\1.blocks.", ours)


def _checked(tensor: Tensor, name: str, ours: torch.Size) -> Tensor:
    """Return the tensor in our shape."""
    wanted = (1,) * _LEADING.get(name, 0) + tuple(ours)
    if tensor.shape != wanted:
        raise SSVHError(
            f"{name} is {tuple(tensor.shape)} instead of {wanted}. Save it with the authors' code, unchanged."
        )
    if not tensor.isfinite().all():
        raise SSVHError(f"{name} holds NaN or infinite values. Take a checkpoint from before the training diverged.")
    return tensor.reshape(ours)


def _few(names: Iterable[object], most: int = 3) -> str:
    shown = [str(name) for name in names]
    return ", ".join(shown[:most]) + (f" … ({len(shown)} in all)" if len(shown) > most else "")
