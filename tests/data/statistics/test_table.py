"""The table as it is printed: numbers as the field writes them, marks, and reasons for gaps."""

from dataclasses import replace

import pytest

from ssvh_lib.data.statistics import MEASURES, real_sets, table

UCF10, PENN = real_sets()
ODD = replace(
    UCF10, name="odd", within_share=0.9, class_share=0.05, hardness_class=-0.2, other_video_cosine=-0.0001, missing={
        "hardness_informative": "not recorded", "informative_share": "not recorded", "mean_accuracy": "no labels",
    }, mean_accuracy=None, notes=("Only a sample was seen.",),
)  # fmt: skip


def row(text, label):
    line = next(line for line in text.splitlines() if line.strip().startswith(label))
    return line.replace(label, "", 1).split()


def test_values_stand_beside_the_real_sets_with_marks_outside_their_range():
    text = table([ODD])
    assert text.startswith("odd: 528 training videos x 25 frames x 1,280 values, 10 classes; 212 queries\n")
    assert row(text, "within a video") == [".900", "▲", "│", ".239", ".347"]
    assert row(text, "between classes") == [".050", "▼", "│", ".115", ".246"]
    assert row(text, "neighbouring frames") == [".843", "│", ".843", ".924"]
    assert row(text, "correlation with class evidence") == ["−.200", "▼", "│", "+.001", "+.051"]
    assert row(text, "frames of different videos") == [".000", "│", "−.001", "+.007"]
    assert row(text, "by the mean frame") == ["—", "│", ".533", ".881"]
    assert row(text, "blank frames") == ["0.0", "%", "│", "0.0", "%", "<", "0.1", "%"]


def test_the_table_says_what_was_sampled_and_what_is_missing():
    lines = table([ODD, PENN]).splitlines()
    assert "odd: Only a sample was seen." in lines
    assert "odd: no value for correlation with informative, informative frames: not recorded." in lines
    assert "odd: no value for by the mean frame: no labels." in lines
    assert any(line.startswith("- ucf10: 740 clips") for line in lines)


def test_all_columns_are_aligned():
    lines = table([ODD, replace(PENN, name="a name longer than any value")]).splitlines()
    rows = [line for line in lines if "│" in line]
    assert len(rows) == len(MEASURES) + 1
    assert len({line.index("│") for line in rows}) == 1
    assert all(line == line.rstrip() for line in lines)
    assert max(map(len, lines[: len(rows)])) < 120


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("within_share", 1.0, "1.000"), ("neighbour_cosine", -0.25, "−.250"), ("hardness_class", 1.0, "+1.000"),
        ("hardness_class", -1.0, "−1.000"), ("hardness_class", 0.0, ".000"), ("blank_frames", 0.0004, "< 0.1 %"),
        ("blank_frames", 1.0, "100.0 %"), ("effective_dimensions", 1234.5, "1,234"), ("dimensions_90", 3.0, "3"),
        ("effective_dimensions", 7.89, "7.9"),
    ],
)  # fmt: skip
def test_numbers_as_they_are_printed(key, value, expected):
    write = next(measure.write for measure in MEASURES if measure.key == key)
    assert write(value) == expected
