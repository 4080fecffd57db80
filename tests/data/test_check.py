"""The report on a dataset's files: hand-made files with one thing wrong, each found and counted."""

import re
from dataclasses import FrozenInstanceError, replace

import h5py
import numpy as np
import pytest
from dataset_files import set_feature
from scipy.io import savemat

import ssvh_lib as ssvh
from ssvh_lib.data import check, halve
from ssvh_lib.data.check import check_dataset
from ssvh_lib.data.published import PUBLISHED, Part


@pytest.fixture
def folder(tmp_path, make_dataset):
    """12 + 6 videos of 4 frames x 8 values in three classes, in which nothing is wrong."""
    return make_dataset(tmp_path / "mine")


@pytest.fixture
def report(folder):
    return lambda: check_dataset("mine", folder.parent)


def test_a_dataset_without_fault_has_no_problems_and_its_numbers(report, folder, tree):
    before = tree(folder)
    found = report()
    assert found.problems == []
    assert found.text() == (
        f"mine in {folder}\n"
        "  Taken for what its dataset.toml says.\n"
        "  train     12 videos x 4 frames x 8 values, float32; "
        "3 classes, 1.00 labels a video (33.33% of the table), 0 videos without a label\n"
        "            0 videos with NaN or infinity, 0 frames of zeros, 0 frames of one value, "
        "0 videos that equal an earlier one\n"
        "  database  the same videos as train\n"
        "  query     6 videos x 4 frames x 8 values, float32; "
        "3 classes, 1.00 labels a video (33.33% of the table), 0 videos without a label\n"
        "            0 videos with NaN or infinity, 0 frames of zeros, 0 frames of one value, "
        "0 videos that equal an earlier one\n"
        "  0 train videos are in query too\n"
        "No problems."
    )
    assert tree(folder) == before
    with pytest.raises(FrozenInstanceError):
        found.name = "other"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_videos_with_nan_or_infinity_are_counted_and_named(report, folder, bad):
    for row in (3, 9):
        set_feature(folder / "train_feats.h5", (row, 1, 2), bad)
    found = report()
    assert found.parts["train"].contents.bad_videos == (3, 9)
    assert found.problems == [
        "train: 2 videos hold NaN or infinity, in rows 3, 9. Extract their features again, or remove them."
    ]


def test_a_value_beyond_float32_is_infinite(report, folder):
    with h5py.File(folder / "train_feats.h5", "r+") as file:
        values = file["feats"][:].astype(np.float64)
        values[4, 0, 0] = 1e300
        del file["feats"]
        file["feats"] = values
    assert report().parts["train"].contents.bad_videos == (4,)


def test_blank_frames_are_counted(report, folder):
    set_feature(folder / "query_feats.h5", (0, slice(0, 3)), 0)
    set_feature(folder / "query_feats.h5", (1, 2), 0.25)
    found = report()
    assert (found.parts["query"].contents.zero_frames, found.parts["query"].contents.constant_frames) == (3, 1)
    assert found.problems == ["query: 4 frames are all of one value, as if blank."]


def test_duplicates_within_a_set_and_between_sets_are_counted(report, folder):
    with h5py.File(folder / "train_feats.h5", "r+") as train, h5py.File(folder / "query_feats.h5", "r+") as query:
        train["feats"][5] = train["feats"][2]
        query["feats"][4] = train["feats"][7]
        query["feats"][1] = train["feats"][2]
    found = report()
    assert found.parts["train"].contents.duplicates == 1
    assert found.shared == {("train", "query"): 3}  # 2, 5 and 7
    assert found.problems == ["query: 2 of them lie in the database too, bit for bit, and would find themselves."]


def test_duplicates_are_found_across_types_of_numbers(report, folder):
    with h5py.File(folder / "query_feats.h5", "r+") as query:
        values = query["feats"][:].astype(np.float16)
        del query["feats"]
        query["feats"] = values
    with h5py.File(folder / "train_feats.h5", "r+") as train:
        train["feats"][3] = values[2]
    assert report().shared == {("train", "query"): 1}


def test_queries_that_should_be_the_database_are_compared_row_by_row(report, folder):
    text = (folder / "dataset.toml").read_text()
    (folder / "dataset.toml").write_text("query_in_database = true\n" + text)
    assert report().problems == ["query: query_in_database is set, but query i is not database item i for every i."]
    with h5py.File(folder / "train_feats.h5", "r+") as train, h5py.File(folder / "query_feats.h5") as query:
        train["feats"][:6] = query["feats"][:]
    assert report().problems == []


def test_labels_are_described_and_videos_without_any_are_named(report, folder):
    labels = np.zeros((6, 3))
    labels[0] = 1
    labels[1, 0] = 1
    savemat(folder / "query_labels.mat", {"labels": labels})
    found = report()
    assert "3 classes, 0.67 labels a video (22.22% of the table), 4 videos without a label" in found.text()
    assert found.problems == [
        "query: 4 videos have no label, so that nothing is relevant to them.",
        "query: nothing in the database is relevant to 4 of them.",
    ]


def test_queries_of_a_class_that_the_database_lacks_are_counted(report, folder):
    savemat(folder / "train_labels.mat", {"labels": np.eye(3)[np.arange(12) % 2]})
    assert report().problems == ["query: nothing in the database is relevant to 2 of them."]


def test_labels_for_another_number_of_videos_are_a_problem(report, folder):
    savemat(folder / "train_labels.mat", {"labels": np.eye(3)[np.arange(11) % 3]})
    assert report().problems == ["train: 12 videos have features, 11 have labels."]


def test_missing_files_are_named_and_the_others_are_checked(report, folder):
    (folder / "query_feats.h5").unlink()
    found = report()
    assert found.problems == [f"{folder / 'query_feats.h5'} is missing."]
    assert found.parts["train"].contents.shape == (12, 4, 8)
    assert "\n  query     cannot be read\n" in found.text()
    assert found.text().endswith(f"1 problem:\n  - {folder / 'query_feats.h5'} is missing.")


def test_missing_labels_leave_the_features_checked(report, folder):
    (folder / "query_labels.mat").unlink()
    found = report()
    assert found.problems == [f"{folder / 'query_labels.mat'} is missing."]
    assert found.parts["query"].contents.shape == (6, 4, 8)
    assert found.parts["query"].labels is None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train_feats.h5", b"<html>404", r"train_feats\.h5 is not a whole HDF5 file"),
        ("query_labels.mat", b"0 1 0", r"query_labels\.mat is not a MATLAB 5 file"),
    ],
)
def test_damaged_files_are_problems_with_the_reason(report, folder, name, content, message):
    (folder / name).write_bytes(content)
    (problem,) = report().problems
    assert re.search(message, problem)


def test_features_of_the_wrong_rank_are_a_problem(report, folder):
    with h5py.File(folder / "train_feats.h5", "w") as file:
        file["feats"] = np.zeros((12, 8))
    assert report().problems == ["train: features must have three axes (videos, frames, size), got (12, 8)."]


def test_a_file_in_long_chunks_is_slow_to_read_and_said_so(report, folder, monkeypatch):
    monkeypatch.setattr(check, "BLOCK", 4 * 4 * 4 * 8)  # four videos
    with h5py.File(folder / "train_feats.h5", "r+") as file:
        values = file["feats"][:]
        del file["feats"]
        file.create_dataset("feats", data=values, chunks=(12, 1, 8))
    assert report().parts["train"].contents.chunk == 12
    (problem,) = report().problems
    assert problem.startswith(
        "train: the file is stored in chunks that span 12 videos, so that reading a few decodes many"
    )


def test_slabs_change_nothing(report, folder, monkeypatch):
    set_feature(folder / "train_feats.h5", (11, 1, 2), np.nan)
    whole = report()
    monkeypatch.setattr(check, "_SLAB", 5 * 4 * 4 * 8)  # five videos at a time
    assert report().text() == whole.text()
    assert report().parts["train"].contents == whole.parts["train"].contents


# Published datasets


@pytest.fixture
def tiny_fcvid(tmp_path, rng, monkeypatch):
    """FCVID with 7 + 5 videos of 3 frames x 4 values and 2 classes, published so, in its folder."""
    test = Part(5, ("fcv_test_feats.h5",), ("fcv_test_labels.mat",))
    facts = {"frames": 3, "size": 4, "classes": 2, "train": Part(7, ("fcv_train_feats.h5",)), "database": test}
    monkeypatch.setitem(PUBLISHED, "fcvid", replace(PUBLISHED["fcvid"], **facts, query=test))
    folder = tmp_path / "fcv"
    folder.mkdir()
    for name, count in (("train", 7), ("test", 5)):
        with h5py.File(folder / f"fcv_{name}_feats.h5", "w") as file:
            file["feats"] = rng.standard_normal((count, 3, 4)).astype(np.float32)
    savemat(folder / "fcv_test_labels.mat", {"labels": np.eye(2)[[0, 1, 0, 1, 1]]})
    return folder


def test_published_files_as_expected_have_no_problems(tiny_fcvid):
    found = check_dataset("fcvid", tiny_fcvid.parent)
    assert found.problems == []
    assert "\n  train     7 videos x 3 frames x 4 values, float32; no labels\n" in found.text()
    assert "\n  query     the same videos as database\n" in found.text()
    assert "\n  Note: Every database video is a query too.\n" in found.text()


@pytest.mark.parametrize("halved", [False, True])
def test_other_numbers_than_the_published_are_problems(tiny_fcvid, monkeypatch, halved):
    monkeypatch.setitem(PUBLISHED, "fcvid", replace(PUBLISHED["fcvid"], frames=25, classes=239))
    name = halve.halve("fcvid", tiny_fcvid.parent / "half", tiny_fcvid.parent).name if halved else "fcvid"
    found = check_dataset(name, tiny_fcvid.parent)
    assert found.name == "fcvid"
    assert found.problems == [
        "train: expected 7 x 25 x 4 as published, found 7 x 3 x 4.",
        "database: expected 5 x 25 x 4 as published, found 5 x 3 x 4.",
        "database: expected 239 classes as published, found 2.",
    ]


def test_missing_published_files_are_named_with_content_and_source(tiny_fcvid):
    (tiny_fcvid / "fcv_test_labels.mat").unlink()
    assert check_dataset("fcvid", tiny_fcvid.parent).problems == [
        f"{tiny_fcvid / 'fcv_test_labels.mat'} is missing. It should hold 'labels' 5 x 2 of 0 and 1 in a MATLAB 5 file "
        "(database).",
        "The authors publish them at https://pan.baidu.com/s/1v0qo4PtiZgFB9iLmj3sJIg?pwd=0000 "
        "(linked from https://github.com/gimpong/AAAI25-S5VH#readme, section 2.2).",
    ]


@pytest.mark.parametrize("name", ["activitynet", "fcvid", "hmdb51", "ucf101", "yfcc"])
def test_nothing_there_is_a_report_too(tmp_path, name):
    found = check_dataset(name, tmp_path)
    assert len(found.problems) == len(PUBLISHED[name].files()) + 1
    assert found.text().count("cannot be read") == len({id(part) for part in found.parts.values()})


def test_an_embedded_dataset_can_be_checked(smoke):
    assert check_dataset("moving-digits-smoke", smoke.root.parent).problems == []


def test_an_unknown_name_is_no_report(tmp_path):
    with pytest.raises(ssvh.SSVHError, match=r"no dataset called 'fcvids'\. Did you mean 'fcvid'"):
        check_dataset("fcvids", tmp_path)
