"""Searching from end to end: a run becomes an index, a video becomes neighbours."""

import json
import shutil

import numpy as np
import pytest
from seen_page import Page
from video_samples import write_backbone, write_video

import ssvh_lib as ssvh
from ssvh_lib.data.raw_video.extract import extract
from ssvh_lib.evaluation.hamming import hamming_distances, rank
from ssvh_lib.search.index import HammingIndex
from ssvh_lib.search.page import render
from ssvh_lib.search.searcher import Searcher, index_run
from ssvh_lib.training.runs import Run

# A run and its index


@pytest.fixture(scope="module")
def run(smoke, tmp_path_factory):
    model = ssvh.build("itq", dataset=smoke, bits=32)
    return ssvh.fit(model, smoke, tmp_path_factory.mktemp("run") / "itq", progress=False)


@pytest.fixture
def path(run, smoke, tmp_path):
    index_run(run.folder, smoke.root.name, smoke.root.parent).save(tmp_path / "an.index")
    return tmp_path / "an.index"


@pytest.mark.parametrize("kind", ["flat", "multihash"])
def test_neighbours_of_a_query_are_those_of_its_code(run, smoke, tmp_path, kind):
    index_run(run.folder, root=smoke.root.parent, kind=kind).save(tmp_path / "an.index")
    searcher = Searcher.open(tmp_path / "an.index")
    query, database = ssvh.encode(run.model(), smoke.query), ssvh.encode(run.model(), smoke.database)
    distances = hamming_distances(query, database)
    for row in (0, 41, 79):
        asked = searcher.query(row)
        found = searcher.nearest(asked, 7)
        rows = rank(distances)[row, :7]
        assert asked.video.title == smoke.query.ids[row]
        assert [one.video.title for one in found] == [smoke.database.ids[item] for item in rows]
        assert [one.distance for one in found] == distances[row, rows].tolist()
        assert [one.relevant for one in found] == [
            bool((smoke.query.labels[row] & smoke.database.labels[item]).any()) for item in rows
        ]
        for one, item in zip(found, rows, strict=True):
            np.testing.assert_array_equal(one.video.code, database.signs()[item] > 0)
            np.testing.assert_array_equal(one.video.frames, smoke.database.thumbnails[np.array([item])][0])
            assert one.video.classes == (smoke.classes[smoke.database.labels[item].argmax()],)


def test_saved_codes_and_codes_made_anew_are_one_index(run, smoke, tmp_path):
    from ssvh_lib.experiments.measures import measure

    copy = shutil.copytree(run.folder, tmp_path / "copy")
    fresh = index_run(copy, root=smoke.root.parent)
    measure(Run(copy), run.model(), smoke)
    assert (copy / "codes.npz").is_file()
    np.testing.assert_array_equal(index_run(copy, root=smoke.root.parent).codes.packed, fresh.codes.packed)


def test_an_index_remembers_where_it_comes_from(path, run, smoke):
    source = HammingIndex.load(path).source
    assert source["run"] == str(run.folder.resolve())
    assert (source["dataset"], source["root"]) == (smoke.root.name, str(smoke.root.parent.resolve()))
    assert (source["data_fingerprint"], source["backbone"]) == (smoke.fingerprint, None)
    assert HammingIndex.load(path).ids == smoke.database.ids


def test_where_queries_lie_in_the_database_none_finds_itself(tmp_path, make_dataset):
    folder = make_dataset(tmp_path / "both", train=20)
    text = (folder / "dataset.toml").read_text()
    part = text.split("[train]\n")[1].split("\n[query]")[0]
    (folder / "dataset.toml").write_text(f"query_in_database = true\n[train]\n{part}\n[query]\n{part}")
    dataset = ssvh.load_dataset("both", tmp_path)
    ssvh.fit(ssvh.build("lsh", dataset=dataset, bits=16, preset="smoke"), dataset, tmp_path / "run")
    index_run(tmp_path / "run", "both", tmp_path).save(tmp_path / "an.index")
    searcher = Searcher.open(tmp_path / "an.index")
    for row in range(20):
        found = searcher.nearest(searcher.query(row), 19)
        assert len(found) == 19
        assert dataset.query.ids[row] not in [one.video.title for one in found]
    assert len(searcher.nearest(searcher.query(0), 5)) == 5


# What is missing or has changed


def test_a_run_that_is_not_finished_is_refused(tmp_path):
    with pytest.raises(ssvh.SSVHError, match=r"holds no finished run\. `ssvh train` prints"):
        index_run(tmp_path)


def test_a_run_for_other_features_is_refused(run, tmp_path, make_dataset):
    make_dataset(tmp_path / "mine")
    with pytest.raises(ssvh.SSVHError, match="The model reads 25 frames of size 256, the videos have 4 of size 8"):
        index_run(run.folder, "mine", tmp_path)


def test_a_moved_run_can_be_named(path, run, tmp_path):
    moved = shutil.copytree(run.folder, tmp_path / "moved")
    index = HammingIndex.load(path)
    index.source["run"] = str(tmp_path / "gone")
    index.save(path)
    with pytest.raises(ssvh.SSVHError, match=r"There is no finished run in .*gone.*Name it: --run FOLDER"):
        Searcher.open(path)
    assert len(Searcher.open(path, run=moved).nearest(Searcher.open(path, run=moved).query(0), 3)) == 3


def test_another_run_in_the_place_of_the_old_is_noticed(path, smoke, tmp_path):
    other = ssvh.fit(ssvh.build("itq", dataset=smoke, bits=32), smoke, tmp_path / "other", seed=1)
    with pytest.raises(ssvh.SSVHError, match=r"is not the one that made .*an\.index\. Make the index again"):
        Searcher.open(path, run=other.folder)


def test_a_dataset_that_is_gone_or_was_changed_is_noticed(path, tmp_path, make_dataset):
    index = HammingIndex.load(path)
    index.source["dataset"] = "gone"
    index.save(tmp_path / "other.index")
    with pytest.raises(ssvh.SSVHError, match="There is no dataset called 'gone'"):
        Searcher.open(tmp_path / "other.index")
    index.source["dataset"] = "mine"
    index.save(tmp_path / "other.index")
    make_dataset(tmp_path / "mine")
    with pytest.raises(ssvh.SSVHError, match=r"mine is not what .*other\.index was made of"):
        Searcher.open(tmp_path / "other.index", root=tmp_path)


def test_an_index_that_was_added_to_does_not_fit_its_dataset(path, rng):
    index = HammingIndex.load(path)
    index.add(ssvh.Codes(rng.integers(0, 256, (1, 4), dtype=np.uint8)), ["one more"])
    index.save(path)
    with pytest.raises(ssvh.SSVHError, match=r"is not what .*an\.index was made of"):
        Searcher.open(path)


def test_an_index_made_by_hand_says_that_it_has_no_run(tmp_path, rng):
    HammingIndex(ssvh.Codes(rng.integers(0, 256, (3, 2), dtype=np.uint8))).save(tmp_path / "an.index")
    with pytest.raises(ssvh.SSVHError, match="does not say which run made its codes"):
        Searcher.open(tmp_path / "an.index")


@pytest.mark.parametrize("row", [-1, 80])
def test_a_query_that_does_not_exist_is_named_with_those_that_do(path, row):
    with pytest.raises(ssvh.SSVHError, match=f"has queries 0 to 79, but no query {row}"):
        Searcher.open(path).query(row)


def test_a_video_cannot_be_searched_where_no_backbone_is_known(path, tmp_path):
    with pytest.raises(ssvh.SSVHError, match=r"does not say how a video becomes features.*--query 0"):
        Searcher.open(path).video(write_video(tmp_path / "a.mp4", 5))


# From video files


@pytest.fixture(scope="module")
def kitchen(tmp_path_factory):
    """Videos of two kinds, their dataset, a run and its index: folder of videos, index, backbone."""
    folder = tmp_path_factory.mktemp("kitchen")
    rng = np.random.default_rng(0)
    for label, shade in (("dark", 40), ("bright & <b>", 200)):
        for number in range(6):
            frames = [np.clip(shade + rng.normal(0, 20, (48, 64, 3)), 0, 255).astype(np.uint8) for _ in range(8)]
            write_video(folder / "videos" / label / f"{number}.mp4", frames)
    backbone = write_backbone(folder / "tiny")
    extract(folder / "videos", folder / "mine", backbone=backbone, frames=4, device="cpu", progress=False)
    dataset = ssvh.load_dataset("mine", folder)
    ssvh.fit(ssvh.build("itq", dataset=dataset, bits=8, preset="smoke"), dataset, folder / "run")
    index_run(folder / "run", root=folder).save(folder / "an.index")
    return folder


def test_a_video_of_the_database_finds_itself_and_its_kind(kitchen):
    searcher = Searcher.open(kitchen / "an.index")
    database = searcher.dataset.database
    for row, name in enumerate(database.ids):
        asked = searcher.video(kitchen / "videos" / name)
        itself = [one for one in searcher.nearest(asked, len(database)) if one.video.title == name]
        assert itself[0].distance == 0
        assert itself[0].relevant is None  # what a video shows is not known
        np.testing.assert_array_equal(asked.video.frames, database.thumbnails[np.array([row])][0])
    page = Page(render(asked.video, searcher.nearest(asked, 3), searcher.facts()))
    assert len(page.all("img")) == 4
    assert len(page.all("li")) == 3


@pytest.mark.parametrize("thumbnails", ["none", "full"])
def test_a_page_shows_what_thumbnails_there_are(kitchen, tmp_path, thumbnails):
    options = {"backbone": kitchen / "tiny", "frames": 4, "device": "cpu", "progress": False, "float16": True}
    extract(kitchen / "videos", tmp_path / "mine", thumbnails=thumbnails, **options)
    index_run(kitchen / "run", "mine", tmp_path).save(tmp_path / "an.index")
    searcher = Searcher.open(tmp_path / "an.index", root=tmp_path)
    asked = searcher.video(next((kitchen / "videos").rglob("*.mp4")))
    page = Page(render(asked.video, searcher.nearest(asked, 3), searcher.facts()))
    assert len(page.all("li")) == 3
    assert len(page.all("img")) == (1 if thumbnails == "none" else 4)  # the video that was asked for has its own


def test_a_backbone_with_other_weights_is_noticed(kitchen, tmp_path):
    index = HammingIndex.load(kitchen / "an.index")
    index.source["backbone"]["name"] = str(write_backbone(tmp_path / "tiny", seed=1))
    index.save(tmp_path / "an.index")
    with pytest.raises(ssvh.SSVHError, match="has other weights now"):
        Searcher.open(tmp_path / "an.index").video(next((kitchen / "videos").rglob("*.mp4")))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [("none.mp4", None, "There is no video"), ("empty.mp4", b"", "is empty"), ("text.mp4", b"text", "cannot be read")],
)
def test_a_video_that_cannot_be_read_is_named(kitchen, tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ssvh.SSVHError, match=message) as error:
        Searcher.open(kitchen / "an.index").video(tmp_path / name)
    assert name in str(error.value)


def test_an_extract_file_that_is_damaged_is_named(kitchen, tmp_path):
    shutil.copytree(kitchen / "mine", tmp_path / "mine")
    (tmp_path / "mine" / "extract.json").write_text(json.dumps({"frames": 4}))
    with pytest.raises(ssvh.SSVHError, match=r"extract\.json does not name"):
        index_run(kitchen / "run", "mine", tmp_path)
