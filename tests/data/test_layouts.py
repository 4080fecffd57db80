"""``dataset.toml``: what is wrong with one is named, and what is written is what is read."""

import re

import numpy as np
import pytest
from dataset_files import change, refusal, set_feature, write_toml
from scipy.io import savemat

import ssvh_lib as ssvh
from ssvh_lib.data.layouts import files_of, part_of, read_layout, same_parts, write_layout


@pytest.fixture
def folder(tmp_path, make_dataset):
    return make_dataset(tmp_path / "mine")


def test_a_folder_without_toml_is_told_how_to_get_one(folder, tree):
    (folder / "dataset.toml").unlink()
    refusal(folder, tree, folder / "dataset.toml", "is missing", "pydoc ssvh_lib.data.layouts")


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


def test_a_layout_comes_back_as_it_was_written(tmp_path):
    layout = {
        "name": 'odd "name"',
        "preset": "small",
        "query_in_database": False,
        "classes": ["ä", "back\\slash"],
        "train": {"features": ["a.h5", "b.h5"], "labels": ["a.mat", "b.mat"]},
        "query": {"features": ["q.h5"], "labels": "q.mat", "label_key": "re_label", "extras": "q_extras.h5"},
    }
    write_layout(tmp_path, layout)
    assert read_layout(tmp_path) == layout


def test_the_database_is_the_training_set_unless_it_has_a_table_of_its_own():
    train, query = {"features": ["a.h5", "b.h5"], "labels": "a.mat"}, {"features": ["q.h5"], "labels": ["q.mat"]}
    layout = {"train": train, "query": query}
    assert part_of(layout, "database") == train
    assert same_parts(layout) == {"train": "train", "database": "train", "query": "query"}
    assert files_of(layout) == ["a.h5", "a.mat", "b.h5", "q.h5", "q.mat"]
    layout["database"] = {"features": ["q.h5"], "labels": ["q.mat"]}
    assert same_parts(layout) == {"train": "train", "database": "database", "query": "database"}


# Videos that are stored one by one


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('query_list = "query.txt"', "", "[videos] must name both a train_list and a query_list, or neither"),
        (
            'query_list = "query.txt"',
            'queries = "query.txt"',
            "[videos] has an unknown key 'queries'; allowed are database",
        ),
        ('"image.h5"', '""', "[videos] must name its 'features', a folder of files or an HDF5 file of groups"),
        ("frames = 5", "frames = 0", "'frames' in [videos] must be 1 or more, got 0"),
        ("frames = 5", "frames = 5.0", "'frames' in [videos] must be a whole number, got 5.0"),
        ("frames = 5", "frames = true", "'frames' in [videos] must be a whole number, got True"),
        ("first_label = 2", "first_label = 1", "'first_label' in [videos] must be 2 or 3, got 1"),
        ("first_label = 2", "label_base = 2", "'label_base' in [videos] must be 0 or 1, got 2"),
        ("first_label = 2", 'splits = "lists"', "[videos] names the sets twice, by query_list and by splits"),
        ("[videos]", "[train]\n[videos]", "has both [videos] and [train]"),
    ],
)
def test_a_wrong_table_of_videos_is_refused(tmp_path, tree, old, new, message):
    lists = {"train_list": "train.txt", "query_list": "query.txt"}
    folder = write_toml(tmp_path / "mine", features="image.h5", frames=5, first_label=2, **lists)
    change(folder / "dataset.toml", old, new)
    refusal(folder, tree, folder / "dataset.toml", message)
