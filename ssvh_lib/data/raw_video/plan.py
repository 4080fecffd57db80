"""What an extraction will do: the videos, the recipe of their features, and the room that these take."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple, NotRequired, TypedDict

import numpy as np

from ...errors import SSVHError
from ...utils.files import check_room, digest_of
from ...utils.words import size
from ..listing import Listed, Listing
from .backbones import Backbone
from .gather import is_stored
from .pictures import pictures_in


class Recipe(TypedDict):
    """How features were made, as ``extract.json`` records it."""

    backbone: str
    weights: str  # fingerprint of the backbone
    frames: int
    thumbnail: int  # pixels of a side, 0 for none
    dtype: NotRequired[str]  # of the features, unless that is float32


class Plan(NamedTuple):
    """The videos to describe, how, and where each one is stored."""

    videos: Path
    out: Path
    listing: Listing
    stored: dict[str, Path]  # a file for each video, by the video's path; its name depends on video and recipe
    recipe: Recipe

    @property
    def inputs(self) -> str:
        """A fingerprint of everything that the result depends on."""
        return digest_of([asdict(self.listing), {path: stored.name for path, stored in self.stored.items()}])

    def todo(self) -> list[str]:
        """Return the paths of the videos that are not stored yet."""
        return [path for path, stored in self.stored.items() if not is_stored(stored)]

    def check_size(self, values: int, say: Callable[[str], object]) -> None:
        """Say how large the dataset will be, of ``values`` a frame. Raises SSVHError if the disk has no room for it."""
        count, frames, side = len(self.stored), self.recipe["frames"], self.recipe["thumbnail"]
        dtype = np.dtype(self.recipe.get("dtype", "float32"))
        features, thumbnails = frames * values * dtype.itemsize, frames * side * side * 3
        kept = f"thumbnails of {side} pixels at most {size(count * thumbnails)}" if side else "no thumbnails"
        say(
            f"{count:,} videos x {frames} frames x {values:,} values: features of type {dtype} take "
            f"{size(count * features)}, {kept}. Until all is done, up to twice as much is needed."
        )
        needed = (count + len(self.todo())) * (features + thumbnails)
        advice = "Make room, or ask for smaller thumbnails or none, for float16, or for fewer frames."
        check_room(self.out if self.out.is_dir() else self.out.parent, needed, "the extraction", advice)


def recipe_of(network: Backbone, frames: int, side: int, *, float16: bool) -> Recipe:
    """Return the recipe of ``frames`` features by a backbone, with thumbnails of ``side`` pixels."""
    made: Recipe = {"backbone": network.name, "weights": network.fingerprint(), "frames": frames, "thumbnail": side}
    return {**made, "dtype": "float16"} if float16 else made


def file_name(folder: Path, video: Listed, recipe: Recipe) -> str:
    """Return a file name that changes with the video and with everything that its features depend on."""
    with suppress(OSError, SSVHError):
        path = folder / video.path
        made_of = {key: value for key, value in recipe.items() if key != "backbone"}
        state = [_state(file) for file in pictures_in(path)] if path.is_dir() else _state(path)[1:]
        return digest_of([video.path, *state, made_of]) + ".npz"
    return "missing.npz"


def _state(file: Path) -> list[str | int]:
    stat = file.stat()
    return [file.name, stat.st_size, stat.st_mtime_ns]
