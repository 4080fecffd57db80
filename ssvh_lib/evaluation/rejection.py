"""Retrieval without the videos whose codes are the least certain, for methods that know how certain they are.

As in BerVAE's released evaluation: the most uncertain share of the videos is left out, of the queries and of the
database, and mAP is measured on what remains. Since there is less to find in a smaller database, the same shares are
also left out at random; only what lies above that is due to the uncertainty.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..data import Dataset, VideoFeatures
from ..errors import SSVHError
from .codes import Codes, apply_in_batches
from .metrics import evaluate

if TYPE_CHECKING:
    from ..methods.base import Method

SHARES = tuple(range(0, 100, 10))  # per cent left out
CUTOFF = 20
DRAWS = 5  # random orders that the control averages over


def uncertainties(model: Method, videos: VideoFeatures) -> np.ndarray:
    """Return how uncertain a model is of the code of each video, ``(N,)``; SSVHError if it cannot tell."""
    if model.uncertainty is None:
        raise SSVHError(f"{type(model).__name__} cannot tell how uncertain its codes are, as BerVAE can.")
    return apply_in_batches(model, model.uncertainty, videos)


def rejection(model: Method, dataset: Dataset, query: Codes, database: Codes) -> dict[str, Sequence[float]]:
    """Measure mAP@20 as more and more videos are left out: ``share`` in per cent, ``uncertain`` first, or ``random``.

    Shares that leave fewer than 20 database items or no query are not measured.
    """
    doubts = uncertainties(model, dataset.query), uncertainties(model, dataset.database)
    shares = [share for share in SHARES if min(_kept(len(query), share), _kept(len(database), share) - CUTOFF) > 0]
    rng = np.random.default_rng(0)
    chances = [(rng.random(len(query)), rng.random(len(database))) for _ in range(DRAWS)]
    random = [_curve(dataset, query, database, chance, shares) for chance in chances]
    curves = {"uncertain": _curve(dataset, query, database, doubts, shares), "random": np.mean(random, axis=0)}
    return {"share": shares, **{name: [round(float(value), 6) for value in curve] for name, curve in curves.items()}}


def rejection_gain(uncertain: Sequence[float], random: Sequence[float]) -> float:
    """Return the gain in mAP@20 by leaving out uncertain videos rather than random ones, the mean over all shares."""
    return float(np.mean(np.subtract(uncertain, random)))


def _curve(
    dataset: Dataset, query: Codes, database: Codes, doubts: tuple[np.ndarray, np.ndarray], shares: list[int]
) -> list[float]:
    """Measure mAP@20 of the remaining videos, for each share; ``doubts`` are those of the queries and of the database.

    Where the queries are database items, an item is left out with its query.
    """
    found = []
    for share in shares:
        items = _surest(doubts[1], share)
        queries = items[items < len(query)] if dataset.query_in_database else _surest(doubts[0], share)
        result = evaluate(
            Codes(query.packed[queries]),
            Codes(database.packed[items]),
            dataset.query.labels[queries],
            dataset.database.labels[items],
            k=(CUTOFF,),
            self_match="exclude" if dataset.query_in_database else "include",
            progress=False,
        )
        found.append(result.map[CUTOFF])
    return found


def _kept(count: int, share: int) -> int:
    return count - count * share // 100


def _surest(doubts: np.ndarray, share: int) -> np.ndarray:
    """Return the rows that remain without the ``share`` per cent of highest doubt, in ascending order."""
    return np.sort(np.argsort(doubts, kind="stable")[: _kept(len(doubts), share)])
