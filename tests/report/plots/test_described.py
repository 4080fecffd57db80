"""The figure of statistics: every value where it belongs, beside the real sets."""

from dataclasses import replace

import matplotlib.pyplot as plt
import pytest
from panels import line, written

from ssvh_lib.data.statistics import MEASURES, outside, range_of, real_sets
from ssvh_lib.report import plots

UCF10, PENN = real_sets()
ODD = replace(UCF10, name="odd", within_share=0.9, hardness_informative=0.4, mean_accuracy=None, blank_frames=0.6)
BARE = replace(UCF10, name="bare", **{measure.key: None for measure in MEASURES})


@pytest.fixture
def strips():
    """Draws a figure; label of a statistic -> (panel, height of its strip)."""
    figures = []

    def draw(*found):
        figures.append(plots.dataset_statistics(found))
        return {
            label.get_text(): (panel, place)
            for panel in figures[-1].axes
            for label, place in zip(panel.get_yticklabels(), panel.get_yticks(), strict=True)
        }

    yield draw
    for figure in figures:
        plt.close(figure)


def dots(panel, row, name):
    """The values of a dataset in a strip, its centre at most half a strip away."""
    found = [one for one in panel.lines if one.get_label() == name and abs(one.get_ydata()[0] - row) < 0.4]
    return [float(one.get_xdata()[0]) for one in found]


def test_every_statistic_has_a_strip_with_the_dot_of_each_dataset(strips):
    drawn = strips(ODD, replace(PENN, name="other"))
    assert set(drawn) == {measure.label for measure in MEASURES}
    for measure in MEASURES:
        panel, row = drawn[measure.label]
        for one, name in ((ODD, "odd"), (PENN, "other"), (UCF10, "ucf10"), (PENN, "Penn Action")):
            value = getattr(one, measure.key)
            assert dots(panel, row, name) == ([] if value is None else [value]), (measure.key, name)
        assert panel.get_xlim()[0] <= min(dots(panel, row, "odd") or [1])
        assert panel.get_xlim()[1] >= max(dots(panel, row, "odd") or [0])


def test_a_bar_spans_the_real_sets(strips):
    drawn = strips(ODD)
    for measure in MEASURES:
        panel, row = drawn[measure.label]
        bars = [bar for bar in panel.patches if bar.get_y() < row < bar.get_y() + bar.get_height()]
        spans = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars[1:]]  # the first is the strip itself
        limits = range_of(measure.key)
        assert spans == ([] if limits is None else [pytest.approx(limits)])


def test_the_values_of_a_single_dataset_are_written_in_bold_outside_the_real_range(strips):
    drawn = strips(ODD)
    assert written(drawn["within a video"][0]) == [".115", ".646", ".900"]
    weights = [text.get_weight() for text in drawn["within a video"][0].texts]
    assert weights == ["normal", "normal", "bold"]
    assert written(drawn["by the mean frame"][0])[0] == "—"
    assert not any(written(panel) for panel, _ in strips(ODD, PENN).values())


def test_values_below_zero_lie_inside_the_panel(strips):
    panel, row = strips(replace(ODD, hardness_class=-0.7))["correlation with class evidence"]
    assert panel.get_xlim()[0] < -0.7
    assert outside(next(one for one in MEASURES if one.key == "hardness_class"), -0.7) == -1
    assert dots(panel, row, "odd") == [-0.7]


def test_a_dataset_of_which_nothing_is_known_has_gaps_only(strips):
    drawn = strips(BARE)
    panels = {id(panel): panel for panel, _ in drawn.values()}.values()
    assert [text for panel in panels for text in written(panel)] == ["—"] * len(MEASURES)
    with pytest.raises(StopIteration):
        line(drawn["within a video"][0], "bare")


def test_dots_of_one_value_do_not_hide_each_other(strips):
    panel, _ = strips(*(replace(UCF10, name=f"copy {number}") for number in range(4)))["within a video"]
    heights = {one.get_ydata()[0] for one in panel.lines if one.get_label().startswith("copy")}
    assert len(heights) == 4 * 3  # four dots in each of three strips
