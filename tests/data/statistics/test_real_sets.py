"""The facts about real sets: they can be computed again from the files, and mark what is unlike them."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import ssvh_lib as ssvh
from ssvh_lib.data.statistics import MEASURES, as_csv, outside, range_of, real_sets
from ssvh_lib.data.statistics.real_sets import read_csv

FILES = Path(__file__).resolve().parents[4] / "shared" / "data"
PENN_ACTION = """
name = "Penn Action"
[train]
features = ["penn_train_feats.h5"]
labels = "penn_train_labels.mat"
[query]
features = ["penn_test_feats.h5"]
labels = "penn_test_labels.mat"
"""
MEASURE = {measure.key: measure for measure in MEASURES}
UCF10, PENN = real_sets()


@pytest.mark.parametrize("name", ["ucf10", "penn_action"])
def test_the_facts_are_what_the_files_give(name, tmp_path):
    if not (FILES / name).is_dir():
        pytest.skip(f"the features of {name} are not on this machine ({FILES / name})")
    shutil.copytree(FILES / name, tmp_path / name)
    toml = tmp_path / name / "dataset.toml"
    if not toml.is_file():
        toml.write_text(PENN_ACTION)
    found = ssvh.describe(ssvh.load_dataset(name, tmp_path))
    known = next(one for one in real_sets() if one.name == found.name)
    assert found.heading() == known.heading()
    for measure in MEASURES:
        one, other = getattr(found, measure.key), getattr(known, measure.key)
        assert one == (other if other is None else pytest.approx(other, abs=2e-4, rel=1e-4)), measure.key


def test_every_real_set_says_where_its_videos_come_from():
    assert [one.name for one in real_sets()] == ["ucf10", "Penn Action"]
    assert "UCF101" in UCF10.source
    assert "2,326 clips" in PENN.source
    assert PENN.videos + PENN.queries == 2326
    assert UCF10.videos + UCF10.queries == 740


def test_shares_of_the_real_sets_sum_to_one():
    for one in real_sets():
        assert one.class_share + one.video_share + one.within_share == pytest.approx(1, abs=1e-5)


def test_the_range_goes_from_the_smallest_to_the_largest_real_set():
    assert range_of("within_share") == (UCF10.within_share, PENN.within_share)
    assert range_of("hardness_informative") is None


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("within_share", 0.3, 0),
        ("within_share", 0.2, -1),
        ("within_share", 0.4, 1),
        ("within_share", UCF10.within_share - 1e-6, 0),  # as printed, it is the same
        ("informative_share", 0.5, 0),  # not known of any real set
        ("blank_frames", 0.5, 1),
    ],
)
def test_a_value_is_outside_the_range_as_printed(key, value, expected):
    assert outside(MEASURE[key], value) == expected


def test_statistics_written_as_csv_are_read_again(tmp_path):
    odd = replace(UCF10, name='of "two", 1', within_share=None, notes=("One.", "Two."), dimensions_90=12345.0)
    path = tmp_path / "found.csv"
    path.write_text(as_csv([odd, PENN]))
    again = read_csv(path)
    assert again == (replace(odd, notes=("One. Two.",)), PENN)
    assert as_csv(again) == path.read_text()


@pytest.mark.parametrize("damage", [("within_share", "share"), ("528", "many"), ("0.239", "x")])
def test_another_table_is_refused(tmp_path, damage):
    path = tmp_path / "found.csv"
    path.write_text(as_csv([UCF10]).replace(*damage))
    with pytest.raises(ssvh.SSVHError, match=r"found.csv is not a table of statistics.*`ssvh data describe NAME --csv"):
        read_csv(path)


def test_a_table_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ssvh.SSVHError, match=r"absent.csv is not a table of statistics.*No such file"):
        read_csv(tmp_path / "absent.csv")
