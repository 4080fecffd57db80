"""The folders of data and runs, and files written so that an interrupt never leaves half of one."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

from ..errors import SSVHError
from .words import size

JsonObject: TypeAlias = dict[str, Any]  # what a file holds is known only once it is read
_BLOCK, _SAMPLES = 1 << 20, 1024  # of a fingerprint: bytes read at a time, and how often at most
_FULL = {errno.ENOSPC, errno.EDQUOT}


def project_root() -> Path:
    """Return the checkout this library runs from, or the working folder when it was installed elsewhere."""
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "pyproject.toml").is_file() else Path.cwd()


def data_root() -> Path:
    """Return the folder of datasets: ``$SSVH_DATA``, or ``data/`` of the project."""
    return Path(os.environ.get("SSVH_DATA") or project_root() / "data")


def runs_root() -> Path:
    """Return the folder of runs: ``$SSVH_RUNS``, or ``runs/`` of the project."""
    return Path(os.environ.get("SSVH_RUNS") or project_root() / "runs")


def make_folder(folder: Path) -> Path:
    """Create ``folder`` and check that it can be written. Raises SSVHError if it cannot."""
    probe = folder / f".writable-{uuid4().hex}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise SSVHError(
            f"{folder} cannot be written ({error.strerror}). Choose another folder, or make this one writable."
        ) from error
    return folder


def check_room(folder: Path, needed: int, purpose: str, advice: str) -> None:
    """Raise SSVHError, ending in ``advice``, if the disk of ``folder`` has no room for ``needed`` bytes."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise SSVHError(f"{folder} has {size(free)} free, {purpose} needs {size(needed)}. {advice}")


def write_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, then rename it: readers see the old file or the new one.

    The temporary file keeps the suffix of ``path``, which some writers insist on.
    """
    partial = path.with_name(f".{path.stem}-{uuid4().hex[:8]}{path.suffix}")
    try:
        write(partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    write_file(path, lambda partial: partial.write_text(text, encoding="utf-8"))


def read_text(path: Path) -> str:
    """Read a text file. Raises SSVHError if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text in UTF-8"
        raise SSVHError(f"{path} cannot be read ({reason}).") from error


def write_json(path: Path, content: object) -> None:
    """Write readable JSON atomically."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> JsonObject:
    """Read a JSON object. Raises SSVHError if the file is damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise SSVHError(f"{path} is not readable JSON ({error}). Delete it, or restore it, and start again.") from error
    if not isinstance(content, dict):
        raise SSVHError(f"{path} should hold a JSON object, it holds a {type(content).__name__}.")
    return content


def write_folder(folder: Path, fill: Callable[[Path], object]) -> None:
    """Let ``fill`` make a temporary folder beside ``folder``, then rename it, replacing what was there.

    Raises SSVHError if the disk is full, which leaves nothing behind.
    """
    partial = folder.with_name(f".{folder.name}-{uuid4().hex[:8]}")
    try:
        partial.mkdir(parents=True)
        fill(partial)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(partial, folder)
    except (OSError, RuntimeError) as error:
        cause = error if isinstance(error, OSError) else error.__context__  # HDF5 fails once more when it closes a file
        if not isinstance(cause, OSError) or cause.errno not in _FULL:
            raise
        raise SSVHError(f"{folder} cannot be written: the disk is full. Make room, and start again.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def find_files(folder: Path, suffixes: Collection[str]) -> Iterator[str]:
    """Yield the paths of all files below ``folder`` with one of ``suffixes``, "/" between the parts, sorted.

    Hidden files are skipped. Links are followed, except those that lead back to a folder on the way there.
    """

    def walk(place: str, way: frozenset[str]) -> Iterator[str]:
        try:
            names = sorted(os.listdir(place))
        except OSError as error:
            raise SSVHError(f"{place} cannot be listed ({error.strerror}).") from error
        for path in (os.path.join(place, name) for name in names if not name.startswith(".")):
            if not os.path.isdir(path):
                if os.path.splitext(path)[1].lower() in suffixes:
                    yield Path(path).relative_to(folder).as_posix()
            elif (real := os.path.realpath(path)) not in way:
                yield from walk(path, way | {real})

    return walk(str(folder), frozenset([os.path.realpath(folder)]))


def digest(path: Path) -> str:
    """Return a fingerprint of a file's content, 16 hex digits.

    Files up to 1 GiB are read whole. Of larger ones only 1,024 evenly spaced blocks of 1 MiB and the size count, so
    that an 18 GB feature file takes about a second.
    """
    stat = path.stat()
    return _digest(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=256)
def _digest(path: Path, size: int, _changed: int) -> str:
    total = hashlib.sha256(str(size).encode())
    blocks = -(-size // _BLOCK)
    stride = max(1, blocks / _SAMPLES)
    with path.open("rb") as file:
        position = 0.0
        while position < blocks:
            file.seek(int(position) * _BLOCK)
            total.update(file.read(_BLOCK))
            position += stride
    return total.hexdigest()[:16]


def digest_all(folder: Path, names: Sequence[str]) -> str:
    """Return a fingerprint of the names and contents of many files in ``folder``, 16 hex digits.

    Up to 1 GiB together they are read whole. Beyond, the names and sizes of all count, but the first MiB of 1,024
    evenly spaced ones only, as in ``digest``.
    """
    stats = [(folder / name).stat() for name in names]
    return _digest_all(
        folder, tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in zip(names, stats, strict=True))
    )


@lru_cache(maxsize=8)
def _digest_all(folder: Path, files: tuple[tuple[str, int, int], ...]) -> str:
    sizes = {name: size for name, size, _ in files}
    total = hashlib.sha256(json.dumps(sizes).encode())
    whole = sum(sizes.values()) <= _SAMPLES * _BLOCK
    stride = 1.0 if whole else max(1.0, len(files) / _SAMPLES)
    for number in range(math.ceil(len(files) / stride)):
        with (folder / files[int(number * stride)][0]).open("rb") as file:
            total.update(file.read() if whole else file.read(_BLOCK))
    return total.hexdigest()[:16]


def digest_of(content: object) -> str:
    """Return a fingerprint of anything JSON can hold, 16 hex digits; the order of keys does not matter."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
