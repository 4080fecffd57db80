"""Names written beside lines and marks, where they do not cover each other; no legend to look up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import isotonic_regression

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Ends = Mapping[str, tuple[float, float]]  # where each named line ends, or each named point lies: (x, y)

_SIZE = 8.5  # points
_SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))  # right first, then around


def spread_out(places: np.ndarray, gap: float, low: float = -np.inf, high: float = np.inf) -> np.ndarray:
    """The places nearest to ``places`` (in least squares) that are at least ``gap`` apart, in the same order.

    They end up between ``low`` and ``high`` if there is room for them.
    """
    order = np.argsort(places, kind="stable")
    steps = gap * np.arange(len(places))
    apart = isotonic_regression(np.clip(places[order] - steps, low, max(low, high - gap * (len(places) - 1)))).x + steps
    result = np.empty(len(places))
    result[order] = apart
    return result


def last_points(panel: Axes) -> Ends:
    """Where each line of a panel that has a name ends; without points it is left out."""
    lines = {line.get_label(): line.get_data() for line in panel.lines if not line.get_label().startswith("_")}
    return {name: (float(x[-1]), float(y[-1])) for name, (x, y) in lines.items() if len(x)}


def name_lines(ends: Mapping[Axes, Ends], colours: Mapping[str, str], *, left: bool) -> None:
    """Write the name of each line beside its end, inside the panel on the left or outside on the right.

    Limits of the panels must have been set. On the left, the axis is made to begin early enough for the names.
    """
    for panel in list(ends)[:1]:
        panel.figure.figure.draw_without_rendering()  # so that all panels have their final size
    for panel, lines in ends.items():
        if lines:
            _name_lines(panel, lines, colours, left)


def _name_lines(panel: Axes, ends: Ends, colours: Mapping[str, str], left: bool) -> None:
    names = sorted(ends)
    texts = [panel.text(0, 0, name, fontsize=_SIZE, va="center", in_layout=False) for name in names]
    boxes = [text.get_window_extent() for text in texts]
    frame, unit = panel.get_window_extent(), boxes[0].height
    if left:
        room = (max(box.width for box in boxes) + 2.2 * unit) / frame.width
        first, last = panel.get_xlim()
        panel.set_xlim(last - (last - first) / (1 - min(room, 0.8)), last)
    at = (panel.transData + panel.transAxes.inverted()).transform([ends[name] for name in names])
    heights = spread_out(at[:, 1], 1.06 * unit / frame.height, 0.01, 0.99)
    gap = 1.6 * unit / frame.width
    x = at[:, 0].min() - gap if left else at[:, 0].max() + gap
    for text, y, point in zip(texts, heights, at, strict=True):
        text.remove()
        panel.annotate(
            text.get_text(),
            xy=point,
            xytext=(x, y),
            xycoords="axes fraction",
            textcoords="axes fraction",
            ha="right" if left else "left",
            va="center_baseline",
            fontsize=_SIZE,
            color=colours[text.get_text()],
            annotation_clip=False,
            in_layout=not left,
            arrowprops=_leader(colours[text.get_text()], 1.0 if left else 0.0),
        )


def _leader(colour: str, side: float) -> dict[str, Any]:
    """A thin line from the side of a name that faces its line, 0 left and 1 right."""
    return {
        "arrowstyle": "-",
        "color": colour,
        "lw": 0.6,
        "alpha": 0.7,
        "shrinkA": 0,
        "shrinkB": 2,
        "relpos": (side, 0.5),
    }


def name_points(points: Mapping[Axes, Ends], colours: Mapping[str, str]) -> None:
    """Write the name of each point next to it, on the first side where it covers no point and no name.

    Limits of the panels must have been set. Where no side is free, the one that covers least is taken.
    """
    for panel in list(points)[:1]:
        panel.figure.figure.draw_without_rendering()
    for panel, named in points.items():
        _name_points(panel, named, colours)


def _name_points(panel: Axes, points: Ends, colours: Mapping[str, str]) -> None:
    scale = 72 / panel.figure.dpi  # points a pixel
    at = {name: scale * np.array(panel.transData.transform(point)) for name, point in points.items()}
    frame = panel.get_window_extent().extents * scale
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in at.values()]
    for name in sorted(at, key=lambda name: tuple(-at[name])):  # from the right, where room is short
        text = panel.annotate(name, points[name], (0, 0), textcoords="offset points", ha="center", va="center")
        text.set(fontsize=_SIZE, color=colours[name], in_layout=False)
        size = np.array(text.get_window_extent().size) * scale + 2
        boxes = [_box(at[name], size, side) for side in _SIDES]
        costs = [sum(_overlap(box, other) for other in taken) + _outside(box, frame) for box in boxes]
        best = boxes[int(np.argmin(costs))]
        taken.append(best)
        text.set_position((np.array(best[:2]) + best[2:]) / 2 - at[name])


def _box(point: np.ndarray, size: np.ndarray, side: tuple[int, int]) -> tuple[float, ...]:
    """Left, bottom, right and top of a name on one side of a point."""
    centre = point + np.array(side) * (size / 2 + (6 if 0 in side else 2))
    return *(centre - size / 2), *(centre + size / 2)


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0) * max(height, 0)


def _outside(box: tuple[float, ...], frame: np.ndarray) -> float:
    """How far a name would stick out, which is worse than covering something."""
    return 100 * float(np.maximum([*(frame[:2] - box[:2]), *(np.array(box[2:]) - frame[2:])], 0).sum())
