"""A view as a still figure: what a stored notebook shows, where sliders have no kernel to move."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from matplotlib.patches import Patch

from ..report.plots import style
from .strips import Strip, keys, sentence, strips
from .view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOW, TALL, PICTURE = 1.0, 2.6, 1.5  # relative heights of rows


def render_figure(view: View, figure: Figure) -> Figure:
    """Draw the strips of ``render_view`` onto an empty ``figure``; of 10 by 5 inches they are legible."""
    rows, T = strips(view), len(view.scores)
    heights = [PICTURE, *(TALL if row.tall else LOW for row in rows)]
    title = f"{view.title}: {', '.join(view.classes)}  ·  {_settings(view)}\n{sentence(view)}"
    with style():
        figure.set_layout_engine("constrained", h_pad=0.01, hspace=0)
        panels = figure.subplots(len(heights), 1, height_ratios=heights)
        for panel in panels:
            panel.set(xlim=(0, T), ylim=(-0.06, 1.06), xticks=[], yticks=[])
            panel.grid(visible=False)
            panel.spines[:].set_visible(False)
        _pictures(panels[0], view.frames)
        for panel, row in zip(panels[1:], rows, strict=True):
            _row(panel, row)
        panels[-1].set_xticks(np.arange(0, T, 4) + 0.5, np.arange(0, T, 4), fontsize=8)
        panels[-1].tick_params(length=0)
        figure.suptitle(title, fontsize=9)
        patches = [Patch(color=colour, label=words) for words, colour in keys(view)]
        figure.legend(handles=patches, loc="outside lower center", ncols=len(patches), fontsize=8)
    return figure


def _pictures(panel: Axes, frames: np.ndarray | None) -> None:
    if frames is not None:
        extent = (0, len(frames), 0, 1)
        strip = np.concatenate(list(frames), axis=1)
        panel.imshow(strip, cmap="gray", extent=extent, aspect="auto", interpolation="nearest")


def _settings(view: View) -> str:
    return f"epoch {view.epoch}, noise {view.noise:g}, temperature {view.temperature:g}, budget {view.budget}"


def _row(panel: Axes, row: Strip) -> None:
    _write(panel, row.name, 0, -6, "right")
    if row.missing:
        _write(panel, row.note, 0, 4, "left")
        return
    _write(panel, row.note, 1, 6, "left")
    x = np.arange(len(row.heights)) + 0.5
    panel.bar(x, row.heights, width=0.92, color=row.colours)
    dots = {frame: mark for frame, mark in enumerate(row.marks) if mark is not None}
    panel.scatter(x[list(dots)], [0.5] * len(dots), s=14, c=list(dots.values()), zorder=3)


def _write(panel: Axes, text: str, side: float, shift: float, align: Literal["left", "right"]) -> None:
    """Write beside the left (0) or right (1) side of a panel, ``shift`` points away from it."""
    place = ((side, 0.5), (shift, 0), "axes fraction", "offset points")
    panel.annotate(text, *place, ha=align, va="center", fontsize=8)
