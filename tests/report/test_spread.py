"""Two rows compared by the rule of verdicts."""

import numpy as np
import pytest

from ssvh_lib import SSVHError
from ssvh_lib.report import spread
from ssvh_lib.report.spread import Measured, compare
from ssvh_lib.report.verdicts import SPREAD, error_rates


@pytest.fixture
def row(make_record):
    """Records of a row, one for each of the values of mAP@20."""

    def make(label, *values, **changes):
        return [
            make_record("autossvh", 32, seed, label=label, at20=value, **changes) for seed, value in enumerate(values)
        ]

    return make


def test_rows_are_compared_by_their_means_and_the_pooled_deviation(row):
    found = compare(row("one", 0.2, 0.21, 0.22), row("other", 0.17, 0.18), "mAP@20")
    assert (found.mean, found.seeds) == (pytest.approx(0.035), 2)
    assert found.std == pytest.approx(((2 * 0.01**2 + 0.00005) / 3) ** 0.5)
    assert not found.within_spread


def test_a_difference_of_the_spread_does_not_tell_rows_apart():
    assert Measured(-0.5, 0.25, 3).within_spread
    assert not Measured(0.5, 0.249, 3).within_spread


def test_one_seed_shows_no_spread(row):
    assert compare(row("one", 0.2), row("other", 0.1, 0.11), "mAP@20") is None
    assert compare(row("one", 0.2, 0.2), row("other", 0.1, 0.11), "epochs_to_level") is None


def test_rows_of_different_data_are_not_compared(row):
    with pytest.raises(SSVHError, match="judged on one dataset"):
        compare(row("one", 0.2, 0.2), row("other", 0.1, 0.1, dataset="ucf101"), "mAP@20")


@pytest.mark.parametrize(("seeds", "different", "inside"), [(2, 18, 65), (3, 7, 77), (5, 1, 86)])
def test_how_often_the_rule_errs_is_what_the_module_says(seeds, different, inside):
    apart, outside = error_rates(seeds)
    assert (round(100 * apart), 100 - round(100 * outside)) == (different, inside)
    words = spread.__doc__.replace("\n", " ")
    assert all(f" {percent} " in words for percent in (different, inside))


def test_how_often_the_rule_errs_is_what_happens(rng):
    """Twenty thousand pairs of rows of three seeds that do not differ, and published runs of the same kind."""
    first, second = rng.standard_normal((2, 20_000, 3))
    published = rng.standard_normal(20_000)
    pooled = np.sqrt((first.var(1, ddof=1) + second.var(1, ddof=1)) / 2)
    apart = np.abs(first.mean(1) - second.mean(1)) > SPREAD * pooled
    outside = np.abs(first.mean(1) - published) > SPREAD * first.std(1, ddof=1)
    assert (apart.mean(), outside.mean()) == pytest.approx(error_rates(3), abs=0.01)
