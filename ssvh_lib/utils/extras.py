"""Packages that only some commands need, which ``pip`` installs as extras of this one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import SSVHError

_LIBRARY = __name__.partition(".")[0]


@contextmanager
def requires_extra(extra: str, purpose: str) -> Iterator[None]:
    """Import packages of an extra: ``with requires_extra("plots", "Drawing figures"): import matplotlib``.

    Raise SSVHError if one is not installed, or fails to import because it does not fit the others: the message names
    the package, the purpose and how to install the extra.
    """
    install = f'pip install "ssvh-lib[{extra}]"'
    try:
        yield
    except ImportError as error:
        package = (error.name or "").partition(".")[0]
        if package == _LIBRARY:
            raise
        if package and isinstance(error, ModuleNotFoundError):
            raise SSVHError(f"{purpose} needs the package {package}, which is not installed: {install}") from error
        raise SSVHError(
            f"{purpose} fails, because the packages installed here do not fit together "
            f"({error.__cause__ or error}): {install} --upgrade"
        ) from error
