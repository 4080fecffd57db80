"""How the records of each target are shown: the figure that draws them and the table that lists them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from ..experiments import code_maps, efficiency
from . import plots, tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Records = list[dict]


@dataclass(frozen=True)
class Presentation:
    """How the records of a target are shown, given the printed names of its rows in order."""

    draw: Callable[[Records, Sequence[str]], Figure] | None = None
    tabulate: Callable[[Records, Sequence[str]], pd.DataFrame] = tables.main_table
    note: str = ""  # below the table


_MAIN, _ROWS, _SWEEP = (Presentation(draw) for draw in (plots.map_at_k, plots.rows, plots.sweep))
_PRECISION_RECALL, _CONVERGENCE = Presentation(plots.precision_recall), Presentation(plots.by_epoch_beside_published)

PRESENTATIONS: dict[str, Presentation] = {
    "A1": _MAIN,
    "A2": Presentation(plots.gmap),
    "A3": Presentation(plots.late_cutoffs),
    "A4": _PRECISION_RECALL,
    "A5": Presentation(plots.transfer),
    "A6": Presentation(partial(plots.rows, measure="GMAP (L2)")),
    "A7": Presentation(plots.by_epoch),
    "A8": _CONVERGENCE,
    "S1": _MAIN,
    "S2": Presentation(plots.by_frames, efficiency.table, efficiency.NOTE),
    "S3": _CONVERGENCE,
    "S4": _PRECISION_RECALL,
    "S5": Presentation(plots.code_maps, code_maps.table, code_maps.NOTE),
    "S7": _ROWS,
    "S8": _ROWS,
    "S9": _ROWS,
    "S10": _SWEEP,
    "C1": _MAIN,
    "C2": _SWEEP,
    "C3": _ROWS,
    "C4": Presentation(plots.cost),
    "C5": _SWEEP,
    "W2": Presentation(plots.by_dataset),
    "systems": _ROWS,
    "rejection": Presentation(plots.rejection),
}


def presentation(target: str) -> Presentation:
    """Return how a target is shown: by default as the main table, without a figure."""
    return PRESENTATIONS.get(target, Presentation())
