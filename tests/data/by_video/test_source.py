"""One dataset in every layout: the same features, labels, codes and precision; sets from lists, tables, folders."""

import json

import h5py
import numpy as np
import pytest
from dataset_files import CLASSES, change, refusal, some_videos, write_groups, write_toml, write_videos

import ssvh_lib as ssvh
from ssvh_lib.data import loader
from ssvh_lib.data.by_video.formats import FORMATS
from ssvh_lib.data.by_video.resampled import VideoRows
from ssvh_lib.data.check import check_dataset
from ssvh_lib.data.halve import halve

T = 5


@pytest.fixture(scope="module")
def videos():
    """18 videos of 3 to 8 frames in three classes; the last two of each are queries."""
    return some_videos(np.random.default_rng(0))


def is_query(name):
    return name[-1] in "45"


def table_of(names, end=""):
    """The text of a table of labels and sets; ``end`` is written after each name."""
    rows = [
        f"{name}{end},{name.split('/')[0].split('-')[0]},{'query' if is_query(name) else 'train'}" for name in names
    ]
    return "\n".join(["path,labels,split", *rows, ""])


def renamed(videos):
    """The videos under names without folders, as groups have them."""
    return {name.replace("/", "-"): values for name, values in videos.items()}


def files(folder, suffix, videos):
    """Files of one kind with a table, in which they are videos."""
    write_videos(folder / "feats", suffix, videos)
    (folder / "labels.csv").write_text(table_of(sorted(videos), ".mp4"))
    return write_toml(folder, features="feats", labels="labels.csv", frames=T)


def groups_with_table(folder, videos):
    write_groups(folder / "image.h5", renamed(videos))
    (folder / "labels.csv").write_text(table_of(sorted(renamed(videos))))
    return write_toml(folder, features="image.h5", labels="labels.csv", frames=T)


def groups_with_lists(folder, videos, first_label=2):
    """A file of groups with lists that number the classes from 1."""
    write_groups(folder / "image.h5", renamed(videos))
    middle = "17," if first_label == 3 else ""
    for part, wanted in (("train", False), ("query", True)):
        names = [name for name in sorted(renamed(videos)) if is_query(name) == wanted]
        lines = [f"{name},{middle}{CLASSES.index(name.split('-')[0]) + 1}\n" for name in names]
        (folder / f"{part}.txt").write_text("".join(lines))
    lists = {"train_list": "train.txt", "query_list": "query.txt", "first_label": first_label}
    return write_toml(folder, top={"classes": list(CLASSES)}, features="image.h5", frames=T, **lists)


def published(folder, videos, make_part):
    """The layout of the papers, resampled by the formula."""
    folder.mkdir()
    tables = ['preset = "smoke"\n', f"classes = {json.dumps(CLASSES)}\n"]
    for part, wanted in (("train", False), ("query", True)):
        names = [name for name in sorted(videos) if is_query(name) == wanted]
        frames = [[videos[name][(2 * t + 1) * len(videos[name]) // (2 * T)] for t in range(T)] for name in names]
        labels = np.array([[name.startswith(label) for label in CLASSES] for name in names], np.uint8)
        tables.append(make_part(folder, part, np.array(frames), labels))
    (folder / "dataset.toml").write_text("\n".join(tables))
    return folder


@pytest.fixture(scope="module")
def layouts(videos, tmp_path_factory, make_part):
    """A folder for each layout, with the same videos."""
    root = tmp_path_factory.mktemp("layouts")
    made = {suffix[1:]: files(root / suffix[1:], suffix, videos) for suffix in FORMATS}
    return made | {
        "lists": groups_with_lists(root / "lists", videos),
        "counts": groups_with_lists(root / "counts", videos, first_label=3),
        "table": groups_with_table(root / "table", videos),
        "published": published(root / "published", videos, make_part),
    }


NAMES = [*(suffix[1:] for suffix in FORMATS), "lists", "counts", "table"]


def load(folder):
    return ssvh.load_dataset(folder.name, folder.parent)


@pytest.mark.parametrize("name", NAMES)
def test_every_layout_holds_the_same_dataset(layouts, name):
    one, other = load(layouts[name]), load(layouts["published"])
    assert one.classes == other.classes == CLASSES
    for part, videos in one.parts().items():
        np.testing.assert_array_equal(videos.read(), other.parts()[part].read())
        np.testing.assert_array_equal(videos.labels, other.parts()[part].labels)
    assert one.database is one.train


@pytest.mark.parametrize("name", NAMES)
def test_every_layout_gives_the_same_codes_and_precision(layouts, name, tmp_path):
    results = []
    for each in (name, "published"):
        dataset = load(layouts[each])
        model = ssvh.build("itq", dataset, 8)
        ssvh.fit(model, dataset, tmp_path / each, progress=False)
        query, database = ssvh.encode(model, dataset.query), ssvh.encode(model, dataset.database)
        scores = ssvh.evaluate(query, database, dataset.query.labels, dataset.database.labels, k=(5, 10))
        results.append((query.packed.tolist(), database.packed.tolist(), scores.map))
    assert results[0] == results[1]


@pytest.mark.parametrize("name", NAMES)
def test_a_set_that_is_not_held_in_memory_is_read_in_blocks(layouts, name, monkeypatch):
    whole = load(layouts[name]).train.read()
    monkeypatch.setattr("ssvh_lib.data.read.HELD_IN_MEMORY", 0)
    monkeypatch.setattr(loader, "HELD_IN_MEMORY", 0)
    monkeypatch.setattr(loader, "WINDOW", 6 * 4 * T * 8)
    monkeypatch.setattr(loader, "BLOCK", 2 * 4 * T * 8)
    train = load(layouts[name]).train
    assert isinstance(train.features, VideoRows)
    batches = list(loader.read_batches(train, 4, 3))
    assert sorted(np.concatenate([rows for rows, _ in batches])) == list(range(12))
    for rows, frames in batches:
        np.testing.assert_array_equal(frames, whole[rows])


@pytest.mark.parametrize("name", NAMES)
def test_every_layout_can_be_checked(layouts, name):
    report, other = check_dataset(name, layouts[name].parent), check_dataset("published", layouts[name].parent)
    assert report.problems == []
    assert {part: found.contents for part, found in report.parts.items()} == {
        part: found.contents for part, found in other.parts.items()
    }
    assert "Videos have 3 to 8 frames; each is resampled to 5." in report.notes


@pytest.mark.parametrize("name", NAMES)
def test_a_halved_copy_is_a_dataset_in_the_published_layout(layouts, name, tmp_path):
    out = halve(name, tmp_path / "half", layouts[name].parent)
    copy, whole = load(out), load(layouts[name])
    assert (copy.name, copy.classes, copy.preset) == (name, whole.classes, whole.preset)
    for part, videos in copy.parts().items():
        np.testing.assert_array_equal(videos.read(), whole.parts()[part].read().astype(np.float16))
        np.testing.assert_array_equal(videos.labels, whole.parts()[part].labels)
        assert videos.ids == whole.parts()[part].ids
    assert halve(name, out, layouts[name].parent) == out  # which is left as it is


def test_fingerprints_differ_with_the_layout_and_follow_what_is_read(tmp_path, videos):
    folder = files(tmp_path / "mine", ".npy", videos)
    seen = [load(folder).fingerprint]
    assert load(folder).fingerprint == seen[0]

    def changed():
        seen.append(load(folder).fingerprint)
        assert len(set(seen)) == len(seen)

    change(folder / "dataset.toml", "frames = 5", "frames = 4")
    changed()
    change(folder / "labels.csv", "cooking/v0.mp4,cooking", "cooking/v0.mp4,running")
    changed()
    write_videos(folder / "feats", ".npy", {"cooking/v0": videos["cooking/v0"] + 1})
    changed()
    folder.rename(tmp_path / "moved")
    assert load(tmp_path / "moved").fingerprint == seen[-1]


# T


def test_videos_of_one_length_keep_it_and_others_get_25_frames(tmp_path, videos):
    folder = files(tmp_path / "mine", ".npy", {name: values[:3] for name, values in videos.items()})
    change(folder / "dataset.toml", "frames = 5", "")
    assert load(folder).train.frames == 3
    assert not any("resampled" in note for note in check_dataset("mine", tmp_path).notes)
    write_videos(folder / "feats", ".npy", {"cooking/v0": videos["cooking/v0"][:2]})
    assert load(folder).train.frames == 25
    assert "Videos have 2 to 3 frames; each is resampled to 25." in check_dataset("mine", tmp_path).notes


# Sets


def test_queries_are_drawn_where_nothing_says_which_they_are(tmp_path, videos):
    write_videos(tmp_path / "mine", ".npy", videos)
    drawn = ssvh.load_dataset("mine", tmp_path)
    assert [len(part) for part in drawn.parts().values()] == [15, 15, 3]  # a fifth of each class
    assert drawn.classes == CLASSES
    write_toml(tmp_path / "mine", features=".", query_share=0.5, seed=1)
    other = ssvh.load_dataset("mine", tmp_path)
    assert len(other.query) == 9


def test_videos_without_folders_have_no_class(tmp_path, videos):
    write_videos(tmp_path / "mine", ".npy", renamed(videos))
    dataset = ssvh.load_dataset("mine", tmp_path)
    assert dataset.classes == ("no class",)
    assert not dataset.train.labels.any()
    assert any("have no label" in problem for problem in check_dataset("mine", tmp_path).problems)


def test_a_table_may_give_several_labels_and_a_database(tmp_path, videos):
    write_videos(tmp_path / "mine", ".npy", renamed(videos))
    parts = ["train", "database", "query"]
    lines = [f"{name}.npy,x;{'y' * (row % 2)},{parts[row % 3]}" for row, name in enumerate(sorted(renamed(videos)))]
    (tmp_path / "mine" / "anything.csv").write_text("Video,Label,Split\n" + "\n".join(lines))
    dataset = ssvh.load_dataset("mine", tmp_path)
    assert [len(part) for part in dataset.parts().values()] == [6, 6, 6]
    assert dataset.query.labels.tolist() == [[1, row % 2] for row in range(2, 18, 3)]
    assert dataset.train.ids[0] == sorted(renamed(videos))[0]


@pytest.mark.parametrize("flat", [False, True])
def test_official_lists_apply_to_features_in_folders_or_without(tmp_path, videos, flat):
    mine = tmp_path / "mine"
    listed = {f"{label}/{label}{number}": is_query(str(number)) for label in CLASSES for number in range(6)}

    def stored(name):
        return name.split("/")[1] if flat else name

    write_videos(mine, ".npy", {stored(name): next(iter(videos.values())) for name in listed})
    for stem, wanted in (("train", False), ("test", True)):
        (mine / f"{stem}list01.txt").write_text("".join(f"{name}.avi 1\n" for name in listed if listed[name] == wanted))
    (mine / "classInd.txt").write_text("".join(f"{n} {name}\n" for n, name in enumerate(reversed(CLASSES), start=1)))
    dataset = ssvh.load_dataset("mine", tmp_path)
    assert dataset.classes == tuple(reversed(CLASSES))
    found = dict(zip(dataset.query.ids, dataset.query.labels.argmax(axis=1), strict=True))
    assert found == {stored(name): 2 - CLASSES.index(name.split("/")[0]) for name in listed if listed[name]}
    assert "Sets: official split 1 of UCF101." in check_dataset("mine", tmp_path).notes


def test_stored_videos_in_no_list_are_counted(tmp_path, videos):
    folder = files(tmp_path / "mine", ".npy", videos)
    change(folder / "labels.csv", "cooking/v0.mp4,cooking,train\n", "")
    assert len(load(folder).train) == 11
    assert "1 stored videos are in no set." in check_dataset("mine", tmp_path).notes


def test_a_list_of_the_database_may_hold_the_queries(tmp_path, videos):
    folder = groups_with_lists(tmp_path / "mine", videos)
    (folder / "all.txt").write_text((folder / "query.txt").read_text() + (folder / "train.txt").read_text())
    change(folder / "dataset.toml", "[videos]", 'query_in_database = true\n[videos]\ndatabase_list = "all.txt"')
    dataset = load(folder)
    assert (len(dataset.database), dataset.query_in_database) == (18, True)
    assert check_dataset("mine", tmp_path).problems == []
    change(folder / "dataset.toml", "all.txt", "train.txt")
    with pytest.raises(ssvh.SSVHError, match="the query list is not the beginning of the database list"):
        load(folder)


def test_queries_that_lie_in_the_database_unsaid_are_warned_of(tmp_path, videos):
    folder = groups_with_lists(tmp_path / "mine", videos)
    with (folder / "train.txt").open("a") as file:
        file.write((folder / "query.txt").read_text().splitlines()[0] + "\n")
    with pytest.warns(ssvh.SSVHWarning, match=r"1 of 6 queries of mine are in its database too \(cooking-v4\)"):
        load(folder)
    report = check_dataset("mine", tmp_path)
    assert report.problems == ["query: 1 of them lie in the database too, bit for bit, and would find themselves."]
    assert report.shared == {("train", "query"): 1}


# What is wrong


def test_listed_videos_that_are_absent_are_counted_and_named(tmp_path, videos, tree):
    folder = files(tmp_path / "mine", ".npy", videos)
    for number in range(3):
        (folder / "feats" / "running" / f"v{number}.npy").unlink()
    message = refusal(folder, tree, folder / "labels.csv", "lists 18 videos, of which 3 are not in", folder / "feats")
    assert "'running/v0.mp4', 'running/v1.mp4', 'running/v2.mp4'. Fetch their features, or take them off" in message


def test_a_class_that_the_toml_does_not_list_is_named(tmp_path, videos, tree):
    folder = files(tmp_path / "mine", ".npy", videos)
    change(folder / "dataset.toml", "[videos]", 'classes = ["cooking", "running"]\n[videos]')
    refusal(folder, tree, folder / "dataset.toml", "'classes' lacks dancing")


def test_nan_is_found_at_once_and_by_a_check_with_the_video(tmp_path, videos, tree):
    videos = {name: values.copy() for name, values in videos.items()}
    videos["dancing/v2"][:] = np.nan
    folder = files(tmp_path / "mine", ".npy", videos)
    refusal(folder, tree, folder / "feats", "holds NaN, infinity or a value beyond float32 in the video 'dancing/v2'")
    assert check_dataset("mine", tmp_path).problems == [
        "train: 1 videos hold NaN or infinity, 'dancing/v2'. Extract their features again, or remove them."
    ]


def test_a_check_reports_missing_lists_and_features_once(tmp_path, videos):
    folder = groups_with_lists(tmp_path / "mine", videos)
    (folder / "query.txt").unlink()
    assert check_dataset("mine", tmp_path).problems == [f"{folder / 'query.txt'} is missing."]
    (folder / "image.h5").unlink()
    report = check_dataset("mine", tmp_path)
    assert report.problems == [f"{folder / 'image.h5'} is missing.", f"{folder / 'query.txt'} is missing."]
    assert report.text().count("cannot be read") == 3


def test_a_check_reports_a_damaged_file_once(tmp_path, videos):
    folder = groups_with_lists(tmp_path / "mine", videos)
    with h5py.File(folder / "image.h5", "r+") as file:
        del file["cooking-v0/vectors"]
    [problem] = check_dataset("mine", tmp_path).problems
    assert problem.startswith(f"{folder / 'image.h5'}: 1 of 18 videos cannot be read: 'cooking-v0' holds no array")
