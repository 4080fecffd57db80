"""A dataset in half precision: the same rounded, made again when the files change, and nothing else touched."""

import h5py
import numpy as np
import pytest

import ssvh_lib as ssvh
from ssvh_lib.data import halve
from ssvh_lib.data.rows import StoredRows


@pytest.fixture
def folder(tmp_path, make_dataset):
    return make_dataset(tmp_path / "mine")


def test_a_halved_dataset_is_the_same_dataset_rounded(folder, tmp_path):
    whole = ssvh.load_dataset("mine", tmp_path)
    assert halve.halve("mine", tmp_path / "half", tmp_path) == tmp_path / "half"
    half = ssvh.load_dataset("half", tmp_path)
    assert (half.name, half.classes, half.preset) == (whole.name, whole.classes, whole.preset)
    assert half.fingerprint != whole.fingerprint
    for part, videos in whole.parts().items():
        copy = half.parts()[part]
        np.testing.assert_array_equal(copy.read(), videos.read().astype(np.float16))
        np.testing.assert_array_equal(copy.labels, videos.labels)
    assert StoredRows([tmp_path / "half" / "train_feats.h5"], "feats").dtype == np.float16


def test_halving_again_does_nothing_until_the_files_change(folder, tmp_path, tree):
    halve.halve("mine", tmp_path / "half", tmp_path)
    before = tree(tmp_path / "half")
    halve.halve("mine", tmp_path / "half", tmp_path)
    assert tree(tmp_path / "half") == before
    with h5py.File(folder / "train_feats.h5", "r+") as file:
        file["feats"][0, 0, 0] = 0.5
    halve.halve("mine", tmp_path / "half", tmp_path)
    assert ssvh.load_dataset("half", tmp_path).train.read()[0, 0, 0] == 0.5


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1e5, r"holds a value beyond float16, which ends at 65,504, in row 5\."),
        (np.nan, r"holds NaN, infinity .* in row 5\."),
    ],
)
def test_values_that_float16_cannot_hold_are_refused_and_nothing_is_left(folder, tmp_path, value, message):
    with h5py.File(folder / "train_feats.h5", "r+") as file:
        file["feats"][5, 1, 2] = value
    with pytest.raises(ssvh.SSVHError, match=r"train_feats\.h5: .*" + message):
        halve.halve("mine", tmp_path / "half", tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["mine"]


def test_what_a_killed_process_left_is_removed(folder, tmp_path):
    (tmp_path / ".half-0badf00d").mkdir()
    halve.halve("mine", tmp_path / "half", tmp_path)
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"mine", "half"}


def test_an_interrupted_copy_leaves_the_old_one(folder, tmp_path, tree, monkeypatch):
    halve.halve("mine", tmp_path / "half", tmp_path)
    before = tree(tmp_path / "half")
    with h5py.File(folder / "query_feats.h5", "r+") as file:
        file["feats"][0] = 0

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(halve, "convert", interrupt)
    with pytest.raises(KeyboardInterrupt):
        halve.halve("mine", tmp_path / "half", tmp_path)
    assert tree(tmp_path / "half") == before
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"mine", "half"}


def test_other_peoples_folders_are_not_replaced(folder, tmp_path, tree):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("four years of work")
    before = tree(tmp_path)
    with pytest.raises(ssvh.SSVHError, match="thesis holds something other than a halved dataset"):
        halve.halve("mine", tmp_path / "thesis", tmp_path)
    with pytest.raises(ssvh.SSVHError, match="mine is the folder of the dataset itself"):
        halve.halve("mine", folder, tmp_path)
    assert tree(tmp_path) == before


def test_a_disk_that_is_too_small_is_named_before_anything_is_written(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 100})())
    with pytest.raises(ssvh.SSVHError, match=r"has 0 kB free, the copy needs 1 kB\. Name one on another disk"):
        halve.halve("mine", tmp_path / "half", tmp_path)
    assert not (tmp_path / "half").exists()
