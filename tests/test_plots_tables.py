"""Tables and figures as pure functions of results: the right numbers in the right cells, lines and bars."""

import re
from io import StringIO

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

import ssvh_lib as ssvh
from ssvh_lib import plots, tables

MEASURES = ["mAP@5", "mAP@20", "mAP@40", "mAP@60", "mAP@80", "mAP@100", "GMAP", "GMAP (L2)"]
SPREAD = ((0.1**2 + 0.05**2 + 0.15**2) / 2) ** 0.5  # of .2, .25 and .45 about .3


@pytest.fixture
def records(make_record):
    """At 16 bits ConMH .3 ± .13 over three seeds, ITQ .35 and LSH .1 once; at 32 bits one run of each."""
    return [
        make_record("conmh", 16, seed=0, at20=0.2, seconds=20.0),
        make_record("conmh", 16, seed=1, at20=0.25, seconds=30.0),
        make_record("conmh", 16, seed=2, at20=0.45, seconds=25.0),
        make_record("itq", 16, at20=0.35),
        make_record("lsh", 16, at20=0.1),
        make_record("conmh", 32, at20=0.5),
        make_record("itq", 32, at20=0.45),
        make_record("lsh", 32, at20=0.25),
    ]


@pytest.fixture(autouse=True)
def _no_figure_is_left_open():
    yield
    plt.close("all")


# The main table


def test_rows_are_ordered_by_code_length_and_then_from_worst_to_best(records):
    table = tables.main_table(records[::-1])
    assert list(table.columns) == ["bits", "method", *MEASURES, "seeds", "seconds", "parameters", "videos/s"]
    assert list(zip(table["bits"], table["method"], strict=True)) == [
        (16, "LSH"),
        (16, "ConMH"),
        (16, "ITQ"),
        (32, "LSH"),
        (32, "ITQ"),
        (32, "ConMH"),
    ]


def test_cells_are_mean_and_spread_over_seeds_with_the_best_in_bold(records):
    table = tables.main_table(records)
    assert list(table["mAP@20"]) == [".100", ".300 ± .132", "**.350**", ".250", ".450", "**.500**"]
    assert list(table["mAP@5"]) == [".150", ".450 ± .198", "**.525**", ".375", ".675", "**.750**"]
    assert list(table["seeds"]) == [1, 3, 1, 1, 1, 1]
    assert list(table["seconds"]) == ["1.2", "25.0", "1.2", "1.2", "1.2", "1.2"]


def test_costs_are_readable(make_record):
    trained, classical = make_record("conmh") | {"parameters": 590080}, make_record("lsh", at20=0.1) | {"parameters": 0}
    table = tables.main_table([trained, classical | {"encoded_per_second": 123456}]).set_index("method")
    assert list(table["parameters"].loc[["ConMH", "LSH"]]) == ["590,080", "—"]
    assert table["videos/s"]["LSH"] == "120,000"


def test_at_a_glance_there_is_one_row_a_method(records):
    table = tables.glance(records[::-1])
    assert list(table.columns) == ["method", "16 bits", "32 bits", "seeds", "seconds", "parameters", "videos/s"]
    assert list(table["method"]) == ["LSH", "ITQ", "ConMH"]
    assert list(table["16 bits"]) == [".100", "**.350**", ".300 ± .132"]
    assert list(table["32 bits"]) == [".250", ".450", "**.500**"]
    assert list(tables.glance(records, order=["ITQ", "ConMH"])["method"]) == ["ITQ", "ConMH", "LSH"]


def test_each_measure_has_a_best_of_its_own(make_record):
    first, second = make_record("itq"), make_record("lsh", at20=0.19)
    second["map"]["5"] = 1.0
    table = tables.main_table([first, second]).set_index("method")
    assert list(table["mAP@5"].loc[["ITQ", "LSH"]]) == [".300", "**1.000**"]
    assert list(table["mAP@20"].loc[["ITQ", "LSH"]]) == ["**.200**", ".190"]


def test_equal_bests_are_both_bold(make_record):
    table = tables.main_table([make_record("itq"), make_record("lsh")])
    assert list(table["mAP@20"]) == ["**.200**", "**.200**"]


def test_values_of_one_and_more_keep_their_digits(make_record):
    table = tables.main_table([make_record(gmap_l2=1.25, gmap=0.001)])
    assert table["GMAP (L2)"].item() == "**1.250**"
    assert table["GMAP"].item() == "**.001**"


def test_a_variant_other_than_the_papers_is_named(make_record):
    released = make_record("conmh", variant="released", at20=0.1)
    table = tables.main_table([released, make_record("conmh"), make_record("some_new_method", at20=0.3)])
    assert list(table["method"]) == ["ConMH (released)", "ConMH", "some_new_method"]


def test_each_dataset_has_a_best_of_its_own_and_is_named_where_there_are_several(make_record):
    table = tables.main_table([make_record(at20=0.2), make_record(at20=0.1, dataset="ucf101")])
    assert list(table["dataset"]) == ["moving-digits", "ucf101"]
    assert list(table["mAP@20"]) == ["**.200**", "**.100**"]


# Its forms


def test_markdown_has_one_line_a_row_and_the_note_below(records):
    table = tables.main_table(records)
    lines = tables.to_markdown(table, "Read with care.").split("\n")
    assert lines[0] == "| bits | method | " + " | ".join(MEASURES) + " | seeds | seconds | parameters | videos/s |"
    assert lines[1] == "|" + " --- |" * table.shape[1]
    assert lines[4].startswith("| 16 | ITQ | **.525** | **.350** | ")
    assert lines[8:] == ["", "Read with care.", ""]
    assert {line.count("|") for line in lines[:8]} == {table.shape[1] + 1}
    assert tables.to_markdown(table).endswith("|\n")


def test_latex_is_a_booktabs_tabular(records):
    table = tables.main_table(records)
    text = tables.to_latex(table, "Read with care.")
    assert text.startswith("% Read with care.\n\\begin{tabular}{rl" + "r" * 12 + "}\n\\toprule\n")
    assert text.endswith("\\bottomrule\n\\end{tabular}\n")
    assert r"16 & ITQ & \textbf{.525} & \textbf{.350} & " in text
    assert r"16 & ConMH & .450 $\pm$ .198 & .300 $\pm$ .132 & " in text
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert [row.count("&") for row in rows] == [13] * 7
    assert not re.search(r"[*±]", text)


def test_latex_escapes_the_underscore_of_a_name(make_record):
    text = tables.to_latex(tables.main_table([make_record("my_method")]))
    assert r"16 & my\_method & " in text


def test_csv_has_the_unrounded_numbers(records):
    read = pd.read_csv(StringIO(tables.to_csv(records))).set_index(["method", "bits"])
    assert len(read) == 6
    assert read.loc[("conmh", 16), "mAP@5"] == pytest.approx(0.45)
    assert read.loc[("conmh", 16), "mAP@5 std"] == pytest.approx(1.5 * SPREAD, rel=1e-5)
    assert np.isnan(read.loc[("itq", 16), "mAP@5 std"])
    assert read.loc[("conmh", 16), "seeds"] == 3
    assert read.loc[("lsh", 32), "GMAP (L2)"] == pytest.approx(records[-1]["gmap_l2"], rel=1e-5)


def test_all_forms_are_written_and_the_order_of_records_does_not_matter(records, tmp_path):
    paths = tables.write(records, tmp_path / "new" / "folder" / "main")
    assert [path.name for path in paths] == ["main.md", "main.csv", "main.tex"]
    first = [path.read_bytes() for path in paths]
    assert tables.caption(records).encode() in first[0]
    assert [path.read_bytes() for path in tables.write(records[::-1], tmp_path / "new" / "folder" / "main")] == first
    assert len(list((tmp_path / "new" / "folder").iterdir())) == 3


def test_the_caption_says_which_data_and_conventions(make_record):
    conventions = {"divide_by": "hits", "ties": "expected", "self_match": "include"}
    text = tables.caption([make_record(conventions=conventions), make_record(dataset="ucf101")])
    for words in ("moving-digits, ucf101", "divided by hits", "ties are expected", "self-matches: include"):
        assert words in text


# Figures


def test_saving_the_same_figure_twice_gives_the_same_bytes(records, tmp_path):
    for name in ("a", "b"):
        paths = plots.save(plots.map_at_k(records), tmp_path / name / "map")
        assert [path.name for path in paths] == ["map.svg", "map.png"]
    for suffix in ("svg", "png"):
        first, second = ((tmp_path / name / f"map.{suffix}").read_bytes() for name in ("a", "b"))
        assert len(first) > 5000
        assert first == second
        assert b"Matplotlib v" not in first
        assert b"<dc:date>" not in first
    assert len(list(tmp_path.rglob("*.*"))) == 4


def test_saving_replaces_an_old_figure_and_closes_the_new_one(records, tmp_path):
    old = [path.read_bytes() for path in plots.save(plots.map_at_k(records[:1]), tmp_path / "map")]
    figure = plots.map_at_k(records)
    paths = plots.save(figure, tmp_path / "map")
    assert not plt.fignum_exists(figure.number)
    assert all(path.read_bytes() != before for path, before in zip(paths, old, strict=True))


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
    assert [text.get_text() for text in left.figure.legends[0].get_texts()] == ["ConMH", "ITQ", "LSH"]
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
    left, _ = plots.map_at_k(records).axes
    for band, at20, spread in zip(left.collections, (0.3, 0.35, 0.1), (SPREAD, 0.0, 0.0), strict=True):
        corners = band.get_paths()[0].vertices
        heights = corners[corners[:, 0] == 20, 1]
        assert heights.min() == pytest.approx(at20 - spread)
        assert heights.max() == pytest.approx(at20 + spread)


def test_variants_of_a_method_have_lines_of_their_own(make_record):
    (panel,) = plots.map_at_k([make_record("conmh"), make_record("conmh", variant="released")]).axes
    assert [line.get_label() for line in panel.lines] == ["ConMH", "ConMH (released)"]


def test_precision_recall_averages_seeds_where_precision_is_defined(make_record):
    recall = [0.0, 0.5, 1.0]
    first = make_record(seed=0, precision=[None, 0.8, 0.2], recall=recall)
    second = make_record(seed=1, precision=[1.0, 0.6, 0.4], recall=recall)
    (panel,) = plots.precision_recall([first, second]).axes
    (line,) = panel.lines
    np.testing.assert_allclose(line.get_xdata(), recall)
    np.testing.assert_allclose(line.get_ydata(), [1.0, 0.7, 0.3])


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
