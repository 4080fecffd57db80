"""Maps of codes: equal codes give equal maps, classes that lie apart stay apart, shares of neighbours are by hand."""

import dataclasses
import json
import warnings

import numpy as np
import pytest

from ssvh_lib.data import load_dataset
from ssvh_lib.errors import SSVHError
from ssvh_lib.evaluation.codes import Codes, load_codes
from ssvh_lib.experiments import code_maps
from ssvh_lib.experiments.code_maps import collect, maps, same_class_share, some_videos, table, tsne
from ssvh_lib.experiments.experiment import Experiment, folder_of
from ssvh_lib.experiments.runner import execute

CLASSES = np.arange(60) % 3
NAMES = ("walk", "run", "jump")


@pytest.fixture(scope="module")
def codes():
    """60 codes of 32 bits, of three classes, each near a centre of its own."""
    rng = np.random.default_rng(0)
    bits = (rng.random((3, 32)) < 0.5)[CLASSES] ^ (rng.random((60, 32)) < 0.05)
    return Codes(np.packbits(bits, axis=1))


@pytest.fixture(scope="module")
def made(codes):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # what umap warns of does not reach the user
        return maps(codes, CLASSES, NAMES)


# Neighbours


def test_shares_of_neighbours_are_those_worked_by_hand():
    """On a line at 0, 1, 3 and 7, of classes 0, 0, 1, 1: the nearest are 1, 0, 1 and 3."""
    place = np.array([0.0, 1.0, 3.0, 7.0])
    distances, classes = np.abs(place[:, None] - place), np.array([0, 0, 1, 1])
    assert same_class_share(distances, classes, k=1) == (1 + 1 + 0 + 1) / 4
    assert same_class_share(distances, classes, k=2) == pytest.approx((1 / 2 + 1 / 2 + 0 + 1 / 2) / 4)
    assert same_class_share(distances, classes, k=3) == pytest.approx(1 / 3)  # all others


def test_ties_count_in_part_so_that_equal_codes_are_at_chance():
    """The first has one nearer neighbour and shares the second place between two, of which one is of its class."""
    distances = np.array([[0, 1, 2, 2], [1, 0, 5, 5], [2, 5, 0, 9], [2, 5, 9, 0]])
    classes = np.array([0, 1, 0, 1])
    assert same_class_share(distances, classes, k=2) == pytest.approx(((0 + 0.5) + 0.5 + 1 + 1) / (4 * 2))
    assert same_class_share(np.zeros((4, 4)), classes, k=2) == pytest.approx(1 / 3)


def test_a_video_is_no_neighbour_of_its_own():
    assert same_class_share(np.zeros((3, 3)), np.array([0, 1, 2])) == 0


# Projections


@pytest.mark.slow
def test_equal_codes_give_equal_maps_in_small_numbers(codes, made):
    assert maps(codes, CLASSES, NAMES) == made
    assert json.loads(json.dumps(made)) == made
    assert [one["projection"] for one in made] == ["t-SNE", "UMAP"]
    for one in made:
        assert len(one["x"]) == len(one["y"]) == len(one["class"]) == 60
        assert all(value == round(value, 2) for value in one["x"] + one["y"])
        assert one["classes"] == list(NAMES)


@pytest.mark.slow
def test_classes_that_lie_apart_stay_apart_in_both_maps(made):
    records = [{"method": "s5vh", "variant": "paper", "label": "", "bits": 32} | one for one in made]
    rows = table(records, ())
    assert list(rows["projection"]) == ["t-SNE", "UMAP"]
    assert list(rows["by code"]) == ["1.000"] * 2
    assert list(rows["by chance"]) == [f"{19 / 59:.3f}"] * 2
    assert rows["in the map"].astype(float).min() > 0.95


@pytest.mark.parametrize("signs", [np.ones((20, 8), np.int8), 2 * np.eye(4, 8, dtype=np.int8) - 1])
def test_codes_that_are_all_equal_or_very_few_have_a_map(signs):
    assert np.isfinite(tsne(signs)).all()


# Records


def video_labels(dataset, labels):
    """The dataset with these labels of its database ``(N, L)``."""
    database = dataset.database.part(np.arange(len(labels)))
    return dataclasses.replace(dataset, database=dataclasses.replace(database, labels=np.array(labels, np.uint8)))


def test_videos_are_of_exactly_one_of_ten_classes_that_lie_evenly(smoke):
    """Of the 50 classes these are 0, 5, 10 … 45."""
    labels = np.zeros((9, 50), np.uint8)
    for video, classes in enumerate([(5,), (10, 15), (), (45,), (46,), (20, 21), (0,)]):
        labels[video, list(classes)] = 1
    labels[7, :] = 1
    rows, classes, names = some_videos(video_labels(smoke, labels))
    assert rows.tolist() == [0, 3, 5, 6]
    assert classes.tolist() == [1, 9, 4, 0]
    assert names == tuple(f"{digit} across" for digit in range(10))


def test_all_classes_are_taken_where_there_are_fewer_than_ten(smoke):
    parts = {name: dataclasses.replace(videos, labels=videos.labels[:, :3]) for name, videos in smoke.parts().items()}
    few = dataclasses.replace(smoke, classes=smoke.classes[:3], **parts)
    rows, classes, names = some_videos(few)
    assert names == smoke.classes[:3]
    assert (smoke.database.labels[rows].argmax(axis=1) == classes).all()
    assert len(rows) == smoke.database.labels[:, :3].sum()


def test_too_few_videos_are_refused(smoke):
    labels = np.zeros((9, smoke.database.labels.shape[1]), np.uint8)
    labels[:3, 0] = 1
    with pytest.raises(SSVHError, match="needs four videos"):
        some_videos(video_labels(smoke, labels))


def test_of_many_videos_some_are_taken_evenly(smoke, monkeypatch):
    every = some_videos(smoke)[0]
    monkeypatch.setattr(code_maps, "VIDEOS", 11)
    rows = some_videos(smoke)[0]
    assert len(rows) == len(set(rows)) == 11
    assert (rows[0], rows[-1]) == (every[0], every[-1])
    assert set(rows) <= set(every)


def test_a_run_gets_two_records_of_its_own_codes(monkeypatch):
    seen = []
    monkeypatch.setattr(
        code_maps, "PROJECTIONS", {name: lambda signs: seen.append(signs) or signs[:, :2] for name in ("one", "two")}
    )
    experiment = Experiment("moving-digits-smoke", "itq", 16, 0, "smoke", label="ours")
    run = execute([experiment], jobs=1, say=lambda line: None, device="cpu")
    found = collect([experiment], run, "smoke")
    rows, classes, names = some_videos(load_dataset("moving-digits-smoke"))
    signs = load_codes(folder_of(experiment) / "codes.npz")["database"].signs()[rows]
    assert [record["projection"] for record in found] == ["one", "two"]
    for record, given in zip(found, seen, strict=True):
        np.testing.assert_array_equal(given, signs)
        assert (record["label"], record["method"], record["bits"], record["seed"]) == ("ours", "itq", 16, 0)
        assert record["class"] == classes.tolist()
        assert record["classes"] == list(names)
        assert record["x"] == signs[:, 0].tolist()
        assert "map" not in record


# The table


def test_the_table_follows_the_order_and_averages_seeds():
    def record(method, kept, seed):
        return {
            "method": method, "variant": "paper", "label": "", "bits": 64, "seed": seed, "projection": "t-SNE",
            "x": [0, 0, 9, 9], "y": [0, 1, 0, 1], "class": [0, 0, 1, 1],
            "same_class_by_code": kept, "same_class_by_chance": 0.25,
        }  # fmt: skip

    rows = table([record("itq", 0.2, 0), record("s5vh", 0.4, 0), record("s5vh", 0.8, 1)], ["S5VH"])
    assert list(rows["method"]) == ["S5VH", "ITQ"]
    assert list(rows["by code"]) == ["0.600", "0.200"]
    assert list(rows["in the map"]) == ["0.333", "0.333"]  # of three others one is of the own class
    assert table([], ()).empty
