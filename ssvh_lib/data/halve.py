"""Copies of datasets with features as float16, which take half the disk space and half the time to read."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from filelock import FileLock
from tqdm import tqdm

from ..errors import SSVHError
from ..utils.files import check_room, make_folder, write_folder
from .find import find
from .layouts import files_of, read_layout, write_layout
from .published import require
from .read import open_source
from .rows import LazyRows

_SLAB = 64 << 20  # bytes that are converted together


def halve(name: str, out: str | Path, root: str | Path | None = None, *, progress: bool = False) -> Path:
    """Copy the dataset ``name`` of ``root`` (default ``data/``) into the folder ``out``, features as float16.

    ``out`` is a dataset of the same name with its own fingerprint, since rounding changes results a little: each value
    keeps 11 bits, a relative error of at most 0.05 %. A copy that was made of the same files is left as it is.
    An interrupted copy leaves nothing behind. Raises SSVHError if the disk is too small, if ``out`` holds something
    else, and if a value is NaN, infinite or beyond float16 (65,504).
    """
    folder, layout, published, _ = find(name, root)
    out = Path(out)
    if published is not None:
        require(name, folder)
    source = open_source(folder, layout, progress=progress)
    made_of = source.fingerprint()
    if _is_copy(out, made_of, folder):
        return out
    features = source.feature_files()
    make_folder(out.parent)
    needed = sum(2 * int(np.prod(rows.shape)) for rows in features.values())
    check_room(out.parent, needed, "the copy", "Name one on another disk.")

    def fill(partial: Path) -> None:
        total = sum(rows.shape[0] for rows in features.values())
        with tqdm(total=total, desc=f"Halving {name}", unit=" videos", disable=not progress) as bar:
            for file, rows in features.items():
                convert(rows, partial / file, bar.update)
        write_layout(partial, {"name": name, **source.write_others(partial), "halved_from": made_of})

    with FileLock(out.with_name(f".{out.name}.lock")):
        for left in out.parent.glob(f".{out.name}-????????"):  # of a process that was killed
            shutil.rmtree(left)
        write_folder(out, fill)
    return out


def _is_copy(out: Path, source: str, folder: Path) -> bool:
    """Tell whether ``out`` is a whole copy already. Raises SSVHError if replacing it would delete something else."""
    if out.resolve() == folder.resolve():
        raise SSVHError(f"{out} is the folder of the dataset itself. Name another one for the copy.")
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    if not (out / "dataset.toml").is_file() or "halved_from" not in (held := read_layout(out)):
        raise SSVHError(f"{out} holds something other than a halved dataset. Name another folder, or move it away.")
    return held["halved_from"] == source and all((out / file).is_file() for file in files_of(held))


def convert(rows: LazyRows, path: Path, done: Callable[[int], object] = lambda count: None) -> None:
    """Write ``rows`` into ``path`` as float16, telling ``done`` how many at a time. Raises SSVHError as ``halve``."""
    import torch  # converts four times as fast as NumPy

    step = max(1, _SLAB // (rows.dtype.itemsize * int(np.prod(rows.shape[1:]))))
    with h5py.File(path, "w") as file:
        stored = file.create_dataset("feats", rows.shape, np.float16)
        for start in range(0, rows.shape[0], step):
            values = np.asarray(rows[start : start + step], dtype=np.float32)
            halves = torch.from_numpy(values).half().numpy()
            _check_range(rows, start, halves)
            stored[start : start + len(halves)] = halves
            done(len(halves))


def _check_range(rows: LazyRows, start: int, halves: np.ndarray) -> None:
    finite = np.isfinite(halves).all(axis=tuple(range(1, halves.ndim)))
    if not finite.all():
        holder, row = rows.place(start + int(finite.argmin()))
        raise SSVHError(
            f"{holder} holds a value beyond float16, which ends at 65,504, in {row}. "
            "Keep this dataset as it is, or scale its features down."
        )
