"""Embedded datasets on disk: pixels and features in the published layout, with a manifest of checksums.

The CNNs that turn their frames into features lie beside them, each in a folder with a manifest as well, so that each is
trained once for all the worlds that it describes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from filelock import FileLock
from tqdm import tqdm

from ...errors import SSVHError
from ...utils.files import check_room, digest, make_folder, read_json, write_folder, write_json
from ...utils.fingerprint import code_digest
from ..layouts import PartTable, write_layout
from ..released import write_part
from .generator import FEATURES, FRAMES, SIDE, Plan
from .worlds import SIZES, Lesson, World

if TYPE_CHECKING:
    from torch import nn

MANIFEST = "manifest.json"
WEIGHTS = "model.safetensors"
CHUNK = 100  # videos rendered and described at a time
_BAR = "{desc}: {bar} {percentage:.0f}% · {remaining} left"


def ensure(folder: Path, world: World, size: str, *, seed: int = 0, progress: bool = False) -> None:
    """Build the dataset in ``folder`` unless a whole one of the same recipe, size and seed is there already.

    Safe to call from several processes; an interrupt leaves what was there before. Raises SSVHError when
    the folder cannot be written or holds something else.
    """
    parts = [f"{world.stem}_{part}" for part in ("train", "query")]
    names = {"dataset.toml"} | {f"{part}_{kind}" for part in parts for kind in ("feats.h5", "labels.mat", "extras.h5")}
    facts = {"size": size, "seed": seed, "recipe": recipe(world)}
    _ensure(folder, facts, names, lambda partial: _build(partial, folder, world, size, seed, progress))


def recipe(made: World | Lesson) -> str:
    """Return the fingerprint of the code and the parameters by which a dataset, or a CNN, is made."""
    return code_digest(_build, *_roots(made))


def _roots(value: object) -> Iterator[object]:
    """Yield the class of a set of parameters and the values by which two of them differ."""
    if is_dataclass(value):
        yield type(value)
        for field in fields(value):
            if field.compare:
                yield from _roots(getattr(value, field.name))
    else:
        yield value


def pretrained(folder: Path, lesson: Lesson, seed: int = 0, *, progress: bool = False) -> nn.Sequential:
    """Load the frozen CNN of a lesson from ``folder``; train it first if a whole one of its recipe is missing there."""
    from . import still_cnn

    def train(partial: Path) -> None:
        with tqdm(total=lesson.steps, desc="Training the CNN", disable=not progress, bar_format=_BAR) as bar:
            still_cnn.save(still_cnn.pretrain(lesson, seed, step_done=bar.update), partial / WEIGHTS)

    _ensure(folder, {"seed": seed, "recipe": recipe(lesson)}, {WEIGHTS}, train)
    return still_cnn.load(folder / WEIGHTS)


def _ensure(folder: Path, facts: Mapping[str, object], names: set[str], fill: Callable[[Path], object]) -> None:
    """Let ``fill`` make the files ``names`` of ``folder`` unless its manifest has the same facts and checksums."""

    def fill_and_list(partial: Path) -> None:
        fill(partial)
        files = {path.name: digest(path) for path in sorted(partial.iterdir())}
        write_json(partial / MANIFEST, {**facts, "files": files})

    if _is_whole(folder, facts, names):
        return
    make_folder(folder.parent)
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if not _is_whole(folder, facts, names):
            _refuse_to_replace_others_files(folder, names)
            write_folder(folder, fill_and_list)


def _refuse_to_replace_others_files(folder: Path, names: set[str]) -> None:
    """Raise SSVHError if replacing ``folder`` would delete files that are not of the dataset."""
    if folder.exists() and not folder.is_dir():
        raise SSVHError(f"{folder} is a file; the dataset needs a folder of this name. Move it away, or choose a root.")
    foreign = {path.name for path in folder.glob("*")} - names - {MANIFEST}
    with contextlib.suppress(SSVHError, OSError):
        if "recipe" not in read_json(folder / MANIFEST):
            foreign.add(MANIFEST)
    if foreign:
        listed = ", ".join(sorted(foreign))
        raise SSVHError(
            f"{folder} holds files that are not this dataset's: {listed}. Move them away, or choose a root."
        )


def _is_whole(folder: Path, facts: Mapping[str, object], names: set[str]) -> bool:
    with contextlib.suppress(SSVHError, OSError, KeyError, AttributeError):
        manifest = read_json(folder / MANIFEST)
        return (
            all(manifest[key] == value for key, value in facts.items())
            and manifest["files"].keys() == names
            and all(digest(folder / name) == value for name, value in manifest["files"].items())
        )
    return False


def _build(partial: Path, folder: Path, world: World, size: str, seed: int, progress: bool) -> None:
    """Render the videos, compute their features and write both to ``partial``, which becomes ``folder``."""
    from . import still_cnn

    counts = {"train": SIZES[size].train, "query": SIZES[size].query}
    needed = sum(counts.values()) * FRAMES * (4 * FEATURES + SIDE**2)  # features, and pixels before they are packed
    check_room(folder.parent, needed, folder.name, "Make room, or choose another folder with --root or $SSVH_DATA.")
    cnn = pretrained(folder.with_name(world.lesson.network), world.lesson, seed, progress=progress)
    tables: dict[str, PartTable] = {}
    with tqdm(total=sum(counts.values()), desc=f"Building {folder.name}", disable=not progress, bar_format=_BAR) as bar:

        def made(plan: Plan) -> Iterator[tuple[np.ndarray, np.ndarray]]:
            """Yield features and frames of the next videos of a plan."""
            for start in range(0, len(plan), CHUNK):
                frames = world.render(plan.part(slice(start, start + CHUNK)))
                yield still_cnn.features(cnn, frames), frames
                bar.update(len(frames))

        for part, videos in counts.items():
            plan = world.plan(part, videos, np.random.default_rng([seed, world.streams[part]]))
            labels = np.eye(len(world.classes), dtype=np.uint8)[plan.label]
            truth = {"informative": plan.shows >= 0, **plan.shown()._asdict()}
            tables[part] = write_part(partial, f"{world.stem}_{part}", labels, made(plan), **truth)
    facts = {
        "name": folder.name,
        "preset": SIZES[size].preset,
        "query_in_database": False,
        "classes": list(world.classes),
    }
    write_layout(partial, {**facts, **tables})
