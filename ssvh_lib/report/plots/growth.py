"""The cost of encoding as videos get longer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .groups import by_name, check_one_dataset
from .labels import last_points, name_lines
from .look import band, looks, panels, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COSTS = {
    "peak_bytes": ("peak memory", "MB", 1e6),
    "flops": ("counted operations", "GFLOP", 1e9),
    "seconds": ("time", "seconds", 1.0),
}


def by_frames(records: list[dict], order: Sequence[str] = ()) -> Figure:
    """Draw memory, operations and seconds of encoding one video against its number of frames, both axes logarithmic.

    Each backbone has a line, with the mean and a band over repetitions. A line that ends early belongs to a backbone
    that could not go on; values that are missing, or 0 and thus too small to be measured, are left out.
    """
    check_one_dataset(records)
    found = by_name(records, order)
    look = looks(found)
    frames = sorted({T for record in records for T in record["frames"]})
    with style():
        figure, drawn = panels(3, width=4.2, height=3.8)
        for panel, (cost, (heading, unit, size)) in zip(drawn, _COSTS.items(), strict=True):
            for name, runs in found.items():
                values = np.array([_at(frames, run, cost) for run in runs]) / size
                if np.isfinite(values).any():
                    band(panel, frames, values, look[name], name)
            panel.set(title=heading, xlabel="frames of a video", ylabel=unit, xscale="log", yscale="log")
            panel.set_xticks(frames, [f"{T:,}" for T in frames], rotation=45)
            panel.minorticks_off()
        ends = {panel: last_points(panel) for panel in drawn}
        name_lines(ends, {name: look[name]["color"] for name in found}, left=False)
    return figure


def _at(frames: list[int], record: dict, cost: str) -> list[float]:
    values = dict(zip(record["frames"], record.get(cost, []), strict=False))
    return [values.get(T) or np.nan for T in frames]
