"""Rows compared with the whole method, and settings that are numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from ...errors import SSVHError
from ...literature.names import title
from ...utils.colours import QUIET
from ..spread import SPREAD, compare
from .groups import by_name, check_one_dataset, lengths, measured, of_length
from .look import COLOURS, DASHES, legend, line, panels, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BELOW, _ABOVE = COLOURS[1], COLOURS[0]


def rows(records: list[dict], order: Sequence[str] = (), measure: str = "mAP@20") -> Figure:
    """Draw a small mark for each seed, a large one for the mean, a bar of ± ``spread.SPREAD`` standard deviations.

    If all rows are of one method, the last of ``order``, the whole method, is a line with a band of its own spread. The
    mean of a row that differs from it by more than the spread, as ``spread`` says, is orange below it and blue
    above it, else hollow. A panel for each code length; rows without the measure say "—". Raises SSVHError for records
    of several datasets.
    """
    check_one_dataset(records)
    found = by_name(records, order)
    whole = _whole(found, order)
    with style():
        width = max(3.4, 7.5 / len(lengths(records)))
        figure, drawn = panels(len(lengths(records)), width=width, height=0.32 * len(found) + 1.0, sharey=True)
        for panel, bits in zip(drawn, lengths(records), strict=True):
            cell = {name: of_length(runs, bits) for name, runs in found.items()}
            _row_marks(panel, cell, whole, measure)
            panel.set(title=f"{bits} bits", xlabel=measure)
        drawn[0].set(yticks=range(len(found)), yticklabels=found, ylim=(len(found) - 0.5, -0.5))
        for text in drawn[0].get_yticklabels():
            text.set_fontweight("bold" if text.get_text() == whole else "normal")
        _explain_marks(figure, drawn[0], whole)
    return figure


def _whole(found: dict[str, list[dict]], order: Sequence[str]) -> str:
    """Return the row that the others are compared with: the last of an order, if all rows are of one method."""
    alike = len({runs[0]["method"] for runs in found.values()}) == 1
    return order[-1] if order and alike and order[-1] in found else ""


def _row_marks(panel: Axes, cell: dict[str, list[dict]], whole: str, measure: str) -> None:
    reference = measured(cell.get(whole, []), measure)
    if len(reference):
        panel.axvline(reference.mean(), color=QUIET, linewidth=1, zorder=1)
    if len(reference) > 1:
        spread = SPREAD * reference.std(ddof=1)
        panel.axvspan(reference.mean() - spread, reference.mean() + spread, color="#ededed", linewidth=0, zorder=0)
    for place, (name, runs) in enumerate(cell.items()):
        values = measured(runs, measure)
        if not len(values):
            panel.text(0.5, place, "—", transform=panel.get_yaxis_transform(), ha="center", va="center", color=QUIET)
            continue
        colour, fill = (QUIET, QUIET) if name == whole else _against(runs, cell.get(whole, []), measure)
        if len(values) > 1:
            spread = SPREAD * values.std(ddof=1)
            panel.plot([values.mean() - spread, values.mean() + spread], [place] * 2, color=colour, lw=1.6, alpha=0.6)
            panel.scatter(values, [place] * len(values), s=90, marker="|", color=colour, linewidths=1.2, zorder=5)
        panel.scatter(values.mean(), place, s=58, facecolor=fill, edgecolor=colour, linewidths=1.6, zorder=4)
    panel.grid(visible=False, axis="y")
    panel.tick_params(axis="y", length=0)


def _against(runs: list[dict], whole: list[dict], measure: str) -> tuple[str, str]:
    """Return colour and filling of a mean, by the same rule that judges claims."""
    if not whole:
        return COLOURS[0], COLOURS[0]
    difference = compare(runs, whole, measure)
    if difference is None or difference.within_spread:
        return QUIET, "white"
    colour = _ABOVE if difference.mean > 0 else _BELOW
    return colour, colour


def _explain_marks(figure: Figure, panel: Axes, whole: str) -> None:
    if whole:
        panel.scatter([], [], s=58, color=_ABOVE, label="above the line by more than the spread")
        panel.scatter([], [], s=58, color=_BELOW, label="below it by more than the spread")
        panel.scatter([], [], s=58, facecolor="white", edgecolor=QUIET, linewidths=1.6, label="not told apart from it")
    else:
        panel.scatter([], [], s=58, color=COLOURS[0], label="mean of the seeds")
    panel.plot([], [], color=QUIET, lw=1.6, alpha=0.6, label=f"± {SPREAD:g} standard deviations")
    panel.scatter([], [], s=90, marker="|", color=QUIET, linewidths=1.2, label="one seed")
    legend(figure)


def sweep(records: list[dict], order: Sequence[str] = (), measure: str = "mAP@20") -> Figure:
    """Draw a measure against the number that labels end in, a panel for each setting, a line for each code length.

    Seeds are small marks, the line joins their means; rows without a number, such as the whole method, are level lines.
    Raises SSVHError if no label ends in a number, or for records of several datasets.
    """
    check_one_dataset(records)
    found = by_name(records, order)
    settings = {name: _setting(name, runs[0]["method"]) for name, runs in found.items()}
    swept: dict[str, dict[float, list[dict]]] = {}
    for name, setting in settings.items():
        if setting:
            swept.setdefault(setting.name, {})[setting.value] = found[name]
    if not swept:
        raise SSVHError(f"A sweep needs labels that end in a number, such as 'mask ratio 0.5'; got {', '.join(found)}.")
    with style():
        figure, drawn = panels(len(swept), height=3.4, sharey=True)
        for panel, (setting_name, points) in zip(drawn, swept.items(), strict=True):
            for number, bits in enumerate(lengths(records)):
                _sweep_line(panel, points, bits, number, measure)
            for number, name in enumerate(name for name in found if not settings[name]):
                values = measured(found[name], measure)
                if len(values):
                    dashes = DASHES[1:][number % 3]
                    panel.axhline(values.mean(), color=QUIET, linestyle=dashes, lw=1.2, label=name)
            _scale(panel, sorted(points))
            panel.set(xlabel=setting_name)
        drawn[0].set_ylabel(f"{measure} (mean of seeds)")
        legend(figure)
    return figure


class _Setting(NamedTuple):
    name: str
    value: float


def _setting(name: str, method: str) -> _Setting | None:
    """Split a label into the name of a setting and its value: "mask ratio 0.5" into ("mask ratio", 0.5)."""
    match = re.fullmatch(r"(.*?)[\s=:×]*(-?\d+(?:[.,]\d+)*(?:e-?\d+)?)\s*%?", name)
    return _Setting(match[1].strip() or title(method), float(match[2].replace(",", ""))) if match else None


def _sweep_line(panel: Axes, points: dict[float, list[dict]], bits: int, number: int, measure: str) -> None:
    values = {x: measured(of_length(runs, bits), measure) for x, runs in sorted(points.items())}
    values = {x: found for x, found in values.items() if len(found)}
    look, means = line(number), [found.mean() for found in values.values()]
    panel.plot(list(values), means, **look | {"markersize": 6}, label=f"{bits} bits")
    for x, found in values.items():
        if len(found) > 1:
            panel.scatter([x] * len(found), found, s=110, marker="_", color=look["color"], linewidths=1.2)


def _scale(panel: Axes, numbers: list[float]) -> None:
    """Put every tried number on the axis, which is logarithmic where they span a wide range."""
    if numbers[0] > 0 and numbers[-1] >= 16 * numbers[0]:
        panel.set_xscale("log")
    panel.set_xticks(numbers, [f"{number:g}" for number in numbers])
    panel.minorticks_off()
