"""Videos stored one by one, and gathered into the files of a dataset."""

import h5py
import numpy as np
import pytest
from scipy.io import loadmat

import ssvh_lib as ssvh
from ssvh_lib.data.raw_video.gather import is_stored, load, store, write_set


@pytest.fixture
def stored(tmp_path):
    """Two videos of T = 3 frames, D = 2, with thumbnails of one pixel."""
    files = [tmp_path / f"{number}.npz" for number in range(2)]
    for number, file in enumerate(files):
        features = np.arange(6, dtype=np.float32).reshape(3, 2) + 10 * number
        store(file, features, np.full((3, 1, 1, 3), number, np.uint8), 1.5 + number, "damaged" * number)
    return files


def test_what_is_stored_of_a_video_is_loaded_again(stored):
    assert [is_stored(file) for file in stored] == [True, True]
    np.testing.assert_array_equal(load(stored[1], "features"), [[10, 11], [12, 13], [14, 15]])
    assert load(stored[1], "thumbnails").tolist() == [[[[1, 1, 1]]]] * 3
    assert [(float(load(file, "seconds")), str(load(file, "note"))) for file in stored] == [(1.5, ""), (2.5, "damaged")]


@pytest.mark.parametrize(
    "harm",
    [
        lambda file: file.unlink(),
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(file.read_bytes()[:-100]),
        lambda file: np.savez(file, seconds=1.0),
    ],
    ids=["missing", "empty", "cut", "of other arrays"],
)
def test_a_damaged_file_is_not_stored_and_cannot_be_loaded(stored, harm):
    harm(stored[0])
    assert not is_stored(stored[0])
    with pytest.raises(ssvh.SSVHError, match=r"0\.npz is damaged .* Delete it, and start again"):
        load(stored[0], "features")


def test_a_set_has_a_row_for_each_stored_video_in_their_order(stored, tmp_path):
    labels = np.array([[1, 0], [0, 1]], np.uint8)
    table = write_set(tmp_path, "query", stored[::-1], labels, ["b.mp4", "a.mp4"])
    assert table == {"features": ["query_feats.h5"], "labels": "query_labels.mat", "extras": "query_extras.h5"}
    with h5py.File(tmp_path / "query_feats.h5") as file:
        np.testing.assert_array_equal(file["feats"][:, 0], [[10, 11], [0, 1]])
    np.testing.assert_array_equal(loadmat(tmp_path / "query_labels.mat")["labels"], labels)
    with h5py.File(tmp_path / "query_extras.h5") as file:
        assert list(file["ids"].asstr()) == ["b.mp4", "a.mp4"]
        np.testing.assert_array_equal(file["thumbnails"][:, 0, 0, 0, 0], [1, 0])


def test_a_place_that_cannot_be_written_is_an_error(tmp_path):
    with pytest.raises(ssvh.SSVHError, match=r"cannot be written \(No such file or directory\)\. What is done is kept"):
        store(tmp_path / "nowhere" / "0.npz", np.zeros((1, 1)), np.zeros((1, 1)), 1.0, "")


def test_ids_lie_beside_the_thumbnails(made):
    with h5py.File(made[1].root / "query_extras.h5") as file:
        assert tuple(file["ids"].asstr()[:]) == made[1].query.ids
        assert file["thumbnails"].chunks == (1, 4, 64, 64, 3)
