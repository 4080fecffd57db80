"""Figures: pure functions from results, features or thumbnails to Matplotlib figures, and a byte-stable ``save``."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from .errors import SSVHError
from .files import make_folder, write_file
from .results import printed_name, summary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.figure import Figure

# Okabe and Ito's colours, which people who see few colours can tell apart (without their yellow, too pale for lines).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
INFORMATIVE, FILLER = "#009E73", "#999999"
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_STYLE = {
    "font.family": "DejaVu Sans",  # comes with Matplotlib, so that figures are the same everywhere
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#e6e6e6",
    "axes.axisbelow": True,
    "axes.titleweight": "bold",
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "figure.dpi": 110,
    "svg.hashsalt": "ssvh",
    "svg.fonttype": "path",
}


@contextmanager
def style() -> Iterator[None]:
    """The look of all figures, for the time of a ``with`` block.

    Not ``rc_context``, which would also put back what Jupyter sets when the first figure is made.
    """
    before = {name: plt.rcParams[name] for name in _STYLE}
    plt.rcParams.update(_STYLE)
    try:
        yield
    finally:
        plt.rcParams.update(before)


def save(figure: Figure, path: Path) -> list[Path]:
    """Write ``path`` as SVG and PNG; the same figure gives the same bytes. Closes the figure."""
    make_folder(path.parent)
    paths = [path.with_suffix(".svg"), path.with_suffix(".png")]
    metadata = [{"Date": None, "Creator": None}, {"Software": None}]
    with style():
        for target, facts in zip(paths, metadata, strict=True):
            write_file(target, lambda partial, facts=facts: figure.savefig(partial, metadata=facts, dpi=150))
    plt.close(figure)
    return paths


def map_at_k(records: list[dict]) -> Figure:
    """mAP@k against k, a panel for each code length, a line for each method, bands of ± one standard deviation."""
    _check_one_dataset(records)
    results = summary(records)
    lengths = sorted(results.index.unique("bits"))
    names = sorted({(method, variant, label) for _, method, variant, label, _ in results.index})
    columns = [name for name in results.columns.unique(0) if name.startswith("mAP@")]
    cutoffs = [int(name.removeprefix("mAP@")) for name in columns]
    with style():
        figure, panels = plt.subplots(1, len(lengths), figsize=(3.6 * len(lengths), 3.4), sharey=True, squeeze=False)
        for panel, bits in zip(panels[0], lengths, strict=True):
            group = results.xs(bits, level="bits")
            for number, name in enumerate(names):
                if name in group.index.droplevel("dataset"):
                    row = group.xs(name, level=("method", "variant", "label"))
                    mean = row[[(column, "mean") for column in columns]].to_numpy()[0]
                    spread = np.nan_to_num(row[[(column, "std") for column in columns]].to_numpy()[0])
                    _band(panel, cutoffs, mean, spread, number, printed_name(*name))
            panel.set(title=f"{bits} bits", xlabel="k, items retrieved", xticks=cutoffs)
        panels[0, 0].set_ylim(bottom=0)  # once all panels, which share the axis, are drawn
        panels[0, 0].set_ylabel("mAP@k (higher is better)")
        _legend(figure)
    return figure


def _check_one_dataset(records: list[dict]) -> None:
    names = sorted({record["dataset"] for record in records})
    if len(names) != 1:
        raise SSVHError(f"A figure shows one dataset; these records are of {', '.join(names) or 'none'}.")


def _band(panel: plt.Axes, x: list[int], mean: np.ndarray, spread: np.ndarray, number: int, label: str) -> None:
    look, again = _look(number), number // len(COLOURS)
    marker = MARKERS[(number + 3 * again) % len(MARKERS)]
    panel.plot(x, mean, **look, marker=marker, markersize=4, label=label)
    panel.fill_between(x, mean - spread, mean + spread, color=look["color"], alpha=0.2, linewidth=0)


def _look(number: int) -> dict[str, str]:
    """Colour and dashes of a line; where the colours begin again, the dashes differ."""
    again, colour = divmod(number, len(COLOURS))
    return {"color": COLOURS[colour], "linestyle": ("-", "--", ":", "-.")[again % 4]}


def _legend(figure: Figure) -> None:
    """The names of the lines, the same in all panels, below them; the figure grows by what they need."""
    handles, labels = figure.axes[-1].get_legend_handles_labels()
    columns = max(2, int(figure.get_figwidth() / 1.55))
    figure.set_figheight(figure.get_figheight() + 0.25 * -(-len(labels) // columns))
    figure.legend(handles, labels, loc="outside lower center", ncols=columns)


def precision_recall(records: list[dict]) -> Figure:
    """Precision against recall as the Hamming radius grows, a panel for each code length, averaged over seeds."""
    _check_one_dataset(records)
    lengths = sorted({record["bits"] for record in records})
    names = sorted({(record["method"], record["variant"], record["label"]) for record in records})
    with style():
        figure, panels = plt.subplots(1, len(lengths), figsize=(3.6 * len(lengths), 3.4), sharey=True, squeeze=False)
        for panel, bits in zip(panels[0], lengths, strict=True):
            for number, name in enumerate(names):
                curves = [r for r in records if (r["method"], r["variant"], r["label"]) == name and r["bits"] == bits]
                if curves:
                    recall = np.mean([curve["recall"] for curve in curves], axis=0)
                    precision = pd.DataFrame([curve["precision"] for curve in curves]).astype(float).mean().to_numpy()
                    panel.plot(recall, precision, **_look(number), label=printed_name(*name))
            panel.set(title=f"{bits} bits", xlabel="Recall", xlim=(0, 1))
        panels[0, 0].set_ylim(bottom=0)
        panels[0, 0].set_ylabel("Precision")
        _legend(figure)
    return figure


def rejection(records: list[dict]) -> Figure:
    """mAP@20 when the videos of most uncertain codes are left out, or random ones; a panel for each code length.

    Of the records of methods that know how uncertain they are; means and deviations are over seeds.
    """
    knowing = [record for record in records if record.get("rejection")]
    _check_one_dataset(knowing)
    lengths = sorted({record["bits"] for record in knowing})
    with style():
        figure, panels = plt.subplots(1, len(lengths), figsize=(3.6 * len(lengths), 3.4), sharey=True, squeeze=False)
        for panel, bits in zip(panels[0], lengths, strict=True):
            curves = [record["rejection"] for record in knowing if record["bits"] == bits]
            for number, kind in enumerate(("uncertain", "random")):
                values = np.array([curve[kind] for curve in curves])
                label = {"uncertain": "the most uncertain", "random": "random ones"}[kind]
                spread = values.std(axis=0, ddof=min(1, len(values) - 1))  # 0 for a single seed
                _band(panel, curves[0]["share"], values.mean(axis=0), spread, number, label)
            panel.set(title=f"{bits} bits", xlabel="videos left out, per cent")
        panels[0, 0].set_ylim(bottom=0)
        panels[0, 0].set_ylabel("mAP@20 of the others")
        _legend(figure)
    return figure


def filmstrip(
    thumbnails: np.ndarray, labels: list[str], informative: np.ndarray | None = None, visible: np.ndarray | None = None
) -> Figure:
    """Videos ``(N, T, H, W)`` one below another, frame by frame.

    With ``informative (N, T)``, a green bar below a frame says that the frame shows the video's digit, a grey
    one that it does not; with ``visible (N, T)``, frames that the encoder does not see are dimmed.
    """
    N, T = thumbnails.shape[:2]
    with style():
        figure, panels = plt.subplots(N, 1, figsize=(11, 0.62 * N), squeeze=False)
        for row, panel in enumerate(panels[:, 0]):
            frames = thumbnails[row].astype(float)
            if visible is not None:
                frames = np.where(visible[row][:, None, None], frames, 255 - 0.25 * (255 - frames))
            strip = np.concatenate([np.pad(frame, 1, constant_values=255) for frame in frames], axis=1)
            panel.imshow(strip, cmap="gray", vmin=0, vmax=255, interpolation="nearest", aspect="equal")
            panel.set_axis_off()
            panel.text(-6, strip.shape[0] / 2, labels[row], ha="right", va="center", fontsize=9)
            if informative is not None:
                height, width = strip.shape[0], strip.shape[1] / T
                for frame in range(T):
                    colour = INFORMATIVE if informative[row, frame] else FILLER
                    panel.plot([frame * width + 2, (frame + 1) * width - 3], [height + 1] * 2, color=colour, lw=2.5)
    return figure


def masks(visible: np.ndarray, labels: list[str]) -> Figure:
    """Masks ``(N, T)`` as strips: blue = the encoder sees the frame, pale = it does not."""
    N, T = visible.shape
    with style():
        figure, panel = plt.subplots(figsize=(9, 0.32 * N + 0.6))
        panel.pcolormesh(
            np.arange(T + 1), np.arange(N + 1), visible, cmap="Blues", vmin=-0.15, vmax=1.3, edgecolors="white", lw=1.5
        )
        panel.invert_yaxis()
        panel.set(
            yticks=np.arange(N) + 0.5,
            yticklabels=labels,
            xlabel="frame",
            xticks=np.arange(0, T, 4) + 0.5,
            xticklabels=np.arange(0, T, 4),
        )
        panel.grid(visible=False)
        panel.tick_params(length=0)
        for side in panel.spines.values():
            side.set_visible(False)
    return figure


def training_curves(history: pd.DataFrame) -> Figure:
    """Every loss term of a run's history against the epoch, a panel each."""
    terms = [name for name in history.columns if name not in ("epoch", "seconds", "learning_rate")]
    with style():
        figure, panels = plt.subplots(1, len(terms), figsize=(3.4 * len(terms), 2.8), squeeze=False)
        for number, (panel, term) in enumerate(zip(panels[0], terms, strict=True)):
            panel.plot(history["epoch"], history[term], color=COLOURS[number % len(COLOURS)])
            panel.set(title=term, xlabel="epoch")
    return figure


def hamming_histogram(distances: np.ndarray, relevant: np.ndarray, bits: int) -> Figure:
    """How far apart relevant and irrelevant pairs lie: distances ``(Q, N)`` and relevance ``(Q, N)`` bool."""
    with style():
        figure, panel = plt.subplots(figsize=(6, 3))
        edges = np.arange(bits + 2) - 0.5
        for pairs, colour, label in (
            (relevant, COLOURS[0], "relevant pairs"),
            (~relevant, COLOURS[1], "irrelevant pairs"),
        ):
            panel.hist(distances[pairs], bins=edges, density=True, color=colour, alpha=0.55, label=label)
        panel.set(xlabel=f"Hamming distance of {bits}-bit codes", ylabel="share of pairs", xlim=(-0.5, bits + 0.5))
        panel.legend()
    return figure


def frame_similarity(features: np.ndarray, thumbnails: np.ndarray, informative: np.ndarray | None = None) -> Figure:
    """Cosine similarity of every pair of frames ``(T, D)`` of one video, its pictures ``(T, H, W)`` along both sides.

    With ``informative (T,)``, bars beside the pictures say which frames show the video's digit (green) and which
    do not (grey).
    """
    T = len(features)
    unit = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    with style():
        figure, panel = plt.subplots(figsize=(7.6, 6.6))
        image = panel.imshow(unit @ unit.T, cmap="viridis", vmin=0, vmax=1, extent=(0, T, T, 0))
        for frame in range(T):
            for extent in ((frame, frame + 1, -0.5, -1.5), (-1.5, -0.5, frame + 1, frame)):
                panel.imshow(thumbnails[frame], cmap="gray", vmin=0, vmax=255, extent=extent, interpolation="nearest")
            if informative is not None:
                bar = {"color": INFORMATIVE if informative[frame] else FILLER, "lw": 3.5, "solid_capstyle": "butt"}
                panel.plot([frame + 0.08, frame + 0.92], [-0.25, -0.25], **bar)
                panel.plot([-0.25, -0.25], [frame + 0.08, frame + 0.92], **bar)
        panel.set(xlim=(-1.6, T), ylim=(T, -1.6))
        panel.set_axis_off()
        figure.colorbar(image, ax=panel, shrink=0.8, label="cosine similarity of two frames")
    return figure
