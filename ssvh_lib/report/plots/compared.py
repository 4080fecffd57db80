"""Methods beside each other: GMAP in both its meanings, transfer, seeds, and what quality costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.ticker import LogLocator, NullFormatter

from ...errors import SSVHError
from .groups import by_name, check_one_dataset, lengths, measured, of_length
from .labels import last_points, name_lines, name_points
from .look import Look, colour, legend, looks, marker, panels, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_GMAPS = {"GMAP": "geometric mean of the six mAPs", "GMAP (L2)": "their Euclidean norm (L2)"}


def gmap(records: list[dict], order: Sequence[str] = ()) -> Figure:
    """Draw the GMAP of each row, a panel for each of its meanings: one colour per code length, one small mark per seed.

    Without an ``order``, the best row is on top.
    """
    check_one_dataset(records)
    found = by_name(records, order)
    names = list(found) if order else sorted(found, key=lambda name: -np.mean([run["gmap"] for run in found[name]]))
    bits = lengths(records)
    with style():
        figure, drawn = panels(2, width=5.2, height=(0.1 * len(bits) + 0.14) * len(names) + 1.0, sharey=True)
        for panel, (measure, meaning) in zip(drawn, _GMAPS.items(), strict=True):
            for place, name in enumerate(names):
                if place % 2:
                    panel.axhspan(place - 0.5, place + 0.5, color="#f6f6f6", linewidth=0, zorder=0)
                for number, length in enumerate(bits):
                    values = measured(of_length(found[name], length), measure)
                    offset = 0.7 * ((number + 0.5) / len(bits) - 0.5)
                    _level_marks(panel, values, place + offset, number, "" if place else f"{length} bits")
            panel.grid(visible=False, axis="y")
            panel.tick_params(axis="y", length=0)
            panel.set(title=meaning, xlabel=measure)
            panel.set_xlim(left=0)
        drawn[0].set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -0.5))
        legend(figure)
    return figure


def _level_marks(panel: Axes, values: np.ndarray, height: float, number: int, label: str) -> None:
    """Draw the mean as a large mark at a height, seeds as small ones on a thin line."""
    if not len(values):
        return
    if len(values) > 1:
        panel.plot([values.min(), values.max()], [height] * 2, color=colour(number), lw=1, alpha=0.7)
        panel.scatter(values, [height] * len(values), s=7, color=colour(number), alpha=0.8, linewidths=0)
    panel.scatter(
        values.mean(), height, s=26, color=colour(number), marker=marker(number), label=label or None, zorder=3
    )


def transfer(records: list[dict], order: Sequence[str] = (), measure: str = "GMAP") -> Figure:
    """Show how much remains when a method is trained on one dataset and tested on another: a slope for each row.

    The dataset of a record is "a" within one and "a-to-b" across two. There is a panel for each code length.
    """
    places = sorted({record["dataset"] for record in records}, key=lambda name: ("-to-" in name, name))
    if not places:
        raise SSVHError("Transfer is drawn from records of one dataset and of one to another; there are none.")
    found = by_name(records, order)
    look = looks(found)
    with style():
        figure, drawn = panels(len(lengths(records)), width=4.2, height=4.0, sharey=True)
        for panel, bits in zip(drawn, lengths(records), strict=True):
            for name, runs in found.items():
                cell = [[run for run in of_length(runs, bits) if run["dataset"] == place] for place in places]
                _slope(panel, [measured(some, measure) for some in cell], look[name], name)
            panel.set(title=f"{bits} bits", xlabel="trained on → tested on", xlim=(-0.25, len(places) - 0.85))
            panel.set_xticks(range(len(places)), [_place(name) for name in places])
            panel.grid(visible=False, axis="x")
        drawn[0].set_ylim(bottom=0)
        drawn[0].set_ylabel(f"{measure} (higher is better)")
        last = {panel: last_points(panel) for panel in drawn}
        name_lines(last, {name: look[name]["color"] for name in found}, left=False)
    return figure


def _slope(panel: Axes, values: list[np.ndarray], look: Look, name: str) -> None:
    """Draw the means from place to place as a line, seeds as small marks."""
    places = [place for place, found in enumerate(values) if len(found)]
    if places:
        panel.plot(places, [values[place].mean() for place in places], label=name, **look | {"linewidth": 1.2})
    for place in places:
        spots = [place] * len(values[place])
        panel.scatter(spots, values[place], s=9, color=look["color"], alpha=0.6, linewidths=0)


def _place(dataset: str) -> str:
    trained, _, tested = dataset.partition("-to-")
    return f"{trained}\n→ {tested}" if tested else f"{trained}\n→ {trained}"


def seeds(records: list[dict], order: Sequence[str] = (), measure: str = "mAP@20") -> Figure:
    """Draw a mark for each seed of each row, side by side at every code length, and a short line at their mean."""
    check_one_dataset(records)
    found, bits = by_name(records, order), lengths(records)
    look = looks(found)
    with style():
        figure, (panel,) = panels(1, width=min(max(5.0, 0.28 * len(found) * len(bits) + 2), 12.0))
        for number, (name, runs) in enumerate(found.items()):
            offset = 0.8 * ((number + 0.5) / len(found) - 0.5)
            mark, color = look[name].get("marker", marker(number)), look[name]["color"]
            for place, length in enumerate(bits):
                values = measured(of_length(runs, length), measure)
                label = name if length == min(lengths(runs)) else None
                panel.scatter(
                    [place + offset] * len(values), values, s=26, marker=mark, color=color, alpha=0.8, label=label
                )
                if len(values):
                    panel.hlines(
                        values.mean(), place + offset - 0.3 / len(found), place + offset + 0.3 / len(found), color
                    )
        panel.set(xticks=range(len(bits)), xticklabels=[f"{length} bits" for length in bits], ylabel=measure)
        panel.grid(visible=False, axis="x")
        panel.set_ylim(bottom=0)
        legend(figure)
    return figure


def cost(records: list[dict], order: Sequence[str] = (), measure: str = "mAP@20") -> Figure:
    """Draw quality against seconds of training: one mark per row, at its mean over seeds; one panel per code length."""
    check_one_dataset(records)
    found = by_name(records, order)
    look = looks(found)
    with style():
        figure, drawn = panels(len(lengths(records)), width=4.4, height=4.2, sharex=True, sharey=True)
        points: dict[Axes, dict[str, tuple[float, float]]] = {panel: {} for panel in drawn}
        for panel, bits in zip(drawn, lengths(records), strict=True):
            for name, runs in found.items():
                seconds, values = (measured(of_length(runs, bits), of) for of in ("seconds", measure))
                if len(values) and len(seconds):
                    points[panel][name] = (max(seconds.mean(), 1e-3), values.mean())
                    color, mark = look[name]["color"], look[name].get("marker", "o")
                    panel.plot(*points[panel][name], color=color, marker=mark, markersize=7, linestyle="", label=name)
            panel.set(title=f"{bits} bits", xlabel="seconds of training", xscale="log")
            panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            panel.xaxis.set_major_formatter("{x:g}")
            panel.xaxis.set_minor_formatter(NullFormatter())
        drawn[0].set_ylim(bottom=0)
        drawn[0].set_ylabel(f"{measure} (higher is better)")
        name_points(points, {name: look[name]["color"] for name in found})
    return figure
