"""Measures of a ranking, against numbers worked by hand."""

import json
import warnings

import numpy as np
import pytest
from rankings import BITS, QUERY, at_distance

import ssvh_lib as ssvh
from ssvh_lib.evaluation import metrics
from ssvh_lib.evaluation.conventions import DIVISORS, TIES

pytestmark = pytest.mark.filterwarnings("ignore:The queries are the database")  # as small ones are by chance


def assert_same(first, second):
    assert first.map == pytest.approx(second.map, abs=1e-12)
    assert first.queries_without_relevant == second.queries_without_relevant
    np.testing.assert_allclose(first.precision, second.precision)
    np.testing.assert_allclose(first.recall, second.recall)


def test_the_mean_is_over_queries():
    result = ssvh.evaluate(at_distance(0, 8), at_distance(0, 1, 2), np.array([1, 1]), np.array([1, 0, 0]), k=(1, 3))
    assert result.map == pytest.approx({1: (1 + 0) / 2, 3: (1 / 3 + 1 / 9) / 2})
    assert result.queries == 2


@pytest.mark.parametrize("divide_by", DIVISORS)
def test_a_cutoff_gives_the_same_among_others_as_alone(task, divide_by):
    cutoffs = (20, 1, 40, 3)
    together = ssvh.evaluate(*task, k=cutoffs, divide_by=divide_by).map
    assert together == {k: ssvh.evaluate(*task, k=(k,), divide_by=divide_by).map[k] for k in cutoffs}


# What is relevant


def test_class_numbers_and_multi_hot_labels_say_the_same(task):
    *codes, queries, items = task
    numbers = ssvh.evaluate(*codes, queries, items, k=(5, 40))
    assert_same(ssvh.evaluate(*codes, np.eye(4)[queries], np.eye(4, dtype=np.uint8)[items], k=(5, 40)), numbers)


def test_items_that_share_one_label_of_several_are_relevant():
    items = np.array([[0, 0, 0, 1], [0, 1, 1, 0], [1, 0, 0, 0], [1, 1, 0, 0]])
    result = ssvh.evaluate(QUERY, at_distance(1, 2, 3, 4), np.array([[1, 1, 0, 0]]), items, k=(4,))
    assert result.map[4] == pytest.approx((1 / 2 + 2 / 3 + 3 / 4) / 4)


def test_a_query_without_relevant_items_counts_as_zero_and_is_counted():
    for divide_by in DIVISORS:
        result = ssvh.evaluate(
            at_distance(0, 0), at_distance(1, 2), np.array([1, 9]), np.array([1, 1]), k=(2,), divide_by=divide_by
        )
        assert result.map[2] == pytest.approx(1 / 2)
        assert result.queries_without_relevant == 1


def test_a_query_in_the_database_is_left_out_or_counted_as_asked():
    codes, labels = at_distance(0, 0, 1, 2), np.array([1, 2, 1, 2])
    # Rankings: 0 -> [0] 1 2 3, 1 -> 0 [1] 2 3, 2 -> 0 1 [2] 3 or [2] first, 3 -> [3] 2 0 1; the query in brackets.
    excluded = ssvh.evaluate(codes, codes, labels, labels, self_match="exclude", k=(2,))
    assert excluded.map[2] == pytest.approx(((1 / 2) / 2 + 0 + 1 / 2 + 0) / 4)
    included = ssvh.evaluate(codes, codes, labels, labels, self_match="include", k=(2,))
    assert included.map[2] == pytest.approx((1 / 2 + (1 / 2) / 2 + (1 + 2 / 2) / 2 + 1 / 2) / 4)


@pytest.mark.filterwarnings("error")
def test_queries_that_are_the_database_are_said_to_find_themselves(task):
    queries, items, query_labels, item_labels = task
    for codes, labels in ((items, item_labels.copy()), (items.copy(), item_labels.copy()), (items, item_labels[::-1])):
        with pytest.warns(ssvh.SSVHWarning, match="queries are the database.* self_match='exclude'"):
            ssvh.evaluate(codes, items, labels, item_labels, k=(5,))
        ssvh.evaluate(items, items, item_labels, item_labels, k=(5,), self_match="exclude")
    ssvh.evaluate(queries, items, query_labels, item_labels, k=(5,))
    ssvh.evaluate(items[:9], items, item_labels[:9], item_labels, k=(5,))  # a part of it may be what is wanted
    ssvh.evaluate(items.copy(), items, item_labels[::-1], item_labels, k=(5,))  # other videos with the same codes


def test_they_are_told_so_once(task):
    _, items, _, labels = task
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("default")
        for _ in range(3):
            ssvh.evaluate(items, items, labels, labels, k=(5,))
    assert [warning.filename for warning in said] == [__file__]


def test_only_items_of_the_database_can_be_left_out(task):
    queries, items, query_labels, item_labels = task
    for codes, labels in ((queries, query_labels), (np.tile(items, (2, 1)), np.tile(item_labels, 2))):
        with pytest.raises(ssvh.SSVHError, match="self_match='exclude' says that query i is database item i"):
            ssvh.evaluate(codes, items, labels, item_labels, k=(5,), self_match="exclude")


@pytest.mark.parametrize("ties", ["stable", "expected"])
def test_leaving_out_the_query_is_leaving_out_its_row(task, ties):
    _, items, _, labels = task
    facts = {"k": (3, 39), "ties": ties}
    whole = ssvh.evaluate(items[:9], items, labels[:9], labels, self_match="exclude", **facts)
    alone = [
        ssvh.evaluate(items[i, None], np.delete(items, i, 0), labels[i, None], np.delete(labels, i), **facts)
        for i in range(9)
    ]
    for k in (3, 39):
        assert whole.map[k] == pytest.approx(np.mean([result.map[k] for result in alone]))


@pytest.mark.parametrize("ties", TIES)
def test_the_left_out_query_is_not_found_at_any_rank_or_radius(task, ties):
    _, items, _, labels = task
    result = ssvh.evaluate(items[:9], items, np.arange(9), np.arange(40), k=(39,), self_match="exclude", ties=ties)
    assert (result.map[39], result.queries_without_relevant) == (0, 9)
    others = ~np.eye(9, 40, dtype=bool)
    near = [((items[:9, None] != items).sum(axis=2) <= radius) & others for radius in range(BITS + 1)]
    alike = labels[:9, None] == labels
    result = ssvh.evaluate(items[:9], items, labels[:9], labels, k=(39,), self_match="exclude", ties=ties)
    np.testing.assert_allclose(result.precision, [(alike & within).sum() / within.sum() for within in near])
    np.testing.assert_allclose(result.recall, [(alike & within).sum() / (alike & others).sum() for within in near])


# Precision and recall by radius


def test_precision_and_recall_by_radius_by_hand():
    """Two queries, distances 0 2 2 8 and 8 6 6 0: counts are added over queries before they are divided."""
    result = ssvh.evaluate(at_distance(0, 8), at_distance(0, 2, 2, 8), np.array([1, 2]), np.array([1, 1, 2, 2]), k=(1,))
    retrieved = np.array([2, 2, 4, 4, 4, 4, 6, 6, 8])
    relevant = np.array([2, 2, 3, 3, 3, 3, 4, 4, 4])
    np.testing.assert_allclose(result.precision, relevant / retrieved)
    np.testing.assert_allclose(result.recall, relevant / 4)


def test_precision_is_undefined_where_nothing_is_within_the_radius():
    result = ssvh.evaluate(QUERY, at_distance(2, 3), np.array([1]), np.array([1, 0]), k=(1,))
    np.testing.assert_array_equal(np.isnan(result.precision), [True, True, *[False] * 7])
    np.testing.assert_array_equal(result.recall, [0, 0, *[1] * 7])
    plain = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert plain["precision"] == [None, None, 1.0, *[0.5] * 6]
    assert plain["map"] == {"1": 1.0}


def test_the_whole_database_is_within_the_last_radius(task):
    result = ssvh.evaluate(*task, k=(5,))
    assert len(result.precision) == len(result.recall) == BITS + 1
    assert result.precision[-1] == pytest.approx((task[2][:, None] == task[3]).mean())
    assert result.recall[-1] == 1
    assert (np.diff(result.recall) >= 0).all()


# Curves by rank, and look-up


def test_curves_by_rank_by_hand():
    """Two queries find relevant items at ranks 1 and 4, and at rank 2 only; the third has none anywhere."""
    items = np.array([[1, 0], [0, 1], [0, 0], [1, 0]])
    labels = np.array([[1, 0], [0, 1], [0, 0]])
    result = ssvh.evaluate(at_distance(0, 0, 0), at_distance(1, 2, 3, 4), labels, items, k=(4,), ranks=4)
    np.testing.assert_allclose(result.curves.precision, [1 / 3, 2 / 6, 2 / 9, 3 / 12])
    np.testing.assert_allclose(result.curves.recall, [1 / 4, 3 / 4, 3 / 4, 1])  # of the two that have any
    by_query = [1, 1 / 2, 1 / 3, (1 + 2 / 4) / 4], [0, 1 / 4, 1 / 6, 1 / 8]
    np.testing.assert_allclose(result.curves.map, np.add(*by_query) / 3)


def test_curves_are_there_if_ranks_are_asked_for(task):
    assert ssvh.evaluate(*task, k=(5,)).curves is None
    assert "curves" not in ssvh.evaluate(*task, k=(5,)).to_json()
    result = ssvh.evaluate(*task, k=(5,), ranks=7)
    plain = json.loads(json.dumps(result.to_json(), allow_nan=False))["curves"]
    assert {name: len(values) for name, values in plain.items()} == {"precision": 7, "recall": 7, "map": 7}
    assert plain["map"][4] == pytest.approx(result.map[5], abs=1e-6)


def test_recall_of_queries_without_anything_relevant_is_undefined():
    result = ssvh.evaluate(QUERY, at_distance(1, 2), [1], np.array([0, 0]), k=(1,), ranks=2)
    assert np.isnan(result.curves.recall).all()
    assert result.to_json()["curves"] == {"precision": [0, 0], "recall": [None, None], "map": [0, 0]}


def test_look_up_counts_what_lies_within_two_bits_by_hand():
    """The first query finds three items, two of them relevant; the second finds none, and counts 0."""
    items, labels = at_distance(0, 1, 2, 3), np.array([1, 1, 0, 1])
    result = ssvh.evaluate(at_distance(0, 8), items, np.array([1, 1]), labels, k=(1,))
    assert result.lookup_success == 1 / 2
    assert result.lookup_precision == pytest.approx((2 / 3 + 0) / 2)


def test_a_left_out_query_does_not_find_itself_by_look_up():
    codes = at_distance(0, 8)
    result = ssvh.evaluate(codes, codes, [1, 1], np.array([1, 1]), k=(1,), self_match="exclude")
    assert (result.lookup_success, result.lookup_precision) == (0, 0)


@pytest.mark.parametrize("ties", TIES)
def test_average_precisions_are_kept_by_query_and_stay_out_of_the_file(task, ties):
    result = ssvh.evaluate(*task, k=(5, 20), ties=ties)
    queries, items, query_labels, item_labels = task
    for k, values in result.average_precision.items():
        assert values.shape == (9,)
        assert values.mean() == result.map[k]
        alone = ssvh.evaluate(queries[3:4], items, query_labels[3:4], item_labels, k=(k,), ties=ties)
        assert values[3] == pytest.approx(alone.map[k], abs=1e-12)
    assert "average_precision" not in result.to_json()


# Codes with zeros


def test_ternary_distances_by_hand():
    """The query + + − − 0 … is 0, 1 and 2 halves from equal, half equal and opposite values; a 0 is half from all."""
    query = np.array([[1, 1, -1, -1, 0, 0, 0, 0]])
    items = np.array([[-1, -1, 1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 1, -1, 0, 0], [1, 1, -1, -1, 1, 1, 1, 1]])
    result = ssvh.evaluate(query, items, [1], np.array([0, 0, 1]), k=(3,), zero_bits="ternary")
    retrieved = np.array([0, 0, 1, 1, 2, 2, 3, 3, 3])  # distances are 6, 4 and 2
    np.testing.assert_allclose(result.precision[2:], 1 / retrieved[2:])
    assert np.isnan(result.precision[:2]).all()
    assert result.lookup_success == 1
    assert len(result.recall) == BITS + 1
    assert result.conventions["zero_bits"] == "ternary"


def test_a_distance_that_is_not_whole_is_within_the_next_radius():
    query, items = -np.ones((1, 8)), -np.ones((2, 8))
    items[1, 0] = 0
    result = ssvh.evaluate(query, items, [1], np.array([1, 1]), k=(1,), zero_bits="ternary")
    np.testing.assert_allclose(result.recall[:3], [1 / 2, 1, 1])


def test_zeros_are_negative_unless_asked_otherwise(task):
    queries, items = (2 * values - 1 for values in task[:2])
    items[::3, 1] = 0
    wanted = ssvh.evaluate(queries, np.where(items > 0, 1, -1), *task[2:], k=(5,))
    assert_same(ssvh.evaluate(queries, items, *task[2:], k=(5,)), wanted)
    assert ssvh.evaluate(queries, items, *task[2:], k=(5,), zero_bits="ternary").map != wanted.map


def test_ternary_codes_need_values_with_signs(task):
    queries, items, *labels = task
    codes = ssvh.Codes.from_values(queries), ssvh.Codes.from_values(items)
    with pytest.raises(ssvh.SSVHError, match="needs the values that codes are made of; in Codes every 0 is −1 already"):
        ssvh.evaluate(*codes, *labels, k=(5,), zero_bits="ternary")
    with pytest.raises(ssvh.SSVHError, match="−1, 0 and 1, or real values; none of these values is negative"):
        ssvh.evaluate(queries, items, *labels, k=(5,), zero_bits="ternary")


# One number for six


def test_gmap_l2_is_what_the_autossvh_tables_print():
    """AutoSSVH, Table 3: beside six mAPs of .423 to .184 stands a GMAP of .719, more than any mean of them can be."""
    maps = dict(zip(ssvh.CUTOFFS, (0.423, 0.343, 0.288, 0.244, 0.210, 0.184), strict=True))
    assert round(metrics.euclidean_norm(maps), 3) == 0.719
    assert metrics.geometric_mean(maps) == pytest.approx(np.prod(list(maps.values())) ** (1 / 6))


def test_an_evaluation_carries_both_gmaps(task):
    result = ssvh.evaluate(*task, k=(2, 8))
    assert result.gmap == pytest.approx((result.map[2] * result.map[8]) ** 0.5)
    assert result.gmap_l2 == pytest.approx((result.map[2] ** 2 + result.map[8] ** 2) ** 0.5)


def test_the_geometric_mean_with_a_zero_is_zero():
    assert metrics.geometric_mean({5: 0.0, 20: 0.5}) == 0


# What must not matter


def test_expected_ties_do_not_depend_on_the_order_of_the_database(task, rng):
    queries, items, query_labels, item_labels = task
    order = rng.permutation(len(items))
    shuffled = (queries, items[order], query_labels, item_labels[order])
    for divide_by in ("k", "min_k_relevant"):
        facts = {"k": (1, 5, 40), "ties": "expected", "divide_by": divide_by}
        assert_same(ssvh.evaluate(*shuffled, **facts), ssvh.evaluate(*task, **facts))
    assert ssvh.evaluate(*shuffled, k=(5,)).map != ssvh.evaluate(*task, k=(5,)).map  # unlike stable ones


@pytest.mark.parametrize("ties", TIES)
def test_neither_the_order_of_bits_nor_a_bit_flipped_everywhere_matters(task, rng, ties):
    queries, items, *labels = task
    order, flip = rng.permutation(BITS), rng.integers(0, 2, BITS)
    plain = ssvh.evaluate(*task, k=(5, 40), ties=ties)
    assert_same(ssvh.evaluate(queries[:, order], items[:, order], *labels, k=(5, 40), ties=ties), plain)
    assert_same(ssvh.evaluate(queries ^ flip, items ^ flip, *labels, k=(5, 40), ties=ties), plain)


def test_codes_signs_bits_and_real_values_are_measured_alike(task):
    queries, items, *labels = task
    plain = ssvh.evaluate(*task, k=(5,))
    for same in (
        lambda bits: 2 * bits - 1,
        lambda bits: 0.3 * bits - 0.1,
        ssvh.Codes.from_values,
    ):
        assert_same(ssvh.evaluate(same(queries), same(items), *labels, k=(5,)), plain)


@pytest.mark.parametrize("ties", TIES)
def test_the_size_of_a_chunk_does_not_matter(task, ties, monkeypatch):
    _, items, _, labels = task
    own = np.where(np.arange(9) % 4, labels[:9], 99)  # three queries have nothing relevant, in different chunks
    facts = {"k": (5, 39), "ties": ties, "self_match": "exclude"}
    whole = ssvh.evaluate(items[:9], items, own, labels, **facts)
    assert whole.queries_without_relevant == 3
    for entries in (1, 2 * len(items), 4 * len(items) + 3):
        monkeypatch.setattr(metrics, "_ENTRIES", entries)
        assert_same(ssvh.evaluate(items[:9], items, own, labels, **facts), whole)


def test_codes_longer_than_a_byte_can_count_are_measured(rng):
    """At 512 bits a distance does not fit into 8 bits."""
    query = np.ones((1, 512))
    items = np.stack([np.where(np.arange(512) < distance, -1, 1) for distance in (300, 44, 512, 256)])
    result = ssvh.evaluate(query, items, [1], np.array([0, 0, 0, 1]), k=(4,))
    assert result.map[4] == pytest.approx((1 / 2) / 4)
    assert result.recall[[255, 256]].tolist() == [0, 1]


# What is refused


def test_codes_of_different_lengths_are_refused(task):
    with pytest.raises(ssvh.SSVHError, match="Queries have 16 bits and the database has 8; they must be equal"):
        ssvh.evaluate(np.ones((9, 16)), *task[1:], k=(5,))


def test_labels_that_do_not_fit_their_codes_are_refused(task):
    queries, items, query_labels, item_labels = task
    with pytest.raises(ssvh.SSVHError, match=r"40 database codes need labels \(40,\) or \(40, L\), got \(39,\)"):
        ssvh.evaluate(queries, items, query_labels, item_labels[:-1], k=(5,))
    with pytest.raises(ssvh.SSVHError, match=r"9 query codes need labels .* got \(9, 1, 1\)"):
        ssvh.evaluate(queries, items, query_labels[:, None, None], item_labels, k=(5,))
    with pytest.raises(ssvh.SSVHError, match=r"Query labels \(9, 4\) and database labels \(40,\) do not match"):
        ssvh.evaluate(queries, items, np.eye(4)[query_labels], item_labels, k=(5,))
    with pytest.raises(ssvh.SSVHError, match=r"Query labels \(9, 4\) and database labels \(40, 5\) do not match"):
        ssvh.evaluate(queries, items, np.eye(4)[query_labels], np.eye(5)[item_labels], k=(5,))
    with pytest.raises(ssvh.SSVHError, match="2 database labels are NaN"):
        ssvh.evaluate(queries, items, query_labels, np.array([np.nan, np.nan, *item_labels[2:]]), k=(5,))
