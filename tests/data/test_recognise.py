"""What a folder without a dataset.toml is taken for and why, and which folders are refused with what was found."""

import h5py
import numpy as np
import pytest
from dataset_files import some_videos, write_avhash, write_groups, write_toml, write_videos

import ssvh_lib as ssvh
from ssvh_lib.data.by_video.formats import FORMATS
from ssvh_lib.data.check import check_dataset
from ssvh_lib.data.find import find
from ssvh_lib.data.recognise import recognise


@pytest.fixture(scope="module")
def videos():
    return some_videos(np.random.default_rng(0))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mine").mkdir()
    return tmp_path / "mine"


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def refused(folder, *parts):
    """The message with which a folder is refused, by the library and by a check."""
    with pytest.raises(ssvh.SSVHError) as loading:
        ssvh.load_dataset(folder.name, folder.parent)
    with pytest.raises(ssvh.SSVHError) as checking:
        check_dataset(folder.name, folder.parent)
    assert str(loading.value) == str(checking.value)
    for part in parts:
        assert str(part) in str(loading.value)
    return str(loading.value)


# What is recognised


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_folder_of_files_is_recognised_by_them(folder, videos, suffix):
    write_videos(folder, suffix, videos)
    seen = recognise(folder)
    assert str(seen) == f"a folder with one {suffix} file for each video, because it holds 18 of them"
    assert seen.read() == {"preset": "small", "videos": {"features": "."}}
    assert f"  Taken for {seen}.\n" in check_dataset("mine", folder.parent).text()


def test_a_configuration_of_avhash_is_recognised(folder):
    write_avhash(folder)
    touch(folder, "clips/a.mp4", "preview.png")
    write_groups(folder / "other.h5", {"a": np.ones((3, 8))})
    expected = (
        "groups in HDF5, one for each video, with lists, as AVHash publishes them, "
        "because fcvid.json names features and lists"
    )
    assert str(recognise(folder)) == expected
    assert ssvh.load_dataset("mine", folder.parent).train.size == 8


def test_a_table_and_official_lists_beside_the_features_are_used(folder, videos):
    write_groups(folder / "clip.h5", videos)
    touch(folder, "notes.txt")
    (folder / "report.csv").write_text("epoch,loss\n1,2\n")  # no table of labels
    (folder / "classes.csv").write_text("\ufeffVideo,Class\nv0,x\n")
    assert recognise(folder).read()["videos"] == {"features": "clip.h5", "labels": "classes.csv"}
    touch(folder, "trainlist01.txt", "testlist01.txt")
    assert recognise(folder).read()["videos"] == {"features": "clip.h5", "labels": "classes.csv", "splits": "."}


def test_a_toml_goes_before_everything_that_could_be_recognised(folder, videos):
    write_avhash(folder)
    write_videos(folder / "features", ".npy", videos)
    write_toml(folder, features="features")
    assert ssvh.load_dataset("mine", folder.parent).classes == ("cooking", "dancing", "running")
    assert find("mine", folder.parent).taken_for == "what its dataset.toml says"


def test_a_published_name_is_what_its_folder_holds(tmp_path, videos):
    assert "as its authors publish it" in find("ucf101", tmp_path).taken_for
    write_videos(tmp_path / "ucf101", ".npy", videos)
    assert "18 of them" in find("ucf101", tmp_path).taken_for
    touch(tmp_path, "ucf101/ucf_train_feats.h5")  # one file of the authors is enough
    assert find("ucf101", tmp_path).published is not None


def test_pictures_and_videos_beside_features_are_no_dataset_of_their_own(folder, videos):
    write_videos(folder, ".npy", videos)
    touch(folder, "cooking/v0.mp4", "cooking/v0.jpg")
    assert len(ssvh.load_dataset("mine", folder.parent).train) == 15


# What is refused


def test_a_folder_of_videos_is_told_how_to_become_a_dataset(folder):
    touch(folder, "a/x.mp4", "a/x.jpg", "b/y.AVI")
    message = refused(folder, "is taken for a folder of videos, because it holds 2 video files and no features")
    assert f"`ssvh extract --videos {folder} --out {folder}-features` turns it into a dataset" in message


def test_a_folder_of_pictures_is_told_how_to_become_a_dataset(folder):
    touch(folder, "a/x/1.jpg", "a/x/2.jpg", "b/y/1.PNG")
    refused(
        folder, "is taken for a folder of frames as pictures, because it holds 3 pictures in 2 folders", "ssvh extract"
    )


@pytest.mark.parametrize(
    ("names", "held"),
    [([], "no files"), (["a.txt", "b.txt", "c", ".hidden"], "2 .txt, 1 other")],
    ids=["empty", "other"],
)
def test_a_folder_that_holds_nothing_known_says_what_it_holds(folder, names, held):
    touch(folder, *names)
    refused(folder, folder / "dataset.toml", "is missing", f"({held}) cannot be read without one")


def test_arrays_of_all_videos_need_a_toml(folder):
    with h5py.File(folder / "train_feats.h5", "w") as file:
        file["feats"] = np.zeros((12, 4, 8))
    touch(folder, "preview.png")
    refused(folder, folder / "dataset.toml", "is missing", "1 .h5")


def test_two_kinds_of_files_are_ambiguous(folder, videos):
    write_videos(folder, ".npy", videos)
    write_videos(folder, ".pt", videos)
    refused(
        folder,
        f"{folder} can be taken for more than one dataset: a folder with one .npy file for each video, because it ",
        "holds 18 of them; or a folder with one .pt file for each video, because it holds 18 of them. Say which",
    )


def test_two_modalities_or_configurations_are_ambiguous(folder):
    for name in ("image", "audio"):
        write_groups(folder / f"{name}.h5", {"a": np.ones((3, 8))})
    refused(folder, "more than one dataset", "audio.h5 holds such groups", "image.h5 holds such groups")
    write_avhash(folder, "fcvid")
    write_avhash(folder, "actnet")
    refused(folder, "more than one dataset", "actnet.json names", "fcvid.json names")


def test_two_tables_are_ambiguous(folder, videos):
    write_videos(folder, ".npy", videos)
    for name in "ab":
        (folder / f"{name}.csv").write_text("path,labels\ncooking/v0,x\n")
    refused(folder, "holds several tables of labels: a.csv, b.csv. Name one of them as labels")


def test_groups_without_lists_are_told_what_is_missing(folder, videos):
    write_groups(folder / "clip.h5", videos)
    touch(folder, "train.txt", "test.txt")
    message = refused(folder, folder / "clip.h5", "it is not known which labels they have and which are queries")
    assert "test.txt, train.txt). Write a" in message
    assert 'features = "clip.h5", train_list = "…"' in message


def test_a_folder_within_the_folder_is_not_taken_for_the_only_class(folder, videos):
    write_videos(folder / "clip", ".npy", videos)
    refused(folder, "all 18 files of features lie in 'clip', which would be the only class", "features = 'clip'")
    (folder / "labels.csv").write_text("path,labels\n" + "".join(f"clip/{name}.mp4,x\n" for name in videos))
    assert ssvh.load_dataset("mine", folder.parent).classes == ("x",)


def test_a_file_that_is_not_hdf5_is_named(folder):
    (folder / "features.h5").write_text("<html>404")
    refused(folder, folder / "features.h5", "is not a whole HDF5 file")


def test_a_misspelt_name_is_answered_with_the_recognised_folders(tmp_path, videos):
    write_videos(tmp_path / "penn-clip", ".npy", videos)
    touch(tmp_path / "my-clips", "a/x.mp4")
    touch(tmp_path / "notes", "a.txt")
    with pytest.raises(ssvh.SSVHError, match=r"Did you mean 'penn-clip'\?.* my-clips, .*penn-clip, ucf101"):
        ssvh.load_dataset("pen-clip", tmp_path)
