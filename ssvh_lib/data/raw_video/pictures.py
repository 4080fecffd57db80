"""A folder of frames, stored as pictures, read as a video.

Such a folder holds pictures and nothing else; files that a system leaves behind, hidden ones included, do not count.
Frames are in the natural order of their names, in which ``frame2`` comes before ``frame10``. As no file says when a
frame was shown, they are evenly spaced by number.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from ...errors import SSVHError
from ...utils.extras import requires_extra
from ..middles import middles
from .sampled import SINGLE, Sampled, remarks

if TYPE_CHECKING:
    from PIL.Image import Image

PICTURES = frozenset(".bmp .jpeg .jpg .pgm .png .ppm .tif .tiff .webp".split())
_FORMATS = ("BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP")  # of Pillow's many, some of which call other programs
_LEFT_BEHIND = {"thumbs.db", "desktop.ini"}

T = TypeVar("T")


def counts(name: str) -> bool:
    """Tell whether a file or folder of this name is looked at: neither hidden nor left behind by a system."""
    return not name.startswith(".") and name.lower() not in _LEFT_BEHIND


def is_picture(name: str) -> bool:
    """Tell whether a file of this name is a picture. One that may move, such as a GIF, is a video instead."""
    return os.path.splitext(name)[1].lower() in PICTURES


def pictures_in(folder: Path) -> list[Path]:
    """Return the frames in a folder, in order. Raises SSVHError if it holds anything else, or nothing."""
    try:
        names = [name for name in os.listdir(folder) if counts(name)]
    except OSError as error:
        raise SSVHError(f"{folder} cannot be listed ({error.strerror}).") from error
    others = sorted(name for name in names if not is_picture(name) or (folder / name).is_dir())
    if others or not names:
        held = f"{others[0]} as well" if len(others) < len(names) else "no pictures"
        raise SSVHError(
            f"{folder} holds {held}. A folder is read as a video if it holds its frames as pictures "
            f"({', '.join(sorted(PICTURES))}) and nothing else."
        )
    return [folder / name for name in sorted(names, key=_natural)]


def _natural(name: str) -> tuple[list[str | int], str]:
    parts = re.split(r"(\d+)", name)
    return [int(part) if place % 2 else part for place, part in enumerate(parts)], name


def sample_pictures(folder: Path, frames: int, apply: Callable[[Image], T]) -> Sampled[T]:
    """Do what ``video.sample`` does with a folder of frames.

    In place of a picture that cannot be read, the nearest one before it that can is taken, as a player would, or else
    the first after it. Raises SSVHError if none can be read.
    """
    with requires_extra("video", "Reading pictures"):
        import PIL  # noqa: F401 - imported again below, once it is known to be there
    files = pictures_in(folder)
    values: dict[int, T] = {}
    failed: dict[int, str] = {}

    def can_be_read(number: int) -> bool:
        if number not in values.keys() | failed.keys():
            try:
                values[number] = apply(_open(files[number]))
            except _Unreadable as error:
                failed[number] = str(error)
        return number in values

    def shown(number: int) -> int:
        at_hand = chain(range(number, -1, -1), range(number + 1, len(files)))
        if (found := next(filter(can_be_read, at_hand), None)) is None:
            raise SSVHError(f"{folder} holds {len(files)} pictures, but none can be read ({failed[number]}).")
        return found

    numbers = [shown(number) for number in middles(len(files), frames).tolist()]
    order = sorted(values)
    broken = f"unreadable pictures: {len(failed)}, such as {files[min(failed)].name}" if failed else None
    note = remarks(broken, SINGLE if len(files) == 1 else None)
    return Sampled(
        [values[number] for number in order], [order.index(number) for number in numbers], float("nan"), note
    )


class _Unreadable(Exception):
    """The reason why a picture cannot be read."""


def _open(file: Path) -> Image:
    """Read a picture as RGB, upright, since cameras store how they were held apart from the pixels."""
    from PIL import Image, ImageOps

    try:
        with Image.open(file, formats=_FORMATS) as opened:
            image = ImageOps.exif_transpose(opened)
            if image.mode.startswith("I"):  # 16 bits, which Pillow would clip to 8 instead of scaling them
                image = Image.fromarray((np.asarray(image) // 256).astype(np.uint8))
            return image.convert("RGB")
    except (OSError, ValueError, SyntaxError, ArithmeticError, MemoryError, Image.DecompressionBombError) as error:
        raise _Unreadable(getattr(error, "strerror", None) or str(error) or type(error).__name__) from error
