"""Rows against the whole method, coloured as verdicts judge them, and sweeps over a number."""

import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from panels import line, names, points

import ssvh_lib as ssvh
from ssvh_lib.report import plots


@pytest.fixture
def ablation(make_record):
    """The whole method .30 ± .01; one part harms (.20), one helps (.40), one changes nothing, one ran once."""
    values = {"without harm": (0.19, 0.2, 0.21), "without help": (0.39, 0.4, 0.41), "without use": (0.3, 0.31, 0.305)}
    values |= {"once": (0.1,), "AutoSSVH": (0.29, 0.3, 0.31)}
    return [
        make_record("autossvh", 32, seed, label=label, at20=value)
        for label, found in values.items()
        for seed, value in enumerate(found)
    ]


ORDER = ["without help", "without harm", "without use", "once", "AutoSSVH"]


def faces(panel) -> dict[int, str]:
    """The filling of the large mark at each height."""
    large = [mark for mark in panel.collections if isinstance(mark, PathCollection) and mark.get_sizes()[0] == 58]
    return {
        round(mark.get_offsets()[0, 1]): to_hex(mark.get_facecolor()[0]) for mark in large if len(mark.get_offsets())
    }


def test_rows_are_coloured_as_verdicts_judge_them(ablation):
    (panel,) = plots.rows(ablation, ORDER).axes
    assert [label.get_text() for label in panel.get_yticklabels()] == ORDER
    assert panel.yaxis_inverted()
    blue, orange, white = to_hex(plots.COLOURS[0]), to_hex(plots.COLOURS[1]), "#ffffff"
    assert [faces(panel)[place] for place in range(4)] == [blue, orange, white, white]


def test_rows_show_every_seed_the_mean_and_the_spread(ablation):
    (panel,) = plots.rows(ablation, ORDER).axes
    at_top = [points(panel)[:, 0][points(panel)[:, 1] == 0]]
    np.testing.assert_allclose(np.sort(at_top[0]), [0.39, 0.4, 0.4, 0.41])
    bars = {round(each.get_ydata()[0]): each.get_xdata() for each in panel.lines if len(set(each.get_ydata())) == 1}
    np.testing.assert_allclose(bars[1], [0.2 - 2 * 0.01, 0.2 + 2 * 0.01])
    assert 3 not in bars  # a single seed has no spread
    (reference,) = (each for each in panel.lines if list(each.get_ydata()) == [0, 1])
    np.testing.assert_allclose(reference.get_xdata(), 0.3)


def test_a_row_without_the_measure_says_so(ablation):
    for record in ablation:
        if record["label"] != "without use":
            record["epochs_to_level"] = 3.0 + record["seed"]
    (panel,) = plots.rows(ablation, ORDER, "epochs_to_level").axes
    assert [(text.get_text(), text.get_position()[1]) for text in panel.texts] == [("—", 2)]
    assert sorted(faces(panel)) == [0, 1, 3, 4]


def test_rows_without_a_whole_method_are_held_against_nothing(records, ablation):
    assert not [each for each in plots.rows(ablation).axes[0].lines if list(each.get_ydata()) == [0, 1]]
    left, right = plots.rows(records, ["ITQ", "LSH", "ConMH"]).axes
    assert set(faces(left).values()) == set(faces(right).values()) == {to_hex(plots.COLOURS[0])}


def test_a_sweep_puts_numbers_on_the_axis_and_the_whole_method_across(make_record):
    swept = {"mask ratio 0.9": 0.4, "mask ratio 0.25": 0.1, "mask ratio 0.5": 0.2, "layers 1": 0.3, "layers 16": 0.35}
    records = [make_record("conmh", label=label, seed=seed, at20=value + 0.1 * seed)
               for label, value in swept.items() for seed in (0, 1)]  # fmt: skip
    layers, ratio = plots.sweep([*records, make_record("conmh", label="ConMH", at20=0.33)]).axes
    assert (layers.get_xlabel(), ratio.get_xlabel()) == ("layers", "mask ratio")
    assert (layers.get_xscale(), ratio.get_xscale()) == ("log", "linear")
    np.testing.assert_allclose(line(ratio, "16 bits").get_data(), [[0.25, 0.5, 0.9], [0.15, 0.25, 0.45]])
    assert [label.get_text() for label in ratio.get_xticklabels()] == ["0.25", "0.5", "0.9"]
    assert set(line(ratio, "ConMH").get_ydata()) == {0.33}
    assert len(points(ratio)) == 6


def test_a_sweep_of_one_seed_and_several_code_lengths(make_record):
    records = [make_record("conmh", bits, label=f"layers {n}", at20=n / bits) for bits in (16, 32) for n in (1, 2)]
    (panel,) = plots.sweep(records).axes
    assert names(panel) == ["16 bits", "32 bits"]
    assert not panel.collections


def test_a_sweep_without_numbers_is_refused(ablation):
    with pytest.raises(ssvh.SSVHError, match=r"labels that end in a number, such as 'mask ratio 0\.5'; got "):
        plots.sweep(ablation)
