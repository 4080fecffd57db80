"""Devices by name, checked before any work is done; of several GPUs, one that is free."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from ..errors import SSVHError

if TYPE_CHECKING:
    import torch


def choose_device(name: str = "auto") -> torch.device:
    """Return the device called ``name``; "auto" is the first GPU if any. Raises SSVHError if it is not there."""
    import torch  # takes seconds, which commands that only read data need not wait for

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise SSVHError(f"The device '{name}' cannot be used ({reason}). Try device='cpu' or 'auto'.") from error
    return device


@contextmanager
def claimed(name: str = "auto") -> Iterator[torch.device]:
    """Yield the device called ``name`` for one run; if any GPU of this host will do, wait for a free one and lock it.

    A GPU with a number, such as "cuda:1", is shared with whoever else names it.
    """
    import torch

    device = choose_device(name)
    if device.type != "cuda":
        yield device
    elif device.index is not None:
        with torch.cuda.device(device):  # Triton launches on the current one
            yield device
    else:
        names = [str(torch.cuda.get_device_properties(index).uuid) for index in range(torch.cuda.device_count())]
        with claim(names) as index, torch.cuda.device(index):
            yield torch.device("cuda", index)


@contextmanager
def claim(names: Sequence[str], patience: float = 0.2) -> Iterator[int]:
    """Yield the index of one of ``names`` that no other process or thread of this user on this host has claimed.

    Waits until there is one, looking every ``patience`` seconds. A claim ends with its process, even by SIGKILL.
    """
    folder = Path(tempfile.gettempdir()) / f"ssvh-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    locks = [FileLock(folder / f"{name}.lock") for name in names]
    while True:
        for index, lock in enumerate(locks):
            try:
                lock.acquire(timeout=0)
            except Timeout:
                continue
            try:
                yield index
            finally:
                lock.release()
            return
        time.sleep(patience)
