"""Statistics of datasets as a table, beside those of real sets."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from .measures import MEASURES, Measure, Statistics
from .real_sets import outside, real_sets

_MARKS = {-1: "▼", 0: " ", 1: "▲"}


def table(found: Sequence[Statistics]) -> str:
    """Return the table as it is printed: a column for each dataset, and one for each real set."""
    names = [one.name for one in found], [one.name for one in real_sets()]
    widths = [[max(10, len(name)) + 2 for name in some] for some in names]
    label = max(len(measure.label) for measure in MEASURES) + 4
    head = f"{_cells(names[0], widths[0], after='  ')}│{_cells(names[1], widths[1])}"
    lines = [*(one.heading() for one in found), "", " " * label + head]
    for group, measures in groupby(MEASURES, key=lambda measure: measure.group):
        lines.append(group)
        lines += [f"  {measure.label:<{label - 2}}{_row(measure, found, *widths)}" for measure in measures]
    return "\n".join([*lines, "", *_legend(found)])


def _cells(texts: Sequence[str], widths: Sequence[int], after: str = "") -> str:
    return "".join(f"{text:>{width}}{after}" for text, width in zip(texts, widths, strict=True))


def _row(measure: Measure, found: Sequence[Statistics], widths: Sequence[int], real_widths: Sequence[int]) -> str:
    values = [getattr(one, measure.key) for one in found]
    real = [_written(measure, getattr(one, measure.key)) for one in real_sets()]
    marked = [
        f"{_written(measure, value):>{width}} {_mark(measure, value)}"
        for value, width in zip(values, widths, strict=True)
    ]
    return f"{''.join(marked)}│{_cells(real, real_widths)}"


def _written(measure: Measure, value: float | None) -> str:
    return "—" if value is None else measure.write(value)


def _mark(measure: Measure, value: float | None) -> str:
    return _MARKS[0 if value is None else outside(measure, value)]


def _legend(found: Sequence[Statistics]) -> list[str]:
    """Explain marks, real sets, samples and gaps."""
    lines = ["▼ below and ▲ above all real sets:", *(f"  {one.name}: {one.source}" for one in real_sets())]
    for one in found:
        lines += [f"{one.name}: {note}" for note in one.notes]
        for reason, keys in groupby(sorted(one.missing, key=one.missing.__getitem__), key=one.missing.__getitem__):
            labels = ", ".join(_label(key) for key in keys)
            lines.append(f"{one.name}: — {labels}: {reason}.")
    return [*lines, "Each statistic is defined in `python -m pydoc ssvh_lib.data.statistics.Statistics`."]


def _label(key: str) -> str:
    return next(f"{measure.label}" for measure in MEASURES if measure.key == key)
