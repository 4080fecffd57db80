"""The codes themselves: maps of them in the plane, as matrices, and how far apart they lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import ListedColormap

from ...literature.names import printed_name
from ...utils.colours import QUIET
from .groups import check_one_dataset
from .look import COLOURS, legend, panels, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ...evaluation.codes import CodeHealth

# Ten classes are too many for seven colours: three of Paul Tol's join them, none as dark or pale as its neighbours.
_CLASSES = (*COLOURS, "#882255", "#999999", "#999933")
_SHAPES = ("o", "s", "^", "D", "v", "X", "<", ">", "h", "d")  # all of which can be seen when small, unlike a plus
_SIGNS = ListedColormap(["#f0d9c4", COLOURS[0]])  # −1 pale, +1 dark: told apart by brightness alone


def code_maps(records: list[dict], order: Sequence[str] = ()) -> Figure:
    """Draw codes in the plane, a point for each video: projections as rows, methods and code lengths as columns.

    Classes have a colour and a marker each; of several seeds the lowest is shown. Raises SSVHError for records of
    several datasets.
    """
    check_one_dataset(records)
    import matplotlib.pyplot as plt

    shown: dict[tuple, dict] = {}
    for record in sorted(records, key=lambda record: -record["seed"]):
        shown[record["projection"], _column(record)] = record
    above = sorted({projection for projection, _ in shown}, key=str.lower)
    columns = sorted({column for _, column in shown}, key=lambda column: _place(column, order))
    with style():
        size = (3.0 * len(columns) + 0.2, 2.9 * len(above))
        figure, drawn = plt.subplots(len(above), len(columns), figsize=size, squeeze=False)
        for (projection, column), panel in zip(((p, c) for p in above for c in columns), drawn.flat, strict=True):
            panel.set(xticks=[], yticks=[])
            panel.spines[["top", "right"]].set_visible(True)
            panel.spines[:].set_color("#cccccc")
            if (projection, column) in shown:
                _scatter(panel, shown[projection, column])
            else:
                panel.text(0.5, 0.5, "—", transform=panel.transAxes, ha="center", va="center", color=QUIET)
        for column, panel in zip(columns, drawn[0], strict=True):
            panel.set_title(column[0] + (f", {column[1]} bits" if len({bits for _, bits in columns}) > 1 else ""))
        for projection, panel in zip(above, drawn[:, 0], strict=True):
            panel.set_ylabel(projection, fontweight="bold")
        largest = max(len(record["class"]) for record in shown.values())
        legend(figure, markerscale=(36 / _area(largest)) ** 0.5)
    return figure


def _column(record: dict) -> tuple[str, int]:
    return printed_name(record["method"], record["variant"], record["label"]), record["bits"]


def _place(column: tuple[str, int], order: Sequence[str]) -> tuple:
    name, bits = column
    return list(order).index(name) if name in order else len(order), name, bits


def _area(points: int) -> float:
    """Return the area of a point, in square points, small enough that many do not cover each other."""
    return float(np.clip(4000 / max(points, 1), 4, 14))


def _scatter(panel: Axes, record: dict) -> None:
    points = np.array([record["x"], record["y"]], dtype=float)
    classes = np.array(record["class"])
    for number, name in enumerate(record["classes"]):
        x, y = points[:, classes == number]
        colour, shape = _CLASSES[number % len(_CLASSES)], _SHAPES[number % len(_SHAPES)]
        panel.scatter(x, y, _area(len(classes)), color=colour, marker=shape, alpha=0.8, linewidths=0, label=str(name))


def code_matrix(signs: np.ndarray, title: str = "") -> Figure:
    """Draw codes or hash centres ``(N, K)`` of ±1 as a matrix, and the Hamming distance of every pair of them.

    The title of the second panel names the smallest and the mean distance of two.
    """
    N, K = signs.shape
    distances = (K - signs.astype(int) @ signs.astype(int).T) // 2
    pairs = distances[np.triu_indices(N, 1)]
    with style():
        figure, (left, right) = panels(2, width=5.0, height=3.8)
        left.imshow(signs, cmap=_SIGNS, vmin=-1, vmax=1, aspect="auto", interpolation="nearest")
        left.set(title=title, xlabel=f"bit ({K})", ylabel=f"code ({N}): dark +1, pale −1")
        image = right.imshow(distances, cmap="cividis", vmin=0, vmax=K, interpolation="nearest")
        far = f"at least {pairs.min()}, on average {pairs.mean():.1f}" if len(pairs) else "a single code"
        right.set(title=far, xlabel="code", ylabel="code")
        figure.colorbar(image, ax=right, label="Hamming distance")
        for panel in (left, right):
            panel.grid(visible=False)
            panel.locator_params(integer=True)
    return figure


def code_health(health: dict[str, CodeHealth]) -> Figure:
    """Draw balance and entropy of every bit of named sets of codes (``codes.code_health``), a row of panels each."""
    import matplotlib.pyplot as plt

    with style():
        figure, drawn = plt.subplots(len(health), 2, figsize=(9, 1.7 * len(health) + 0.4), squeeze=False, sharey=True)
        for (name, codes), (left, right) in zip(health.items(), drawn, strict=True):
            bits = np.arange(len(codes.balance))
            left.bar(bits, codes.balance, color=COLOURS[0], width=0.85)
            left.axhline(0.5, color=QUIET, linestyle="--", linewidth=1)
            right.bar(bits, codes.entropy, color=COLOURS[2], width=0.85)
            left.set(ylabel=name, ylim=(0, 1.02))
            right.text(1, 1.02, f"{codes.distinct} different codes", transform=right.transAxes, ha="right", size=8)
        drawn[0, 0].set_title("share of ones (best: ½)", loc="left")
        drawn[0, 1].set_title("entropy in bits (best: 1)", loc="left")
        for panel in drawn[-1]:
            panel.set_xlabel("bit")
    return figure


def hamming_histogram(distances: np.ndarray, relevant: np.ndarray, bits: int) -> Figure:
    """Show how far apart relevant and irrelevant pairs lie: distances ``(Q, N)`` and relevance ``(Q, N)`` bool."""
    with style():
        figure, (panel,) = panels(1, width=6, height=3)
        edges = [distance - 0.5 for distance in range(bits + 2)]
        for pairs, paint, label in (
            (relevant, COLOURS[0], "relevant pairs"),
            (~relevant, COLOURS[1], "irrelevant pairs"),
        ):
            panel.hist(distances[pairs], bins=edges, density=True, color=paint, alpha=0.55, label=label)
        panel.set(xlabel=f"Hamming distance of {bits}-bit codes", ylabel="share of pairs", xlim=(-0.5, bits + 0.5))
        panel.legend()
    return figure


def angle_and_bits(angles: np.ndarray, distances: np.ndarray, bits: int) -> Figure:
    """Draw Hamming distances of pairs of codes against the angles, in degrees, of what was hashed; both ``(P,)``.

    The line is what random hyperplanes give on average (Goemans and Williamson, 1995): bits × angle / 180°.
    """
    with style():
        figure, (panel,) = panels(1, width=5.6, height=3.8)
        panel.scatter(angles, distances, s=8, color=COLOURS[0], alpha=0.35, linewidths=0, label="a pair of videos")
        panel.plot([0, 180], [0, bits], color=COLOURS[1], label="bits × angle / 180°")
        panel.set(xlabel="angle, degrees", ylabel=f"Hamming distance of {bits}-bit codes")
        panel.set(xlim=(0, 180), xticks=range(0, 181, 30), ylim=(-0.02 * bits, 1.02 * bits))
        legend(figure)
    return figure
