"""The still picture shows the same strips."""

import numpy as np
from matplotlib import pyplot as plt

from ssvh_lib.inspector import render_figure, strips


def test_the_still_picture_shows_the_same_strips(view):
    figure = render_figure(view, plt.figure())
    plt.close(figure)
    for panel, row in zip(figure.axes[1:], strips(view), strict=True):
        texts = [text.get_text() for text in panel.texts]
        assert texts == [row.name, row.note]
        assert len(panel.patches) == (0 if row.missing else 25)
        if not row.missing:
            assert np.allclose([bar.get_height() for bar in panel.patches], row.heights)
