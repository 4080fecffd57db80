"""Methods beside each other: GMAP, transfer, seeds and cost, each at its mean."""

import numpy as np
import pytest
from panels import line, points, written

from ssvh_lib.report import plots


def test_cost_places_each_row_at_its_means(records):
    left, _ = plots.cost(records).axes
    assert left.get_xscale() == "log"
    assert {each.get_label(): (each.get_xdata()[0], each.get_ydata()[0]) for each in left.lines} == {
        "ConMH": (25.0, pytest.approx(0.3)),
        "ITQ": (1.25, pytest.approx(0.35)),
        "LSH": (1.25, pytest.approx(0.1)),
    }
    assert sorted(written(left)) == ["ConMH", "ITQ", "LSH"]


def test_gmap_has_a_panel_for_each_meaning_with_the_best_on_top(records):
    left, right = plots.gmap(records).axes
    assert [label.get_text() for label in left.get_yticklabels()] == ["ITQ", "ConMH", "LSH"]
    for panel, field in ((left, "gmap"), (right, "gmap_l2")):
        expected = np.mean([record[field] for record in records[:3]])
        assert np.isclose(points(panel)[:, 0], expected).any()
        assert len(points(panel)) == 3 + 3 + 3  # means at two code lengths, and ConMH's seeds at one
        assert panel.get_xlim()[0] == 0
    assert [text.get_text() for text in left.figure.legends[0].get_texts()] == ["16 bits", "32 bits"]
    shown = plots.gmap(records, ["LSH", "ITQ", "ConMH"]).axes[0]
    assert [label.get_text() for label in shown.get_yticklabels()] == ["LSH", "ITQ", "ConMH"]


def test_transfer_draws_a_slope_from_within_to_across(make_record):
    records = [
        make_record("conmh", gmap=0.4), make_record("conmh", seed=1, gmap=0.2),
        make_record("conmh", gmap=0.1, dataset="moving-digits-to-moving-shapes"),
        make_record("bth", gmap=0.15), make_record("s5vh", 32, gmap=0.2, dataset="moving-digits-to-moving-shapes"),
    ]  # fmt: skip
    left, right = plots.transfer(records).axes
    np.testing.assert_allclose(line(left, "ConMH").get_data(), [[0, 1], [0.3, 0.1]])
    assert list(line(left, "BTH").get_xdata()) == [0]  # nothing across
    assert list(line(right, "S5VH").get_xdata()) == [1]  # nothing within
    ticks = [label.get_text() for label in left.get_xticklabels()]
    assert ticks == ["moving-digits\n→ moving-digits", "moving-digits\n→ moving-shapes"]


def test_seeds_are_marks_of_their_own(records):
    (panel,) = plots.seeds(records).axes
    assert len(points(panel)) == len(records)
    assert [text.get_text() for text in panel.figure.legends[0].get_texts()] == ["ConMH", "ITQ", "LSH"]
