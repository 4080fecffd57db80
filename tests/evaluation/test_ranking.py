"""Counted rankings are the sorted ones, rank by rank, and those of FAISS; threads change nothing and leave nothing."""

import threading

import faiss
import numpy as np
import pytest

import ssvh_lib as ssvh
from ssvh_lib.evaluation.hamming import hamming_distances, rank
from ssvh_lib.evaluation.ranking import Ranking, in_order


def random_codes(rng, N, K):
    """Codes of K bits of which all but eight are copies, so that ties abound at every length."""
    return ssvh.Codes.from_values(np.repeat(rng.integers(0, 2, (N, 8)), K // 8, axis=1))


def sorted_counts(queries, database, relevant, *, order, drop_self):
    """What ``Ranking.count`` finds for all queries and ranks, by a matrix of distances and a stable sort."""
    distances = hamming_distances(queries, ssvh.Codes(database.packed[order])).astype(int)
    items, found, hits = [], [], []
    for q, (row, good, ranked) in enumerate(zip(distances, relevant[:, order], rank(distances), strict=True)):
        left = order != q if drop_self else np.ones(len(order), bool)
        items.append(np.bincount(row[left], minlength=queries.bits + 1))
        found.append(np.bincount(row[left & good], minlength=queries.bits + 1))
        hits.append(good[[item for item in ranked if left[item]]])
    return np.stack(items), np.stack(found), np.stack(hits)


def assert_counts(counts, wanted):
    items, relevant, hits = wanted
    np.testing.assert_array_equal(counts.items, items)
    np.testing.assert_array_equal(counts.relevant, relevant)
    np.testing.assert_array_equal(counts.hits, hits[:, : counts.hits.shape[1]])


@pytest.mark.parametrize("drop_self", [False, True])
@pytest.mark.parametrize("K", [8, 16, 56, 64, 72, 128, 256, 512])
def test_counts_are_those_of_sorted_rankings_at_every_length_and_depth(rng, K, drop_self):
    codes, order = random_codes(rng, 90, K), rng.permutation(90)
    labels = (rng.random((90, 5)) < 0.3).astype(np.uint8)
    queries, relevant = ssvh.Codes(codes.packed[:11]), labels[:11].astype(int) @ labels.T > 0
    ranking = Ranking(queries, codes, labels[:11], labels, order=order, drop_self=drop_self)
    wanted = sorted_counts(queries, codes, relevant, order=order, drop_self=drop_self)
    for depth in (0, 1, 7, 60, 90 - drop_self):
        counts = ranking.count(slice(0, 11), depth)
        assert counts.hits.shape == (11, depth)
        assert_counts(counts, wanted)


def test_a_block_of_queries_has_the_rows_of_all(rng):
    codes, labels = random_codes(rng, 50, 64), rng.integers(0, 4, 50)
    ranking = Ranking(codes, codes, labels, labels, order=np.arange(50), drop_self=True)
    whole, part = ranking.count(slice(0, 50), 30), ranking.count(slice(17, 23), 30)
    for some, every in zip(part, whole, strict=True):
        np.testing.assert_array_equal(some, every[17:23])


def test_class_numbers_names_and_multi_hot_labels_are_one(rng):
    queries, database = random_codes(rng, 9, 16), random_codes(rng, 40, 16)
    classes = rng.integers(0, 4, 9), rng.integers(0, 5, 40)
    wanted = sorted_counts(queries, database, classes[0][:, None] == classes[1], order=np.arange(40), drop_self=False)
    for form in (
        lambda numbers: numbers,
        lambda numbers: 1000 - 300 * numbers,
        lambda numbers: np.array(list("abcde"))[numbers],
        lambda numbers: np.eye(5)[numbers],
        lambda numbers: np.eye(5, dtype=bool)[numbers],
        lambda numbers: np.eye(700, dtype=np.uint8)[numbers],
    ):
        ranking = Ranking(queries, database, *map(form, classes), order=np.arange(40))
        assert_counts(ranking.count(slice(0, 9), 40), wanted)


def test_items_without_labels_are_relevant_to_nothing(rng):
    codes, labels = random_codes(rng, 6, 8), np.zeros((6, 3))
    counts = Ranking(codes, codes, labels, labels, order=np.arange(6)).count(slice(0, 6), 6)
    assert counts.items.sum() == 36
    assert not counts.relevant.any()
    assert not counts.hits.any()


def test_an_item_that_shares_several_labels_counts_once(rng):
    codes, labels = random_codes(rng, 6, 8), np.ones((6, 3))
    counts = Ranking(codes, codes, labels, labels, order=np.arange(6), drop_self=True).count(slice(0, 6), 5)
    np.testing.assert_array_equal(counts.items, counts.relevant)
    np.testing.assert_array_equal(counts.items.sum(axis=1), 5)
    assert counts.hits.all()


@pytest.mark.parametrize("heap", [True, False])
def test_faiss_ranks_ties_as_we_do(rng, heap):
    """Found by FAISS and looked up in the labels, the nearest are relevant at the same ranks, ties included."""
    queries, database = random_codes(rng, 40, 64), random_codes(rng, 2000, 64)
    labels = rng.integers(0, 3, 40), rng.integers(0, 3, 2000)
    index = faiss.IndexBinaryFlat(64)
    index.use_heap = heap
    index.add(database.packed)
    nearest = index.search(queries.packed, 100)[1]
    np.testing.assert_array_equal(nearest, rank(hamming_distances(queries, database))[:, :100])
    hits = Ranking(queries, database, *labels, order=np.arange(2000)).count(slice(0, 40), 100).hits
    np.testing.assert_array_equal(hits, labels[1][nearest] == labels[0][:, None])


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_work_comes_back_in_order_from_any_number_of_threads(threads):
    assert list(in_order(lambda task: task**2, range(50), threads)) == [task**2 for task in range(50)]


@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_reaches_the_reader_and_no_thread_stays_behind(threads):
    def work(task):
        if task == 5:
            raise ssvh.SSVHError("the fifth fails")
        return task

    before, found = threading.active_count(), []
    with pytest.raises(ssvh.SSVHError, match="the fifth fails"):
        found.extend(in_order(work, range(100), threads))
    assert found == [0, 1, 2, 3, 4]
    assert threading.active_count() == before


@pytest.mark.parametrize("threads", [1, 3])
def test_a_reader_who_stops_leaves_no_thread_behind(threads):
    before = threading.active_count()
    results = in_order(abs, range(100), threads)
    assert next(results) == 0
    results.close()
    assert threading.active_count() == before
