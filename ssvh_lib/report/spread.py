"""The rule by which rows of runs are told apart, and how often it errs.

The spread of what we measure is ``SPREAD`` times the standard deviation over seeds, that of two rows pooled. Two rows
differ if their means are further apart than the spread; anything less is "within the spread", never a win. One seed
shows no spread, so nothing is judged by it; the spread of another row is no substitute, since spreads differ tenfold
between methods.

How often the rule errs can be calculated (``error_rates``), if runs deviate normally. Two rows that do not differ are
told apart in 18 of 100 cases from two seeds each, in 7 from three and in 1 from five: a long table will contain some. A
published value that came from a single run just like ours is found inside the spread in 65 of 100 cases from two seeds,
in 77 from three and in 86 from five.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

from ..errors import SSVHError
from ..literature.measures import value_of
from ..literature.names import printed_name

SPREAD = 2.0


@dataclass(frozen=True)
class Measured:
    """The mean over seeds of a row, or of one row minus another, and the standard deviation of a single run."""

    mean: float
    std: float
    seeds: int

    @property
    def within_spread(self) -> bool:
        """Tell whether the mean, of a row minus another, is too small to tell the two apart."""
        return abs(self.mean) <= SPREAD * self.std


def error_rates(seeds: int) -> tuple[float, float]:
    """Return how often two rows that do not differ are told apart, and a published run just like ours lies outside.

    Both as shares of 1, for two or more ``seeds`` of each row that deviate normally.
    """
    apart = 2 * student.sf(SPREAD / np.sqrt(2 / seeds), 2 * seeds - 2)
    outside = 2 * student.sf(SPREAD / np.sqrt(1 + 1 / seeds), seeds - 1)
    return float(apart), float(outside)


def compare(row: Sequence[dict], other: Sequence[dict], measure: str) -> Measured | None:
    """Return the mean of the runs of one row minus that of another's; None where one has fewer than two seeds.

    Raises SSVHError as ``verdicts.judge`` does.
    """
    check_one_cell([*row, *other])
    values = [by_seed(runs, measure) for runs in (row, other)]
    return None if min(map(len, values)) < 2 else difference_of(values)


def check_one_cell(records: Iterable[dict]) -> None:
    """Raise SSVHError if records mix datasets, code lengths or presets."""
    cells = sorted({cell_of(record) for record in records})
    if len(cells) > 1:
        listed = "; ".join(f"{dataset}, {bits} bits, preset {preset}" for dataset, bits, preset in cells)
        raise SSVHError(f"A claim is judged on one dataset, at one code length and by one preset, not on {listed}.")


def by_seed(runs: Iterable[dict], measure: str) -> dict[int, float]:
    """Return the measure of each seed of a row's runs, where a run has it.

    Raises SSVHError if a value is not finite, or if a seed has two.
    """
    found: dict[int, float] = {}
    for record in runs:
        value, seed = value_of(record, measure), record["seed"]
        if value is None:
            continue
        if not np.isfinite(value):
            raise SSVHError(f"{measure} of {_row_of(record)}, seed {seed}, is {value}: that run failed. Repeat it.")
        if found.setdefault(seed, value) != value:
            raise SSVHError(
                f"{_row_of(record)}, seed {seed}, has two results for {measure}, {found[seed]} and {value}. "
                "Give the records of one version of the code."
            )
    return found


def difference_of(values: list[dict[int, float]]) -> Measured:
    """Return the mean of one row, or the first minus the second; the deviation is that of all runs from their means."""
    samples = [np.array([seeds[seed] for seed in sorted(seeds)]) for seeds in values]  # the same sum in any order
    means = [sample.mean() for sample in samples]
    squares = sum(((sample - mean) ** 2).sum() for sample, mean in zip(samples, means, strict=True))
    freedom = sum(len(sample) - 1 for sample in samples)
    return Measured(float(means[0] - sum(means[1:])), float(np.sqrt(squares / freedom)), min(map(len, samples)))


def cell_of(record: dict) -> tuple[str, int, str]:
    """Return dataset, code length and preset of a run."""
    return record["dataset"], record["bits"], record["preset"]


def _row_of(record: dict) -> str:
    return printed_name(record["method"], record["variant"], record["label"])
