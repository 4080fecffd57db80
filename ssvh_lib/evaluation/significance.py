"""How far a mAP can be trusted: its interval over queries, and whether two methods differ on the same queries.

What varies here are the queries, as if others of their kind had been asked. How much a method varies with its seed is
another question, which only several runs can answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from ..errors import SSVHError
from .metrics import Evaluation

_ENTRIES = 1 << 21  # signs held at a time


@dataclass(frozen=True)
class Interval:
    """A mean over queries, and the bounds of its confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """The first method's mAP minus the second's, on the same queries."""

    difference: Interval
    p_value: float  # two-sided: how often random signs take the difference as far from 0
    better: int  # queries whose average precision is higher by the first method
    worse: int


def confidence_intervals(
    evaluation: Evaluation, *, level: float = 0.95, resamples: int = 10_000, seed: int = 0, progress: bool = True
) -> dict[int, Interval]:
    """The mAP at each cutoff with its percentile bootstrap interval (Efron, 1979): queries are drawn with replacement.

    Raises SSVHError for a level that is not between 0 and 1, or fewer than one resample.
    """
    _check(level, resamples)
    values = _average_precisions(evaluation)
    return dict(zip(evaluation.map, _intervals(values, level, resamples, seed, progress), strict=True))


def compare(
    first: Evaluation,
    second: Evaluation,
    *,
    level: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
    progress: bool = True,
) -> dict[int, Comparison]:
    """How two methods differ at each cutoff, query by query, which tells more than two intervals side by side.

    The interval is a paired bootstrap, which draws queries with the results of both. The p value is that of a
    permutation test: if the methods were alike, either could have had either result of a query, so the signs of the
    differences are drawn at random (Fisher, 1935); for information retrieval see Smucker, Allan and Carterette (2007).
    Raises SSVHError if the two were not measured alike, and as ``confidence_intervals``.
    """
    _check(level, resamples)
    _check_alike(first, second)
    differences = _average_precisions(first) - _average_precisions(second)  # (Q, cutoffs)
    intervals = _intervals(differences, level, resamples, seed, progress)
    p_values = _sign_flip_p_values(differences, resamples, seed, progress)
    better, worse = (differences > 0).sum(axis=0), (differences < 0).sum(axis=0)
    found = zip(intervals, p_values.tolist(), better.tolist(), worse.tolist(), strict=True)
    return dict(zip(first.map, (Comparison(*values) for values in found), strict=True))


def _average_precisions(evaluation: Evaluation) -> np.ndarray:
    return np.stack([evaluation.average_precision[cutoff] for cutoff in evaluation.map], axis=1)


def _intervals(values: np.ndarray, level: float, resamples: int, seed: int, progress: bool) -> list[Interval]:
    """Of the mean of each column of ``values (Q, cutoffs)``; all columns see the same draws."""
    Q, rng = len(values), np.random.default_rng(seed)
    drawn = (np.bincount(rng.integers(Q, size=Q), minlength=Q) for _ in _steps(resamples, "bootstrap", progress))
    means = np.stack([counts @ values for counts in drawn]) / Q
    bounds = np.quantile(means, ((1 - level) / 2, (1 + level) / 2), axis=0)
    return [Interval(*three) for three in np.stack([values.mean(axis=0), *bounds], axis=1).tolist()]


def _sign_flip_p_values(differences: np.ndarray, resamples: int, seed: int, progress: bool) -> np.ndarray:
    """Of each column of ``differences (Q, cutoffs)``. What was found counts as one of the draws, so no p is 0."""
    Q, rng = len(differences), np.random.default_rng(seed)
    found, extreme = differences.sum(axis=0), np.ones(differences.shape[1])
    least = np.abs(found) - 1e-12 * np.abs(differences).sum(axis=0)  # equal sums may differ in their last digits
    size = max(1, _ENTRIES // Q)
    for start in _steps(resamples, "signs", progress, size):
        shape = min(size, resamples - start), -(-Q // 8)
        kept = np.unpackbits(rng.integers(256, size=shape, dtype=np.uint8), axis=1, count=Q)
        extreme += (np.abs(2 * (kept @ differences) - found) >= least).sum(axis=0)
    return extreme / (resamples + 1)


def _steps(total: int, name: str, progress: bool, size: int = 1) -> Iterator[int]:
    """0, size, 2 size, … below ``total``; with the time left on a terminal, after two seconds."""
    with tqdm(total=total, desc=name, delay=2, leave=False, disable=None if progress else True) as bar:
        for start in range(0, total, size):
            yield start
            bar.update(min(size, total - start))


def _check(level: float, resamples: int) -> None:
    if not 0 < level < 1:
        raise SSVHError(f"The level of an interval lies between 0 and 1, such as 0.95, got {level!r}.")
    if not isinstance(resamples, int) or resamples < 1:
        raise SSVHError(f"resamples is a whole number of at least 1, such as 10_000, got {resamples!r}.")


def _check_alike(first: Evaluation, second: Evaluation) -> None:
    for what, one, other in (
        ("cutoffs", list(first.map), list(second.map)),
        ("conventions", first.conventions, second.conventions),
        ("numbers of queries", first.queries, second.queries),
        (
            "numbers of queries without anything relevant",
            first.queries_without_relevant,
            second.queries_without_relevant,
        ),
    ):
        if one != other:
            raise SSVHError(
                f"Two methods are compared on the same queries, measured alike; their {what} are {one} and {other}."
            )
