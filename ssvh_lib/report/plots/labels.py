"""Names written beside lines and marks, where they do not cover each other; no legend to look up.

Names of lines stand in a column, as near to their lines as their height permits; names of marks on the side that is
most free. adjustText was tried on the same figures: it leaves names on top of marks, each on a different side.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.transforms import Bbox
from scipy.optimize import isotonic_regression

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Ends = Mapping[str, tuple[float, float]]  # where each named line ends, or each named point lies: (x, y)

_SIZE = 8.5  # points
_SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))  # right first, then around


def spread_out(places: np.ndarray, gap: float, low: float = -np.inf, high: float = np.inf) -> np.ndarray:
    """Return the places nearest to ``places``, in least squares, that are at least ``gap`` apart, in the same order.

    They end up between ``low`` and ``high`` if there is room for them.
    """
    order = np.argsort(places, kind="stable")
    steps = gap * np.arange(len(places))
    apart = isotonic_regression(np.clip(places[order] - steps, low, max(low, high - gap * (len(places) - 1)))).x + steps
    result = np.empty(len(places))
    result[order] = apart
    return result


def last_points(panel: Axes) -> Ends:
    """Return where each line of a panel that has a name ends; without points it is left out."""
    lines = {str(line.get_label()): np.asarray(line.get_data()) for line in panel.lines}
    return {
        name: (float(data[0, -1]), float(data[1, -1]))
        for name, data in lines.items()
        if not name.startswith("_") and data.size
    }


def name_lines(ends: Mapping[Axes, Ends], colours: Mapping[str, str], *, left: bool) -> None:
    """Write the name of each line beside its end, inside the panel on the left or outside on the right.

    The limits of the panels must have been set. On the left, the axis is extended to make room for the names.
    """
    _settle(ends)
    for panel, lines in ends.items():
        if lines:
            _name_lines(panel, lines, colours, left)


def _settle(panels: Mapping[Axes, Ends]) -> None:
    """Lay the figure out, so that all panels have their final size."""
    for panel in list(panels)[:1]:
        figure = panel.get_figure(root=True)
        if figure is not None:
            figure.draw_without_rendering()


def _name_lines(panel: Axes, ends: Ends, colours: Mapping[str, str], left: bool) -> None:
    names = sorted(ends)
    width, height = _largest(panel, names)
    frame = panel.get_window_extent()
    if left:
        room = (width + 2.2 * height) / frame.width
        first, last = panel.get_xlim()
        panel.set_xlim(last - (last - first) / (1 - min(room, 0.8)), last)
    at = (panel.transData + panel.transAxes.inverted()).transform([ends[name] for name in names])
    heights = spread_out(at[:, 1], 1.06 * height / frame.height, 0.01, 0.99)
    gap = 1.6 * height / frame.width
    x = at[:, 0].min() - gap if left else at[:, 0].max() + gap
    for name, y, point in zip(names, heights, at, strict=True):
        leader = {"arrowstyle": "-", "lw": 0.6, "alpha": 0.7, "shrinkA": 0, "shrinkB": 2}
        panel.annotate(
            name,
            xy=point,
            xytext=(x, y),
            xycoords="axes fraction",
            textcoords="axes fraction",
            ha="right" if left else "left",
            va="center_baseline",
            fontsize=_SIZE,
            color=colours[name],
            annotation_clip=False,
            in_layout=not left,
            arrowprops=leader | {"color": colours[name], "relpos": (1.0 if left else 0.0, 0.5)},
        )


def _largest(panel: Axes, names: list[str]) -> tuple[float, float]:
    """Return the width of the longest name and the height of the first, in pixels."""
    texts = [panel.text(0, 0, name, fontsize=_SIZE, va="center", in_layout=False) for name in names]
    boxes = [text.get_window_extent() for text in texts]
    for text in texts:
        text.remove()
    return max(box.width for box in boxes), boxes[0].height


def name_points(points: Mapping[Axes, Ends], colours: Mapping[str, str]) -> None:
    """Write the name of each point next to it, on the first side where it covers no point and no name.

    The limits of the panels must have been set. Where no side is free, the one that covers least is taken.
    """
    _settle(points)
    for panel, named in points.items():
        _name_points(panel, named, colours)


def _name_points(panel: Axes, points: Ends, colours: Mapping[str, str]) -> None:
    scale = 72 / panel.figure.dpi  # points a pixel
    at = {name: scale * np.array(panel.transData.transform(point)) for name, point in points.items()}
    frame = Bbox(panel.get_window_extent().get_points() * scale)
    taken = [Bbox([place - 4, place + 4]) for place in at.values()]
    for name in sorted(at, key=lambda name: tuple(-at[name])):  # from the right, where room is short
        text = panel.annotate(name, points[name], (0, 0), textcoords="offset points", ha="center", va="center")
        text.set(fontsize=_SIZE, color=colours[name], in_layout=False)
        size = np.array(text.get_window_extent().size) * scale + 2
        boxes = [_box(at[name], size, side) for side in _SIDES]
        costs = [sum(_overlap(box, other) for other in taken) + _outside(box, frame) for box in boxes]
        best = boxes[int(np.argmin(costs))]
        taken.append(best)
        x, y = best.get_points().mean(axis=0) - at[name]
        text.set_position((x, y))


def _box(point: np.ndarray, size: np.ndarray, side: tuple[int, int]) -> Bbox:
    """Return the place of a name of some ``size`` on one side of a point."""
    centre = point + np.array(side) * (size / 2 + (6 if 0 in side else 2))
    return Bbox([centre - size / 2, centre + size / 2])


def _overlap(one: Bbox, other: Bbox) -> float:
    common = Bbox.intersection(one, other)
    return 0.0 if common is None else common.width * common.height


def _outside(box: Bbox, frame: Bbox) -> float:
    """Return how far a name would stick out, which is worse than covering something."""
    (low, high), (least, greatest) = box.get_points(), frame.get_points()
    return 100 * float(np.maximum([*(least - low), *(high - greatest)], 0).sum())
