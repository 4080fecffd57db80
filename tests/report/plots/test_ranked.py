"""mAP at k, precision at recall, late cutoffs and rejection: the right numbers in the right lines."""

import numpy as np
import pytest
from panels import line, points, written

import ssvh_lib as ssvh
from ssvh_lib.report import plots


def test_map_at_k_draws_a_line_for_each_method_in_each_panel(records):
    left, right = plots.map_at_k(records).axes
    assert (left.get_title(), right.get_title()) == ("16 bits", "32 bits")
    assert left.get_ylim() == right.get_ylim()
    for panel in (left, right):
        assert [line.get_label() for line in panel.lines] == ["ConMH", "ITQ", "LSH"]
        assert sorted(written(panel)) == ["ConMH", "ITQ", "LSH"]
    for each in (*left.lines, *right.lines):
        assert list(each.get_xdata()) == list(ssvh.CUTOFFS)
    np.testing.assert_allclose(left.lines[0].get_ydata(), np.array([1.5, 1, 0.8, 0.7, 0.6, 0.5]) * 0.3)
    np.testing.assert_allclose(right.lines[2].get_ydata(), np.array([1.5, 1, 0.8, 0.7, 0.6, 0.5]) * 0.25)


def test_precision_recall_averages_seeds_where_precision_is_defined(make_record):
    recall = [0.0, 0.001, 0.1, 0.5, 1.0]
    first = make_record(seed=0, precision=[None, 0.9, None, 0.8, 0.2], recall=recall)
    second = make_record(seed=1, precision=[1.0, 0.9, 0.7, 0.6, 0.4], recall=recall)
    (panel,) = plots.precision_recall([first, second]).axes
    (line,) = panel.lines
    np.testing.assert_allclose(line.get_data(), [[0.1, 0.5, 1.0], [0.7, 0.7, 0.3]])  # few pairs lie before
    assert panel.get_ylim() == (0, pytest.approx(1.25 * 0.7))


def test_precision_recall_without_any_precision_is_an_empty_panel(make_record):
    (panel,) = plots.precision_recall([make_record(precision=[None, None], recall=[0.0, 0.5])]).axes
    assert not panel.lines


def test_precision_recall_draws_a_line_for_each_method_in_each_panel(records):
    records = [record for record in records if (record["method"], record["bits"]) != ("lsh", 16)]
    assert [len(panel.lines) for panel in plots.precision_recall(records).axes] == [2, 3]


def test_precision_recall_names_the_variant(make_record):
    (panel,) = plots.precision_recall([make_record("conmh"), make_record("conmh", variant="released")]).axes
    assert [line.get_label() for line in panel.lines] == ["ConMH", "ConMH (released)"]


def test_a_single_cutoff_and_a_row_without_it_can_be_drawn(make_record):
    records = [make_record("conmh") | {"map": {"5": 0.3}}, make_record("itq") | {"map": {}}]
    (panel,) = plots.map_at_k(records).axes
    assert written(panel) == ["ConMH"]
    assert not any(written(panel) for panel in plots.late_cutoffs(records).axes)


def test_rejection_needs_a_method_that_is_uncertain(records):
    with pytest.raises(ssvh.SSVHError, match="None of these methods knows how uncertain"):
        plots.rejection(records)


def test_late_cutoffs_show_means_and_seeds_at_three_cutoffs(records):
    left, right = plots.late_cutoffs(records).axes
    np.testing.assert_allclose(line(left, "ConMH").get_data(), [[60, 80, 100], 0.3 * np.array([0.7, 0.6, 0.5])])
    assert len(points(left)) == 9  # ConMH's three seeds; single seeds are the line's own marks
    assert list(right.get_xticks()) == [60, 80, 100]
