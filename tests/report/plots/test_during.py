"""Figures of training: losses, and mAP after each epoch, ours above the authors'."""

import numpy as np
import pandas as pd
import pytest
from panels import line, names, written

import ssvh_lib as ssvh
from ssvh_lib import literature
from ssvh_lib.report import plots


def test_training_curves_have_a_panel_for_each_loss_term():
    history = pd.DataFrame({"epoch": [1, 2], "seconds": [0.1, 0.2], "learning_rate": 2 * [1e-3], "loss": [3.0, 2.0]})
    figure = plots.training_curves(history.assign(contrast=[1.0, 0.5]))
    assert [panel.get_title() for panel in figure.axes] == ["loss", "contrast"]
    assert list(figure.axes[1].lines[0].get_ydata()) == [1.0, 0.5]
    assert list(figure.axes[1].lines[0].get_xdata()) == [1, 2]


@pytest.fixture
def followed(make_record):
    """S5VH over two seeds and three epochs, and without a part, once and only to the second epoch."""
    curves = [("S5VH", 0, [0.1, 0.3, 0.5]), ("S5VH", 1, [0.1, 0.5, 0.7]), ("without", 0, [0.1, 0.2])]
    return [
        make_record("s5vh", 16, seed, label=label, warm_up=1,
                    by_epoch={"epoch": list(range(len(curve))), "mAP@5": curve, "mAP@20": curve})
        for label, seed, curve in curves
    ]  # fmt: skip


def test_by_epoch_draws_means_a_band_over_seeds_and_the_end_of_the_warm_up(followed):
    (panel,) = plots.by_epoch(followed, ["without", "S5VH"]).axes
    assert names(panel) == ["without", "S5VH"]
    np.testing.assert_allclose(line(panel, "S5VH").get_data(), [[0, 1, 2], [0.1, 0.4, 0.6]])
    np.testing.assert_allclose(line(panel, "without").get_data(), [[0, 1], [0.1, 0.2]])
    assert len(panel.collections) == 1
    assert [list(each.get_xdata()) for each in panel.lines if list(each.get_ydata()) == [0, 1]] == [[1, 1]]
    assert " end of warm-up" in written(panel)


def test_without_agreement_there_is_no_end_of_the_warm_up(followed, make_record):
    (panel,) = plots.by_epoch([followed[0] | {"warm_up": 2}, *followed[1:], make_record("lsh")]).axes
    assert not [each for each in panel.lines if list(each.get_ydata()) == [0, 1]]


def test_by_epoch_needs_records_that_were_followed(records):
    with pytest.raises(ssvh.SSVHError, match="None of the records was evaluated after each epoch"):
        plots.by_epoch(records)


def test_published_curves_have_a_panel_for_each_dataset():
    curves = literature.curves(method="s5vh", bits=32)
    figure = plots.published_curves(curves)
    assert [panel.get_title() for panel in figure.axes] == sorted(curves["dataset"].unique())
    for panel in figure.axes:
        theirs = curves[curves["dataset"] == panel.get_title()].sort_values("epoch")
        np.testing.assert_allclose(line(panel, "S5VH").get_data(), theirs[["epoch", "mAP@5"]].to_numpy().T)
    with pytest.raises(ssvh.SSVHError, match="no published curves"):
        plots.published_curves(curves[:0])


def test_our_curves_stand_above_the_authors(followed, make_record):
    ours, *theirs = plots.by_epoch_beside_published(followed).axes
    assert names(ours) == ["S5VH", "without"]
    at_16 = literature.curves(method="s5vh", bits=16)
    assert [panel.get_title() for panel in theirs] == sorted(at_16["dataset"].unique())
    assert line(ours, "S5VH").get_color() == theirs[0].lines[0].get_color()
    unpublished = [record | {"method": "bth", "label": ""} for record in followed[:1]]
    assert len(plots.by_epoch_beside_published(unpublished).axes) == 1
