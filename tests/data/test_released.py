"""Datasets from files: the published layout is read lazily and exactly, and whatever is wrong with it is named."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from dataset_files import change, refusal, set_feature
from scipy.io import loadmat, savemat

import ssvh_lib as ssvh
from ssvh_lib.data import read, released
from ssvh_lib.data.rows import StoredRows

PENN_ACTION = Path(__file__).resolve().parents[3] / "shared" / "data" / "penn_action"


@pytest.fixture
def values(rng):
    return rng.standard_normal((10, 3, 4)).astype(np.float32)


@pytest.fixture
def folder(tmp_path, make_dataset):
    return make_dataset(tmp_path / "mine")


# A folder in the published layout


def test_a_folder_made_by_hand_loads(folder):
    dataset = ssvh.load_dataset("mine", folder.parent)
    assert (len(dataset.train), len(dataset.query), dataset.train.frames, dataset.train.size) == (12, 6, 4, 8)
    assert (dataset.name, dataset.classes, dataset.query_in_database) == ("mine", ("0", "1", "2"), False)
    assert dataset.database is dataset.train
    assert dataset.train.ids[:2] == ("train/0", "train/1")
    with h5py.File(folder / "query_feats.h5") as file:
        np.testing.assert_array_equal(dataset.query.read(), file["feats"][:])
    np.testing.assert_array_equal(dataset.query.labels, loadmat(folder / "query_labels.mat")["labels"])


def test_all_that_a_toml_can_say_is_heeded(tmp_path, make_dataset, make_part, values):
    folder = make_dataset(tmp_path / "mine", size=4, frames=3)
    table = make_part(folder, "database", values, np.eye(3, dtype=np.uint8)[np.arange(10) % 3])
    savemat(folder / "database_labels.mat", {"re_label": np.eye(3)[np.arange(10) % 3], "q_label": np.eye(3)})
    head = 'name = "activitynet"\nquery_in_database = true\nclasses = ["a", "b", "c"]\n'
    text = (folder / "dataset.toml").read_text()
    (folder / "dataset.toml").write_text(head + text + table + 'label_key = "re_label"\n')
    dataset = ssvh.load_dataset("mine", tmp_path)
    assert (dataset.name, dataset.query_in_database, dataset.classes) == ("activitynet", True, ("a", "b", "c"))
    np.testing.assert_array_equal(dataset.database.read(), values)
    np.testing.assert_array_equal(dataset.database.labels.argmax(axis=1), np.arange(10) % 3)
    assert len(dataset.train) == 12


def test_features_in_shards_load_as_one_set(folder):
    with h5py.File(folder / "train_feats.h5") as file:
        whole = file["feats"][:]
    for number, part in enumerate(np.split(whole, [5])):
        with h5py.File(folder / f"train{number}_feats.h5", "w") as file:
            file["feats"] = part
    change(folder / "dataset.toml", '"train_feats.h5"', '"train0_feats.h5", "train1_feats.h5"')
    np.testing.assert_array_equal(ssvh.load_dataset("mine", folder.parent).train.read(), whole)


def test_a_large_set_is_not_held_in_memory_and_reads_the_same(folder, monkeypatch):
    held = ssvh.load_dataset("mine", folder.parent)
    monkeypatch.setattr(read, "HELD_IN_MEMORY", 4 * 6 * 4 * 8)  # bytes: the queries fit, the training set does not
    lazy = ssvh.load_dataset("mine", folder.parent)
    assert isinstance(lazy.train.features, StoredRows)
    assert isinstance(lazy.query.features, np.ndarray)
    np.testing.assert_array_equal(lazy.train.read(), held.train.read())
    assert lazy.fingerprint == held.fingerprint


def test_what_is_written_is_what_is_read(tmp_path, values):
    labels = (values[:, :2, 0] > 0).astype(np.uint8)
    informative, thumbnails = values[..., 0] > 0, (values > 0).astype(np.uint8)
    in_turn = [(values[rows], thumbnails[rows]) for rows in (slice(0, 3), slice(3, None))]
    table = released.write_part(tmp_path, "all", labels, in_turn, informative=informative)
    lines = [f'features = ["{table["features"][0]}"]', f'labels = "{table["labels"]}"', f'extras = "{table["extras"]}"']
    (tmp_path / "dataset.toml").write_text("\n".join(["[train]", *lines, "[query]", *lines]))
    train = ssvh.load_dataset(tmp_path.name, tmp_path.parent).train
    for got, wanted in (
        (train.read(), values),
        (train.labels, labels),
        (train.informative, informative),
        (train.thumbnails[:], thumbnails),
    ):
        np.testing.assert_array_equal(got, wanted)
        assert got.dtype == wanted.dtype


def test_equal_data_are_equal_files(tmp_path, values, tree):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        released.write_part(
            tmp_path / name, "all", np.eye(10, dtype=np.uint8), [(values, values > 0)], informative=values > 0
        )
    first, second = ({path: content for path, (content, _) in tree(tmp_path / name).items()} for name in ("a", "b"))
    assert len(first) == 3
    assert first == second


def test_real_data_in_the_published_layout_load(tmp_path):
    if not PENN_ACTION.is_dir():
        pytest.skip(f"the Penn Action features are not on this machine ({PENN_ACTION})")
    folder = tmp_path / "penn"
    shutil.copytree(PENN_ACTION, folder)
    tables = (
        f'[{part}]\nfeatures = ["penn_{stem}_feats.h5"]\nlabels = "penn_{stem}_labels.mat"'
        for part, stem in (("train", "train"), ("query", "test"))
    )
    (folder / "dataset.toml").write_text("\n".join(tables))
    dataset = ssvh.load_dataset("penn", tmp_path)
    assert dataset.train.read().shape == (1258, 25, 65)
    assert dataset.query.read().shape == (1068, 25, 65)
    assert (dataset.train.labels.sum(axis=1) == 1).all()
    assert len(dataset.classes) == 15


def test_square_labels_are_videos_by_classes(tmp_path, make_dataset):
    folder = make_dataset(tmp_path / "mine", train=3, query=6)
    labels = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 1]])
    savemat(folder / "train_labels.mat", {"labels": labels})
    np.testing.assert_array_equal(ssvh.load_dataset("mine", tmp_path).train.labels, labels)


def test_a_training_set_may_lack_labels_where_there_is_a_database(tmp_path, make_dataset, make_part, rng):
    folder = make_dataset(tmp_path / "mine")
    text = (folder / "dataset.toml").read_text().replace('labels = "train_labels.mat"\n', "", 1)
    database = make_part(folder, "database", rng.standard_normal((5, 4, 8)), np.eye(3)[[0, 1, 2, 0, 1]])
    (folder / "dataset.toml").write_text(text + database)
    dataset = ssvh.load_dataset("mine", tmp_path)
    assert dataset.train.labels.tolist() == [[0, 0, 0]] * 12
    assert len(dataset.classes) == 3


def test_thumbnails_and_names_may_come_without_informative_frames(tmp_path, make_dataset):
    folder = make_dataset(tmp_path / "mine", query=2)
    with h5py.File(folder / "extras.h5", "w") as file:
        file["thumbnails"] = np.zeros((2, 4, 5, 5, 3), np.uint8)
        file.create_dataset("ids", data=["b/ä.mp4", "a/1.avi"], dtype=h5py.string_dtype())
    with (folder / "dataset.toml").open("a") as file:
        file.write('extras = "extras.h5"\n')
    query = ssvh.load_dataset("mine", tmp_path).query
    assert query.ids == ("b/ä.mp4", "a/1.avi")
    assert query.informative is None
    assert query.thumbnails[:].shape == (2, 4, 5, 5, 3)


# What is refused, and how


@pytest.mark.parametrize("name", ["train_feats.h5", "query_labels.mat"])
def test_a_missing_file_is_named(folder, tree, name):
    (folder / name).unlink()
    refusal(folder, tree, folder / name, "is missing. It should hold")


def test_a_truncated_hdf5_is_named(folder, tree):
    path = folder / "train_feats.h5"
    path.write_bytes(path.read_bytes()[:1000])
    refusal(folder, tree, path, "is not a whole HDF5 file", "Fetch or build it again")


def test_a_file_that_is_no_hdf5_is_named(folder, tree):
    (folder / "train_feats.h5").write_text("<html>404 Not Found</html>")
    refusal(folder, tree, folder / "train_feats.h5", "is not a whole HDF5 file")


def test_a_missing_array_is_named_beside_those_that_are_there(folder, tree):
    with h5py.File(folder / "train_feats.h5", "w") as file:
        file["features"] = np.zeros((12, 4, 8))
    refusal(folder, tree, folder / "train_feats.h5", "has no array 'feats'; it holds 'features'")


def test_features_of_the_wrong_rank_are_refused(folder, tree):
    with h5py.File(folder / "train_feats.h5", "w") as file:
        file["feats"] = np.zeros((12, 8))
    refusal(folder, tree, folder / "train_feats.h5", "three axes (videos, frames, size), got (12, 8)")


def test_a_nan_in_the_features_is_found_when_they_are_loaded(folder, tree):
    set_feature(folder / "train_feats.h5", (5, 1, 1), np.nan)
    refusal(folder, tree, folder / "train_feats.h5", "NaN, infinity or a value beyond float32 in row 5")


def test_labels_for_another_number_of_videos_are_refused(folder, tree):
    savemat(folder / "train_labels.mat", {"labels": np.eye(3)})
    refusal(folder, tree, folder / "train_feats.h5", "12 videos have features", "(3, 3)", "(12, classes)")


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(400)),
        lambda path: path.write_text("0 1 0\n1 0 0\n" * 20),
        lambda path: h5py.File(path, "w").close(),
    ],
    ids=["v7.3", "text", "hdf5"],
)
def test_a_label_file_of_another_format_is_refused(folder, tree, write):
    write(folder / "train_labels.mat")
    refusal(folder, tree, folder / "train_labels.mat", "is not a MATLAB 5 file", "scipy.io.savemat")


def test_a_missing_label_key_is_named_beside_those_that_are_there(folder, tree):
    savemat(folder / "train_labels.mat", {"re_label": np.eye(3), "q_label": np.eye(3)})
    refusal(folder, tree, folder / "train_labels.mat", "has no array 'labels'; it holds re_label, q_label")


@pytest.mark.parametrize("bad", [2, -1, 0.5, np.nan])
def test_labels_other_than_0_and_1_are_refused(folder, tree, bad):
    labels = np.eye(3)[np.arange(12) % 3]
    labels[4, 1] = bad
    savemat(folder / "train_labels.mat", {"labels": labels})
    refusal(folder, tree, folder / "train_labels.mat", "'labels' must be multi-hot (0 or 1), got values like")


@pytest.mark.parametrize(("frames", "size", "classes"), [(5, 8, 3), (4, 7, 3), (4, 8, 2)])
def test_sets_that_do_not_go_together_are_refused(folder, tree, make_part, frames, size, classes):
    make_part(folder, "query", np.zeros((6, frames, size), np.float32), np.eye(classes)[np.arange(6) % classes])
    message = "number of frames, feature size and number of classes must agree"
    refusal(folder, tree, folder, message, f"'query': ({frames}, {size}, {classes})")


def test_more_queries_than_database_items_cannot_lie_in_the_database(tmp_path, make_dataset, tree):
    folder = make_dataset(tmp_path / "mine", train=4, query=5)
    change(folder / "dataset.toml", "preset", "query_in_database = true\npreset")
    refusal(folder, tree, folder, "query_in_database is set", "more queries than database items")


def test_another_number_of_label_files_than_of_feature_files_is_refused(tmp_path, make_dataset):
    folder = make_dataset(tmp_path / "mine")
    text = (folder / "dataset.toml").read_text()
    labels = '["train_labels.mat", "query_labels.mat"]'
    (folder / "dataset.toml").write_text(text.replace('"train_labels.mat"', labels))
    with pytest.raises(
        ssvh.SSVHError, match=r"mine: 2 label files for 1 feature files\. Name one for all, or one for each"
    ):
        ssvh.load_dataset("mine", tmp_path)


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (["a"], r"query_feats\.h5: 6 videos have features, 1 have ids"),
        (np.arange(6), r"extras\.h5: 'ids' must be a list of texts, one for each video"),
    ],
    ids=["too few", "numbers"],
)
def test_names_that_are_not_one_text_a_video_are_refused(tmp_path, make_dataset, ids, message):
    folder = make_dataset(tmp_path / "mine")
    with h5py.File(folder / "extras.h5", "w") as file:
        file["ids"] = ids
    with (folder / "dataset.toml").open("a") as file:
        file.write('extras = "extras.h5"\n')
    with pytest.raises(ssvh.SSVHError, match=message):
        ssvh.load_dataset("mine", tmp_path)
