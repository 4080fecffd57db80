"""The names of methods and rows as the papers, tables and figures print them."""

from __future__ import annotations

TITLES = {"jtae": "JTAE", "nph": "NPH"}  # published results of methods that have no implementation here


def title(method: str) -> str:
    """Return a method's name as printed: its TITLE, or the name of its file if it has none."""
    from ..methods import available, method_class  # which loads torch

    return TITLES.get(method) or (method_class(method).TITLE if method in available() else "") or method


def printed_name(method: str, variant: str, label: str = "", **_: object) -> str:
    """Return the name of a row: its label, or the method's name with its variant where that is not the paper's."""
    return label or title(method) + ("" if variant == "paper" else f" ({variant})")
