"""Figures as pure functions of results: the right numbers in the right lines, marks and pictures."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text

import ssvh_lib as ssvh
from ssvh_lib import literature
from ssvh_lib.evaluation.codes import code_health
from ssvh_lib.report import plots
from ssvh_lib.report.plots.labels import spread_out

SPREAD = ((0.1**2 + 0.05**2 + 0.15**2) / 2) ** 0.5  # of .2, .25 and .45 about .3


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


@pytest.fixture(autouse=True)
def _no_figure_is_left_open():
    yield
    plt.close("all")


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


# Saving and the look


def test_saving_the_same_figure_twice_gives_the_same_bytes(records, tmp_path):
    for name in ("a", "b"):
        path = plots.save(plots.map_at_k(records), tmp_path / name / "map")
        assert path == tmp_path / name / "map.svg"
    first, second = ((tmp_path / name / "map.svg").read_bytes() for name in ("a", "b"))
    assert len(first) > 5000
    assert first == second
    assert b"Matplotlib v" not in first
    assert b"<dc:date>" not in first
    assert len(list(tmp_path.rglob("*.*"))) == 2


def test_saving_replaces_an_old_figure_and_closes_the_new_one(records, tmp_path):
    old = plots.save(plots.map_at_k(records[:1]), tmp_path / "map").read_bytes()
    figure = plots.map_at_k(records)
    path = plots.save(figure, tmp_path / "map")
    assert not plt.fignum_exists(figure.number)
    assert path.read_bytes() != old


def test_a_figure_cannot_be_saved_below_a_file(records, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ssvh.SSVHError, match="cannot be written"):
        plots.save(plots.map_at_k(records), tmp_path / "file" / "map")


def test_the_style_of_figures_does_not_leak(records):
    before = dict(plt.rcParams)
    plots.map_at_k(records)
    assert dict(plt.rcParams) == before


def test_map_at_k_draws_a_line_for_each_method_in_each_panel(records):
    left, right = plots.map_at_k(records).axes
    assert (left.get_title(), right.get_title()) == ("16 bits", "32 bits")
    assert left.get_ylim() == right.get_ylim()
    for panel in (left, right):
        assert [line.get_label() for line in panel.lines] == ["ConMH", "ITQ", "LSH"]
        assert sorted(written(panel)) == ["ConMH", "ITQ", "LSH"]
    for line in (*left.lines, *right.lines):
        assert list(line.get_xdata()) == list(ssvh.CUTOFFS)
    np.testing.assert_allclose(left.lines[0].get_ydata(), np.array([1.5, 1, 0.8, 0.7, 0.6, 0.5]) * 0.3)
    np.testing.assert_allclose(right.lines[2].get_ydata(), np.array([1.5, 1, 0.8, 0.7, 0.6, 0.5]) * 0.25)


def test_a_method_has_one_colour_and_marker_in_all_panels(records):
    panels = plots.map_at_k(records).axes
    looks = {(line.get_label(), line.get_color(), line.get_marker()) for panel in panels for line in panel.lines}
    assert len(looks) == len({name for name, *_ in looks}) == len({colour for _, colour, _ in looks}) == 3


def test_a_method_keeps_its_colour_and_marker_in_panels_that_lack_another(make_record):
    left, right = plots.map_at_k(
        [make_record("conmh", 16), make_record("lsh", 16), make_record("lsh", 32), make_record("itq", 32)]
    ).axes
    assert [[line.get_label() for line in panel.lines] for panel in (left, right)] == [["ConMH", "LSH"], ["ITQ", "LSH"]]
    looks = {(line.get_label(), line.get_color(), line.get_marker()) for line in (*left.lines, *right.lines)}
    assert len(looks) == len({name for name, *_ in looks}) == len({colour for _, colour, _ in looks}) == 3


def test_the_band_is_one_deviation_wide_and_absent_for_a_single_seed(records):
    left, right = plots.map_at_k(records).axes
    (band,) = left.collections
    corners = band.get_paths()[0].vertices
    heights = corners[corners[:, 0] == 20, 1]
    assert (heights.min(), heights.max()) == (pytest.approx(0.3 - SPREAD), pytest.approx(0.3 + SPREAD))
    assert not right.collections


def test_variants_of_a_method_have_lines_of_their_own(make_record):
    (panel,) = plots.map_at_k([make_record("conmh"), make_record("conmh", variant="released")]).axes
    assert [line.get_label() for line in panel.lines] == ["ConMH", "ConMH (released)"]


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


def test_a_filmstrip_has_a_row_a_video_and_a_bar_a_frame(rng):
    thumbnails = rng.integers(0, 256, (2, 3, 4, 4), dtype=np.uint8)
    informative = np.array([[True, False, True], [False, False, True]])
    visible = np.array([[True, True, False], [True, True, True]])
    figure = plots.filmstrip(thumbnails, ["first", "second"], informative, visible)
    for row, panel in enumerate(figure.axes):
        strip = panel.images[0].get_array()
        assert strip.shape == (4 + 2, 3 * (4 + 2))  # a white rim around each frame
        for frame in range(3):
            drawn = strip[1:5, 6 * frame + 1 : 6 * frame + 5]
            pixels = thumbnails[row, frame].astype(float)
            np.testing.assert_allclose(drawn, pixels if visible[row, frame] else 255 - 0.25 * (255 - pixels))
        colours = [line.get_color() for line in panel.lines]
        assert colours == [plots.INFORMATIVE if yes else plots.FILLER for yes in informative[row]]
    assert [panel.texts[0].get_text() for panel in figure.axes] == ["first", "second"]


def test_masks_are_drawn_video_by_video(rng):
    visible = rng.random((3, 25)) < 0.3
    (panel,) = plots.masks(visible, ["a", "b", "c"]).axes
    np.testing.assert_array_equal(panel.collections[0].get_array().reshape(3, 25), visible)
    assert [label.get_text() for label in panel.get_yticklabels()] == ["a", "b", "c"]
    assert panel.yaxis_inverted()  # the first video on top


def test_training_curves_have_a_panel_for_each_loss_term():
    history = pd.DataFrame({"epoch": [1, 2], "seconds": [0.1, 0.2], "learning_rate": 2 * [1e-3], "loss": [3.0, 2.0]})
    figure = plots.training_curves(history.assign(contrast=[1.0, 0.5]))
    assert [panel.get_title() for panel in figure.axes] == ["loss", "contrast"]
    assert list(figure.axes[1].lines[0].get_ydata()) == [1.0, 0.5]
    assert list(figure.axes[1].lines[0].get_xdata()) == [1, 2]


def test_the_histogram_separates_relevant_from_irrelevant_pairs():
    distances = np.array([[0, 1, 1, 4], [2, 2, 2, 2]])
    relevant = np.array([[True, True, True, False], [False, False, False, True]])
    (panel,) = plots.hamming_histogram(distances, relevant, bits=4).axes
    near, far = panel.containers
    np.testing.assert_allclose([bar.get_height() for bar in near], [1 / 4, 2 / 4, 1 / 4, 0, 0])
    np.testing.assert_allclose([bar.get_height() for bar in far], [0, 0, 3 / 4, 0, 1 / 4])
    np.testing.assert_allclose([bar.get_x() + bar.get_width() / 2 for bar in near], range(5))


def test_colours_differ_and_there_is_a_marker_for_each():
    assert len({to_hex(colour) for colour in plots.COLOURS}) == len(plots.COLOURS) == len(set(plots.MARKERS))


@pytest.mark.parametrize("draw", [plots.map_at_k, plots.precision_recall])
def test_a_figure_of_two_datasets_is_refused(draw, make_record):
    records = [make_record("lsh"), make_record("lsh", dataset="ucf101")]
    with pytest.raises(ssvh.SSVHError, match="A figure shows one dataset; these records are of moving-digits, ucf101"):
        draw(records)


# Order and looks


def test_rows_are_in_the_order_given_and_others_follow(records):
    (left, _) = plots.map_at_k(records, ["LSH", "missing", "ConMH"]).axes
    assert names(left) == ["LSH", "ConMH", "ITQ"]


def test_two_rows_of_the_same_name_are_refused(make_record):
    records = [make_record("conmh", label="mini"), make_record("s5vh", label="mini")]
    with pytest.raises(ssvh.SSVHError, match=r"Two rows are called 'mini' \(conmh, s5vh\)"):
        plots.map_at_k(records)


def test_in_a_crowd_the_systems_stand_out_and_the_others_are_thin_and_without_bands(make_record):
    methods = ["autossvh", "bth", "conmh", "dkph", "itq", "lsh", "pca", "s5vh", "sh"]
    (panel,) = plots.map_at_k([make_record(method, seed=seed) for method in methods for seed in (0, 1)]).axes
    thick = {line.get_label(): to_hex(line.get_color()) for line in panel.lines if line.get_linewidth() > 2}
    assert thick == dict(zip(("AutoSSVH", "S5VH", "ConMH"), map(to_hex, plots.COLOURS), strict=False))
    assert len(panel.collections) == 3
    assert sorted(written(panel)) == sorted(names(panel))
    assert len(names(panel)) == 9


def test_a_system_has_the_same_colour_whoever_else_is_shown(make_record):
    alone, among = (
        plots.map_at_k([make_record(method) for method in methods]).axes[0] for methods in (["conmh"], ["bth", "conmh"])
    )
    labelled = plots.map_at_k([make_record("conmh", label=label) for label in ("contrast only", "ConMH")]).axes[0]
    assert line(alone, "ConMH").get_color() == line(among, "ConMH").get_color() == line(labelled, "ConMH").get_color()
    assert line(among, "BTH").get_color() != line(among, "ConMH").get_color()


def test_a_variant_has_its_methods_colour_and_other_dashes(make_record):
    (panel,) = plots.map_at_k([make_record("s5vh"), make_record("s5vh", variant="released")]).axes
    paper, released = panel.lines
    assert paper.get_color() == released.get_color()
    assert paper.get_linestyle() != released.get_linestyle()


def test_more_labelled_rows_than_colours_still_differ(make_record):
    (panel,) = plots.map_at_k([make_record("conmh", label=f"row {number:02}") for number in range(16)]).axes
    assert len({(each.get_color(), each.get_linestyle(), each.get_marker()) for each in panel.lines}) == 16


# Names beside lines and points


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


def test_cost_places_each_row_at_its_means(records):
    left, _ = plots.cost(records).axes
    assert left.get_xscale() == "log"
    assert {each.get_label(): (each.get_xdata()[0], each.get_ydata()[0]) for each in left.lines} == {
        "ConMH": (25.0, pytest.approx(0.3)),
        "ITQ": (1.25, pytest.approx(0.35)),
        "LSH": (1.25, pytest.approx(0.1)),
    }
    assert sorted(written(left)) == ["ConMH", "ITQ", "LSH"]


def test_a_single_cutoff_and_a_row_without_it_can_be_drawn(make_record):
    records = [make_record("conmh") | {"map": {"5": 0.3}}, make_record("itq") | {"map": {}}]
    (panel,) = plots.map_at_k(records).axes
    assert written(panel) == ["ConMH"]
    assert not any(written(panel) for panel in plots.late_cutoffs(records).axes)


def test_rejection_needs_a_method_that_is_uncertain(records):
    with pytest.raises(ssvh.SSVHError, match="None of these methods knows how uncertain"):
        plots.rejection(records)


# Rows against the whole method


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


# Methods beside each other


def test_late_cutoffs_show_means_and_seeds_at_three_cutoffs(records):
    left, right = plots.late_cutoffs(records).axes
    np.testing.assert_allclose(line(left, "ConMH").get_data(), [[60, 80, 100], 0.3 * np.array([0.7, 0.6, 0.5])])
    assert len(points(left)) == 9  # ConMH's three seeds; single seeds are the line's own marks
    assert list(right.get_xticks()) == [60, 80, 100]


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


# During training, and as videos grow


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


def test_by_frames_has_logarithmic_axes_and_leaves_out_what_was_not_measured(make_record):
    record = {"dataset": "random features", "method": "s5vh", "variant": "paper", "preset": "small", "bits": 64}
    records = [
        record | {"label": "S5VH, mamba", "seed": seed, "frames": [25, 50, 100], "peak_bytes": [1e6, 2e6, 4e6],
                  "flops": [1e9, 2e9, 4e9], "seconds": [0.1 + seed, 0.2 + seed, 0.4 + seed]}
        for seed in (0, 1)
    ]  # fmt: skip
    short = {"label": "S5VH, rwkv", "seed": 0, "frames": [25, 50], "peak_bytes": [0, 9e6], "flops": [1e9, 4e9]}
    records.append(record | short)
    memory, operations, seconds = plots.by_frames(records).axes
    assert {scale for panel in (memory, operations, seconds) for scale in (panel.get_xscale(), panel.get_yscale())} == {
        "log"
    }
    np.testing.assert_allclose(line(memory, "S5VH, mamba").get_data(), [[25, 50, 100], [1, 2, 4]])
    np.testing.assert_allclose(line(memory, "S5VH, rwkv").get_data(), [[50], [9]])
    np.testing.assert_allclose(line(operations, "S5VH, rwkv").get_data(), [[25, 50], [1, 4]])
    assert names(seconds) == ["S5VH, mamba"]
    np.testing.assert_allclose(line(seconds, "S5VH, mamba").get_ydata(), [0.6, 0.7, 0.9])


# Codes


def test_maps_of_codes_have_a_row_for_each_projection_and_a_column_for_each_method(make_record):
    found = {"x": [0.0, 1.0, 2.0], "y": [3.0, 4.0, 5.0], "class": [0, 1, 1], "classes": ["zero", "one"]}
    records = [make_record("conmh", projection=projection, **found) for projection in ("UMAP", "t-SNE")]
    records += [
        make_record("itq", projection="t-SNE", **found),
        make_record("itq", seed=1, projection="t-SNE", **found),
    ]
    figure = plots.code_maps(records, ["ITQ", "ConMH"])
    upper, _, lower, _ = figure.axes
    assert [panel.get_title() for panel in figure.axes] == ["ITQ", "ConMH", "", ""]
    assert (upper.get_ylabel(), lower.get_ylabel()) == ("t-SNE", "UMAP")
    np.testing.assert_allclose(upper.collections[1].get_offsets(), [[1, 4], [2, 5]])
    assert written(lower) == ["—"]  # ITQ has no UMAP
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["zero", "one"]


def test_a_code_matrix_shows_signs_and_hamming_distances():
    signs = np.array([[1, 1, 1, 1], [1, 1, 1, -1], [-1, -1, -1, -1]])
    left, right, _ = plots.code_matrix(signs, "centres").axes
    np.testing.assert_array_equal(left.images[0].get_array(), signs)
    np.testing.assert_array_equal(right.images[0].get_array(), [[0, 1, 4], [1, 0, 3], [4, 3, 0]])
    assert right.get_title() == "at least 1, on average 2.7"
    assert plots.code_matrix(signs[:1]).axes[1].get_title() == "a single code"


def test_the_health_of_codes_is_a_bar_for_each_bit():
    health = code_health(ssvh.Codes.from_values(np.array([8 * [1.0], 4 * [1.0, -1.0]])))
    balance, entropy = plots.code_health({"toy": health}).axes
    assert [bar.get_height() for bar in balance.patches] == 4 * [1, 0.5]
    assert [bar.get_height() for bar in entropy.patches] == 4 * [0, 1]
    assert written(entropy) == ["2 different codes"]


def test_angles_are_held_against_random_hyperplanes():
    (panel,) = plots.angle_and_bits(np.array([0.0, 90.0]), np.array([0, 7]), 16).axes
    np.testing.assert_allclose(points(panel), [[0, 0], [90, 7]])
    np.testing.assert_allclose(np.interp(90, *panel.lines[0].get_data()), 8)


def test_a_reconstruction_shows_each_video_above_what_was_rebuilt_of_it(rng):
    true, nearest = rng.integers(0, 256, (2, 2, 3, 4, 4), dtype=np.uint8)
    visible = np.array([[True, False, True], [False, False, True]])
    own, rebuilt, *_ = plots.reconstruction(true, nearest, ["first", "second"], visible).axes
    np.testing.assert_allclose(own.images[0].get_array()[1:5, 1:5], true[0, 0])
    np.testing.assert_allclose(own.images[0].get_array()[1:5, 7:11], 255 - 0.25 * (255 - true[0, 1].astype(float)))
    np.testing.assert_allclose(rebuilt.images[0].get_array()[1:5, 7:11], nearest[0, 1])
    assert [bar.get_color() for bar in rebuilt.lines] == [plots.FILLER, plots.COLOURS[1], plots.FILLER]
    assert (written(own), written(rebuilt)) == (["first"], ["rebuilt"])


# What holds for all figures of targets

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
