"""Every kind of index: what it finds is what comparing with every code finds, or says how far it is."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from random_codes import EXACT, check_nearest, check_within, near, random_codes

import ssvh_lib as ssvh
from ssvh_lib.evaluation.hamming import hamming_distances
from ssvh_lib.search.index import HammingIndex
from ssvh_lib.search.index_kinds import KINDS, MultiHash


@pytest.mark.parametrize("kind", KINDS)
def test_neighbours_by_hand(kind):
    database = ssvh.Codes(np.array([[0b1111], [0b0001], [0b0000], [0b0011], [0b0001]], np.uint8))
    index = HammingIndex(database, kind=kind)
    query = ssvh.Codes(np.array([[0b0000]], np.uint8))
    found = index.search(query, 4)
    assert found.rows.tolist() == [[2, 1, 4, 3]]  # equals in database order
    assert found.distances.tolist() == [[0, 1, 1, 2]]
    (near,) = index.within(query, 1)
    assert (near.rows.tolist(), near.distances.tolist()) == ([2, 1, 4], [0, 1, 1])


@pytest.mark.parametrize("kind", EXACT)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(1, 60),
    bits=st.sampled_from([8, 24, 64]),
    k=st.integers(1, 70),
    radius=st.integers(0, 70),
    alphabet=st.sampled_from([2, 5, 256]),  # few different bytes: many equal codes
)
@example(seed=0, count=60, bits=8, k=60, radius=0, alphabet=2)
def test_exact_kinds_are_the_full_ranking(kind, seed, count, bits, k, radius, alphabet):
    rng = np.random.default_rng(seed)
    bytes_ = rng.integers(0, 256, alphabet, dtype=np.uint8)
    database, queries = (ssvh.Codes(bytes_[rng.integers(0, alphabet, (n, bits // 8))]) for n in (count, 3))
    index = HammingIndex(database, kind=kind)
    check_nearest(index.search(queries, k), queries, database, k)
    check_within(index.within(queries, radius), queries, database, radius)


@pytest.mark.parametrize("bits", [16, 40, 64, 256])
@pytest.mark.parametrize("kind", EXACT)
def test_exact_kinds_are_the_full_ranking_of_thousands(kind, bits, rng):
    """So many that each of multi-index hashing's three ways is taken: no flips, one flip, comparing with all."""
    database = near(rng, random_codes(rng, 30, bits), 3_000)
    queries = ssvh.Codes(np.concatenate([near(rng, database, 40).packed, random_codes(rng, 10, bits).packed]))
    index = HammingIndex(database, kind=kind)
    for k in (1, 7, 120):
        check_nearest(index.search(queries, k), queries, database, k)
    for radius in (0, 2, bits // 8, bits // 3, bits, 10 * bits):
        check_within(index.within(queries, radius), queries, database, radius)


def test_multi_index_hashing_takes_its_look_ups_where_they_suffice(rng):
    database = near(rng, random_codes(rng, 30, 64), 3_000)
    index = MultiHash(database.packed)
    calls = []
    within, index.within = index.within, lambda queries, radius: calls.append(radius) or within(queries, radius)
    index.search(database.packed[:5], 1)  # itself, at distance 0
    assert len(calls) == 1
    index.search(database.packed[:5], 2_000)
    assert len(calls) == 3
    assert calls[1] < calls[2]


def test_an_approximate_index_returns_true_distances_in_the_order_of_all_indexes(rng):
    database = near(rng, random_codes(rng, 60, 64), 6_000)
    queries = near(rng, database, 50)
    index = HammingIndex(database, kind="ivf")
    found, distances = index.search(queries, 100), hamming_distances(queries, database)
    np.testing.assert_array_equal(np.take_along_axis(distances, found.rows, 1), found.distances)
    for rows, away in zip(found.rows, found.distances.astype(int), strict=True):
        assert len(set(rows)) == 100
        np.testing.assert_array_equal(np.lexsort((rows, away)), np.arange(100))
    exact = HammingIndex(database).search(queries, 100)
    recall = (found.distances <= exact.distances[:, -1:]).mean()
    assert 0.6 < recall < 1  # it is approximate, and it is of use
    for one, all_, away in zip(
        index.within(queries, 8), HammingIndex(database).within(queries, 8), distances, strict=True
    ):
        assert set(one.rows) <= set(all_.rows)
        np.testing.assert_array_equal(one.distances, away[one.rows])


def test_places_that_an_approximate_index_cannot_fill_are_marked(rng):
    database = near(rng, random_codes(rng, 60, 64), 6_000)
    found = HammingIndex(database, kind="ivf").search(random_codes(rng, 5, 64), 6_000)
    empty = found.rows == -1
    assert empty.any()
    assert (found.distances[empty] == 65).all()
    assert (found.distances[~empty] <= 64).all()
    assert (np.diff(empty.astype(int), axis=1) >= 0).all()  # last


@pytest.mark.parametrize("kind", EXACT)
def test_k_beyond_the_database_is_all_of_it(kind, rng):
    database = random_codes(rng, 5)
    assert HammingIndex(database, kind=kind).search(random_codes(rng, 2), 100).rows.shape == (2, 5)


@pytest.mark.parametrize("kind", KINDS)
def test_no_queries_no_answers(kind, rng):
    index = HammingIndex(random_codes(rng, 5), kind=kind)
    none = ssvh.Codes(np.empty((0, 2), np.uint8))
    assert index.search(none, 3).rows.shape == (0, 3)
    assert index.within(none, 3) == []


def test_a_search_by_radius_in_parts_is_the_whole(rng, monkeypatch):
    database, queries = random_codes(rng, 50), random_codes(rng, 7)
    monkeypatch.setattr("ssvh_lib.search.index_kinds.RANGE", 120)  # two queries at a time
    check_within(HammingIndex(database).within(queries, 6), queries, database, 6)


@pytest.mark.parametrize("kind", EXACT)
def test_added_codes_are_found_as_if_they_had_been_there(kind, rng):
    database, queries = random_codes(rng, 300), random_codes(rng, 9)
    index = HammingIndex(ssvh.Codes(database.packed[:200]), [str(row) for row in range(200)], kind=kind)
    index.add(ssvh.Codes(database.packed[200:]), [str(row) for row in range(200, 300)])
    assert len(index) == 300
    assert index.ids[299] == "299"
    check_nearest(index.search(queries, 50), queries, database, 50)
    check_within(index.within(queries, 3), queries, database, 3)


def test_codes_added_to_clusters_are_found_and_saved(rng, tmp_path):
    database = near(rng, random_codes(rng, 60, 64), 4_000)
    index = HammingIndex(ssvh.Codes(database.packed[:3_000]), kind="ivf")
    index.add(ssvh.Codes(database.packed[3_000:]))
    itself = index.search(ssvh.Codes(database.packed[3_000:]), 1)
    assert (itself.distances == 0).mean() > 0.95
    index.save(tmp_path / "an.index")
    queries = near(rng, database, 20)
    found, again = index.search(queries, 30), HammingIndex.load(tmp_path / "an.index").search(queries, 30)
    np.testing.assert_array_equal(again.distances, found.distances)


def test_codes_that_do_not_lie_in_one_piece_are_fine(rng):
    whole = random_codes(rng, 40, 32).packed
    database = ssvh.Codes(whole[::2, :2])
    queries = ssvh.Codes(whole[1::2, 2:])
    for kind in EXACT:
        check_nearest(HammingIndex(database, kind=kind).search(queries, 5), queries, database, 5)
