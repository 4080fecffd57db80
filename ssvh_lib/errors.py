"""The exception and the warning meant for users: what was expected, what was found, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class SSVHError(ValueError):
    """A mistake in the input (a file, an argument, a folder); the command line prints it without a traceback."""


class MissingFileError(SSVHError):
    """A file that a dataset names is not there."""


class SSVHWarning(UserWarning):
    """A result that is correct but perhaps not intended; Python shows it once for each line that triggers it."""


def unknown(kind: str, given: object, known: Iterable[str]) -> SSVHError:
    """Return the error for a name that does not exist, with the nearest one that does."""
    names = sorted(known)
    nearest = get_close_matches(str(given).lower(), names, n=1, cutoff=0.5)
    hint = f" Did you mean '{nearest[0]}'?" if nearest else ""
    return SSVHError(f"There is no {kind} called '{given}'.{hint} Known: {', '.join(names)}.")
