"""The conventions of an evaluation, which published code leaves implicit: their names and valid combinations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from ..errors import SSVHError, unknown
from .codes import TERNARY_BITS

Divisor = Literal["k", "min_k_relevant", "hits"]
Ties = Literal["stable", "expected", "random"]
SelfMatch = Literal["include", "exclude"]
ZeroBits = Literal["negative", "ternary"]

DIVISORS: tuple[Divisor, ...] = get_args(Divisor)
TIES: tuple[Ties, ...] = get_args(Ties)
KNOWN = {"divide_by": DIVISORS, "ties": TIES, "self_match": get_args(SelfMatch), "zero_bits": get_args(ZeroBits)}
PROTOCOLS = {
    "default": {"divide_by": "k", "ties": "stable", "self_match": "include"},
    "released": {"divide_by": "k", "ties": "stable", "self_match": "include"},
}


@dataclass(frozen=True)
class Conventions:
    """The choices of an evaluation, as ``evaluate`` explains them.

    Raises SSVHError for unknown ones, and for expected ties divided by hits, which have no closed form.
    """

    divide_by: Divisor
    ties: Ties
    self_match: SelfMatch
    zero_bits: ZeroBits

    def __post_init__(self) -> None:
        for name, chosen in vars(self).items():
            if chosen not in KNOWN[name]:
                raise unknown(f"choice of {name}", chosen, KNOWN[name])
        if self.ties == "expected" and self.divide_by == "hits":
            raise SSVHError(
                "ties='expected' has no closed form with divide_by='hits'; use ties='random' and several seeds."
            )

    @property
    def bits_per_value(self) -> int:
        """Return how many bits stand for one value of a code."""
        return TERNARY_BITS if self.zero_bits == "ternary" else 1


def check_ranks(k: tuple[int, ...], ranks: int, items: int) -> None:
    """Raise SSVHError for cutoffs or ranks that are not whole numbers or exceed the ``items`` to be ranked."""
    if not isinstance(k, tuple | list) or not k or not all(_is_cutoff(cutoff) for cutoff in k):
        raise SSVHError(f"k must be a tuple of whole cutoffs of at least 1, such as (5, 20), got {k!r}.")
    if max(k) > items:
        raise SSVHError(f"mAP@{max(k)} needs at least {max(k)} database items to rank, there are {items}.")
    if ranks != 0 and not _is_cutoff(ranks):
        raise SSVHError(f"ranks, the length of the curves, must be a whole number, or 0 for none; got {ranks!r}.")
    if ranks > items:
        raise SSVHError(f"Curves over {ranks} ranks need at least {ranks} database items to rank, there are {items}.")


def _is_cutoff(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and bool(value > 0)
