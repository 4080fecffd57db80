"""Statistics of datasets as strips of dots, beside the range of the real sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
from matplotlib.ticker import FuncFormatter, MultipleLocator, NullLocator

from ...data.statistics import MEASURES, Measure, Statistics, outside, range_of, real_sets
from ...data.statistics.measures import ACCURACIES, COPIES, COSINES, DIMENSIONS, HARDNESS, SHARES
from ...utils.colours import QUIET
from .look import colour, legend, marker, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = ((SHARES, COSINES, HARDNESS), (ACCURACIES, COPIES, DIMENSIONS))
_BAND, _STRIP = "#cfd8e3", "#f3f3f0"
_RANGE = "range of the real sets"
_REAL_MARKERS = ("o", "D", "s", "^")


def dataset_statistics(found: Sequence[Statistics]) -> Figure:
    """Draw a strip for each statistic: a bar from the smallest to the largest real set, a dot for each dataset.

    The values of a single dataset are written beside the strips, in bold outside the range of the real sets. A
    statistic that is missing has no dot, and "—" for a value.
    """
    rows = [[[one for one in MEASURES if one.group == group] for group in groups] for groups in _COLUMNS]
    heights = [[len(measures) for measures in column] for column in rows]
    with style():
        figure = plt.figure(figsize=(10.6, 5.2 + 0.4 * len(found)))
        sides: Any = figure.subfigures(1, 2)
        for side, column, ratios in zip(sides, rows, heights, strict=True):
            panels = side.subplots(len(column), 1, squeeze=False, height_ratios=ratios)[:, 0]
            for panel, measures in zip(panels, column, strict=True):
                _strips(panel, measures, found)
        legend(figure)
    return figure


def _strips(panel: Axes, measures: Sequence[Measure], found: Sequence[Statistics]) -> None:
    group = measures[0].group
    for row, measure in enumerate(measures):
        panel.barh(row, 1, height=0.62, color=_STRIP, transform=panel.get_yaxis_transform(), zorder=0)
        _real(panel, row, measure)
        for number, one in enumerate(found):
            _dot(panel, row + _offset(number, len(found)), measure, one, number)
        if len(found) == 1:
            _value(panel, row, measure, found[0])
    panel.set_title(group, loc="left", fontsize=10)
    panel.set_yticks(range(len(measures)), [measure.label for measure in measures])
    panel.set_ylim(len(measures) - 0.5, -0.5)
    panel.tick_params(axis="y", length=0, pad=8)
    panel.grid(False)
    panel.spines[:].set_visible(False)
    _scale(panel, group)


def _scale(panel: Axes, group: str) -> None:
    if group == DIMENSIONS:
        panel.set(xscale="log", xlim=(1, max(1000, panel.get_xlim()[1])))
        panel.xaxis.set_minor_locator(NullLocator())
        panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    elif group == COPIES:
        panel.set_xlim(0, max(0.25, panel.get_xlim()[1]))
        panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
    else:
        panel.set_xlim(min(0, panel.get_xlim()[0]), 1)
        panel.xaxis.set_major_locator(MultipleLocator(0.25))
        panel.xaxis.set_major_formatter(
            FuncFormatter(lambda value, _: f"{value:.3g}".replace("0.", ".").replace("-", "−"))
        )
    panel.axvline(0, color="white", linewidth=1, zorder=0)
    panel.tick_params(axis="x", labelsize=8, colors=QUIET, length=2)


def _real(panel: Axes, row: int, measure: Measure) -> None:
    limits = range_of(measure.key)
    if limits is None:
        return
    panel.barh(row, limits.high - limits.low, left=limits.low, height=0.62, color=_BAND, zorder=1, label=_RANGE)
    for one, form in zip(real_sets(), _REAL_MARKERS, strict=False):
        value = getattr(one, measure.key)
        look: dict[str, Any] = {
            "color": QUIET,
            "markerfacecolor": "white",
            "markersize": 4.5,
            "zorder": 2,
            "clip_on": False,
        }
        panel.plot([value], [row], form, label=one.name, **look)


def _offset(number: int, count: int) -> float:
    """Return how far below the middle of a strip the dot of a dataset lies, so that none hides another."""
    return min(0.16, 0.5 / count) * (number - (count - 1) / 2)


def _dot(panel: Axes, row: float, measure: Measure, one: Statistics, number: int) -> None:
    value = getattr(one, measure.key)
    if value is not None:
        look: dict[str, Any] = {
            "color": colour(number),
            "markersize": 7.5,
            "zorder": 3,
            "clip_on": False,
            "markeredgecolor": "white",
        }
        panel.plot([value], [row], marker(number), label=one.name, **look)


def _value(panel: Axes, row: int, measure: Measure, one: Statistics) -> None:
    value = getattr(one, measure.key)
    text, weight = ("—", "normal") if value is None else (measure.write(value), _weight(measure, value))
    place: dict[str, Any] = {"transform": panel.get_yaxis_transform(), "ha": "left", "va": "center_baseline"}
    panel.text(1.03, row, text, weight=weight, fontsize=9, color=colour(0), **place)


def _weight(measure: Measure, value: float) -> str:
    return "bold" if outside(measure, value) else "normal"
