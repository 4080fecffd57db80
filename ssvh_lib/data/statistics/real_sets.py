"""What the statistics are on real videos, as facts in ``real_sets.csv``.

``ssvh data describe ucf10 penn_action --root FOLDER --csv real_sets.csv`` computed them of the files that the column
``source`` describes, which alone was written by hand. A class of UCF101 is an action, filmed in several scenes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import SSVHError
from .measures import MEASURES, Measure, Statistics

_TEXTS = ("name", "source", "described")
_SIZES = ("videos", "frames", "size", "classes", "queries")
_COLUMNS = [*_TEXTS, *_SIZES, *(measure.key for measure in MEASURES), "notes"]


class Range(NamedTuple):
    """The smallest and the largest value of a statistic in the real sets."""

    low: float
    high: float


@cache
def real_sets() -> tuple[Statistics, ...]:
    """Return the statistics of the real sets."""
    return read_csv(Path(__file__).with_name("real_sets.csv"))


@cache
def range_of(key: str) -> Range | None:
    """Return the range of a statistic in the real sets, or None if it is known of none."""
    values = [value for one in real_sets() if (value := getattr(one, key)) is not None]
    return Range(min(values), max(values)) if values else None


def outside(measure: Measure, value: float) -> int:
    """Return -1 if a value lies below the range of the real sets, 1 if above, both as printed, and 0 otherwise."""
    limits = range_of(measure.key)
    if limits is None or measure.write(value) in map(measure.write, limits):
        return 0
    return int(value > limits.high) - int(value < limits.low)


def as_csv(found: Iterable[Statistics]) -> str:
    """Write statistics as CSV, a row for each dataset, to six decimals; what is missing is left empty."""
    text = io.StringIO()
    table = csv.DictWriter(text, _COLUMNS, lineterminator="\n")
    table.writeheader()
    for one in found:
        values = {measure.key: _number(getattr(one, measure.key)) for measure in MEASURES}
        table.writerow({key: getattr(one, key) for key in _TEXTS + _SIZES} | values | {"notes": " ".join(one.notes)})
    return text.getvalue()


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}".removesuffix(".000000")


def read_csv(path: Path) -> tuple[Statistics, ...]:
    """Read what ``as_csv`` wrote. Raises SSVHError if it cannot be read or is something else."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return tuple(_statistics(row) for row in csv.DictReader(file))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise SSVHError(
            f"{path} is not a table of statistics ({error}). Write it with `ssvh data describe NAME --csv FILE`."
        ) from error


def _statistics(row: dict[str, str]) -> Statistics:
    fields: dict[str, Any] = {key: row[key] for key in _TEXTS} | {key: int(row[key]) for key in _SIZES}
    fields |= {measure.key: float(row[measure.key]) if row[measure.key] else None for measure in MEASURES}
    return Statistics(**fields, notes=(row["notes"],) if row["notes"] else ())
