"""Statistics of datasets as a table, beside those of real sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from textwrap import fill

from .measures import MEASURES, Statistics
from .real_sets import outside, real_sets

_WIDTH = 100  # of explanations
_MARKS = {-1: " ▼", 0: "  ", 1: " ▲"}


def table(found: Sequence[Statistics]) -> str:
    """Return the table as it is printed: a column for each dataset, and one for each real set."""
    columns = [_column(one, marked=True) for one in found]
    columns += [["  │"] * len(columns[0]), *(_column(one, marked=False) for one in real_sets())]
    names, *rows = map("".join, zip(*columns, strict=True))
    indent = max(len(measure.label) for measure in MEASURES) + 2
    lines = [*(one.heading() for one in found), "", " " * indent + names]
    for group, members in groupby(zip(MEASURES, rows, strict=True), key=lambda member: member[0].group):
        lines += [group, *(f"  {measure.label}".ljust(indent) + row for measure, row in members)]
    return "\n".join([*map(str.rstrip, lines), "", *_explanations(found)])


def _column(one: Statistics, *, marked: bool) -> list[str]:
    """Return the name and the values of a dataset, and marks of what is unlike the real sets, all equally wide."""
    cells = [one.name + _MARKS[0]]
    for measure in MEASURES:
        value = getattr(one, measure.key)
        text = "—" if value is None else measure.write(value)
        cells.append(text + _MARKS[outside(measure, value) if marked and value is not None else 0])
    width = max(map(len, cells)) + 2
    return [cell.rjust(width) for cell in cells]


def _explanations(found: Sequence[Statistics]) -> Iterator[str]:
    """Yield what the marks and the real sets are, what was sampled, and why values are missing."""
    lines = ["▼ below and ▲ above all real sets:", *(f"- {one.name}: {one.source}" for one in real_sets())]
    for one in found:
        lines += [f"{one.name}: {note}" for note in one.notes]
        for reason in dict.fromkeys(one.missing.values()):
            labels = [measure.label for measure in MEASURES if one.missing.get(measure.key) == reason]
            lines.append(f"{one.name}: no value for {', '.join(labels)}: {reason}.")
    lines.append("`python -m pydoc ssvh_lib.data.statistics.Statistics` defines each statistic.")
    for line in lines:
        yield fill(line, _WIDTH, subsequent_indent="  ")
