"""From a dataset to its statistics: what is read, what is missing and why, what is refused."""

from dataclasses import asdict

import h5py
import numpy as np
import pytest
from dataset_files import set_feature

import ssvh_lib as ssvh
from ssvh_lib.data import features, read, rows
from ssvh_lib.data.statistics import MEASURES, neighbours, passes
from ssvh_lib.data.statistics import frames as frames_module
from ssvh_lib.utils.measured_process import peak_memory_growth

KEYS = {measure.key for measure in MEASURES}
NO_INFORMATIVE = {"hardness_informative", "informative_share"}


def values(found):
    return {key: getattr(found, key) for key in KEYS}


def present(found):
    return {key for key, value in values(found).items() if value is not None}


@pytest.fixture
def task(make_videos, make_task, rng):
    """Nine videos and four queries, of which one copies a video and another one nearly does."""
    train = make_videos(rng.standard_normal((9, 4, 5)) + 2 * rng.standard_normal((9, 1, 5)))
    query = rng.standard_normal((4, 4, 5))
    query[0], query[1] = train.features[3], train.features[4] * 1.001
    return make_task(train, make_videos(query))


def test_everything_that_a_dataset_allows(task):
    found = ssvh.describe(task)
    assert present(found) == KEYS - NO_INFORMATIVE == KEYS - found.missing.keys()
    assert (found.name, found.described, found.videos, found.frames, found.size) == ("mine", "train", 9, 4, 5)
    assert (found.classes, found.queries, found.notes) == (3, 4, ())
    assert found.class_share + found.video_share + found.within_share == pytest.approx(1)
    assert (found.query_copies, found.near_duplicates) == (1 / 4, 2 / 4)
    assert found.chance_accuracy == pytest.approx(1 / 3)


def test_a_description_cannot_be_changed(task):
    with pytest.raises(AttributeError):
        ssvh.describe(task).within_share = 0


def test_frames_that_show_the_digit_are_the_hard_ones_of_moving_digits(smoke):
    found = ssvh.describe(smoke)
    assert not found.missing
    assert not found.notes
    assert found.informative_share == pytest.approx(smoke.train.informative.mean())
    assert found.hardness_informative > 0.7
    assert found.hardness_class > 0.1
    assert found.within_share > 0.6
    assert found.chance_accuracy == pytest.approx(1 / 50, abs=0.001)


@pytest.mark.parametrize("slab", [1, 10_000, 1 << 30])
def test_statistics_do_not_depend_on_how_the_videos_are_read(slab, tmp_path, make_dataset, monkeypatch):
    make_dataset(tmp_path / "mine", train=30, query=9)
    expected = ssvh.describe(ssvh.load_dataset("mine", tmp_path))
    monkeypatch.setattr(read, "HELD_IN_MEMORY", 0)
    monkeypatch.setattr(passes, "_SLAB", slab)
    dataset = ssvh.load_dataset("mine", tmp_path)
    assert not dataset.train.held
    found = ssvh.describe(dataset)
    assert found.missing == expected.missing
    for key, value in values(expected).items():
        assert getattr(found, key) == (value if value is None else pytest.approx(value, abs=1e-5)), key


def test_statistics_do_not_depend_on_the_order_of_the_videos(task, make_task, rng):
    order = rng.permutation(9)
    shuffled = make_task(task.train.part(order), task.query.part(np.array([2, 0, 3, 1])))
    found, expected = ssvh.describe(shuffled), ssvh.describe(task)
    for key in present(expected):
        assert getattr(found, key) == pytest.approx(getattr(expected, key), abs=1e-5), key


class Counted:
    """Features that count how often each row is read, and the most that is read at a time."""

    def __init__(self, values):
        self.values, self.shape, self.dtype = values, values.shape, values.dtype
        self.times, self.most = np.zeros(len(values), int), 0

    def __getitem__(self, rows):
        read = self.values[rows]
        self.times[rows] += 1
        self.most = max(self.most, read.nbytes)
        return read


def counted(videos):
    return ssvh.VideoFeatures(Counted(videos.features), videos.labels, videos.ids)


def test_the_training_set_is_read_twice_and_queries_once_more_if_they_are_asked(task, make_task, monkeypatch):
    monkeypatch.setattr(passes, "_SLAB", 3 * 4 * 5 * 4)
    monkeypatch.setattr(neighbours, "MOST_QUERIES", 2)
    train, query = counted(task.train), counted(task.query)
    ssvh.describe(make_task(train, query))
    assert (train.features.times == 2).all()
    assert train.features.most == passes._SLAB
    assert sorted(query.features.times) == [1, 1, 2, 2]


def test_a_database_of_its_own_is_read_once(task, make_task):
    train, database, query = counted(task.train), counted(task.train), counted(task.query)
    found = ssvh.describe(make_task(train, query, database))
    assert values(found) == values(ssvh.describe(task))
    assert (train.features.times == 2).all()
    assert (database.features.times == 1).all()


@pytest.mark.slow
def test_features_on_disk_are_never_held_at_once(tmp_path, monkeypatch):
    """800 MB as float32 are described in 250 MB; the file is sparse, its frames are 0."""
    labels = np.eye(10, dtype=np.uint8)[np.arange(8000) % 10]
    with h5py.File(tmp_path / "feats.h5", "w") as file:
        file.create_dataset("feats", (8000, 25, 1000), np.float16)
    stored = rows.StoredRows([tmp_path / "feats.h5"], "feats")
    videos = ssvh.VideoFeatures(stored, labels, tuple(map(str, range(8000))))
    dataset = ssvh.Dataset("big", videos, videos, videos, True, tuple("0123456789"), "smoke", "0", tmp_path)
    monkeypatch.setattr(frames_module, "LARGEST_SAMPLE", 1 << 20)
    monkeypatch.setattr(neighbours, "LARGEST_SAMPLE", 1 << 20)
    assert peak_memory_growth(lambda: ssvh.describe(dataset)) < 250


def test_where_only_the_database_has_labels_it_is_described(task, make_videos, make_task):
    bare = counted(make_videos(task.train.features[:5] + 1, np.zeros((5, 3))))
    found = ssvh.describe(make_task(bare, task.query, task.train))
    assert (bare.features.times == 0).all()
    assert found.described == "database"
    assert found.notes == ("The training set has no labels, so the database is described.",)
    assert values(found) == values(ssvh.describe(task))
    assert "9 database videos x 4 frames" in found.heading()


def test_queries_in_the_database_do_not_count_as_their_own_copies(task, make_videos, make_task):
    twice = make_videos(np.concatenate([task.train.features, task.train.features[:1]]))
    found = ssvh.describe(make_task(twice, twice, within=True))
    assert found.query_copies == found.near_duplicates == 2 / 10
    assert found.duplicate_videos == pytest.approx(1 / 10)
    assert found.queries == 10


def test_without_labels_what_needs_none_is_given(task, make_videos, make_task):
    bare = make_task(*(make_videos(part.features, np.zeros((len(part), 3))) for part in (task.train, task.query)))
    found, expected = ssvh.describe(bare), ssvh.describe(task)
    absent = {
        "class_share",
        "video_share",
        "hardness_class",
        *(f"{by}_accuracy" for by in "mean frame ordered chance".split()),
    }
    assert KEYS - present(found) == absent | NO_INFORMATIVE == set(found.missing)
    assert found.missing["class_share"] == found.missing["hardness_class"] == "no video has a label"
    assert "label" in found.missing["mean_accuracy"]
    for key in present(found):
        assert getattr(found, key) == pytest.approx(getattr(expected, key))


SMALL = {
    "one video": ((1, 4, 5), {"other_video_cosine"}),
    "one frame": ((6, 1, 5), {"neighbour_cosine", "same_video_cosine", "repeated_frames", "hardness_class"}),
    "one frame of one video": ((1, 1, 1), None),
    "one value": ((6, 4, 1), set()),
}


@pytest.mark.parametrize("name", SMALL)
def test_small_sets_lack_what_they_cannot_show(name, make_videos, make_task, rng):
    shape, absent = SMALL[name]
    train, query = (make_videos(rng.standard_normal(shape)) for _ in range(2))
    found = ssvh.describe(make_task(train, query))
    assert KEYS - present(found) == set(found.missing)
    if absent is not None:
        assert absent | NO_INFORMATIVE <= set(found.missing)
        assert present(found) >= {"within_share", "mean_accuracy", "blank_frames", "effective_dimensions"}
    alone = ssvh.describe(make_task(train, train, within=True))
    assert (alone.mean_accuracy is None) == (len(train) == 1)


def test_constant_features_are_said_to_be(make_videos, make_task):
    same = make_videos(np.full((6, 4, 5), 0.1))
    found = ssvh.describe(make_task(same, same))
    assert found.missing["within_share"] == found.missing["neighbour_cosine"] == "all frames are equal"
    assert (found.blank_frames, found.repeated_frames, found.duplicate_videos) == (1, 1, pytest.approx(5 / 6))


def test_a_class_of_one_video_has_no_evidence(make_videos, make_task, rng):
    train = make_videos(rng.standard_normal((3, 4, 5)))  # each the only one of its class
    assert "one video" in ssvh.describe(make_task(train, train)).missing["hardness_class"]


def test_notes_tell_what_was_sampled(task, monkeypatch):
    monkeypatch.setattr(neighbours, "MOST_QUERIES", 3)
    monkeypatch.setattr(frames_module, "LARGEST_SAMPLE", 5 * 20)
    assert ssvh.describe(task).notes == (
        "Dimensions were counted in 20 of 36 frames.",
        "Nearest neighbours were sought for 3 of 4 queries.",
    )


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("part", ["train", "query"])
def test_nan_in_a_file_is_refused_with_its_name(part, held, tmp_path, make_dataset, monkeypatch):
    folder = make_dataset(tmp_path / "mine")
    set_feature(folder / f"{part}_feats.h5", (2, 1, 3), np.nan)
    monkeypatch.setattr(read, "HELD_IN_MEMORY", features.HELD_IN_MEMORY if held else 0)
    with pytest.raises(ssvh.SSVHError, match=rf"{part}_feats.h5: 'feats' holds NaN.* in row 2"):
        ssvh.describe(ssvh.load_dataset("mine", tmp_path))


@pytest.mark.parametrize("part", ["train", "query"])
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_what_is_not_finite_in_memory_is_refused(task, part, value):
    task.parts()[part].features[2, 1, 3] = value
    with pytest.raises(ssvh.SSVHError, match="The features must hold numbers between ± 1e\\+15; found values"):
        ssvh.describe(task)


def test_every_measure_is_defined_in_the_docstring_in_the_order_of_the_table():
    document = ssvh.Statistics.__doc__
    places = [document.index(f"- ``{measure.key}``:") for measure in MEASURES]
    assert places == sorted(places)
    assert len(asdict(ssvh.Statistics("mine", "train", 1, 1, 1, 1, 1))) == len(MEASURES) + 10
