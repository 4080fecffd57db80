"""What holds for every ranking: agreement with a reference of a few lines, and what must not matter."""

from itertools import permutations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rankings import BITS, draw_task

import ssvh_lib as ssvh
from ssvh_lib.evaluation import metrics
from ssvh_lib.evaluation.conventions import DIVISORS, TIES

CONVENTIONS = [
    {"divide_by": divide_by, "ties": ties}
    for divide_by in DIVISORS
    for ties in TIES
    if (divide_by, ties) != ("hits", "expected")
]


def reference(queries, items, query_labels, item_labels, k, divide_by, drop_self):
    """The average precision of each query at k, and the relevance of its items by rank ``(Q, N)``."""
    averages, relevance = [], []
    for q, (code, labels) in enumerate(zip(queries, query_labels, strict=True)):
        ranked = sorted(range(len(items)), key=lambda item: (code != items[item]).sum())  # equals keep their order
        hits = [bool((labels & item_labels[item]).any()) for item in ranked if not (drop_self and item == q)]
        precisions = [sum(hits[: n + 1]) / (n + 1) for n in range(k) if hits[n]]
        divisor = {"k": k, "min_k_relevant": min(k, sum(hits)), "hits": len(precisions)}[divide_by]
        averages.append(sum(precisions) / max(divisor, 1))
        relevance.append(hits)
    return averages, np.array(relevance)


tasks = st.integers(0, 2**32 - 1).map(lambda seed: draw_task(np.random.default_rng(seed)))


def assert_same(first, second):
    for one, other in zip(first.average_precision.values(), second.average_precision.values(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)
    for name in ("precision", "recall", "lookup_success", "lookup_precision", "queries_without_relevant"):
        np.testing.assert_allclose(getattr(first, name), getattr(second, name), atol=1e-12)
    for name in ("precision", "recall", "map"):
        np.testing.assert_allclose(getattr(first.curves, name), getattr(second.curves, name), atol=1e-12)


def test_thousands_of_small_rankings_agree_with_the_reference():
    rng = np.random.default_rng(0)
    for number in range(2000):
        task, divide_by, drop = draw_task(rng), DIVISORS[number % 3], number % 2 == 0
        N = len(task[1]) - drop
        k = int(rng.integers(1, N + 1))
        facts = {"divide_by": divide_by, "self_match": "exclude" if drop else "include", "ranks": N}
        result = ssvh.evaluate(*task, k=(k,), **facts)
        averages, hits = reference(*task, k, divide_by, drop)
        np.testing.assert_allclose(result.average_precision[k], averages, atol=1e-12)
        assert result.map[k] == pytest.approx(np.mean(averages), abs=1e-12)
        totals = hits.sum(axis=1)
        assert result.queries_without_relevant == (totals == 0).sum()
        np.testing.assert_allclose(result.curves.precision, [hits[:, : n + 1].mean() for n in range(N)])
        shares = hits.cumsum(axis=1)[totals > 0] / totals[totals > 0, None]
        np.testing.assert_allclose(result.curves.recall, shares.mean(axis=0) if len(shares) else np.full(N, np.nan))


@given(tasks, st.sampled_from(CONVENTIONS))
def test_the_curve_of_map_passes_through_the_map_at_each_cutoff(task, conventions):
    N = len(task[1])
    result = ssvh.evaluate(*task, k=tuple(range(1, N + 1)), ranks=N, **conventions)
    np.testing.assert_allclose(result.curves.map, list(result.map.values()), atol=1e-12)
    shorter = ssvh.evaluate(*task, k=(N,), ranks=3, **conventions)
    np.testing.assert_allclose(shorter.curves.map, result.curves.map[:3], atol=1e-12)
    np.testing.assert_allclose(shorter.curves.recall, result.curves.recall[:3])


@given(tasks, st.sampled_from(["k", "min_k_relevant"]), st.randoms(use_true_random=False))
def test_expected_ties_do_not_depend_on_the_order_of_the_database(task, divide_by, random):
    queries, items, query_labels, item_labels = task
    order = random.sample(range(len(items)), len(items))
    facts = {"k": (1, 3, len(items)), "ties": "expected", "divide_by": divide_by, "ranks": len(items)}
    shuffled = ssvh.evaluate(queries, items[order], query_labels, item_labels[order], **facts)
    assert_same(shuffled, ssvh.evaluate(*task, **facts))


@given(tasks, st.sampled_from(CONVENTIONS), st.permutations(range(BITS)), st.integers(0, 255))
def test_neither_the_order_of_bits_nor_bits_flipped_in_all_codes_matter(task, conventions, order, mask):
    queries, items, *labels = task
    flip = np.unpackbits(np.uint8(mask))
    facts = {"k": (2, 5), "ranks": 5, **conventions}
    changed = ssvh.evaluate(queries[:, order] ^ flip, items[:, order] ^ flip, *labels, **facts)
    assert_same(changed, ssvh.evaluate(*task, **facts))


@given(st.integers(0, 2**32 - 1), st.sampled_from(CONVENTIONS))
def test_class_numbers_are_one_hot_labels(seed, conventions):
    rng = np.random.default_rng(seed)
    queries, items, *_ = draw_task(rng)
    numbers = rng.integers(0, 3, len(items))
    facts = {"k": (1, 4), "ranks": 4, **conventions}
    by_number = ssvh.evaluate(queries, items, numbers[: len(queries)], numbers, **facts)
    one_hot = np.eye(3, dtype=np.uint8)[numbers]
    assert_same(ssvh.evaluate(queries, items, one_hot[: len(queries)], one_hot, **facts), by_number)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["k", "min_k_relevant"]))
def test_expected_curves_are_the_mean_over_all_orders_of_the_database(seed, divide_by):
    rng = np.random.default_rng(seed)
    items, labels = np.zeros((5, BITS), int), rng.integers(0, 2, (5, 2))
    items[:, 0] = rng.integers(0, 2, 5)
    facts = {"k": (2, 5), "ranks": 5, "divide_by": divide_by}
    orders = [list(order) for order in permutations(range(5))]
    every = [ssvh.evaluate(items[:2], items[order], labels[:2], labels[order], **facts) for order in orders]
    expected = ssvh.evaluate(items[:2], items, labels[:2], labels, ties="expected", **facts)
    for k in (2, 5):
        averages = np.mean([result.average_precision[k] for result in every], axis=0)
        np.testing.assert_allclose(expected.average_precision[k], averages, atol=1e-12)
    for name in ("precision", "recall", "map"):
        curves = np.mean([getattr(result.curves, name) for result in every], axis=0)
        np.testing.assert_allclose(getattr(expected.curves, name), curves, atol=1e-12)


@given(st.integers(0, 2**32 - 1))
def test_ternary_codes_without_zeros_are_measured_as_codes(seed):
    queries, items, *labels = draw_task(np.random.default_rng(seed))
    facts = {"k": (2, 5), "ranks": 5}
    signs = 2 * queries - 1, 2 * items - 1
    assert_same(ssvh.evaluate(*signs, *labels, zero_bits="ternary", **facts), ssvh.evaluate(*signs, *labels, **facts))


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_ternary_codes_are_ranked_by_their_inner_product(seed, drop):
    """As the released code has it: distance (K − ⟨q, d⟩) / 2 of codes in −1, 0 and 1."""
    rng = np.random.default_rng(seed)
    items, labels = rng.integers(-1, 2, (9, BITS)), rng.integers(0, 3, 9)
    items[0, 0] = -1  # there is a negative value
    distances = (BITS - items[:4] @ items.T) / 2
    others = ~np.eye(4, 9, dtype=bool) if drop else np.ones((4, 9), bool)
    relevant, order = labels[:4, None] == labels, distances.argsort(axis=1, kind="stable")
    rows = zip(relevant, order, others, strict=True)
    hits = np.stack([good[[item for item in ranked if left[item]]] for good, ranked, left in rows])[:, :8]
    facts = {"k": (3,), "ranks": 8, "zero_bits": "ternary"}
    self_match = "exclude" if drop else "include"
    result = ssvh.evaluate(items[:4], items, labels[:4], labels, self_match=self_match, **facts)
    np.testing.assert_allclose(result.curves.precision, hits.cumsum(axis=1).mean(axis=0) / np.arange(1, 9))
    for radius in range(BITS + 1):
        within = (distances <= radius) & others
        wanted = (within & relevant).sum() / within.sum() if within.any() else np.nan
        np.testing.assert_allclose(result.precision[radius], wanted)


@pytest.mark.parametrize("conventions", CONVENTIONS, ids=lambda chosen: f"{chosen['divide_by']} {chosen['ties']}")
def test_neither_threads_nor_the_size_of_a_block_change_a_single_bit(rng, conventions, monkeypatch):
    codes, labels = rng.integers(0, 2, (70, 16)), rng.integers(0, 4, 70)
    facts = {"k": (5, 69), "self_match": "exclude", "ranks": 30, **conventions}
    before = torch.get_num_threads()
    monkeypatch.setattr(metrics, "_QUERIES", 8)
    try:
        results = []
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            results.append(ssvh.evaluate(codes, codes, labels, labels, **facts))
    finally:
        torch.set_num_threads(before)
    for result in results[1:]:
        assert result.to_json() == results[0].to_json()
        for name in ("precision", "recall", "map"):
            np.testing.assert_array_equal(getattr(result.curves, name), getattr(results[0].curves, name))
    monkeypatch.setattr(metrics, "_ENTRIES", 1)
    assert_same(ssvh.evaluate(codes, codes, labels, labels, **facts), results[0])
