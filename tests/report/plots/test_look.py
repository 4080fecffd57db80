"""The look: equal figures are equal files, and a method has its colour and marker wherever it is drawn."""

import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import to_hex
from panels import line, names, written

import ssvh_lib as ssvh
from ssvh_lib.report import plots

SPREAD = ((0.1**2 + 0.05**2 + 0.15**2) / 2) ** 0.5  # of .2, .25 and .45 about .3


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


def test_a_figure_can_be_saved_as_png(records, tmp_path):
    for name in ("a.png", "b.png"):
        assert plots.save(plots.map_at_k(records), tmp_path / name) == tmp_path / name
    first, second = ((tmp_path / name).read_bytes() for name in ("a.png", "b.png"))
    assert first.startswith(b"\x89PNG")
    assert b"Matplotlib" not in first
    assert first == second


def test_a_figure_cannot_be_saved_below_a_file(records, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ssvh.SSVHError, match="cannot be written"):
        plots.save(plots.map_at_k(records), tmp_path / "file" / "map")


def test_the_style_of_figures_does_not_leak(records):
    before = dict(plt.rcParams)
    plots.map_at_k(records)
    assert dict(plt.rcParams) == before


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


def test_colours_differ_and_there_is_a_marker_for_each():
    assert len({to_hex(colour) for colour in plots.COLOURS}) == len(plots.COLOURS) == len(set(plots.MARKERS))


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
