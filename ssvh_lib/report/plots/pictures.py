"""Pictures: videos frame by frame, what a mask lets through, how alike frames are, and what was rebuilt of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np

from ...errors import SSVHError
from ...utils.colours import FILLER, INFORMATIVE
from .look import COLOURS, style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ...data import Dataset


def filmstrip(
    thumbnails: np.ndarray, labels: list[str], informative: np.ndarray | None = None, visible: np.ndarray | None = None
) -> Figure:
    """Draw videos ``(N, T, H, W)`` one below another, frame by frame.

    With ``informative (N, T)``, a green bar below a frame says that the frame shows the video's digit, a grey
    one that it does not; with ``visible (N, T)``, frames that the encoder does not see are dimmed.
    """
    N = len(thumbnails)
    with style():
        figure, panels = plt.subplots(N, 1, figsize=(11, 0.62 * N), squeeze=False)
        for row, panel in enumerate(panels[:, 0]):
            _strip(panel, thumbnails[row], labels[row], None if visible is None else visible[row])
            if informative is not None:
                _bars(panel, thumbnails[row], [INFORMATIVE if yes else FILLER for yes in informative[row]])
    return figure


def contact_sheet(datasets: Sequence[Dataset], videos: int = 2) -> Figure:
    """Draw some training videos of each dataset, of classes that lie evenly in the list, frame by frame.

    Where it is known, a green bar below a frame says that it tells the class, a grey one that it does not. Raises
    SSVHError if a dataset has no thumbnails.
    """
    with style():
        figure, axes = plt.subplots(
            len(datasets) * (videos + 1), 1, figsize=(11, 0.5 * len(datasets) * (videos + 1)),
            height_ratios=([0.45] + [1] * videos) * len(datasets),
        )  # fmt: skip
        for dataset, (title, *strips) in zip(datasets, axes.reshape(len(datasets), -1), strict=True):
            title.set_axis_off()
            title.text(0, 0, dataset.name, transform=title.transAxes, weight="bold", va="bottom")
            for panel, row in zip(strips, _of_even_classes(dataset.train.labels, videos), strict=True):
                if dataset.train.thumbnails is None:
                    raise SSVHError(f"{dataset.name} has no thumbnails, so that its videos cannot be drawn.")
                frames = dataset.train.thumbnails[np.array([row])][0]
                _strip(panel, frames, dataset.class_names(dataset.train.labels[row])[0])
                if dataset.train.informative is not None:
                    _bars(panel, frames, [INFORMATIVE if yes else FILLER for yes in dataset.train.informative[row]])
    return figure


def _of_even_classes(labels: np.ndarray, videos: int) -> list[int]:
    """Return the first video of each of some classes that lie evenly in the list."""
    classes = np.linspace(0, labels.shape[1] - 1, videos).astype(int)
    return [int(labels[:, one].argmax()) for one in classes]


def _strip(panel: Axes, thumbnails: np.ndarray, label: str, visible: np.ndarray | None = None) -> None:
    """Draw the frames ``(T, H, W)`` of one video in a row, those that are not ``visible (T,)`` dimmed."""
    frames = thumbnails.astype(float)
    if visible is not None:
        frames = np.where(visible[:, None, None], frames, 255 - 0.25 * (255 - frames))
    strip = np.concatenate([np.pad(frame, 1, constant_values=255) for frame in frames], axis=1)
    panel.imshow(strip, cmap="gray", vmin=0, vmax=255, interpolation="nearest", aspect="equal")
    panel.set_axis_off()
    panel.text(-6, strip.shape[0] / 2, label, ha="right", va="center", fontsize=9)


def _bars(panel: Axes, thumbnails: np.ndarray, colours: list[str]) -> None:
    """Draw a coloured bar below each frame."""
    height, width = (size + 2 for size in thumbnails.shape[1:])
    for frame, colour in enumerate(colours):
        panel.plot([frame * width + 2, (frame + 1) * width - 3], [height + 1] * 2, color=colour, lw=2.5)


def reconstruction(true: np.ndarray, nearest: np.ndarray, labels: list[str], visible: np.ndarray) -> Figure:
    """Draw each video twice ``(N, T, H, W)``: its own frames, and below them the frames nearest to what was rebuilt.

    A model rebuilds features, not pictures; ``nearest`` holds the real frame whose feature each is closest to. Frames
    that are not ``visible (N, T)`` are dimmed above, and marked by an orange bar below: these had to be guessed.
    """
    with style():
        figure, panels = plt.subplots(2 * len(true), 1, figsize=(11, 1.3 * len(true)), squeeze=False)
        for row, (own, rebuilt) in enumerate(panels[:, 0].reshape(-1, 2)):
            _strip(own, true[row], labels[row], visible[row])
            _strip(rebuilt, nearest[row], "rebuilt")
            _bars(rebuilt, nearest[row], [FILLER if seen else COLOURS[1] for seen in visible[row]])
    return figure


def masks(visible: np.ndarray, labels: list[str]) -> Figure:
    """Draw masks ``(N, T)`` as strips: blue = the encoder sees the frame, pale = it does not."""
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


def frame_similarity(features: np.ndarray, thumbnails: np.ndarray, informative: np.ndarray | None = None) -> Figure:
    """Draw the cosine similarity of all pairs of frames ``(T, D)`` of a video, pictures ``(T, H, W)`` along both sides.

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
                colour = INFORMATIVE if informative[frame] else FILLER
                along, across = [frame + 0.08, frame + 0.92], [-0.25, -0.25]
                for x, y in ((along, across), (across, along)):
                    panel.plot(x, y, color=colour, lw=3.5, solid_capstyle="butt")
        panel.set(xlim=(-1.6, T), ylim=(T, -1.6))
        panel.set_axis_off()
        figure.colorbar(image, ax=panel, shrink=0.8, label="cosine similarity of two frames")
    return figure
