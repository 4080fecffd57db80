"""What holds for all figures of targets: one run suffices, order changes nothing, and no run is an error."""

import pytest
from matplotlib.figure import Figure

import ssvh_lib as ssvh
from ssvh_lib.report import plots

TARGETS = [
    plots.map_at_k,
    plots.precision_recall,
    plots.gmap,
    plots.rows,
    plots.late_cutoffs,
    plots.transfer,
    plots.cost,
]


@pytest.mark.parametrize("draw", TARGETS)
def test_a_figure_of_a_target_can_be_drawn_of_a_single_run(draw, make_record):
    assert isinstance(draw([make_record("conmh")], ["ConMH"]), Figure)


@pytest.mark.parametrize("draw", TARGETS)
def test_a_figure_does_not_depend_on_the_order_of_records(draw, records, tmp_path):
    first = plots.save(draw(records, ["ITQ", "LSH", "ConMH"]), tmp_path / "a")
    second = plots.save(draw(records[::-1], ["ITQ", "LSH", "ConMH"]), tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("draw", TARGETS)
def test_nothing_to_draw_is_said(draw):
    with pytest.raises(ssvh.SSVHError, match=r"are of none|there are none"):
        draw([])
