"""What is drawn in a panel of a figure."""

import numpy as np
from matplotlib.collections import PathCollection


def names(panel) -> list[str]:
    """The lines that have a name, in the order in which they were drawn."""
    return [line.get_label() for line in panel.lines if not line.get_label().startswith("_")]


def line(panel, name):
    return next(line for line in panel.lines if line.get_label() == name)


def written(panel) -> list[str]:
    return [text.get_text() for text in panel.texts]


def points(panel) -> np.ndarray:
    """All points of scatters ``(P, 2)``."""
    return np.concatenate(
        [scatter.get_offsets() for scatter in panel.collections if isinstance(scatter, PathCollection)]
    )
