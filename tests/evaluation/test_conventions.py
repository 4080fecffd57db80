"""How a ranking is measured: what can be chosen, what is recorded, and what is refused."""

import re

import numpy as np
import pytest
from rankings import QUERY, at_distance

import ssvh_lib as ssvh

pytestmark = pytest.mark.filterwarnings("ignore:The queries are the database")  # as small ones are by chance


def test_the_conventions_are_recorded():
    result = ssvh.evaluate(QUERY, QUERY, [0], [0], k=(1,), divide_by="hits", ties="random", self_match="include")
    chosen = {"divide_by": "hits", "ties": "random", "self_match": "include", "zero_bits": "negative"}
    assert result.conventions == chosen


def test_a_protocol_is_a_set_of_conventions_by_name():
    assert ssvh.PROTOCOLS["default"] == {"divide_by": "k", "ties": "stable", "self_match": "include"}
    assert ssvh.PROTOCOLS["released"] == {"divide_by": "k", "ties": "stable", "self_match": "include"}
    codes, labels = at_distance(0, 3, 6), np.array([1, 2, 3])
    found = {
        name: ssvh.evaluate(codes, codes, labels, labels, k=(1,), **protocol).map[1]
        for name, protocol in ssvh.PROTOCOLS.items()
    }
    assert found == {"default": 1, "released": 1}  # the only relevant item is the query itself
    assert ssvh.evaluate(codes, codes, labels, labels, k=(1,), self_match="exclude").map[1] == 0


@pytest.mark.parametrize(
    ("choice", "nearest"),
    [
        ({"divide_by": "min_k"}, "min_k_relevant"),
        ({"ties": "expect"}, "expected"),
        ({"self_match": "excluded"}, "exclude"),
        ({"zero_bits": "tertiary"}, "ternary"),
    ],
)
def test_an_unknown_convention_is_answered_with_the_nearest(task, choice, nearest):
    (name, value), *_ = choice.items()
    message = re.escape(f"There is no choice of {name} called '{value}'. Did you mean '{nearest}'? Known: ")
    with pytest.raises(ssvh.SSVHError, match=message):
        ssvh.evaluate(*task, k=(5,), **choice)


def test_expected_ties_divided_by_hits_are_refused_with_a_way_out(task):
    with pytest.raises(ssvh.SSVHError, match=r"no closed form.*use ties='random' and several seeds"):
        ssvh.evaluate(*task, k=(5,), ties="expected", divide_by="hits")


def test_a_cutoff_beyond_the_database_is_refused(task):
    ssvh.evaluate(*task, k=(40,))
    with pytest.raises(ssvh.SSVHError, match="mAP@41 needs at least 41 database items to rank, there are 40"):
        ssvh.evaluate(*task, k=(5, 41))


def test_the_left_out_query_does_not_count_as_an_item_to_rank(task):
    _, items, _, labels = task
    with pytest.raises(ssvh.SSVHError, match=r"mAP@40 .* there are 39"):
        ssvh.evaluate(items[:9], items, labels[:9], labels, k=(40,), self_match="exclude")


@pytest.mark.parametrize("k", [(), (0,), (5, -1)])
def test_cutoffs_below_one_are_refused(task, k):
    with pytest.raises(ssvh.SSVHError, match="k must be a tuple of whole cutoffs of at least 1"):
        ssvh.evaluate(*task, k=k)


@pytest.mark.parametrize("ranks", [-1, 2.5, True, None, "all"])
def test_ranks_that_are_no_number_of_ranks_are_refused(task, ranks):
    with pytest.raises(ssvh.SSVHError, match=f"a whole number, or 0 for none; got {ranks!r}"):
        ssvh.evaluate(*task, k=(5,), ranks=ranks)


def test_curves_beyond_the_database_are_refused(task):
    with pytest.raises(
        ssvh.SSVHError, match="Curves over 41 ranks need at least 41 database items to rank, there are 40"
    ):
        ssvh.evaluate(*task, k=(5,), ranks=41)
