"""Datasets beside each other: what simple retrieval makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .groups import by_name, measured
from .look import colour, legend, marker, panels, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CUTOFFS = ("mAP@5", "mAP@20")


def by_dataset(records: list[dict], order: Sequence[str] = ()) -> Figure:
    """Draw mAP@5 and mAP@20 of each row on every dataset: a line of marks for each dataset, a mark for each row."""
    found = by_name(records, order)
    names = list(dict.fromkeys(record["dataset"] for record in records))
    with style():
        figure, drawn = panels(len(_CUTOFFS), width=5.0, height=0.42 * len(names) + 1.0, sharey=True)
        for panel, measure in zip(drawn, _CUTOFFS, strict=True):
            for number, (name, runs) in enumerate(found.items()):
                cells = [measured([run for run in runs if run["dataset"] == dataset], measure) for dataset in names]
                there = [place for place, values in enumerate(cells) if len(values)]
                means = [cells[place].mean() for place in there]
                panel.scatter(means, there, s=34, color=colour(number), marker=marker(number), label=name, zorder=3)
                for place in there:
                    panel.scatter(cells[place], [place] * len(cells[place]), s=7, color=colour(number), linewidths=0)
            panel.set(xlabel=measure, xlim=(0, None))
            panel.grid(visible=False, axis="x")
        drawn[0].set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -0.5))
        legend(figure)
    return figure
