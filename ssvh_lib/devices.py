"""Where to compute: a device by its name, found before anything is spent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import SSVHError

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
