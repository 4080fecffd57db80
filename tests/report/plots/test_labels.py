"""Names beside lines and points: in order, apart, and inside."""

import numpy as np
import pytest
from matplotlib.text import Text

from ssvh_lib.report import plots
from ssvh_lib.report.plots.labels import spread_out


@pytest.mark.parametrize("places", [[0.5, 0.5, 0.5], [0.1, 0.9, 0.11], [0.99, 0.98, 0.0], [0.3]])
def test_names_keep_their_order_and_distance_and_stay_inside(places):
    found = spread_out(np.array(places), 0.2, 0.0, 1.0)
    assert (np.diff(np.sort(found)) >= 0.2 - 1e-9).all()
    assert found.min() >= -1e-9
    assert found.max() <= 1 + 1e-9
    below = np.subtract.outer(places, places) < 0
    assert (np.subtract.outer(found, found)[below] < 0).all()


def test_names_that_have_room_are_not_moved():
    np.testing.assert_allclose(spread_out(np.array([0.8, 0.1, 0.5]), 0.2), [0.8, 0.1, 0.5])
    np.testing.assert_allclose(spread_out(np.array([0.5, 0.5]), 0.2), [0.4, 0.6])  # as little as possible, both ways


@pytest.mark.parametrize("draw", [plots.map_at_k, plots.cost])
def test_names_of_a_crowded_figure_do_not_cover_each_other(draw, make_record):
    methods = ["autossvh", "bth", "conmh", "dkph", "itq", "lsh", "pca", "s5vh", "sh"]
    records = [make_record(method, at20=0.2 + 0.02 * number) for number, method in enumerate(methods)]
    figure = draw(records)
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(text).padded(-1) for text in figure.axes[0].texts]
    assert len(boxes) == len(methods)
    assert not any(one.overlaps(other) for number, one in enumerate(boxes) for other in boxes[:number])
