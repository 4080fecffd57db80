"""Intervals over queries and tests between methods: against naive twins, all sign patterns, and how often they err."""

import tracemalloc
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy import stats

import ssvh_lib as ssvh
from ssvh_lib.evaluation.significance import compare, confidence_intervals


@pytest.fixture
def measured():
    """Makes an Evaluation of given average precisions, by cutoff or all at cutoff 1."""
    codes = np.eye(8)
    some = ssvh.evaluate(codes, codes, np.arange(8), np.arange(8), k=(1,), self_match="exclude")

    def make(averages):
        averages = {
            k: np.asarray(values, float)
            for k, values in (averages if isinstance(averages, dict) else {1: averages}).items()
        }
        maps = {k: float(values.mean()) for k, values in averages.items()}
        return replace(some, map=maps, average_precision=averages, queries=len(next(iter(averages.values()))))

    return make


@pytest.fixture
def two_methods(rng):
    """Two evaluations of the same 60 queries among 200 items, the second with noisier codes."""
    labels = rng.integers(0, 5, 260)
    clean = rng.integers(0, 2, (5, 32))[labels]
    codes = [clean ^ (rng.random(clean.shape) < noise) for noise in (0.2, 0.35)]
    return [ssvh.evaluate(bits[:60], bits[60:], labels[:60], labels[60:], k=(5, 20)) for bits in codes]


# Twins that are too simple to be wrong


def naive_interval(values, level, resamples=10_000):
    """Quantiles of the means of queries that are drawn with replacement."""
    rng = np.random.default_rng(1)
    means = [values[rng.integers(len(values), size=len(values))].mean() for _ in range(resamples)]
    return np.quantile(means, ((1 - level) / 2, (1 + level) / 2))


def naive_p_value(differences, resamples=10_000):
    """The share of random signs that take the sum at least as far from 0; what was found is one of the draws."""
    rng, extreme = np.random.default_rng(1), 1
    for _ in range(resamples):
        signs = rng.choice((-1, 1), len(differences))
        extreme += abs(signs @ differences) >= abs(differences.sum()) - 1e-12
    return extreme / (resamples + 1)


# Intervals


def test_an_interval_holds_the_map_it_is_of(two_methods):
    first, _ = two_methods
    intervals = confidence_intervals(first)
    assert list(intervals) == [5, 20]
    for k, interval in intervals.items():
        assert interval.value == pytest.approx(first.map[k])
        assert interval.low < interval.value < interval.high


def test_intervals_are_those_of_the_naive_twin_up_to_chance(measured, rng):
    values = rng.beta(0.5, 0.5, 200)
    for level in (0.8, 0.95):
        found = confidence_intervals(measured(values), level=level)[1]
        low, high = naive_interval(values, level)
        assert found.low == pytest.approx(low, abs=0.05 * (high - low))
        assert found.high == pytest.approx(high, abs=0.05 * (high - low))


def test_queries_that_are_all_alike_leave_no_doubt(measured):
    interval = confidence_intervals(measured(np.full(9, 0.25)), resamples=50)[1]
    assert (interval.value, interval.low, interval.high) == (0.25, 0.25, 0.25)


def test_intervals_hold_the_truth_as_often_as_they_say(measured):
    rng = np.random.default_rng(0)
    found = [
        confidence_intervals(measured(rng.beta(1, 3, 80)), level=0.9, resamples=400, seed=seed)[1]
        for seed in range(300)
    ]
    held = np.mean([interval.low <= 1 / 4 <= interval.high for interval in found])
    assert held == pytest.approx(0.9, abs=4 * (0.9 * 0.1 / 300) ** 0.5)


def test_the_seed_decides(two_methods):
    first, second = two_methods
    assert confidence_intervals(first, seed=1) == confidence_intervals(first, seed=1)
    assert confidence_intervals(first, seed=1) != confidence_intervals(first, seed=2)
    assert compare(first, second, seed=1) == compare(first, second, seed=1)


# Comparisons


def test_a_method_does_not_differ_from_itself(two_methods):
    for comparison in compare(two_methods[0], two_methods[0], resamples=99).values():
        assert (comparison.difference.value, comparison.difference.low, comparison.difference.high) == (0, 0, 0)
        assert (comparison.p_value, comparison.better, comparison.worse) == (1, 0, 0)


def test_swapping_the_methods_changes_the_sign(two_methods):
    there, back = compare(*two_methods), compare(*two_methods[::-1])
    for k, comparison in there.items():
        assert comparison.difference.value == pytest.approx(two_methods[0].map[k] - two_methods[1].map[k])
        assert comparison.difference.value == pytest.approx(-back[k].difference.value)
        assert comparison.difference.low == pytest.approx(-back[k].difference.high)
        assert comparison.p_value == back[k].p_value
        assert (comparison.better, comparison.worse) == (back[k].worse, back[k].better)


def test_what_is_plainly_better_is_found_so(two_methods):
    comparison = compare(*two_methods)[20]
    assert comparison.difference.low > 0
    assert comparison.p_value == pytest.approx(1 / 10_001)
    assert comparison.better > comparison.worse


def test_a_paired_interval_is_narrower_where_queries_are_hard_for_both(measured, rng):
    hardness = rng.random(100)
    first, second = measured(hardness), measured(hardness - 0.01 * rng.random(100))
    alone, paired = confidence_intervals(first)[1], compare(first, second)[1]
    assert paired.difference.high - paired.difference.low < (alone.high - alone.low) / 10
    assert paired.p_value < 0.001


@pytest.mark.parametrize(
    "differences",
    [[0.1, 0.1, 0.1], [0.5, -0.2, 0.1, 0.4, 0.3, 0.0, -0.1, 0.2], [0.3, -0.3, 0.1, -0.1, 0.2, 0.2], [0, 0, 0, 0.7]],
)
def test_p_values_are_the_share_of_all_sign_patterns_up_to_chance(measured, differences):
    differences = np.array(differences)
    signs = np.array(list(product((-1, 1), repeat=len(differences))))
    wanted = (np.abs(signs @ differences) >= abs(differences.sum()) - 1e-12).mean()
    found = compare(measured(1 + differences), measured(np.ones(len(differences))))[1].p_value
    assert found == pytest.approx(wanted, abs=4 * (wanted * (1 - wanted) / 10_000) ** 0.5 + 1e-4)
    by_scipy = stats.permutation_test((differences,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert by_scipy.pvalue == pytest.approx(wanted)


@pytest.mark.parametrize("shift", [0, 0.02, 0.05])
def test_p_values_are_those_of_the_naive_twin_up_to_chance(measured, rng, shift):
    """Of differences with many equal sums, as average precisions have."""
    differences = np.round(rng.normal(shift, 0.2, 150), 1)
    found = compare(measured(1 + differences), measured(np.ones(150)))[1].p_value
    wanted = naive_p_value(differences)
    assert found == pytest.approx(wanted, abs=4 * (2 * wanted * (1 - wanted) / 10_000) ** 0.5)


def test_neither_interval_nor_test_holds_all_draws_at_a_time(measured, rng):
    first, second = (measured(rng.random(4_000)) for _ in range(2))
    tracemalloc.start()
    compare(first, second, resamples=1_000)
    confidence_intervals(first, resamples=1_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16e6  # 1,000 draws of 4,000 numbers are twice as much


def test_the_draws_at_one_time_do_not_matter_to_the_test_beyond_chance(two_methods, monkeypatch):
    whole = compare(*two_methods, resamples=500)
    monkeypatch.setattr("ssvh_lib.evaluation.significance._ENTRIES", 60 * 7)
    for k, comparison in compare(*two_methods, resamples=500).items():
        assert comparison.p_value == pytest.approx(whole[k].p_value, abs=0.05)


def test_methods_that_are_alike_are_rarely_said_to_differ(measured):
    rng, found = np.random.default_rng(0), []
    for seed in range(300):
        first, second = (measured(values) for values in rng.beta(1, 3, (2, 40)))
        found.append(compare(first, second, resamples=200, seed=seed)[1].p_value)
    assert np.mean(np.array(found) <= 0.1) == pytest.approx(0.1, abs=4 * (0.1 * 0.9 / 300) ** 0.5)


# What is refused


@pytest.mark.parametrize("level", [0, 1, 95, -0.5, float("nan")])
def test_a_level_outside_0_and_1_is_refused(two_methods, level):
    for ask in (confidence_intervals, lambda first, **facts: compare(first, first, **facts)):
        with pytest.raises(ssvh.SSVHError, match=r"must lie between 0 and 1, such as 0\.95, got"):
            ask(two_methods[0], level=level)


@pytest.mark.parametrize("resamples", [0, 1, -3, 1e4, None])
def test_resamples_that_are_no_number_of_them_are_refused(two_methods, resamples):
    with pytest.raises(ssvh.SSVHError, match="resamples must be a whole number of at least 2, such as 10_000, got"):
        confidence_intervals(two_methods[0], resamples=resamples)


def test_one_query_says_nothing_of_others(measured):
    for ask in (confidence_intervals, lambda first: compare(first, first)):
        with pytest.raises(ssvh.SSVHError, match="two or more queries, got 1"):
            ask(measured([0.5]))


def test_what_was_not_measured_alike_is_not_compared(two_methods, measured):
    first, second = two_methods
    for other, what in (
        (replace(second, map={5: 0.1}), r"cutoffs are \[5, 20\] and \[5\]"),
        (replace(second, conventions=second.conventions | {"ties": "expected"}), "conventions are .*'expected'"),
        (replace(second, queries=61), "numbers of queries are 60 and 61"),
        (replace(second, queries_without_relevant=3), "numbers of queries without anything relevant are 0 and 3"),
    ):
        with pytest.raises(ssvh.SSVHError, match=f"same queries, measured alike; their {what}"):
            compare(first, other)
