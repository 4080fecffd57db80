"""The folders of data and runs, and files written so that an interrupt never leaves half of one."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

from ..errors import SSVHError
from .words import size

JsonObject: TypeAlias = dict[str, Any]  # what a file holds is known only once it is read
_BLOCK = 1 << 20
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
    stride = max(1, blocks / 1024)
    with path.open("rb") as file:
        position = 0.0
        while position < blocks:
            file.seek(int(position) * _BLOCK)
            total.update(file.read(_BLOCK))
            position += stride
    return total.hexdigest()[:16]


def digest_of(content: object) -> str:
    """Return a fingerprint of anything JSON can hold, 16 hex digits; the order of keys does not matter."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
