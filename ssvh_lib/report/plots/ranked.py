"""How good the ranking is: mAP@k against k, precision against recall, and retrieval without uncertain videos."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...errors import SSVHError
from .groups import by_name, check_one_dataset, lengths, measured, of_length
from .labels import name_lines
from .look import Look, band, legend, line, looks, panels, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

_LATE = (60, 80, 100)
_DRAWN, _KNOWN = 0.005, 0.05  # recall from which precision is drawn, and its axis fits it: below, pairs are few


def map_at_k(records: list[dict], order: Sequence[str] = ()) -> Figure:
    """Draw mAP@k against k, a panel for each code length, a line for each row, bands of ± one standard deviation.

    Where there are more rows than colours, the three systems stand out; raises SSVHError for several datasets.
    """
    return _at_cutoffs(records, order, sorted({int(k) for record in records for k in record["map"]}))


def late_cutoffs(records: list[dict], order: Sequence[str] = ()) -> Figure:
    """Draw mAP@60, @80 and @100, as ``map_at_k`` does, with a small mark for each seed."""
    figure = _at_cutoffs(records, order, _LATE)
    rows = by_name(records, order)
    look = looks(rows)
    for panel, bits in zip(figure.axes, lengths(records), strict=True):
        for name, runs in rows.items():
            for k in _LATE:
                values = measured(of_length(runs, bits), f"mAP@{k}")
                if len(values) > 1:
                    panel.scatter([k] * len(values), values, s=9, color=look[name]["color"], alpha=0.6, linewidths=0)
    return figure


def _at_cutoffs(records: list[dict], order: Sequence[str], cutoffs: Sequence[int]) -> Figure:
    def draw(panel: Axes, runs: list[dict], look: Look, name: str) -> None:
        values = np.array([[run["map"].get(str(k), np.nan) for k in cutoffs] for run in runs])
        band(panel, cutoffs, values, look, name)

    with style():
        figure, drawn, look = _lines(records, order, draw)
        for panel in drawn:
            panel.set(xlabel="k, items retrieved", xticks=cutoffs)
        drawn[0].set_ylim(bottom=0)  # once all panels, which share the axis, are drawn
        drawn[0].set_ylabel("mAP@k (higher is better)")
        _name_on_the_left(drawn, look, cutoffs[0], cutoffs[-1], at=cutoffs[0])
    return figure


def precision_recall(records: list[dict], order: Sequence[str] = ()) -> Figure:
    """Draw precision against recall as the Hamming radius grows, averaged over seeds; panels and rows as ``map_at_k``.

    Precision is drawn from a recall of 0.5 % on, and its axis fits it from 5 % on: before, it rests on a few pairs.
    """
    with style():
        figure, drawn, look = _lines(records, order, _precision_line)
        for panel in drawn:
            panel.set_xlabel("recall")
        top = max((_height(curve, _KNOWN)[1] for panel in drawn for curve in panel.lines), default=1.0)
        drawn[0].set(ylabel="precision", ylim=(0, min(1.02, 1.25 * top)))
        _name_on_the_left(drawn, look, 0, 1, at=_KNOWN)
        for panel in drawn:
            panel.set_xticks(np.linspace(0, 1, 6))
    return figure


def _precision_line(panel: Axes, runs: list[dict], look: Look, name: str) -> None:
    """Average over seeds, where some seed has a precision and recall is worth drawing."""
    precision, recall = (np.array([run[key] for run in runs], dtype=float) for key in ("precision", "recall"))
    known = np.isfinite(precision).any(axis=0) & (recall.mean(axis=0) >= _DRAWN)
    if known.any():
        mean = np.nanmean(precision[:, known], axis=0)
        panel.plot(recall.mean(axis=0)[known], mean, label=name, **look | {"marker": ""})


def _lines(
    records: list[dict], order: Sequence[str], draw: Callable[[Axes, list[dict], Look, str], None]
) -> tuple[Figure, list[Axes], dict[str, Look]]:
    """Make a panel for each code length, and ``draw(panel, runs, look, name)`` the line of each row in it."""
    check_one_dataset(records)
    rows = by_name(records, order)
    look = looks(rows)
    width, height = 2.6 + 0.075 * max(map(len, rows)), 4.2 if len(rows) > 7 else 3.4  # with room for the names
    figure, drawn = panels(len(lengths(records)), width=width, height=height, sharey=True)
    for panel, bits in zip(drawn, lengths(records), strict=True):
        for name, runs in rows.items():
            if found := of_length(runs, bits):
                draw(panel, found, look[name], name)
        panel.set_title(f"{bits} bits")
    return figure, drawn, look


def _name_on_the_left(drawn: list[Axes], look: dict[str, Look], first: float, last: float, at: float) -> None:
    """Write names in front of the lines, where these are furthest apart; the axis begins where the lines do."""
    for panel in drawn:
        panel.set_xlim(first, last + 0.02 * ((last - first) or 1))
        panel.spines["bottom"].set_bounds(first, last)
        panel.grid(visible=False, axis="x")
    ends = {
        panel: {str(line.get_label()): _height(line, at) for line in panel.lines if np.size(line.get_xdata())}
        for panel in drawn
    }
    name_lines(ends, {name: each["color"] for name, each in look.items()}, left=True)


def _height(line: Line2D, at: float) -> tuple[float, float]:
    """Return the point of a line at x = ``at``, or its first if it begins later."""
    x, y = map(np.asarray, line.get_data())
    return max(at, float(x[0])), float(np.interp(at, x, y))


def rejection(records: list[dict], order: Sequence[str] = ()) -> Figure:
    """Draw mAP@20 when the videos of most uncertain codes are left out, or random ones; a panel for each code length.

    Means and deviations are over seeds. Methods that do not know how uncertain they are are left out; raises SSVHError
    if no other remains.
    """
    knowing = [record for record in records if record.get("rejection")]
    if records and not knowing:
        raise SSVHError("None of these methods knows how uncertain its codes are; BerVAE does.")
    check_one_dataset(knowing)
    with style():
        figure, drawn = panels(len(lengths(knowing)), height=3.4, sharey=True)
        for panel, bits in zip(drawn, lengths(knowing), strict=True):
            curves = [record["rejection"] for record in of_length(knowing, bits)]
            for number, (kind, name) in enumerate({"uncertain": "the most uncertain", "random": "random ones"}.items()):
                values = np.array([curve[kind] for curve in curves], dtype=float)
                band(panel, curves[0]["share"], values, line(number), name)
            panel.set(title=f"{bits} bits", xlabel="videos left out, per cent")
        drawn[0].set_ylim(bottom=0)
        drawn[0].set_ylabel("mAP@20 of the others")
        legend(figure)
    return figure
