"""Where to compute: a device by its name, found before anything is spent; of several GPUs, one that is free."""

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
    """The device called ``name``; "auto" is the first GPU if there is one. SSVHError for one that is not there."""
    import torch  # takes seconds, which those who only look at data should not spend

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
    """The device called ``name``, for one run; where that is any GPU of this host, wait for one and keep others off it.

    A GPU with a number, such as "cuda:1", is that one, shared with whoever names it too.
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
    """The index of one of ``names`` that no other process or thread of this user on this host has claimed.

    Waits for one, looking every ``patience`` seconds. A claim ends with its process, even by SIGKILL.
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
