"""The grid of experiments: every method, length and seed, the slow ones first."""

from small_runs import every_method

import ssvh_lib as ssvh
from ssvh_lib.experiments.experiment import Row, grid
from ssvh_lib.methods import TrainedMethod, method_class


def test_the_grid_has_every_method_length_and_seed_with_the_slow_ones_first():
    runs = every_method([16, 32], 3)
    assert len(runs) == len(set(runs)) == len(ssvh.available()) * 2 * 3
    assert {experiment.dataset for experiment in runs} == {"moving-digits-smoke"}
    slow = [issubclass(method_class(experiment.method), TrainedMethod) for experiment in runs]
    assert slow == sorted(slow, reverse=True)
    assert {"itq", "lsh"} <= {experiment.method for experiment in runs[sum(slow) :]}


def test_a_row_may_have_more_or_fewer_seeds_than_the_others():
    runs = grid([Row("conmh"), Row("dkph", seeds=1)], "moving-digits", "smoke", [16, 32], 3)
    assert [(run.method, run.bits, run.seed) for run in runs] == [
        *(("conmh", bits, seed) for bits in (16, 32) for seed in range(3)),
        *(("dkph", bits, 0) for bits in (16, 32)),
    ]
