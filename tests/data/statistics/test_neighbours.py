"""Nearest neighbours of queries, near duplicates and copies: by hand, and as a search in one table does it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssvh_lib.data import VideoFeatures
from ssvh_lib.data.statistics import neighbours
from ssvh_lib.data.statistics.neighbours import Digests, Neighbours


def videos_of(features, labels):
    features = np.asarray(features, np.float32)
    return VideoFeatures(features, np.array(labels, np.uint8), tuple(map(str, range(len(features)))))


def found_for(query, database, *, within=False, slab=2, mean=None):
    mean = np.zeros(query.size, np.float32) if mean is None else mean
    reader = Neighbours(mean, query, database, query_in_database=within)
    for start in range(0, len(database), slab):
        reader.add(start, database.read(slice(start, start + slab)))
    return reader.found()


def accuracies(found):
    return [found.get(f"{view}_accuracy") for view in ("mean", "frame", "ordered", "chance")]


EAST, NORTH, WEST, SOUTH = (1, 0), (0, 1), (-1, 0), (0, -1)


def test_each_view_finds_its_own_neighbour():
    """By the mean (4, 1)/3 the first is nearest, by the middle frame the second, by the frames in order the third."""
    query = videos_of([[(4, 0), NORTH, (0, 0)]], [[1, 0, 0]])
    database = videos_of(
        [[(0, 0), (4, 1), (0, 0)], [(0, 0), (0, 9), (0, 0)], [(4, 0), (-0.5, 1), (0, 0)]],
        np.eye(3),
    )
    for right, expected in enumerate([[1, 0, 0], [0, 1, 0], [0, 0, 1]]):
        query.labels[:] = np.eye(3)[right]
        assert accuracies(found_for(query, database)) == [*expected, pytest.approx(1 / 3)]


def test_features_are_centred():
    """Seen from (10, 10) the first is opposite and the second near; seen from the origin all are near."""
    query = videos_of([[(11, 10)]], [[0, 1]])
    database = videos_of([[(9, 10)], [(12, 10.5)]], np.eye(2))
    assert accuracies(found_for(query, database, mean=np.array([10, 10], np.float32)))[:3] == [1, 1, 1]


def test_a_query_does_not_find_itself():
    """The first two find each other, the third the first of them; by chance, they are right in 1/2, 0 and 1/2."""
    both = videos_of([[EAST], [EAST], [NORTH]], [[1, 0], [0, 1], [1, 0]])
    third = pytest.approx(1 / 3)
    assert accuracies(found_for(both, both, within=True)) == [third, third, third, third]
    assert accuracies(found_for(both, both))[0] == pytest.approx(2 / 3)  # only the second finds another, the first


def test_of_equally_near_videos_the_first_counts():
    query, database = videos_of([[EAST]], [[0, 1]]), videos_of([[EAST], [EAST]], np.eye(2))
    assert accuracies(found_for(query, database, slab=1))[0] == 0
    assert accuracies(found_for(query, database, slab=2))[0] == 0


def test_videos_without_a_label_neither_ask_nor_are_found():
    query = videos_of([[EAST], [NORTH]], [[1, 0], [0, 0]])
    database = videos_of([[EAST], [(2, 1)], [NORTH]], [[0, 0], [1, 0], [0, 1]])
    assert accuracies(found_for(query, database)) == [1, 1, 1, 0.5]
    query.labels[:] = 0
    assert accuracies(found_for(query, database)) == [None] * 4


def test_any_common_label_is_right():
    query, database = videos_of([[EAST]], [[1, 1, 0]]), videos_of([[EAST], [WEST]], [[0, 1, 1], [0, 0, 1]])
    assert accuracies(found_for(query, database)) == [1, 1, 1, 0.5]


def test_near_duplicates_have_nearly_the_same_mean_frame():
    turn = np.arccos(0.99)
    angles = np.array([0.9, 1.1]) * turn
    query = videos_of([[(np.cos(angle), np.sin(angle))] for angle in angles], np.zeros((2, 1)))
    database = videos_of([[EAST], [SOUTH]], np.ones((2, 1)))
    assert found_for(query, database)["near_duplicates"] == 0.5
    assert found_for(query, query)["near_duplicates"] == 1
    assert found_for(query, query, within=True)["near_duplicates"] == 1  # they are near each other
    assert found_for(database, database, within=True)["near_duplicates"] == 0


@given(
    queries=st.integers(1, 6), items=st.integers(1, 9), classes=st.integers(1, 4), slab=st.integers(1, 9),
    within=st.booleans(), seed=st.integers(0, 99),
)  # fmt: skip
def test_slab_by_slab_as_in_one_table(queries, items, classes, slab, within, seed):
    rng = np.random.default_rng(seed)
    database = videos_of(rng.standard_normal((items, 3, 4)), rng.random((items, classes)) < 0.5)
    query = videos_of(rng.standard_normal((queries, 3, 4)), rng.random((queries, classes)) < 0.5)
    if within:
        query = database
    related = query.labels.astype(int) @ database.labels.T.astype(int) > 0
    allowed = np.tile(database.labels.any(axis=1), (len(query), 1))
    if within:
        np.fill_diagonal(allowed, False)
    asked = query.labels.any(axis=1) & allowed.any(axis=1)
    expected = [None] * 4
    if asked.any():
        expected = [(np.where(allowed, related, 0).sum(axis=1)[asked] / allowed.sum(axis=1)[asked]).mean()]
        for view in (lambda x: x.mean(axis=1), lambda x: x[:, 1], lambda x: x.reshape(len(x), -1)):
            one, other = (view(videos.read().astype(float)) for videos in (query, database))
            cosines = one @ other.T / np.linalg.norm(one, axis=1)[:, None] / np.linalg.norm(other, axis=1)
            nearest = np.where(allowed, cosines, -2).argmax(axis=1)
            expected.insert(-1, related[np.arange(len(query)), nearest][asked].mean())
    found = found_for(query, database, within=within, slab=slab)
    assert accuracies(found) == [value if value is None else pytest.approx(value) for value in expected]


def test_too_many_queries_are_sampled_with_a_fixed_seed(rng, monkeypatch):
    query = videos_of(rng.standard_normal((300, 2, 4)), np.ones((300, 1)))
    database = videos_of(rng.standard_normal((5, 2, 4)), np.ones((5, 1)))
    mean = np.zeros(4, np.float32)
    every = Neighbours(mean, query, database, query_in_database=False)
    assert (every.rows == np.arange(300)).all()
    monkeypatch.setattr(neighbours, "MOST_QUERIES", 100)
    some = Neighbours(mean, query, database, query_in_database=False)
    assert len(set(some.rows)) == 100
    assert (np.diff(some.rows) > 0).all()
    for views, all_views in zip(some._views, every._views, strict=True):
        np.testing.assert_array_equal(views, all_views[some.rows])
    monkeypatch.setattr(neighbours, "LARGEST_SAMPLE", 8 * 20)  # 20 queries of 2 frames of 4 values
    assert len(Neighbours(mean, query, database, query_in_database=False).rows) == 20


def test_a_sampled_query_does_not_find_itself_either(rng, monkeypatch):
    """Every video is alone in its class: only itself would be right."""
    both = videos_of(rng.standard_normal((40, 2, 4)), np.eye(40))
    monkeypatch.setattr(neighbours, "MOST_QUERIES", 15)
    assert accuracies(found_for(both, both, within=True)) == [0] * 4
    assert accuracies(found_for(both, both)) == [1, 1, 1, pytest.approx(1 / 40)]


def digests_of(*videos):
    digests = Digests()
    digests.add(0, np.array(videos, np.float32))
    return digests


def test_copies_are_counted_bit_for_bit():
    a, b, c = np.arange(6, dtype=np.float32).reshape(3, 2, 1)
    database = digests_of(a, b, a, a)
    assert database.found() == {"duplicate_videos": 2 / 4}
    assert digests_of(a, c, c, b).in_others(database, itself=False) == 2 / 4
    assert digests_of(c, b + 1e-6).in_others(database, itself=False) == 0
    assert database.in_others(database, itself=True) == 3 / 4
