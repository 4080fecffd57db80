"""How far a mAP can be trusted: its interval over queries, and whether two methods differ on the same queries.

What varies here are the queries, as if others of their kind had been asked. How much a method varies with its seed is
another question, which only several runs can answer. SciPy does the resampling, with equal draws at every cutoff.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import stats
from tqdm import tqdm

from ..errors import SSVHError
from .metrics import Evaluation

_ENTRIES = 1 << 18  # drawn values held at a time


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
    """Compute a percentile bootstrap interval (Efron, 1979) of the mAP at each cutoff: ``scipy.stats.bootstrap``.

    Queries are drawn with replacement. Raises SSVHError for a level that is not between 0 and 1, fewer than two
    resamples, or fewer than two queries.
    """
    _check(level, resamples, evaluation.queries)
    averages = evaluation.average_precision
    return {k: _interval(averages[k], level, resamples, seed) for k in _steps(evaluation, "bootstrap", progress)}


def compare(
    first: Evaluation,
    second: Evaluation,
    *,
    level: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
    progress: bool = True,
) -> dict[int, Comparison]:
    """Compare two methods at each cutoff, query by query, which tells more than two intervals side by side.

    The interval is a paired bootstrap, which draws queries with the results of both. The p value is that of a
    permutation test: if the methods were alike, either could have had either result of a query, so the signs of the
    differences are drawn at random (Fisher, 1935; ``scipy.stats.monte_carlo_test``); for information retrieval see
    Smucker, Allan and Carterette (2007).
    Raises SSVHError if the two were not measured alike, and as ``confidence_intervals``.
    """
    _check(level, resamples, first.queries)
    _check_alike(first, second)
    found = {}
    for k in _steps(first, "compare", progress):
        differences = first.average_precision[k] - second.average_precision[k]  # (Q,)
        found[k] = Comparison(
            _interval(differences, level, resamples, seed),
            _sign_flip_p_value(differences, resamples, seed),
            better=int((differences > 0).sum()),
            worse=int((differences < 0).sum()),
        )
    return found


def _interval(values: np.ndarray, level: float, resamples: int, seed: int) -> Interval:
    """Compute the percentile bootstrap interval of the mean of ``values (Q,)``."""
    low, high = stats.bootstrap(
        (values,),
        np.mean,
        n_resamples=resamples,
        batch=_batch(values),
        confidence_level=level,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(float(values.mean()), float(low), float(high))


def _sign_flip_p_value(differences: np.ndarray, resamples: int, seed: int) -> float:
    """Test whether ``differences (Q,)`` have no preferred sign; they count as one of the draws, so no p is 0.

    ``scipy.stats.permutation_test`` flips signs as well, but query by query in Python, several times slower.
    """
    rng = np.random.default_rng(seed)

    def flipped(size: tuple[int, ...]) -> np.ndarray:
        flips: np.ndarray = (1 - 2 * rng.integers(2, size=size, dtype=np.int8)) * differences
        return flips

    found = stats.monte_carlo_test(
        differences, flipped, _distance, n_resamples=resamples, batch=_batch(differences), alternative="greater"
    )
    return float(found.pvalue)


def _distance(differences: np.ndarray, axis: int) -> np.ndarray:
    """Return the distance of the mean from 0, rounded, as equal means may differ in their last digits."""
    distance: np.ndarray = np.abs(differences.mean(axis=axis)).round(12)
    return distance


def _batch(values: np.ndarray) -> int:
    return max(1, _ENTRIES // len(values))


def _steps(evaluation: Evaluation, name: str, progress: bool) -> Iterator[int]:
    """Yield the cutoffs; with the time left on a terminal, after two seconds."""
    yield from tqdm(evaluation.map, desc=name, delay=2, leave=False, disable=None if progress else True)


def _check(level: float, resamples: int, queries: int) -> None:
    if not 0 < level < 1:
        raise SSVHError(f"The level of an interval must lie between 0 and 1, such as 0.95, got {level!r}.")
    if not isinstance(resamples, int) or resamples < 2:
        raise SSVHError(f"resamples must be a whole number of at least 2, such as 10_000, got {resamples!r}.")
    if queries < 2:
        raise SSVHError(f"How far a mAP can be trusted shows only with two or more queries, got {queries}.")


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
                f"Two methods must be compared on the same queries, measured alike; their {what} are {one} and {other}."
            )
