"""Datasets from files: the published layout is read lazily and exactly, and whatever is wrong with it is named."""

import pickle
import re
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import loadmat, savemat

import ssvh_lib as ssvh
from ssvh_lib.data import released
from ssvh_lib.data.features import StoredRows, VideoFeatures

PENN_ACTION = Path(__file__).resolve().parents[3] / "shared" / "data" / "penn_action"
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


@pytest.fixture
def folder(tmp_path, make_dataset):
    return make_dataset(tmp_path / "mine")


def refusal(folder, tree, *parts):
    """The message with which the dataset in ``folder`` is refused; it names all ``parts`` and touches no file."""
    before = tree(folder)
    with pytest.raises(ssvh.SSVHError) as error:
        ssvh.load_dataset(folder.name, folder.parent)
    assert tree(folder) == before
    for part in parts:
        assert str(part) in str(error.value)
    return str(error.value)


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def set_feature(path, place, value):
    with h5py.File(path, "r+") as file:
        file["feats"][place] = value


# Rows of one or several files


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
    monkeypatch.setattr(released, "HELD_IN_MEMORY", 4 * 6 * 4 * 8)  # bytes: the queries fit, the training set does not
    lazy = ssvh.load_dataset("mine", folder.parent)
    assert isinstance(lazy.train.features, StoredRows)
    assert isinstance(lazy.query.features, np.ndarray)
    np.testing.assert_array_equal(lazy.train.read(), held.train.read())
    assert lazy.fingerprint == held.fingerprint


def test_what_is_written_is_what_is_read(tmp_path, values):
    labels = (values[:, :2, 0] > 0).astype(np.uint8)
    informative, thumbnails = values[..., 0] > 0, (values > 0).astype(np.uint8)
    table = released.write_part(tmp_path, "all", values, labels, informative=informative, thumbnails=thumbnails)
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
        released.write_part(tmp_path / name, "all", values, np.eye(10, dtype=np.uint8), informative=values > 0)
    first, second = ({path: content for path, (content, _) in tree(tmp_path / name).items()} for name in ("a", "b"))
    assert len(first) == 3
    assert first == second


@pytest.mark.parametrize(
    "touch",
    [
        lambda folder: set_feature(folder / "train_feats.h5", (3, 0, 0), 9.0),
        lambda folder: savemat(folder / "query_labels.mat", {"labels": np.eye(3)[[2, 2, 1, 0, 0, 0]]}),
        lambda folder: change(folder / "dataset.toml", '"smoke"', '"small"'),
    ],
    ids=["feature", "label", "toml"],
)
def test_the_fingerprint_follows_features_labels_and_layout(folder, touch):
    first = ssvh.load_dataset("mine", folder.parent).fingerprint
    assert ssvh.load_dataset("mine", folder.parent).fingerprint == first
    touch(folder)
    assert ssvh.load_dataset("mine", folder.parent).fingerprint != first


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


# What is refused, and how


def test_an_unknown_dataset_is_answered_with_the_nearest_name(tmp_path, make_dataset):
    make_dataset(tmp_path / "penn-action")
    with pytest.raises(ssvh.SSVHError) as error:
        ssvh.load_dataset("pen-action", tmp_path)
    assert "There is no dataset called 'pen-action'. Did you mean 'penn-action'?" in str(error.value)
    embedded = "moving-digits, moving-digits-smoke, moving-shapes, moving-shapes-smoke"
    assert f"Known: activitynet, fcvid, hmdb51, {embedded}, penn-action, ucf101, yfcc." in str(error.value)
    assert str(tmp_path / "pen-action") in str(error.value)


def test_a_name_like_no_other_gets_no_suggestion(tmp_path):
    with pytest.raises(ssvh.SSVHError) as error:
        ssvh.load_dataset("zzz", tmp_path)
    assert "Did you mean" not in str(error.value)


def test_a_folder_without_toml_is_told_how_to_get_one(folder, tree):
    (folder / "dataset.toml").unlink()
    refusal(folder, tree, folder / "dataset.toml", "is missing", "pydoc ssvh_lib.data.layouts")


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


def test_broken_toml_is_refused_with_the_place(folder, tree):
    change(folder / "dataset.toml", "[query]", "[query")
    message = refusal(folder, tree, folder / "dataset.toml", "is not valid TOML")
    assert re.search(r"line \d+", message)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [("labels =", "label =", "label"), ("preset =", "present =", "present"), ("[query]", "[queries]", "queries")],
)
def test_an_unknown_key_is_named_beside_the_allowed_ones(folder, tree, old, new, key):
    change(folder / "dataset.toml", old, new)
    refusal(folder, tree, folder / "dataset.toml", f"unknown key '{key}'; allowed are ")


@pytest.mark.parametrize("part", ["train", "query"])
@pytest.mark.parametrize("key", ["features", "labels"])
def test_a_set_without_features_or_labels_is_refused(folder, tree, part, key):
    path = folder / "dataset.toml"
    change(path, f'{key} = ["{part}_feats.h5"]\n' if key == "features" else f'{key} = "{part}_labels.mat"\n', "")
    refusal(folder, tree, path, f"[{part}] must name its 'features' (a list of files) and 'labels' (a file)")


@pytest.mark.parametrize(("size", "classes"), [(7, 3), (8, 2)])
def test_sets_that_do_not_go_together_are_refused(folder, tree, make_part, size, classes):
    make_part(folder, "query", np.zeros((6, 4, size), np.float32), np.eye(classes)[np.arange(6) % classes])
    refusal(folder, tree, folder, "feature size and number of classes must agree", f"'query': ({size}, {classes})")


def test_more_queries_than_database_items_cannot_lie_in_the_database(tmp_path, make_dataset, tree):
    folder = make_dataset(tmp_path / "mine", train=4, query=5)
    change(folder / "dataset.toml", "preset", "query_in_database = true\npreset")
    refusal(folder, tree, folder, "query_in_database is set", "more queries than database items")
