"""How good the ranking is: mAP@k against k, precision against recall, and retrieval without uncertain videos."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...errors import SSVHError
from .groups import by_name, check_one_dataset, lengths, measured, of_length
from .labels import name_lines
from .look import band, legend, line, looks, panels, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

_LATE = (60, 80, 100)
_DRAWN, _KNOWN = 0.005, 0.05  # recall from which on precision is drawn, and is shown in full: before, pairs are few


def map_at_k(records: list[dict], order: Sequence[str] = ()) -> Figure:
    """mAP@k against k, a panel for each code length, a line for each row, bands of ± one standard deviation.

    Where there are more rows than colours, the three systems stand out; raises SSVHError for several datasets.
    """
    return _at_cutoffs(records, order, sorted({int(k) for record in records for k in record["map"]}))


def late_cutoffs(records: list[dict], order: Sequence[str] = ()) -> Figure:
    """mAP@60, @80 and @100, as ``map_at_k`` draws them, with a small mark for each seed."""
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
    check_one_dataset(records)
    rows = by_name(records, order)
    look = looks(rows)
    with style():
        figure, drawn = panels(len(lengths(records)), **_size(rows), sharey=True)
        for panel, bits in zip(drawn, lengths(records), strict=True):
            for name, runs in rows.items():
                if found := of_length(runs, bits):
                    values = np.array([[run["map"].get(str(k), np.nan) for k in cutoffs] for run in found])
                    band(panel, cutoffs, values, look[name], name)
            panel.set(title=f"{bits} bits", xlabel="k, items retrieved", xticks=cutoffs)
        drawn[0].set_ylim(bottom=0)  # once all panels, which share the axis, are drawn
        drawn[0].set_ylabel("mAP@k (higher is better)")
        _name_on_the_left(drawn, look, cutoffs[0], cutoffs[-1], at=cutoffs[0])
    return figure


def _size(rows: dict[str, list[dict]]) -> dict[str, float]:
    """Inches of a panel that has room for the names of its lines."""
    return {"width": 2.6 + 0.075 * max(map(len, rows)), "height": 4.2 if len(rows) > 7 else 3.4}


def _name_on_the_left(drawn: list[Axes], look: dict[str, dict], first: float, last: float, at: float) -> None:
    """Names in front of the lines, where these are furthest apart, and an axis that begins where the lines do."""
    for panel in drawn:
        panel.set_xlim(first, last + 0.02 * ((last - first) or 1))
        panel.spines["bottom"].set_bounds(first, last)
        panel.grid(visible=False, axis="x")
    ends = {
        panel: {line.get_label(): _height(line, at) for line in panel.lines if len(line.get_xdata())} for panel in drawn
    }
    name_lines(ends, {name: each["color"] for name, each in look.items()}, left=True)


def _height(line: Line2D, at: float) -> tuple[float, float]:
    """The point of a line at x = ``at``, or its first if it begins later."""
    x, y = line.get_data()
    return max(at, float(x[0])), float(np.interp(at, x, y))


def precision_recall(records: list[dict], order: Sequence[str] = ()) -> Figure:
    """Precision against recall as the Hamming radius grows, a panel for each code length, averaged over seeds.

    Precision is drawn from a recall of 0.5 % on, and its axis fits it from 5 % on: before, it rests on a few pairs.
    Rows as in ``map_at_k``.
    """
    check_one_dataset(records)
    rows = by_name(records, order)
    look = looks(rows)
    with style():
        figure, drawn = panels(len(lengths(records)), **_size(rows), sharey=True)
        for panel, bits in zip(drawn, lengths(records), strict=True):
            for name, runs in rows.items():
                found = of_length(runs, bits)
                recall, precision = _precision(found) if found else ((), ())
                if len(recall):
                    panel.plot(recall, precision, **look[name] | {"marker": "", "label": name})
            panel.set(title=f"{bits} bits", xlabel="recall")
        top = max((_height(curve, _KNOWN)[1] for panel in drawn for curve in panel.lines), default=1.0)
        drawn[0].set(ylabel="precision", ylim=(0, min(1.02, 1.25 * top)))
        _name_on_the_left(drawn, look, 0, 1, at=_KNOWN)
        for panel in drawn:
            panel.set_xticks(np.linspace(0, 1, 6))
    return figure


def _precision(runs: list[dict]) -> tuple[np.ndarray, np.ndarray]:
    """Recall and precision averaged over seeds, where some seed has a precision and recall is worth drawing."""
    precision, recall = (np.array([run[name] for run in runs], dtype=float) for name in ("precision", "recall"))
    known = np.isfinite(precision).any(axis=0) & (recall.mean(axis=0) >= _DRAWN)
    return recall.mean(axis=0)[known], np.nanmean(precision[:, known], axis=0)


def rejection(records: list[dict], order: Sequence[str] = ()) -> Figure:
    """mAP@20 when the videos of most uncertain codes are left out, or random ones; a panel for each code length.

    Of the records of methods that know how uncertain they are, or SSVHError; means and deviations are over seeds.
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
