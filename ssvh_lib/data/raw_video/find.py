"""The videos below a folder: files of moving pictures, and folders of frames.

A file is a video if its name ends like one (``SUFFIXES``). Where the end of a name says nothing, because there is none
or it is that of no known type, the first bytes decide. What is found is a video by name; whether it can be read is
known when it is read, and then reported.

A folder of frames holds pictures and nothing else (``pictures``). Pictures that lie beside videos, folders or other
files, such as covers and thumbnails, are passed over.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from mimetypes import MimeTypes
from pathlib import Path

from ...errors import SSVHError
from .pictures import counts, is_picture

SUFFIXES = frozenset(
    ".3g2 .3gp .apng .asf .avi .divx .f4v .flv .gif .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .mxf .ogv .ts .vob .webm "
    ".wmv".split()
)
_TYPES = MimeTypes()  # the table of Python, whatever the system knows besides
_STARTS = re.compile(
    rb"""GIF8[79]a
    | RIFF....AVI\x20
    | \x1aE\xdf\xa3                                  # Matroska and WebM
    | ....ftyp(?!avif|hei[cfmsx]|m[is]f1|M4[ABP]\x20)  # MP4 and its kin, but for pictures and sound
    | ....(?:moov|mdat|wide)                         # QuickTime before that
    | \x00\x00\x01[\xb3\xba]                         # MPEG
    | G.{187}G.{187}G | .{4}G.{191}G                 # its transport streams, on discs with times between packets
    | FLV\x01
    | OggS
    | \x30\x26\xb2\x75\x8e\x66\xcf\x11               # Windows Media
    """,
    re.DOTALL | re.VERBOSE,
)


def find_videos(folder: Path) -> Iterator[str]:
    """Yield the paths of all videos below ``folder``, with "/" between the parts; hidden ones are skipped.

    Links are followed, except those that lead back to a folder on the way there. Raises SSVHError if a folder cannot
    be listed.
    """

    def walk(place: str, way: frozenset[str]) -> Iterator[str]:
        try:
            names = sorted(filter(counts, os.listdir(place)))
        except OSError as error:
            raise SSVHError(f"{place} cannot be listed ({error.strerror}).") from error
        paths = [os.path.join(place, name) for name in names]
        folders = set(filter(os.path.isdir, paths))
        if paths and not folders and len(way) > 1 and all(map(is_picture, names)):
            yield Path(place).relative_to(folder).as_posix()
            return
        for path in paths:
            if path not in folders:
                if is_video(path):
                    yield Path(path).relative_to(folder).as_posix()
            elif (real := os.path.realpath(path)) not in way:
                yield from walk(path, way | {real})

    return walk(str(folder), frozenset([os.path.realpath(folder)]))


def is_video(path: str) -> bool:
    """Tell whether a file is a video by the end of its name or, if that says nothing, by its first bytes."""
    suffix = os.path.splitext(path)[1].lower()
    if suffix in SUFFIXES:
        return True
    known = _TYPES.guess_type(f"a{suffix}")[0]
    if known not in (None, "application/octet-stream") or is_picture(path) or not os.path.isfile(path):
        return False
    try:
        with open(path, "rb") as file:
            return _STARTS.match(file.read(400)) is not None
    except OSError:
        return False
