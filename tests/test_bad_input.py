"""Input as it comes: damaged files, hand-written layouts, other people's folders and odd arguments get an answer."""

import json
import re

import h5py
import numpy as np
import pytest
from scipy.io import savemat
from scipy.sparse import csc_matrix

import ssvh_lib as ssvh
from ssvh_lib.data.embedded import build as builder

LABELS = np.eye(3)[np.arange(12) % 3]  # what conftest's training set has


@pytest.fixture
def folder(tmp_path, make_dataset):
    return make_dataset(tmp_path / "mine")


def check_refused(folder, message):
    with pytest.raises(ssvh.SSVHError, match=message):
        ssvh.load_dataset(folder.name, folder.parent)


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def flip(path, *places):
    content = bytearray(path.read_bytes())
    for place in places:
        content[place] ^= 255
    path.write_bytes(content)


def cut(path, keep):
    path.write_bytes(path.read_bytes()[:keep])


# Label files


@pytest.mark.parametrize("content", [b"", b"0 1\n"], ids=["empty", "text shorter than a header"])
def test_a_label_file_too_short_to_be_one_is_refused(folder, content):
    (folder / "train_labels.mat").write_bytes(content)
    check_refused(folder, r"train_labels\.mat is not a MATLAB 5 file \(.+\)\. Save it again with scipy\.io\.savemat")


@pytest.mark.parametrize("keep", [100, 130, 140, -5])  # within the header, the first tag, the data, and at the end
@pytest.mark.parametrize("compressed", [False, True])
def test_a_truncated_label_file_is_refused(folder, keep, compressed):
    savemat(folder / "train_labels.mat", {"labels": LABELS}, do_compression=compressed)
    cut(folder / "train_labels.mat", keep)
    check_refused(folder, r"train_labels\.mat is not a MATLAB 5 file \(.+\)")


def test_a_label_file_whose_compressed_data_are_damaged_is_refused(folder):
    savemat(folder / "train_labels.mat", {"labels": LABELS}, do_compression=True)
    flip(folder / "train_labels.mat", 160)
    check_refused(folder, r"train_labels\.mat is not a MATLAB 5 file \(.+\)")


@pytest.mark.parametrize("labels", [np.array(["a", "b"]), {"a": 1}], ids=["texts", "struct"])
def test_labels_that_are_no_numbers_are_refused_with_their_type(folder, labels):
    savemat(folder / "train_labels.mat", {"labels": labels})
    check_refused(folder, r"train_labels\.mat: 'labels' must be an array of 0s and 1s, it is of type .+\.")


def test_sparse_labels_load_as_dense_ones(folder):
    savemat(folder / "train_labels.mat", {"labels": csc_matrix(LABELS)})
    np.testing.assert_array_equal(ssvh.load_dataset("mine", folder.parent).train.labels, LABELS)


def test_a_folder_in_place_of_a_label_file_is_refused(folder):
    (folder / "train_labels.mat").unlink()
    (folder / "train_labels.mat").mkdir()
    check_refused(folder, r"train_labels\.mat is missing")


# dataset.toml


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            '["train_feats.h5"]',
            '"train_feats.h5"',
            r"'features' in \[train\] must be a list of texts, got 'train_feats\.h5'",
        ),
        ('["train_feats.h5"]', "[7]", r"'features' in \[train\] must be a list of texts, got \[7\]"),
        ('["train_feats.h5"]', "[]", r"\[train\] must name its 'features'"),
        ('"train_labels.mat"', "[3]", r"'labels' in \[train\] must be a text or a list of texts, got \[3\]"),
        ("[train]", "train = 3\n[database]", "'train' in the file must be a table, got 3"),
        ("[train]", "query_in_database = 1\n[train]", "'query_in_database' in the file must be true or false, got 1"),
    ],
    ids=["features a text", "features a number", "no features", "labels numbers", "train a number", "flag"],
)
def test_a_value_of_the_wrong_kind_is_refused_with_its_place(folder, old, new, message):
    change(folder / "dataset.toml", old, new)
    check_refused(folder, rf"dataset\.toml: {message}")


def test_an_unknown_preset_is_answered_with_the_nearest(folder):
    change(folder / "dataset.toml", '"smoke"', '"smoek"')
    check_refused(folder, r"no preset \(in .*dataset\.toml\) called 'smoek'\. Did you mean 'smoke'\?")


def test_a_database_without_labels_is_refused(folder):
    with (folder / "dataset.toml").open("a") as file:
        file.write('[database]\nfeatures = ["train_feats.h5"]\n')
    check_refused(folder, r"dataset\.toml: \[database\] must name its 'features' .* and 'labels'")


def test_another_number_of_class_names_than_of_labels_is_refused(folder):
    change(folder / "dataset.toml", "preset", 'classes = ["a"]\npreset')
    check_refused(folder, "mine: 1 class names for 3 columns of labels")


def test_the_empty_name_is_the_root_which_holds_no_dataset(folder):
    with pytest.raises(ssvh.SSVHError, match=re.escape(f"{folder.parent / 'dataset.toml'} is missing")):
        ssvh.load_dataset("", folder.parent)


def test_a_root_that_does_not_exist_holds_no_dataset(tmp_path):
    with pytest.raises(ssvh.SSVHError, match=r"no dataset called 'mine'.* Looked for the folder .*/nowhere/mine"):
        ssvh.load_dataset("mine", tmp_path / "nowhere")


# HDF5 files


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda file: file.create_group("feats"), "'feats' is not an array of numbers; it is <HDF5 group"),
        (
            lambda file: file.create_dataset("feats", data=3.0),
            r"'feats' is not an array of numbers; it is .* shape \(\)",
        ),
        (
            lambda file: file.create_dataset("feats", data=np.full((12, 4, 8), b"a")),
            "'feats' is not an array of numbers; it is",
        ),
        (lambda file: file.create_dataset("feats", data=np.full((12, 4, 8), 1e300)), "a value beyond float32 in row 0"),
    ],
    ids=["group", "scalar", "texts", "beyond float32"],
)
def test_features_that_are_no_array_of_float32_are_refused(folder, write, message):
    with h5py.File(folder / "train_feats.h5", "w") as file:
        write(file)
    check_refused(folder, rf"train_feats\.h5: .*{message}")


def test_features_whose_compressed_data_are_damaged_are_refused(folder, rng):
    with h5py.File(folder / "train_feats.h5", "w") as file:
        values = rng.standard_normal((12, 4, 8)).astype(np.float32)
        file.create_dataset("feats", data=values, compression="gzip", chunks=values.shape)
    flip(folder / "train_feats.h5", -600, -700)
    check_refused(folder, r"train_feats\.h5 is damaged \(.+\)\. Fetch or build it again")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (
            {"informative": np.ones((3, 4), bool), "thumbnails": np.ones((3, 4, 2, 2), np.uint8)},
            r"train_feats\.h5: 'informative' must be \(12, 4, …\) like the features, got \(3, 4\)",
        ),
        (
            {"informative": np.ones((12, 4), bool), "thumbnails": np.ones((12, 5, 2, 2), np.uint8)},
            r"train_feats\.h5: 'thumbnails' must be \(12, 4, …\) like the features, got \(12, 5, 2, 2\)",
        ),
        (
            {"thumbs": np.ones((12, 4), bool)},
            r"extras\.h5 has no array 'informative', 'thumbnails' or 'ids'; it holds 'thumbs'",
        ),
    ],
    ids=["other videos", "other frames", "none of the arrays"],
)
def test_extras_that_do_not_go_with_the_features_are_refused(folder, arrays, message):
    with h5py.File(folder / "extras.h5", "w") as file:
        for key, values in arrays.items():
            file[key] = values
    change(folder / "dataset.toml", '"train_labels.mat"', '"train_labels.mat"\nextras = "extras.h5"')
    check_refused(folder, message)


def test_a_set_without_videos_is_refused(folder, make_part):
    make_part(folder, "query", np.zeros((0, 4, 8), np.float32), np.zeros((0, 3)))
    check_refused(folder, "mine: there are no videos in query")


# The folder of an embedded dataset


@pytest.fixture
def build(tmp_path, tiny_worlds):
    """Builds 6 + 4 videos with a hardly trained CNN into the folder that it returns."""

    def ensure(**choices):
        builder.ensure(tmp_path / "digits", tiny_worlds["moving-digits"], "tiny", **choices)
        return tmp_path / "digits"

    return ensure


def contents(listing):
    return {path: content for path, (content, _) in listing.items()}


@pytest.mark.parametrize(
    "replace",
    [lambda manifest: [], lambda manifest: None, lambda manifest: manifest | {"files": []}],
    ids=["list", "null", "list of files"],
)
def test_a_manifest_that_is_json_but_not_ours_means_build_again(build, tree, replace):
    folder = build()
    whole = contents(tree(folder))
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(replace(manifest)))
    build()
    assert contents(tree(folder)) == whole


def test_a_manifest_that_names_no_files_does_not_prove_a_dataset_whole(build, tree):
    folder = build()
    whole = contents(tree(folder))
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"files": {}}))
    (folder / "digits_train_feats.h5").unlink()
    build()
    assert contents(tree(folder)) == whole


@pytest.mark.parametrize("names", [["manifest.json"], ["manifest.json", "thesis.txt"]], ids=" and ".join)
def test_a_folder_with_somebody_elses_manifest_is_refused_and_kept(tmp_path, build, tree, names):
    (tmp_path / "digits").mkdir()
    for name in names:
        (tmp_path / "digits" / name).write_text('{"name": "web app"}')
    before = tree(tmp_path / "digits")
    with pytest.raises(ssvh.SSVHError, match=f"digits holds files that are not this dataset's: {', '.join(names)}\\."):
        build()
    assert tree(tmp_path / "digits") == before


def test_notes_beside_a_dataset_are_no_hindrance_until_it_needs_a_rebuild_and_then_are_kept(build, tree):
    folder = build()
    (folder / "notes.txt").write_text("what I saw")
    before = tree(folder)
    build()
    with pytest.raises(ssvh.SSVHError, match=r"not this dataset's: notes\.txt\. Move them away, or choose a root"):
        build(seed=1)
    assert tree(folder) == before


def test_a_file_in_place_of_the_folder_is_refused_and_kept(tmp_path, build):
    (tmp_path / "digits").write_text("four years of work")
    with pytest.raises(ssvh.SSVHError, match="digits is a file; the dataset needs a folder of this name"):
        build()
    assert (tmp_path / "digits").read_text() == "four years of work"


# Files of codes


@pytest.fixture
def codes(rng):
    return ssvh.Codes(rng.integers(0, 256, (50, 4), dtype=np.uint8))


def one_array(path):
    with path.open("wb") as file:
        np.save(file, np.zeros((2, 2), np.uint8))


@pytest.mark.parametrize(
    "harm",
    [
        *(lambda path, keep=keep: cut(path, keep) for keep in (3, 4, 30, 100, -1)),
        lambda path: flip(path, 120, 121),
        one_array,
    ],
    ids=["3 bytes", "4 bytes", "30 bytes", "100 bytes", "all but a byte", "flipped", "npy"],
)
def test_a_damaged_file_of_codes_is_named(tmp_path, codes, harm):
    ssvh.save_codes(tmp_path / "codes.npz", query=codes)
    harm(tmp_path / "codes.npz")
    with pytest.raises(ssvh.SSVHError, match=r"codes\.npz holds no codes \(.+\)\. Encode the dataset again"):
        ssvh.load_codes(tmp_path / "codes.npz")


@pytest.mark.parametrize("name", ["codes", "new/folder/codes.npz"])
def test_codes_are_saved_under_the_name_given_in_a_folder_made_for_them(tmp_path, codes, name):
    ssvh.save_codes(tmp_path / name, query=codes)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / name]
    np.testing.assert_array_equal(ssvh.load_codes(tmp_path / name)["query"].packed, codes.packed)


def test_codes_cannot_be_saved_below_a_file(tmp_path, codes):
    (tmp_path / "file").write_text("")
    with pytest.raises(ssvh.SSVHError, match=r"file cannot be written \(.+\)\. Choose another folder"):
        ssvh.save_codes(tmp_path / "file" / "codes.npz", query=codes)


@pytest.mark.parametrize("values", [[[None] * 8], [["1"] * 8], [[1j] * 8]], ids=["objects", "texts", "complex"])
def test_codes_are_not_made_from_what_has_no_sign(values):
    with pytest.raises(ssvh.SSVHError, match="Codes are made from numbers, got an array of type"):
        ssvh.Codes.from_values(values)


# The arguments of evaluate


@pytest.fixture
def evaluate(rng):
    """``ssvh.evaluate`` of 4 queries among 9 items, each of a class of its own, with some arguments changed."""
    arguments = {
        "query_codes": rng.integers(0, 2, (4, 8)),
        "database_codes": rng.integers(0, 2, (9, 8)),
        "query_labels": np.arange(4),
        "database_labels": np.arange(9),
        "k": (1,),
    }
    return lambda **changes: ssvh.evaluate(**arguments | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": 1}, r"k must be a tuple of whole cutoffs of at least 1, such as \(5, 20\), got 1\."),
        ({"k": (1.5,)}, r"k must be a tuple of whole cutoffs .* got \(1\.5,\)"),
        ({"ties": None}, r"no choice of ties called 'None'.* Known: expected, random, stable"),
        ({"ties": ["stable"]}, r"no choice of ties called '\['stable'\]'\. Did you mean 'stable'\?"),
        ({"query_codes": np.ones((0, 8)), "query_labels": []}, "There are no queries to evaluate"),
        (
            {"query_labels": np.arange(4)[:, None], "database_labels": np.arange(9)[:, None]},
            r"query labels are multi-hot, 0 or 1; got values like \[1 2 3\]\. Class numbers are one-dimensional",
        ),
        (
            {"query_labels": np.eye(3)[[0, 1, 2, 0]], "database_labels": np.full((9, 3), 7)},
            r"database labels are multi-hot, 0 or 1; got values like \[7\]\. Class numbers are one-dimensional",
        ),
        (
            {"query_codes": np.ones((10, 8)), "query_labels": np.arange(10), "self_match": "exclude"},
            "the 10 query codes are not the first of the 9 database codes",
        ),
        ({"self_match": "exclude"}, "query i is database item i, but the 4 query codes are not the first of the 9"),
    ],
    ids=[
        "k a number",
        "k a fraction",
        "ties None",
        "ties a list",
        "no queries",
        "class numbers in a column",
        "class numbers in a table",
        "more queries than items",
        "queries that are not in the database",
    ],
)
def test_arguments_of_evaluate_that_make_no_sense_are_refused(evaluate, changes, message):
    with pytest.raises(ssvh.SSVHError, match=message):
        evaluate(**changes)


def test_an_evaluation_without_anything_relevant_is_plain_json(evaluate):
    text = json.dumps(evaluate(query_labels=np.full(4, 99)).to_json(), allow_nan=False)
    assert json.loads(text)["recall"] == [None] * 9
    assert json.loads(text)["queries_without_relevant"] == 4
