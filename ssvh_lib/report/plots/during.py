"""Curves over the course of training, here and in the authors' own logs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ... import literature
from ...errors import SSVHError
from ...literature.names import title
from ...utils.colours import QUIET
from .groups import by_name, check_one_dataset, lengths, of_length
from .labels import last_points, name_lines
from .look import DASHES, SYSTEMS, band, colour, legend, looks, panels, style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def by_epoch(records: list[dict], order: Sequence[str] = (), measure: str = "mAP@5") -> Figure:
    """Draw a measure after each epoch, mean and band over seeds, a panel for each code length; epoch 0 is untrained.

    A dotted line marks the end of the warm-up if all records agree on it. Records without ``by_epoch`` are left out.
    """
    known = _with_epochs(records)
    with style():
        figure, drawn = panels(len(lengths(known)), width=4.6, height=3.6, sharey=True)
        _epochs(drawn, known, order, measure)
    return figure


def _with_epochs(records: list[dict]) -> list[dict]:
    known = [record for record in records if record.get("by_epoch")]
    if records and not known:
        raise SSVHError("None of the records was evaluated after each epoch. Run the experiment with by_epoch=True.")
    check_one_dataset(known)
    return known


def _epochs(drawn: list[Axes], records: list[dict], order: Sequence[str], measure: str) -> None:
    """Draw our own curves, a panel for each code length."""
    found = by_name(records, order)
    look = looks(found)
    warm_ups = {record.get("warm_up") for record in records}
    end = warm_ups.pop() if len(warm_ups) == 1 else None
    for panel, bits in zip(drawn, lengths(records), strict=True):
        for name, runs in found.items():
            if cell := of_length(runs, bits):
                epochs = sorted({epoch for run in cell for epoch in run["by_epoch"]["epoch"]})
                values = np.array([_at(epochs, run["by_epoch"], measure) for run in cell])
                band(panel, epochs, values, look[name] | {"marker": "" if len(epochs) > 30 else "o"}, name)
        if end:
            panel.axvline(end, color=QUIET, linestyle=":", linewidth=1.2)
            panel.text(
                end, 1.0, " end of warm-up", transform=panel.get_xaxis_transform(), va="top", color=QUIET, size=8
            )
        panel.set(title=f"{bits} bits", xlabel="epochs finished")
        panel.set_xlim(0, 1.01 * panel.dataLim.xmax)
    drawn[0].set_ylim(bottom=0)
    drawn[0].set_ylabel(f"{measure} (higher is better)")
    last = {panel: last_points(panel) for panel in drawn}
    name_lines(last, {name: look[name]["color"] for name in found}, left=False)


def _at(epochs: list[int], curve: dict, measure: str) -> list[float]:
    values = dict(zip(curve["epoch"], curve.get(measure, []), strict=False))
    return [np.nan if values.get(epoch) is None else values[epoch] for epoch in epochs]


def published_curves(curves: pd.DataFrame, measure: str = "mAP@5") -> Figure:
    """Draw a measure during the authors' own training (``literature.curves``), a panel for each dataset.

    There is a colour for each method, and dashes for each code length. The queries are the test queries.
    """
    names = sorted(curves["dataset"].unique())
    if not names:
        raise SSVHError("There are no published curves of these methods, datasets and code lengths.")
    with style():
        figure, drawn = panels(len(names), width=3.0, height=3.2)
        _published(drawn, curves, measure)
        drawn[0].set_ylabel(f"{measure} (higher is better)")
        legend(figure)
    return figure


def _published(drawn: list[Axes], curves: pd.DataFrame, measure: str) -> None:
    bits = sorted(curves["bits"].unique())
    for panel, dataset in zip(drawn, sorted(curves["dataset"].unique()), strict=True):
        for (method, length), run in curves[curves["dataset"] == dataset].groupby(["method", "bits"]):
            run = run.sort_values("epoch")
            name = title(method) + (f", {length} bits" if len(bits) > 1 else "")
            color, dashes = colour(SYSTEMS.index(method)), DASHES[bits.index(length)]
            panel.plot(run["epoch"], run[measure], label=name, color=color, linestyle=dashes, linewidth=1.5)
        panel.set(title=dataset, xlabel="epochs finished")
        panel.set_xlim(left=0)
        panel.set_ylim(0, 1.1 * panel.dataLim.ymax)


def by_epoch_beside_published(records: list[dict], order: Sequence[str] = (), measure: str = "mAP@5") -> Figure:
    """Draw ``by_epoch``, and below it the same methods and code lengths in their authors' logs, where there are any."""
    known = _with_epochs(records)
    theirs = literature.curves()
    theirs = theirs[theirs["method"].isin([r["method"] for r in known]) & theirs["bits"].isin(lengths(known))]
    if theirs.empty:
        return by_epoch(records, order, measure)
    import matplotlib.pyplot as plt

    count = theirs["dataset"].nunique()
    with style():
        figure = plt.figure(figsize=(11, 6.8))
        above, below = figure.subfigures(2, 1, height_ratios=(1.15, 1), hspace=0.02, squeeze=False)[:, 0]
        _epochs(list(above.subplots(1, len(lengths(known)), sharey=True, squeeze=False)[0]), known, order, measure)
        logs = list(below.subplots(1, count, squeeze=False)[0])
        _published(logs, theirs, measure)
        logs[0].set_ylabel(measure)
        above.suptitle(f"Here, on {known[0]['dataset']}", fontweight="bold")
        below.suptitle("In the authors' logs, on the test queries", fontweight="bold")
        handles = dict(pair[::-1] for panel in logs for pair in zip(*panel.get_legend_handles_labels(), strict=True))
        below.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=6)
    return figure


def training_curves(history: pd.DataFrame) -> Figure:
    """Draw every loss term of a run's history against the epoch, a panel each."""
    terms = [name for name in history.columns if name not in ("epoch", "seconds", "learning_rate")]
    with style():
        figure, drawn = panels(len(terms), width=3.4, height=2.8)
        for number, (panel, term) in enumerate(zip(drawn, terms, strict=True)):
            panel.plot(history["epoch"], history[term], color=colour(number))
            panel.set(title=term, xlabel="epoch")
    return figure
