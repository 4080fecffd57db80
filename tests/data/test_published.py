"""The papers' datasets load from the authors' files as they are; what is missing is named with its source."""

from dataclasses import replace

import h5py
import numpy as np
import pytest
from scipy.io import loadmat, savemat

import ssvh_lib as ssvh
from ssvh_lib.data import published
from ssvh_lib.data.published import PUBLISHED, Part

NAMES = ("activitynet", "fcvid", "hmdb51", "ucf101", "yfcc")
CLASSES = 3


@pytest.fixture
def fill(rng):
    """Writes the files of a published dataset, with 8 videos of 4 frames x 6 values in each, into a folder."""

    def write(name, folder):
        folder.mkdir(parents=True, exist_ok=True)
        for part in PUBLISHED[name].parts().values():
            for file in part.features:
                with h5py.File(folder / file, "w") as stored:
                    stored["feats"] = rng.standard_normal((8, 4, 6)).astype(np.float32)
            for file in part.labels:
                savemat(folder / file, {part.label_key: np.eye(CLASSES)[rng.integers(CLASSES, size=8)]})
        return folder

    return write


def stored(folder, names):
    parts = []
    for name in names:
        with h5py.File(folder / name) as file:
            parts.append(file["feats"][:])
    return np.concatenate(parts)


@pytest.mark.parametrize("name", NAMES)
def test_features_and_labels_are_those_of_the_authors_files(tmp_path, fill, name):
    folder, facts = fill(name, tmp_path / name), PUBLISHED[name]
    dataset = ssvh.load_dataset(name, tmp_path)
    assert (dataset.name, dataset.preset, dataset.root) == (name, "paper", folder)
    for part, files in facts.parts().items():
        videos = dataset.parts()[part]
        np.testing.assert_array_equal(videos.read(), stored(folder, files.features))
        labels = [loadmat(folder / file)[files.label_key] for file in files.labels]
        np.testing.assert_array_equal(
            videos.labels, np.concatenate(labels) if labels else np.zeros((len(videos), CLASSES))
        )


@pytest.mark.parametrize("name", NAMES)
def test_protocols_are_those_of_the_papers(tmp_path, fill, name):
    fill(name, tmp_path / name)
    dataset = ssvh.load_dataset(name, tmp_path)
    assert dataset.query_in_database == (name == "fcvid")
    assert (dataset.query is dataset.database) == (name == "fcvid")
    assert (dataset.database is dataset.train) == (name in ("ucf101", "hmdb51"))


def test_counts_and_shapes_are_those_of_the_authors_configurations():
    counts = {
        name: (*(part.videos for part in facts.parts().values()), facts.frames, facts.size, facts.classes)
        for name, facts in PUBLISHED.items()
    }
    assert counts == {
        "activitynet": (9_722, 3_758, 1_000, 30, 2048, 200),
        "fcvid": (45_585, 45_600, 45_600, 25, 4096, 239),
        "hmdb51": (3_570, 3_570, 1_530, 25, 4096, 51),
        "ucf101": (9_537, 9_537, 3_783, 25, 4096, 101),
        "yfcc": (409_788, 101_256, 1_000, 25, 4096, None),
    }
    assert len(PUBLISHED["yfcc"].train.features) == 9
    assert len(PUBLISHED["yfcc"].files()) == 9 + 2 + 2 + 2


def test_every_published_name_has_its_own_file_names():
    assert PUBLISHED["activitynet"].database == Part(3_758, ("test_feats.h5",), ("re_label.mat",), "re_label")
    assert PUBLISHED["activitynet"].query == Part(1_000, ("query_feats.h5",), ("q_label.mat",), "q_label")
    assert sorted(PUBLISHED["fcvid"].files()) == ["fcv_test_feats.h5", "fcv_test_labels.mat", "fcv_train_feats.h5"]


@pytest.mark.parametrize("place", ["fcvid", "fcv", "."])
def test_files_may_lie_under_our_name_under_the_authors_or_in_the_root(tmp_path, fill, place):
    folder = fill("fcvid", tmp_path / place)
    dataset = ssvh.load_dataset("fcvid", tmp_path)
    assert dataset.root.resolve() == folder.resolve()
    assert len(dataset.train) == 8


def test_every_missing_file_is_named_with_what_it_should_hold_and_where_it_comes_from(tmp_path, fill, tree):
    folder = fill("activitynet", tmp_path / "activitynet")
    (folder / "train_feats.h5").unlink()
    (folder / "q_label.mat").unlink()
    before = tree(tmp_path)
    with pytest.raises(ssvh.SSVHError) as error:
        ssvh.load_dataset("activitynet", tmp_path)
    assert str(error.value).splitlines() == [
        f"{folder} lacks 2 of the 5 files of activitynet:",
        "  train_feats.h5: 'feats' 9,722 x 30 x 2048 float32 in HDF5 (train)",
        "  q_label.mat: 'q_label' 1,000 x 200 of 0 and 1 in a MATLAB 5 file (query)",
        f"The authors publish them at {PUBLISHED['activitynet'].link} (linked from {published.S5VH}). "
        "`ssvh data check activitynet` shows what is there.",
    ]
    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", NAMES)
def test_with_no_file_at_all_all_are_named(tmp_path, name):
    with pytest.raises(ssvh.SSVHError) as error:
        ssvh.load_dataset(name, tmp_path)
    for file in PUBLISHED[name].files():
        assert f"\n  {file}: " in str(error.value)
    assert f"{tmp_path / name} lacks" in str(error.value)


def test_features_and_labels_of_a_set_in_shards_go_together(tmp_path, fill):
    folder = fill("yfcc", tmp_path / "yfcc")
    with h5py.File(folder / "yfcc_test_feats_2.h5", "w") as file:
        file["feats"] = np.zeros((3, 4, 6), np.float32)
    savemat(folder / "yfcc_test_labels_2.mat", {"labels": np.eye(CLASSES)[[2, 2, 1]]})
    labels = ssvh.load_dataset("yfcc", tmp_path).database.labels
    assert labels.shape == (11, CLASSES)
    np.testing.assert_array_equal(labels[8:].argmax(axis=1), [2, 2, 1])


# Labels


def test_labels_that_can_only_be_classes_by_videos_are_turned_round(tmp_path, fill):
    folder = fill("activitynet", tmp_path / "activitynet")
    upright = loadmat(folder / "re_label.mat")["re_label"]
    savemat(folder / "re_label.mat", {"re_label": upright.T})
    np.testing.assert_array_equal(ssvh.load_dataset("activitynet", tmp_path).database.labels, upright)


def test_labels_that_fit_neither_way_are_refused(tmp_path, fill):
    folder = fill("activitynet", tmp_path / "activitynet")
    savemat(folder / "re_label.mat", {"re_label": np.ones((5, 7))})
    with pytest.raises(
        ssvh.SSVHError, match=r"test_feats\.h5: 8 videos have features, but the labels have shape \(5, 7\)"
    ):
        ssvh.load_dataset("activitynet", tmp_path)


def test_label_files_of_different_classes_are_refused(tmp_path, fill):
    folder = fill("yfcc", tmp_path / "yfcc")
    savemat(folder / "yfcc_test_labels_2.mat", {"labels": np.eye(4)[np.arange(8) % 4]})
    with pytest.raises(ssvh.SSVHError, match=r"yfcc_test_labels_2\.mat have different numbers of classes"):
        ssvh.load_dataset("yfcc", tmp_path)


def test_a_published_dataset_of_another_size_is_still_loaded(tmp_path, fill, monkeypatch):
    """Sizes are for `ssvh data check`: a subset, or other features, may be used under the published name."""
    monkeypatch.setitem(PUBLISHED, "ucf101", replace(PUBLISHED["ucf101"], frames=99))
    fill("ucf101", tmp_path / "ucf101")
    assert ssvh.load_dataset("ucf101", tmp_path).train.frames == 4
