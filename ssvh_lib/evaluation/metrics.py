"""Measures of a ranking: mAP@k in its named conventions, GMAP in both meanings, curves by radius and rank, look-up.

An item is relevant to a query if they share at least one label. Every convention that published code leaves implicit is
an argument (``conventions.py``); ``PROTOCOLS["released"]`` has the choices of the authors' code.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from tqdm import tqdm

from ..errors import SSVHError, SSVHWarning
from .average_precision import average_precision, curve_sums, expected_gains, gains
from .codes import Codes, ternary_codes
from .conventions import Conventions, Divisor, SelfMatch, Ties, ZeroBits, check_ranks
from .ranking import Ranking, in_order

CUTOFFS = (5, 20, 40, 60, 80, 100)
LOOKUP_RADIUS = 2
FINDS_ITSELF = "The queries are the database, so each finds itself. With self_match='exclude' it is left out."
_ENTRIES, _QUERIES = 1 << 21, 256  # most ranks, and most queries, that a thread measures at a time


@dataclass(frozen=True)
class Curves:
    """Means over queries after each rank: index n − 1 is about the n nearest items."""

    precision: np.ndarray
    recall: np.ndarray  # over the queries that have a relevant item; NaN if none has
    map: np.ndarray  # mAP@n, by the conventions of the Evaluation


@dataclass(frozen=True)
class Evaluation:
    """The measures of a ranking, ``map`` by cutoff, ``precision`` and ``recall`` by Hamming radius 0 … K."""

    map: dict[int, float]
    gmap: float  # geometric mean of the mAPs (AutoSSVH, equation 21)
    gmap_l2: float  # their Euclidean norm, which is what AutoSSVH's Table 3 prints as GMAP
    precision: np.ndarray
    recall: np.ndarray
    lookup_success: float  # share of queries with an item within Hamming radius 2
    lookup_precision: float  # mean precision of what is found there; 0 for a query that finds nothing
    queries: int
    queries_without_relevant: int  # they count as average precision 0
    conventions: dict[str, str]
    average_precision: dict[int, np.ndarray]  # (Q,) for each cutoff, in the order of the queries
    curves: Curves | None = None  # if ranks were asked for

    def to_json(self) -> dict[str, object]:
        """Return plain numbers and lists, without ``average_precision``; what is not defined becomes None.

        Undefined are precision where nothing is retrieved, and recall where nothing is relevant.
        """
        plain = {name: value for name, value in vars(self).items() if name not in ("average_precision", "curves")}
        plain |= {"precision": _plain(self.precision), "recall": _plain(self.recall)}
        if self.curves:
            plain["curves"] = {name: _plain(values) for name, values in vars(self.curves).items()}
        return plain


def evaluate(
    query_codes: Codes | np.ndarray,
    database_codes: Codes | np.ndarray,
    query_labels: np.ndarray,
    database_labels: np.ndarray,
    *,
    k: tuple[int, ...] = CUTOFFS,
    divide_by: Divisor = "k",
    ties: Ties = "stable",
    self_match: SelfMatch = "include",
    zero_bits: ZeroBits = "negative",
    ranks: int = 0,
    seed: int = 0,
    progress: bool = True,
) -> Evaluation:
    """Rank the database for every query by Hamming distance, and measure; exact, in little memory.

    Codes are ``Codes`` or arrays ``(N, K)`` of ±1, 0/1 or real values; labels are class numbers ``(N,)`` or multi-hot
    ``(N, L)``. ``divide_by`` is what a query's sum of precisions is divided by: k, the most relevant items that could
    have been among k, or the number that were. ``ties`` at equal distance: database order, the exact
    expectation over random orders (McSherry and Najork, 2008), or one random order drawn from ``seed``.
    ``self_match="exclude"`` says that query i is database item i, which is then left out of its own ranking; with
    "include" nothing is left out, and an SSVHWarning says so if the queries are the database.
    ``zero_bits`` is what a value of exactly 0 means: −1 as everywhere else, or, with "ternary", a third value, as where
    released code takes ``sign(0) = 0`` for a bit: its distance to anything is 1/2, and a distance that is not whole is
    within the next radius. Such codes hold more than K bits, so this is for audits, and for arrays of −1, 0 and 1 or
    of real values. With ``ranks`` there are also ``curves`` over that many first ranks, up to the whole database.
    If ``progress``, a terminal shows the time left after two seconds.
    Raises SSVHError for arrays that do not fit together, for unknown conventions, and for ``self_match="exclude"`` if
    the query codes are not the first of the database codes.
    """
    conventions = Conventions(divide_by, ties, self_match, zero_bits)
    queries, as_items, database = _coded(query_codes, database_codes, zero_bits)
    if not len(queries):
        raise SSVHError("There are no queries to evaluate.")
    drop_self = self_match == "exclude"
    if drop_self:
        _check_same(as_items, database)
    check_ranks(k, ranks, len(database) - drop_self)
    order = np.random.default_rng(seed).permutation(len(database)) if ties == "random" else np.arange(len(database))
    ranking = Ranking(queries, database, query_labels, database_labels, order=order, drop_self=drop_self)
    alike = np.array_equal(as_items.packed, database.packed) and np.array_equal(query_labels, database_labels)
    if not drop_self and (alike or query_codes is database_codes):
        warnings.warn(FINDS_ITSELF, SSVHWarning, stacklevel=2)
    return _Measurement(ranking, tuple(map(int, k)), int(ranks), conventions).result(progress)


class _Part(NamedTuple):
    """The measures of Q of the queries."""

    averages: np.ndarray  # (cutoffs, Q), average precisions
    totals: np.ndarray  # (Q,), relevant items of each query
    lookup: np.ndarray  # (2, Q), items and relevant items within LOOKUP_RADIUS
    pairs: np.ndarray  # (2, K + 1), items and relevant items at each distance, of all Q together
    curves: np.ndarray  # (3, ranks), sums over Q of hits, of their shares in the totals, and of average precisions


@dataclass(frozen=True)
class _Measurement:
    """Measures a ranking in blocks of queries, which threads can process side by side."""

    ranking: Ranking
    cutoffs: tuple[int, ...]
    ranks: int
    conventions: Conventions

    def result(self, progress: bool) -> Evaluation:
        """Average over all queries; sums are taken in a fixed order, however many threads there are."""
        (averages, totals, lookup), pairs, curves = self._all_parts(progress)
        maps = {cutoff: float(values.mean()) for cutoff, values in zip(self.cutoffs, averages, strict=True)}
        retrieved, found = pairs.cumsum(axis=1)[:, :: self.conventions.bits_per_value]  # at whole radii
        with np.errstate(invalid="ignore"):
            precision, recall = found / retrieved, found / found[-1]
        return Evaluation(
            map=maps,
            gmap=geometric_mean(maps),
            gmap_l2=euclidean_norm(maps),
            precision=precision,
            recall=recall,
            lookup_success=float((lookup[0] > 0).mean()),
            lookup_precision=float((lookup[1] / np.maximum(lookup[0], 1)).mean()),
            queries=len(totals),
            queries_without_relevant=int((totals == 0).sum()),
            conventions=vars(self.conventions).copy(),
            average_precision=dict(zip(self.cutoffs, averages, strict=True)),
            curves=_curves(curves, totals) if self.ranks else None,
        )

    def _all_parts(self, progress: bool) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
        Q, size = len(self.ranking), max(1, min(_ENTRIES // self._depth, _QUERIES))
        blocks = [slice(start, min(start + size, Q)) for start in range(0, Q, size)]
        of_queries, pairs, curves = [], np.zeros((2, self.ranking.levels), np.int64), np.zeros((3, self.ranks))
        hidden = None if progress else True  # None hides it where there is no terminal
        with tqdm(total=Q, desc="evaluate", unit=" queries", delay=2, leave=False, disable=hidden) as bar:
            for part in in_order(self._part, blocks, torch.get_num_threads()):
                of_queries.append(part[:3])
                pairs, curves = pairs + part.pairs, curves + part.curves
                bar.update(len(part.totals))
        return [np.concatenate(values, axis=-1) for values in zip(*of_queries, strict=True)], pairs, curves

    def _part(self, rows: slice) -> _Part:
        expected, divide_by = self.conventions.ties == "expected", self.conventions.divide_by
        counts = self.ranking.count(rows, 0 if expected else self._depth)
        hits, precisions = expected_gains(counts, max(self.cutoffs)) if expected else gains(counts, max(self.cutoffs))
        totals, pairs = counts.relevant.sum(axis=1), np.stack([counts.items, counts.relevant]).astype(np.int64)
        averages = [average_precision(hits[:, :k], precisions[:, :k], totals, divide_by) for k in self.cutoffs]
        lookup = pairs[:, :, : LOOKUP_RADIUS * self.conventions.bits_per_value + 1].sum(axis=2)
        curves = curve_sums(counts, self.ranks, expected, divide_by) if self.ranks else np.zeros((3, 0))
        return _Part(np.stack(averages), totals, lookup, pairs.sum(axis=1), curves)

    @property
    def _depth(self) -> int:
        return max(*self.cutoffs, self.ranks)


def geometric_mean(maps: dict[int, float]) -> float:
    """Return GMAP as in AutoSSVH's equation 21; 0 if one of the mAPs is 0."""
    values = np.array(list(maps.values()))
    return float(np.exp(np.log(values).mean())) if (values > 0).all() else 0.0


def euclidean_norm(maps: dict[int, float]) -> float:
    """Return GMAP as in AutoSSVH's Table 3: the root of the sum of squares of the mAPs."""
    return float(np.linalg.norm(list(maps.values())))


def _curves(sums: np.ndarray, totals: np.ndarray) -> Curves:
    hits, shares, averages = sums
    with np.errstate(invalid="ignore"):
        recall = shares.cumsum() / np.float64((totals > 0).sum())
    return Curves(hits.cumsum() / len(totals) / np.arange(1, len(hits) + 1), recall, averages / len(totals))


def _plain(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), 6) for value in values]


def _coded(
    queries: Codes | np.ndarray, database: Codes | np.ndarray, zero_bits: ZeroBits
) -> tuple[Codes, Codes, Codes]:
    """Return the queries, the queries as database items, and the database."""
    if zero_bits == "negative":
        queries, database = (
            codes if isinstance(codes, Codes) else Codes.from_values(codes) for codes in (queries, database)
        )
        return queries, queries, database
    if isinstance(queries, Codes) or isinstance(database, Codes):
        raise SSVHError("zero_bits='ternary' needs the values that codes are made of; in Codes every 0 is −1 already.")
    return *ternary_codes(queries), ternary_codes(database)[1]


def _check_same(queries: Codes, database: Codes) -> None:
    """Raise SSVHError if a query i cannot be database item i, because it has another code."""
    if len(queries) > len(database) or not np.array_equal(queries.packed, database.packed[: len(queries)]):
        raise SSVHError(
            f"self_match='exclude' says that query i is database item i, but the {len(queries)} query codes are not "
            f"the first of the {len(database)} database codes. Other queries are evaluated with 'include'."
        )
