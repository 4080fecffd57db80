"""Rows of one or several files are read lazily and exactly, and videos keep what belongs to them together."""

import pickle

import h5py
import numpy as np
import pytest
from dataset_files import set_feature

import ssvh_lib as ssvh
from ssvh_lib.data.features import VideoFeatures
from ssvh_lib.data.rows import StoredRows

SIZES = (5, 1, 4)  # videos in each of three shards


@pytest.fixture
def values(rng):
    return rng.standard_normal((10, 3, 4)).astype(np.float32)


@pytest.fixture
def shards(tmp_path, values):
    paths = []
    for number, part in enumerate(np.split(values, np.cumsum(SIZES)[:-1])):
        paths.append(tmp_path / f"shard{number}.h5")
        with h5py.File(paths[-1], "w") as file:
            file["feats"] = part
    return paths


def test_shards_read_as_one_array(shards, values):
    rows = StoredRows(shards, "feats")
    assert rows.shape == (10, 3, 4)
    np.testing.assert_array_equal(rows[:], values)


@pytest.mark.parametrize(
    "index",
    [
        [7, 2, 9, 0],  # unsorted
        [3, 3, 8, 3, 8],  # repeated
        [4, 5, 6],  # the last of the first shard, the only one of the second, the first of the third
        [0, 9],  # far apart, so that rows are not read as one block
        [-1, -10],
        [],
    ],
)
def test_rows_come_in_the_order_asked_for(shards, values, index):
    index = np.array(index, int)
    np.testing.assert_array_equal(StoredRows(shards, "feats")[index], values[index])


@pytest.mark.parametrize("index", [slice(3, 8), slice(None, None, -2), slice(5, 5), np.arange(10) % 3 == 0])
def test_slices_and_masks_select_rows_as_numpy_does(shards, values, index):
    np.testing.assert_array_equal(StoredRows(shards, "feats")[index], values[index])


def test_stored_rows_can_be_sent_to_another_process(shards, values):
    rows = StoredRows(shards, "feats")
    assert len(rows[:2]) == 2  # the files are open now
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(rows))[4:7], values[4:7])  # noqa: S301 - our own bytes


def test_only_the_rows_asked_for_are_read(shards, values):
    set_feature(shards[2], (3, 0, 0), np.nan)
    rows = StoredRows(shards, "feats")
    np.testing.assert_array_equal(rows[:9], values[:9])
    np.testing.assert_array_equal(rows[np.array([0, 8])], values[[0, 8]])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_row_with_nan_or_infinity_is_named_with_its_file(shards, bad):
    set_feature(shards[2], (3, 1, 2), bad)
    with pytest.raises(ssvh.SSVHError, match=r"shard2\.h5: 'feats' holds NaN, infinity .* in row 3\. .* remove it"):
        StoredRows(shards, "feats")[:]


def test_shards_of_different_shapes_are_refused(shards, tmp_path):
    with h5py.File(shards[1], "w") as file:
        file["feats"] = np.zeros((1, 3, 5))
    with pytest.raises(ssvh.SSVHError, match=r"shard1\.h5.*different shapes.*\(1, 3, 5\)"):
        StoredRows(shards, "feats")


def test_batches_are_all_videos_in_order(values):
    videos = VideoFeatures(values.astype(np.float64), np.ones((10, 1), np.uint8), tuple("abcdefghij"))
    batches = list(videos.batches(4))
    assert [len(batch) for batch in batches] == [4, 4, 2]
    assert {batch.dtype for batch in batches} == {np.dtype(np.float32)}
    np.testing.assert_array_equal(np.concatenate(batches), values)


def test_a_part_of_the_videos_keeps_everything_together(values):
    informative, thumbnails = values[..., 0] > 0, np.arange(10 * 3).reshape(10, 3, 1, 1)
    labels = np.eye(10, dtype=np.uint8)
    part = VideoFeatures(values, labels, tuple("abcdefghij"), informative, thumbnails).part(np.array([7, 2]))
    assert part.ids == ("h", "c")
    for got, whole in zip(
        (part.features, part.labels, part.informative, part.thumbnails),
        (values, labels, informative, thumbnails),
        strict=True,
    ):
        np.testing.assert_array_equal(got, whole[[7, 2]])


def test_videos_in_memory_are_those_of_the_files_whatever_the_slabs(shards, values, monkeypatch):
    lazy = VideoFeatures.unlabelled(StoredRows(shards, "feats"))
    assert (lazy.labels.shape, len(lazy), lazy.held) == ((10, 0), 10, False)
    for slab in (1, 3 * 4 * 3 * 4, 1 << 20):  # bytes: a video at a time, three, all
        monkeypatch.setattr("ssvh_lib.data.features._SLAB", slab)
        held = lazy.in_memory()
        assert held.held
        np.testing.assert_array_equal(held.features, values)
