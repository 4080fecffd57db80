"""Epochs until a level is reached, and what is gained after a warm-up: worked by hand."""

import copy

import pytest

from ssvh_lib.errors import SSVHError
from ssvh_lib.experiments.convergence import collect_gains, collect_levels, with_gains, with_levels

WITHOUT = "VIII without point-to-set (P2Set)"


def record(label, values, seed=0, warm_up=2, **changes):
    curve = {"epoch": list(range(len(values))), "mAP@5": values, "mAP@20": [0.5] * len(values)}
    return {
        "dataset": "synthetic", "method": "autossvh", "variant": "paper", "label": label, "preset": "small", "bits": 32,
        "seed": seed, "by_epoch": curve, "warm_up": warm_up,
    } | changes  # fmt: skip


def levels(*records, without=WITHOUT):
    return [found.get("epochs_to_level") for found in with_levels(records, without)]


def test_epochs_to_level_are_those_worked_by_hand():
    """The level is 90 % of .5, so .45: reached a quarter of the way from .4 to .6, and half of that from .4 to .5."""
    with_it = record("IX AutoSSVH", [0.1, 0.4, 0.6, 0.7])
    without = record(WITHOUT, [0.1, 0.2, 0.4, 0.5])
    assert levels(with_it, without) == pytest.approx([1.25, 2.5])


def test_the_level_is_first_reached_even_if_it_is_lost_again():
    up_and_down = record("IX AutoSSVH", [0.0, 0.9, 0.1, 0.9])
    assert levels(up_and_down, record(WITHOUT, [0.0, 0.2, 0.4, 0.5])) == pytest.approx([0.5, 2.5])


def test_a_run_that_never_gets_there_has_no_number_and_one_that_begins_there_has_0():
    below = record("I without gradient reversal", [0.1, 0.2, 0.3, 0.44])
    above = record("IX AutoSSVH", [0.46, 0.1, 0.1, 0.1])
    exactly = record("II random frames", [0.1, 0.45, 0.2, 0.2])
    found = with_levels([below, above, exactly, record(WITHOUT, [0.1, 0.2, 0.3, 0.5])], WITHOUT)
    assert "epochs_to_level" not in found[0]
    assert [one["epochs_to_level"] for one in found[1:3]] == [0, 1]


def test_each_seed_dataset_and_code_length_has_a_level_of_its_own():
    records = [record("IX AutoSSVH", [0.0, 0.4, 0.8], seed) for seed in (0, 1)]
    records += [record(WITHOUT, [0.0, 0.0, end], seed) for seed, end in ((0, 0.4), (1, 0.8))]
    records += [record("IX AutoSSVH", [0.0, 0.4, 0.8], bits=64), record(WITHOUT, [0.0, 0.0, 0.2], bits=64)]
    assert levels(*records) == pytest.approx([0.9, 1.8, 1.9, 1.9, 0.45, 1.9])


def test_a_row_that_learned_nothing_is_reached_at_once():
    assert levels(record("IX AutoSSVH", [0.1, 0.2]), record(WITHOUT, [0.3, 0.0])) == [0, 0]


@pytest.mark.parametrize("reference", [[], [record(WITHOUT, [0.1, 0.2], seed=1)], [record("other", [0.1, 0.2])]])
def test_a_reference_that_lacks_the_seed_is_an_error_that_names_it(reference):
    with pytest.raises(SSVHError, match=r"IX AutoSSVH, synthetic, 32 bits, seed 0,.*VIII without point-to-set"):
        with_levels([record("IX AutoSSVH", [0.1, 0.2]), *reference], WITHOUT)


@pytest.mark.parametrize("function", [lambda records: with_levels(records, WITHOUT), with_gains])
def test_a_record_without_a_curve_is_an_error_that_names_the_row(function):
    bare = record("II random frames", [0.1, 0.2], seed=2)
    del bare["by_epoch"]
    with pytest.raises(SSVHError, match=r"II random frames, synthetic, 32 bits, seed 2,.*by_epoch"):
        function([record(WITHOUT, [0.1, 0.2], seed=2), bare])


@pytest.mark.parametrize("values", [[], [0.1, None], [0.1, float("nan")], [0.1, 0.2, 0.3]])
def test_a_damaged_curve_is_an_error_that_names_the_row(values):
    damaged = record("IX AutoSSVH", [0.1, 0.2])
    damaged["by_epoch"]["mAP@5"] = values
    with pytest.raises(SSVHError, match=r"IX AutoSSVH.*damaged"):
        with_gains([damaged])


def test_gains_after_the_warm_up_are_those_worked_by_hand():
    found = with_gains([
        record("a", [0.1, 0.2, 0.3, 0.7]),  # .7 - .3
        record("b", [0.1, 0.2, 0.3, 0.2]),  # it may fall
        record("c", [0.1, 0.2, 0.3, 0.7], warm_up=None),
        record("d", [0.1, 0.2, 0.3, 0.7], warm_up=3),  # nothing comes after it
        record("e", [0.1, 0.3, 0.7], by_epoch={"epoch": [0, 4, 8], "mAP@5": [0.1, 0.3, 0.7]}, warm_up=6),  # .7 - .5
    ])  # fmt: skip
    assert [one.get("gain_after_warm_up") for one in found] == [
        pytest.approx(0.4), pytest.approx(-0.1), None, None, pytest.approx(0.2),
    ]  # fmt: skip


def test_hooks_give_new_records_and_leave_the_old_ones_alone():
    records = [record("IX AutoSSVH", [0.1, 0.2, 0.4, 0.6]), record(WITHOUT, [0.1, 0.2, 0.3, 0.4])]
    before = copy.deepcopy(records)
    assert collect_levels(WITHOUT)((), records, "small") == with_levels(records, WITHOUT)
    assert collect_gains((), records, "small") == with_gains(records)
    assert records == before
