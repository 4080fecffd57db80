"""Average precision by every convention, by hand and against twins that are too simple to be wrong."""

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rankings import QUERY, at_distance

import ssvh_lib as ssvh
from ssvh_lib.evaluation.conventions import DIVISORS, TIES

pytestmark = pytest.mark.filterwarnings("ignore:The queries are the database")  # as small ones are by chance


def average_precision(distances, relevant, **conventions):
    """mAP of one query whose database lies at ``distances``, relevant where 1; one cutoff, given as ``k``."""
    k = conventions.pop("k")
    labels = np.where(relevant, 7, 3)
    return ssvh.evaluate(QUERY, at_distance(*distances), np.array([7]), labels, k=(k,), **conventions).map[k]


def naive(order, relevant, k, divide_by):
    """Average precision of one ranking, word by word."""
    found, total = 0, 0.0
    for place, item in enumerate(order[:k], start=1):
        if relevant[item]:
            found += 1
            total += found / place
    divisor = {"k": k, "min_k_relevant": min(k, sum(relevant)), "hits": found}[divide_by]
    return total / divisor if divisor else 0.0


def orders(distances):
    """All rankings by distance, one for each order of the items at equal distance."""
    groups = [[item for item, d in enumerate(distances) if d == level] for level in sorted(set(distances))]
    for choice in product(*(permutations(group) for group in groups)):
        yield [item for group in choice for item in group]


@st.composite
def rankings(draw, most=7):
    """Distances of a small database with many ties, relevance of its items, and a cutoff."""
    size = draw(st.integers(1, most))
    distances = draw(st.lists(st.integers(0, 3), min_size=size, max_size=size))
    relevant = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    return distances, relevant, draw(st.integers(1, size))


# Average precision by hand: relevant items stand at ranks 1, 3 and 6 of 6


@pytest.mark.parametrize(
    ("divide_by", "k", "wanted"),
    [
        ("k", 1, 1),
        ("k", 2, 1 / 2),
        ("k", 3, (1 + 2 / 3) / 3),
        ("k", 5, (1 + 2 / 3) / 5),
        ("k", 6, (1 + 2 / 3 + 3 / 6) / 6),
        ("min_k_relevant", 1, 1),
        ("min_k_relevant", 2, 1 / 2),  # of 3 relevant items 2 could be among 2
        ("min_k_relevant", 5, (1 + 2 / 3) / 3),
        ("min_k_relevant", 6, (1 + 2 / 3 + 3 / 6) / 3),
        ("hits", 1, 1),
        ("hits", 2, 1),  # 1 was
        ("hits", 5, (1 + 2 / 3) / 2),
        ("hits", 6, (1 + 2 / 3 + 3 / 6) / 3),
    ],
)
def test_average_precision_by_hand(divide_by, k, wanted):
    assert average_precision([0, 1, 2, 3, 4, 5], [1, 0, 1, 0, 0, 1], k=k, divide_by=divide_by) == pytest.approx(wanted)


def test_items_are_ranked_by_distance_not_by_place():
    assert average_precision([3, 0, 2, 1], [1, 0, 0, 1], k=4) == pytest.approx((1 / 2 + 2 / 4) / 4)


# Ties


def test_stable_ties_stay_in_database_order():
    assert average_precision([1, 1, 1], [0, 0, 1], k=3, ties="stable") == pytest.approx((1 / 3) / 3)
    assert average_precision([1, 1, 1], [1, 0, 0], k=3, ties="stable") == pytest.approx(1 / 3)


def test_expected_ties_by_hand():
    """One relevant item of two at the same distance: first in one order, second in the other."""
    assert average_precision([2, 2], [0, 1], k=2, ties="expected") == pytest.approx((1 / 1 + 1 / 2) / 2 / 2)
    assert average_precision([2, 2], [0, 1], k=1, ties="expected") == pytest.approx(1 / 2)


@pytest.mark.parametrize("divide_by", ["k", "min_k_relevant"])
@pytest.mark.parametrize("distances", [(1, 1, 1, 1, 1), (0, 0, 2, 2, 2), (0, 1, 1, 1, 4)])
def test_expected_ties_are_the_mean_over_all_orders_for_every_relevance(distances, divide_by):
    for relevant in product((0, 1), repeat=5):
        for k in (1, 2, 3, 5):
            wanted = np.mean([naive(order, relevant, k, divide_by) for order in orders(distances)])
            got = average_precision(distances, relevant, k=k, ties="expected", divide_by=divide_by)
            assert got == pytest.approx(wanted, abs=1e-12)


@given(rankings(), st.sampled_from(["k", "min_k_relevant"]))
def test_expected_ties_are_the_mean_over_all_orders(ranking, divide_by):
    distances, relevant, k = ranking
    wanted = np.mean([naive(order, relevant, k, divide_by) for order in orders(distances)])
    got = average_precision(distances, relevant, k=k, ties="expected", divide_by=divide_by)
    assert got == pytest.approx(wanted, abs=1e-12)


@given(rankings(most=30), st.sampled_from(DIVISORS))
def test_stable_ties_agree_with_the_naive_twin(ranking, divide_by):
    distances, relevant, k = ranking
    order = sorted(range(len(distances)), key=lambda item: distances[item])  # Python's sort keeps the order of equals
    got = average_precision(distances, relevant, k=k, divide_by=divide_by)
    assert got == pytest.approx(naive(order, relevant, k, divide_by), abs=1e-12)


@given(rankings(), st.integers(0, 99))
def test_random_ties_are_one_of_the_possible_orders(ranking, seed):
    distances, relevant, k = ranking
    got = average_precision(distances, relevant, k=k, ties="random", divide_by="hits", seed=seed)
    possible = [naive(order, relevant, k, "hits") for order in orders(distances)]
    assert min(abs(got - value) for value in possible) < 1e-12


def test_random_ties_depend_on_their_seed_alone_and_average_to_the_expected(task):
    def values(ties, seed=0):
        return ssvh.evaluate(*task, k=(5,), ties=ties, seed=seed).map[5]

    drawn = [values("random", seed) for seed in range(200)]
    assert values("random", 3) == drawn[3]
    assert len(set(drawn)) > 100
    assert np.mean(drawn) == pytest.approx(values("expected"), abs=4 * np.std(drawn) / 200**0.5)


@pytest.mark.parametrize("ties", TIES)
def test_without_ties_all_conventions_of_ties_agree(ties):
    assert average_precision([4, 2, 6, 0], [0, 1, 1, 1], k=4, ties=ties) == pytest.approx((1 + 1 + 3 / 4) / 4)


@pytest.mark.parametrize(
    ("divide_by", "wanted"),
    [
        ("k", [0, 1 / 4, (1 / 2 + 2 / 3) / 3, (1 / 2 + 2 / 3) / 4]),
        ("min_k_relevant", [0, 1 / 4, (1 / 2 + 2 / 3) / 2, (1 / 2 + 2 / 3) / 2]),
        ("hits", [0, 1 / 2, (1 / 2 + 2 / 3) / 2, (1 / 2 + 2 / 3) / 2]),
    ],
)
def test_the_curve_of_map_is_divided_as_asked(divide_by, wanted):
    """Relevant are the items at ranks 2 and 3 of 4."""
    facts = {"k": (1,), "ranks": 4, "divide_by": divide_by}
    result = ssvh.evaluate(QUERY, at_distance(1, 2, 3, 4), [1], np.array([0, 1, 1, 0]), **facts)
    np.testing.assert_allclose(result.curves.map, wanted)
