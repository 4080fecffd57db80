"""moving-digits on disk: pixels and features in the published layout, with a manifest that proves them whole."""

from __future__ import annotations

import contextlib
import inspect
import sys
from pathlib import Path

import numpy as np
from filelock import FileLock
from tqdm import tqdm

from ..errors import SSVHError
from ..files import digest, digest_of, make_folder, read_json, write_folder, write_json
from . import moving_digits
from .released import write_part

MANIFEST = "manifest.json"
FILES = {"dataset.toml"} | {
    f"digits_{part}_{kind}" for part in ("train", "query") for kind in ("feats.h5", "labels.mat", "extras.h5")
}


def ensure(folder: Path, size: str, *, seed: int = 0, progress: bool = False) -> None:
    """Build the dataset in ``folder`` unless a whole one of the same recipe, size and seed is there already.

    Safe to call from several processes; an interrupt leaves what was there before. Raises SSVHError when
    the folder cannot be written or holds something else.
    """
    if _is_whole(folder, size, seed):
        return
    make_folder(folder.parent)
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if not _is_whole(folder, size, seed):
            _refuse_to_replace_others_files(folder)
            write_folder(folder, lambda partial: _build(partial, folder.name, size, seed, progress))


def recipe() -> str:
    """A fingerprint of how the dataset is made: the source text of the renderer, of the CNN and of this file."""
    from . import still_cnn

    return digest_of([inspect.getsource(module) for module in (moving_digits, still_cnn, sys.modules[__name__])])


def _refuse_to_replace_others_files(folder: Path) -> None:
    """SSVHError if building the dataset in ``folder`` would delete something that building it did not make."""
    if folder.exists() and not folder.is_dir():
        raise SSVHError(f"{folder} is a file; the dataset needs a folder of this name. Move it away, or choose a root.")
    foreign = {path.name for path in folder.glob("*")} - FILES - {MANIFEST}
    with contextlib.suppress(SSVHError, OSError):
        if "recipe" not in read_json(folder / MANIFEST):
            foreign.add(MANIFEST)
    if foreign:
        names = ", ".join(sorted(foreign))
        raise SSVHError(f"{folder} holds files that are not this dataset's: {names}. Move them away, or choose a root.")


def _is_whole(folder: Path, size: str, seed: int) -> bool:
    with contextlib.suppress(SSVHError, OSError, KeyError, AttributeError):
        manifest = read_json(folder / MANIFEST)
        same = (manifest["size"], manifest["seed"], manifest["recipe"]) == (size, seed, recipe())
        return (
            same
            and manifest["files"].keys() == FILES
            and all(digest(folder / name) == value for name, value in manifest["files"].items())
        )
    return False


def _build(folder: Path, name: str, size: str, seed: int, progress: bool) -> None:
    from . import still_cnn

    counts = dict(zip(("train", "query"), moving_digits.SIZES[size], strict=True))
    chunk = 100  # videos rendered and described at a time
    total = still_cnn.STEPS + sum(counts.values()) // 10  # a training step takes as long as about ten videos
    with tqdm(
        total=total,
        desc=f"Building {name}",
        disable=not progress,
        bar_format="{desc}: {bar} {percentage:.0f}% · {remaining} left",
    ) as bar:
        cnn = still_cnn.pretrain(seed, step_done=lambda: bar.update(1))
        tables = {}
        for number, (part, videos) in enumerate(counts.items(), start=2):
            plan = moving_digits.make_plan(part, videos, np.random.default_rng([seed, number]))
            frames, features = [], []
            for start in range(0, videos, chunk):
                frames.append(moving_digits.render(plan.part(slice(start, start + chunk))))
                features.append(still_cnn.features(cnn, frames[-1]))
                bar.update(len(frames[-1]) / 10)
            tables[part] = write_part(
                folder,
                f"digits_{part}",
                np.concatenate(features),
                np.eye(len(moving_digits.CLASSES), dtype=np.uint8)[plan.label],
                thumbnails=np.concatenate(frames),
                informative=plan.informative,
            )
    (folder / "dataset.toml").write_text(_toml(name, size, tables), encoding="utf-8")
    files = {path.name: digest(path) for path in sorted(folder.iterdir())}
    write_json(folder / MANIFEST, {"size": size, "seed": seed, "recipe": recipe(), "files": files})


def _toml(name: str, preset: str, tables: dict[str, dict]) -> str:
    quoted = ", ".join(f'"{label}"' for label in moving_digits.CLASSES)
    lines = [f'name = "{name}"', f'preset = "{preset}"', "query_in_database = false", f"classes = [{quoted}]"]
    for part, table in tables.items():
        lines += ["", f"[{part}]", f'features = ["{table["features"][0]}"]']
        lines += [f'{key} = "{table[key]}"' for key in ("labels", "extras")]
    return "\n".join(lines) + "\n"
