"""Rows of a figure: of one dataset, in the order given, each under a name of its own."""

import pytest
from panels import names

import ssvh_lib as ssvh
from ssvh_lib.report import plots


def test_variants_of_a_method_have_lines_of_their_own(make_record):
    (panel,) = plots.map_at_k([make_record("conmh"), make_record("conmh", variant="released")]).axes
    assert [line.get_label() for line in panel.lines] == ["ConMH", "ConMH (released)"]


@pytest.mark.parametrize("draw", [plots.map_at_k, plots.precision_recall])
def test_a_figure_of_two_datasets_is_refused(draw, make_record):
    records = [make_record("lsh"), make_record("lsh", dataset="ucf101")]
    with pytest.raises(ssvh.SSVHError, match="A figure shows one dataset; these records are of moving-digits, ucf101"):
        draw(records)


def test_rows_are_in_the_order_given_and_others_follow(records):
    (left, _) = plots.map_at_k(records, ["LSH", "missing", "ConMH"]).axes
    assert names(left) == ["LSH", "ConMH", "ITQ"]


def test_two_rows_of_the_same_name_are_refused(make_record):
    records = [make_record("conmh", label="mini"), make_record("s5vh", label="mini")]
    with pytest.raises(ssvh.SSVHError, match=r"Two rows are called 'mini' \(conmh, s5vh\)"):
        plots.map_at_k(records)
