"""The look of all figures: colours that can be told apart, fonts, and a byte-stable ``save``."""

from __future__ import annotations

import math
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler

from ...literature.names import title
from ...utils.colours import BLACK, BLUE, GREEN, ORANGE, PURPLE, QUIET, SKY, VERMILION
from ...utils.files import make_folder, write_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.typing import RcKeyType

COLOURS = (BLUE, VERMILION, GREEN, PURPLE, SKY, ORANGE, BLACK)  # of lines, in this order
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
FORMATS = {  # suffix of a figure -> what Matplotlib should not write about itself into the file
    ".svg": {"Date": None, "Creator": None},
    ".png": {"Software": None},
}
_GREYS = (QUIET, "#4a4a4a")
_THIN = 1.0  # width of lines that are there for comparison
DASHES = ("-", "--", ":", "-.")
SYSTEMS = ("autossvh", "s5vh", "conmh")  # the subject of the course; they keep their colours and stand out
_STYLE: dict[RcKeyType, Any] = {
    "font.family": "DejaVu Sans",  # comes with Matplotlib, so that figures are the same everywhere
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=COLOURS),
    "axes.titleweight": "bold",
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "figure.dpi": 110,
    "svg.hashsalt": "ssvh",
    "svg.fonttype": "path",
}


class Look(TypedDict, total=False):
    """How a line is drawn, as keyword arguments of Matplotlib's ``plot``."""

    color: str
    linestyle: str
    linewidth: float
    marker: str
    markersize: float
    markerfacecolor: str
    zorder: float


@contextmanager
def style() -> Iterator[None]:
    """Give figures that are made in a ``with`` block their common look.

    Not ``rc_context``, which would also put back what Jupyter sets when the first figure is made.
    """
    before = {name: plt.rcParams[name] for name in _STYLE}
    plt.rcParams.update(_STYLE)
    try:
        yield
    finally:
        plt.rcParams.update(before)


def save(figure: Figure, path: Path) -> Path:
    """Write ``path``, and return it; the same figure gives the same bytes. Closes the figure.

    The suffix is svg unless it is png already.
    """
    make_folder(path.parent)
    target = path if path.suffix in FORMATS else path.with_suffix(".svg")
    with style():
        write_file(target, lambda partial: figure.savefig(partial, dpi=150, metadata=FORMATS[target.suffix]))
    plt.close(figure)
    return target


def panels(
    count: int, *, width: float = 3.8, height: float = 3.6, sharex: bool = False, sharey: bool = False
) -> tuple[Figure, list[Axes]]:
    """Make a figure with ``count`` panels side by side, each of ``width`` and ``height`` in inches."""
    size = (width * count, height)
    figure, row = plt.subplots(1, count, figsize=size, squeeze=False, sharex=sharex, sharey=sharey)
    return figure, list(row[0])


def colour(number: int) -> str:
    """Return the colour of the ``number``-th line; colours repeat once they are used up."""
    return COLOURS[number % len(COLOURS)]


def marker(number: int) -> str:
    """Return the marker of the ``number``-th line, another one where its colour has been used before."""
    return MARKERS[(number + 3 * (number // len(COLOURS))) % len(MARKERS)]


def line(number: int) -> Look:
    """Return colour, dashes and marker of the ``number``-th line; where colours repeat, the dashes differ."""
    dashes = DASHES[number // len(COLOURS) % len(DASHES)]
    return {"color": colour(number), "linestyle": dashes, "marker": marker(number), "markersize": 4}


def looks(rows: Mapping[str, Sequence[dict]]) -> dict[str, Look]:
    """Choose how the line of each row is drawn, by printed name.

    Every method, or labelled row, has a colour and a marker; the three systems have the same in all figures. Variants
    other than the paper's are dashed, with hollow markers. Where there are more rows than colours, the systems keep
    theirs, thick, and all others are thin and grey.
    """
    first = {name: runs[0] for name, runs in rows.items()}
    systems = [name for name, record in first.items() if _hue(record) in SYSTEMS and not record["label"]]
    crowded = len(rows) > len(COLOURS) and bool(systems)
    numbers = _numbers([_hue(first[name]) for name in (systems if crowded else rows)])
    found: dict[str, Look] = {}
    grey = 0
    for name, record in first.items():
        if crowded and name not in systems:
            found[name] = {"color": _GREYS[grey % 2], "linestyle": DASHES[grey // 2 % 4], "linewidth": _THIN}
            grey += 1
        else:
            hollow: Look = {} if record["variant"] == "paper" else {"linestyle": "--", "markerfacecolor": "white"}
            found[name] = line(numbers[_hue(record)]) | {"linewidth": 2.4 if crowded else 1.6, "zorder": 3} | hollow
    return found


def _hue(record: dict) -> str:
    """Return the key of a row's colour: its method, also where the label is the method's name, or else its label."""
    plain = re.sub(r"^[IVX]+ ", "", record["label"])
    return record["method"] if plain in ("", title(record["method"])) else record["label"]


def _numbers(hues: list[str]) -> dict[str, int]:
    """Assign numbers of colours: those of the systems are reserved for them as long as there are others."""
    fixed = {hue: SYSTEMS.index(hue) for hue in hues if hue in SYSTEMS}
    after = [*range(len(SYSTEMS), len(COLOURS)), *range(len(SYSTEMS))] if fixed else range(len(COLOURS))
    free = [number for number in (*after, *range(len(COLOURS), 99)) if number not in fixed.values()]
    others = dict.fromkeys(hue for hue in hues if hue not in fixed)
    return fixed | dict(zip(others, free, strict=False))


def legend(figure: Figure, *, markerscale: float = 1.0) -> None:
    """Write the names of the lines of all panels, each once, below them; the figure grows by the space they need."""
    found: dict[str, Artist] = {}
    for panel in figure.axes:
        handles, labels = panel.get_legend_handles_labels()
        found = dict(zip(labels, handles, strict=True)) | found
    longest = max(map(len, found), default=1)
    lines = math.ceil(len(found) / max(1, int(figure.get_figwidth() / (0.5 + 0.074 * longest))))
    figure.set_figheight(figure.get_figheight() + 0.24 * lines)
    columns = math.ceil(len(found) / max(lines, 1))
    handles, names = list(found.values()), list(found)
    figure.legend(handles, names, loc="outside lower center", ncols=columns, markerscale=markerscale)


def band(panel: Axes, x: Sequence[float], values: np.ndarray, look: Look, name: str) -> None:
    """Draw the mean of ``values (S, X)`` over seeds as a line and, of several, ± one standard deviation as a band.

    NaNs are left out. Thin lines, which are there for comparison, have no band.
    """
    counts = np.isfinite(values).sum(axis=0)
    shown = counts > 0
    at, values, counts = np.asarray(x)[shown], values[:, shown], counts[shown]
    mean = np.nansum(values, axis=0) / counts
    panel.plot(at, mean, label=name, **look)
    if len(values) > 1 and look.get("linewidth") != _THIN:
        spread = np.sqrt(np.nansum((values - mean) ** 2, axis=0) / np.maximum(counts - 1, 1))
        panel.fill_between(at, mean - spread, mean + spread, color=look["color"], alpha=0.18, linewidth=0)
