"""The configuration, the groups and the lists that AVHash publishes."""

import json

import h5py
import numpy as np
import pytest
from dataset_files import change, refusal, write_avhash

import ssvh_lib as ssvh


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "clip").mkdir()
    return tmp_path / "clip"


def load(folder):
    return ssvh.load_dataset(folder.name, folder.parent)


@pytest.mark.parametrize(("dataset", "first"), [("fcvid", 1), ("actnet", 0)])
def test_lists_that_count_from_0_with_frame_counts_and_from_1_without_mean_the_same(folder, dataset, first):
    loaded = load(write_avhash(folder, dataset))
    assert [len(videos) for videos in loaded.parts().values()] == [8, 8, 4]
    assert loaded.database is loaded.train  # the retrieval list is the training list
    assert loaded.query.ids == ("--v8", "--v9", "--v10", "--v11")
    assert loaded.classes == tuple(str(first + column) for column in range(4))
    assert loaded.query.labels.tolist() == np.eye(4, dtype=int).tolist()
    assert (loaded.name, loaded.preset, loaded.query_in_database) == ("clip", "paper", False)
    with h5py.File(folder / "image.h5") as file:
        np.testing.assert_array_equal(loaded.query.read()[1], file["--v9/vectors"][:])


def test_all_labels_of_a_line_count(folder):
    write_avhash(folder, "actnet")
    change(folder / "test.txt", "--v8,250,0", "--v8,250,0,3")
    assert load(folder).query.labels[0].tolist() == [1, 0, 0, 1]


def test_a_database_of_its_own_and_queries_that_are_the_database(folder):
    write_avhash(folder)
    (folder / "retrieval.txt").write_text((folder / "test.txt").read_text())
    loaded = load(write_avhash(folder, retrieval_list="test.txt", test_list="test.txt"))
    assert loaded.query_in_database
    assert loaded.query is loaded.database
    assert len(loaded.train) == 8


def test_files_are_found_where_the_json_says_or_beside_it(folder, tmp_path):
    beside = load(write_avhash(folder))  # names /home/authors/features/image.h5
    (folder / "image.h5").rename(tmp_path / "elsewhere.h5")
    with pytest.raises(
        ssvh.SSVHError, match=r"names '/home/authors/features/image\.h5' as its Image, which is no file"
    ):
        load(folder)
    change(folder / "fcvid.json", "/home/authors/features/image.h5", str(tmp_path / "elsewhere.h5"))
    assert load(folder).fingerprint == beside.fingerprint  # where a file lies makes no difference


def test_what_is_in_a_dataset_shows_in_its_fingerprint(folder):
    first = load(write_avhash(folder)).fingerprint
    change(folder / "test.txt", "--v8,1", "--v8,2")
    second = load(folder).fingerprint
    with h5py.File(folder / "image.h5", "r+") as file:
        file["--v8/vectors"][0, 0] += 1
    assert len({first, second, load(folder).fingerprint}) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"retreival_list": "x.txt"}, r"has an unknown key 'retreival_list'; known are Audio, Image, data_path"),
        ({"num_class": "4"}, r"'num_class' must be a whole number, got '4'"),
        ({"num_class": 0}, r"'num_class' must be 1 or more, got 0"),
        ({"Image": 3}, r"'Image' must be a text, got 3"),
        ({"test_list": None}, r"lacks the key 'test_list'"),
        ({"dataset": "ucf"}, r"no dataset .*fcvid\.json.* called 'ucf'.*'actnet' id,frame count,label from 0, 'fcvid'"),
        ({"test_list": "Json/"}, r"names 'Json' as its test_list, which is no file"),
        ({"train_list": ""}, r"names '\.' as its train_list, which is no file"),
    ],
)
def test_a_wrong_configuration_is_refused(folder, changes, message):
    write_avhash(folder, **changes)
    with pytest.raises(ssvh.SSVHError, match=message):
        load(folder)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("test.txt", "--v8,1", "--v8,0", "'--v8' has the label 0, but 4 classes that count from 1 are 1 to 4"),
        ("test.txt", "--v8,1", "--v8,5", "'--v8' has the label 5, but 4 classes that count from 1 are 1 to 4"),
        ("train.txt", "--v0,1\n--v1,2", "--V0,1\n--w1,2", "train.txt lists 8 videos, of which 2 are not in"),
        ("train.txt", "--v0,1", "--v1,1", "line 2: '--v1' is listed twice"),
    ],
)
def test_a_wrong_list_is_refused(folder, tree, file, old, new, message):
    write_avhash(folder)
    change(folder / file, old, new)
    refusal(folder, tree, folder / file, message)


def test_groups_without_vectors_are_refused(folder, tree):
    write_avhash(folder)
    with h5py.File(folder / "image.h5", "r+") as file:
        file.move("--v3/vectors", "--v3/feats")
    refusal(folder, tree, "image.h5: 1 of 12 videos cannot be read: '--v3' has no array 'vectors' (it holds 'feats')")


def test_a_broken_json_is_said_to_be_broken(folder, tree):
    write_avhash(folder)
    content = json.loads((folder / "fcvid.json").read_text())
    (folder / "fcvid.json").write_text(json.dumps(content)[:-5])
    refusal(folder, tree, folder / "fcvid.json", "is not readable JSON")
