"""The numbers that the papers and their repositories state, each with its source and its caveats.

``numbers.csv`` has a row for every number: the paper it is stated by, the item in it, dataset, method and label of the
row as this library prints them, code length, measure, cutoff, value as printed, source, and the keys of its warnings.
``curves.csv`` has evaluations during training. ``sources.csv`` and ``warnings.csv`` spell the keys out. Values of logs
are rounded to six decimals, curves to five. Nothing here has been measured by us.

GMAP means two things: ``GMAP`` is the geometric mean of the six mAPs (AutoSSVH's equation 21 as worded, and the "Avg"
of the authors' Figure 3 data), ``GMAP (L2)`` their Euclidean norm (AutoSSVH's Table 3). Both are computed here where a
source has all six mAPs and does not print them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import geometric_mean

import pandas as pd

from ..errors import unknown

CELL = ["dataset", "method", "label", "bits", "measure"]  # what is measured; several sources may state it
SIX = tuple(f"mAP@{k}" for k in (5, 20, 40, 60, 80, 100))
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Published:
    """A number as some source states it."""

    value: float
    rounding: float  # half a unit of its last printed digit
    source: str  # where it can be read
    key: str  # of the source; ``cite`` has the words without the place in it
    warnings: tuple[str, ...]  # their keys; ``warning`` has the words


def numbers(
    *,
    paper: str | None = None,
    item: str | None = None,
    dataset: str | None = None,
    method: str | None = None,
    label: str | None = None,
    bits: int | None = None,
    measure: str | None = None,
    cutoff: int | None = None,
    source: str | None = None,
) -> pd.DataFrame:
    """Return all numbers, or those that agree with the arguments, the sources that count most first.

    Columns are those of ``numbers.csv``; ``measure`` is a full name such as "mAP@20", ``rounding`` is half a unit of
    the last printed digit, ``bits`` and ``cutoff`` are missing where there is none, and ``warnings`` are tuples.
    ``label`` is "" for a method as it is. Raises SSVHError for a value that no number has.
    """
    wanted = {
        "paper": paper, "item": item, "dataset": dataset, "method": method, "label": label, "bits": bits,
        "measure": measure, "cutoff": cutoff, "source": source,
    }  # fmt: skip
    table = _numbers()
    for column, value in wanted.items():
        if value is not None and not (table[column] == value).any():
            raise unknown(f"published {column}", value, filter(None, map(str, table[column].dropna().unique())))
    return _where(table, wanted).reset_index(drop=True)


def lookup(
    dataset: str, method: str, bits: int | None, measure: str, *, label: str = "", prefer: Iterable[str] = ()
) -> Published | None:
    """Return the number published for one cell, or None.

    If several sources state it, the first of ``prefer`` among them counts, or else the first in ``sources.csv``: a
    paper's tables, its README, its logs, tables of others, superseded numbers, statements of others.
    """
    cells = _cells().get((dataset, method, label, bits, measure), {})
    key = next((source for source in [*prefer, *cells] if source in cells), None)
    return cells[key] if key else None


def curves(*, method: str | None = None, dataset: str | None = None, bits: int | None = None) -> pd.DataFrame:
    """Return mAP on the test queries during training, from the released logs of S5VH and AutoSSVH.

    There is a row for each run and epoch. Of the hundreds of evaluations in a log, these are every tenth, some of the
    first, the best and the last.
    Columns: method, dataset, bits, epoch (number of finished ones), the six mAPs, warnings.
    """
    return _where(_curves(), {"method": method, "dataset": dataset, "bits": bits}).reset_index(drop=True)


def cite(key: str) -> str:
    """Return a source in words; SSVHError if there is none of this name."""
    if key not in _texts("sources"):
        raise unknown("source", key, _texts("sources"))
    return _texts("sources")[key]


def warning(key: str) -> str:
    """Return a provenance warning in words; SSVHError if there is none of this name."""
    if key not in _texts("warnings"):
        raise unknown("provenance warning", key, _texts("warnings"))
    return _texts("warnings")[key]


def footnotes(keys: Iterable[str]) -> dict[str, str]:
    """Return the warnings in words by their keys, each once, in alphabetical order."""
    return {key: warning(key) for key in sorted(set(keys))}


def _where(table: pd.DataFrame, wanted: dict) -> pd.DataFrame:
    for column, value in wanted.items():
        if value is not None:
            table = table[(table[column] == value).fillna(False)]
    return table


@cache
def _texts(kind: str) -> dict[str, str]:
    """Read the words for each key of ``sources`` or ``warnings``, in the order of the file."""
    return dict(pd.read_csv(_HERE / f"{kind}.csv", keep_default_na=False).itertuples(index=False))


@cache
def _numbers() -> pd.DataFrame:
    table = pd.read_csv(_HERE / "numbers.csv", dtype=str, keep_default_na=False)
    table["rounding"] = [0.5 * 10.0 ** -len(text.partition(".")[2]) for text in table["value"]]
    table["value"] = table["value"].astype(float)
    table["measure"] += ["@" + cutoff if cutoff else "" for cutoff in table["cutoff"]]
    for column in ("bits", "cutoff"):
        table[column] = pd.to_numeric(table[column], errors="coerce").astype("Int64")
    table["warnings"] = [tuple(keys.split()) for keys in table["warnings"]]
    order = list(_texts("sources"))
    table = pd.concat([table, _computed(table)], ignore_index=True)
    return table.sort_values("source", key=lambda sources: sources.map(order.index), kind="stable", ignore_index=True)


def _computed(table: pd.DataFrame) -> pd.DataFrame:
    """Compute GMAP in both meanings, for each source and row that has all six mAPs, unless it prints them."""
    printed = set(zip(*(table[column] for column in ["source", *CELL]), strict=True))
    found = []
    for (source, *cell), rows in table.groupby(["source", *CELL[:-1]], sort=False, dropna=False):
        maps = rows[rows["measure"].isin(SIX)]
        for measure, mean in (("GMAP", geometric_mean), ("GMAP (L2)", lambda values: math.hypot(*values))):
            if len(maps) == len(SIX) and (source, *cell, measure) not in printed:
                value, most = mean(maps["value"]), mean(maps["value"] + maps["rounding"])
                keys = (*dict.fromkeys(key for some in maps["warnings"] for key in some), "computed")
                changed = {"measure": measure, "cutoff": None, "value": value, "rounding": most - value}
                found.append(maps.iloc[0].to_dict() | changed | {"warnings": keys})
    return pd.DataFrame(found).astype({"bits": "Int64", "cutoff": "Int64"})


@cache
def _cells() -> dict[tuple, dict[str, Published]]:
    """Return the numbers by cell and source."""
    found: dict[tuple, dict[str, Published]] = {}
    for row in _numbers().itertuples():
        bits = None if pd.isna(row.bits) else int(row.bits)
        source = f"{_texts('sources')[row.source]}; {row.place or row.item}"
        number = Published(row.value, row.rounding, source, row.source, row.warnings)
        found.setdefault((row.dataset, row.method, row.label, bits, row.measure), {}).setdefault(row.source, number)
    return found


@cache
def _curves() -> pd.DataFrame:
    table = pd.read_csv(_HERE / "curves.csv", keep_default_na=False)
    return table.assign(warnings=[tuple(keys.split()) for keys in table["warnings"]])
