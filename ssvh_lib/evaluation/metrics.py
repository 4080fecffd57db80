"""How good a ranking is: mAP@k in its named conventions, GMAP in both meanings, curves by radius and rank, look-up.

An item is relevant to a query if they share at least one label. Every convention that published code
leaves implicit is an argument; ``PROTOCOLS["released"]`` has the choices of the authors' code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import torch
from tqdm import tqdm

from ..errors import SSVHError, unknown
from .average_precision import average_precision, curve_sums, expected_gains, gains
from .codes import TERNARY_BITS, Codes, ternary_codes
from .ranking import Ranking, in_order

CUTOFFS = (5, 20, 40, 60, 80, 100)
DIVISORS = ("k", "min_k_relevant", "hits")
TIES = ("stable", "expected", "random")
SELF_MATCHES = ("exclude", "include")
ZERO_BITS = {"negative": 1, "ternary": TERNARY_BITS}  # bits that stand for one
PROTOCOLS = {
    "default": {"divide_by": "k", "ties": "stable", "self_match": "exclude"},
    "released": {"divide_by": "k", "ties": "stable", "self_match": "include"},
}
LOOKUP_RADIUS = 2
_ENTRIES, _QUERIES = 1 << 21, 256  # a thread measures so many ranks at a time, of no more than so many queries


@dataclass(frozen=True)
class Curves:
    """Means over queries after each rank: index n − 1 is about the n nearest items."""

    precision: np.ndarray
    recall: np.ndarray  # over the queries that have a relevant item; NaN if none has
    map: np.ndarray  # mAP@n, by the conventions of the Evaluation


@dataclass(frozen=True)
class Evaluation:
    """What came out. ``map`` is keyed by cutoff; ``precision`` and ``recall`` are indexed by Hamming radius 0 … K."""

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

    def to_json(self) -> dict:
        """Plain numbers and lists, without ``average_precision``; what is not defined becomes None.

        Undefined are precision where nothing is retrieved, and recall where nothing is relevant.
        """
        plain = {name: value for name, value in vars(self).items() if name not in ("average_precision", "curves")}
        plain |= {name: _plain(plain[name]) for name in ("precision", "recall")}
        curves = {name: _plain(values) for name, values in vars(self.curves).items()} if self.curves else None
        return plain | ({"curves": curves} if curves else {})


def evaluate(
    query_codes: Codes | np.ndarray,
    database_codes: Codes | np.ndarray,
    query_labels: np.ndarray,
    database_labels: np.ndarray,
    *,
    k: tuple[int, ...] = CUTOFFS,
    divide_by: Literal["k", "min_k_relevant", "hits"] = "k",
    ties: Literal["stable", "expected", "random"] = "stable",
    self_match: Literal["exclude", "include"] = "exclude",
    zero_bits: Literal["negative", "ternary"] = "negative",
    query_in_database: bool = False,
    ranks: int = 0,
    seed: int = 0,
    progress: bool = True,
) -> Evaluation:
    """Rank the database for every query by Hamming distance, and measure; exact, in little memory.

    Codes are ``Codes`` or arrays ``(N, K)`` of ±1, 0/1 or real values; labels are class numbers ``(N,)`` or multi-hot
    ``(N, L)``. ``divide_by`` is what a query's sum of precisions is divided by: k, the most relevant items that could
    have been among k, or the number that were. ``ties`` at equal distance: database order, the exact
    expectation over random orders (McSherry and Najork, 2008), or one random order drawn from ``seed``.
    With ``query_in_database`` query i is database item i, and is left out unless ``self_match`` says "include".
    ``zero_bits`` is what a value of exactly 0 means: −1 as everywhere else, or, with "ternary", a third value, as where
    released code takes ``sign(0) = 0`` for a bit: its distance to anything is 1/2, and a distance that is not whole is
    within the next radius. Such codes hold more than K bits, so this is for audits, and for arrays of −1, 0 and 1 or
    of real values. With ``ranks`` there are also ``curves`` over the first so many ranks, up to the whole database.
    Time left is shown on a terminal if ``progress``, after two seconds.
    Raises SSVHError for arrays that do not fit together and for unknown conventions.
    """
    conventions = {"divide_by": divide_by, "ties": ties, "self_match": self_match, "zero_bits": zero_bits}
    _check_conventions(conventions)
    queries, as_items, database = _coded(query_codes, database_codes, zero_bits)
    if not len(queries):
        raise SSVHError("There are no queries to evaluate.")
    if query_in_database:
        _check_same(as_items, database)
    drop_self = query_in_database and self_match == "exclude"
    _check_ranks(k, ranks, len(database) - drop_self)
    order = np.random.default_rng(seed).permutation(len(database)) if ties == "random" else np.arange(len(database))
    ranking = Ranking(queries, database, query_labels, database_labels, order=order, drop_self=drop_self)
    return _Measurement(ranking, tuple(map(int, k)), int(ranks), conventions).result(progress)


class _Part(NamedTuple):
    """What is found for Q of the queries."""

    averages: np.ndarray  # (cutoffs, Q), average precisions
    totals: np.ndarray  # (Q,), relevant items of each query
    lookup: np.ndarray  # (2, Q), items and relevant items within LOOKUP_RADIUS
    pairs: np.ndarray  # (2, K + 1), items and relevant items at each distance, of all Q together
    curves: np.ndarray  # (3, ranks), sums over Q of hits, of their shares in the totals, and of average precisions


@dataclass(frozen=True)
class _Measurement:
    """The measures of a ranking, by some queries at a time, which threads can do side by side."""

    ranking: Ranking
    cutoffs: tuple[int, ...]
    ranks: int
    conventions: dict[str, str]

    def result(self, progress: bool) -> Evaluation:
        """Means over all queries; sums are taken in one order, however many threads there are."""
        (averages, totals, lookup), pairs, curves = self._all_parts(progress)
        maps = {cutoff: float(values.mean()) for cutoff, values in zip(self.cutoffs, averages, strict=True)}
        retrieved, found = pairs.cumsum(axis=1)[:, :: self._scale]  # at whole radii
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
            conventions=self.conventions,
            average_precision=dict(zip(self.cutoffs, averages, strict=True)),
            curves=_curves(curves, totals) if self.ranks else None,
        )

    def _all_parts(self, progress: bool) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
        Q, size = len(self.ranking), max(1, min(_ENTRIES // self._depth, _QUERIES))
        blocks = [slice(start, min(start + size, Q)) for start in range(0, Q, size)]
        of_queries, pairs, curves = [], 0, 0
        hidden = None if progress else True  # None hides it where there is no terminal
        with tqdm(total=Q, desc="evaluate", unit=" queries", delay=2, leave=False, disable=hidden) as bar:
            for part in in_order(self._part, blocks, torch.get_num_threads()):
                of_queries.append(part[:3])
                pairs, curves = pairs + part.pairs, curves + part.curves
                bar.update(len(part.totals))
        return [np.concatenate(values, axis=-1) for values in zip(*of_queries, strict=True)], pairs, curves

    def _part(self, rows: slice) -> _Part:
        expected, divide_by = self.conventions["ties"] == "expected", self.conventions["divide_by"]
        counts = self.ranking.count(rows, 0 if expected else self._depth)
        hits, precisions = expected_gains(counts, max(self.cutoffs)) if expected else gains(counts, max(self.cutoffs))
        totals, pairs = counts.relevant.sum(axis=1), np.stack([counts.items, counts.relevant]).astype(np.int64)
        averages = [average_precision(hits[:, :k], precisions[:, :k], totals, divide_by) for k in self.cutoffs]
        lookup = pairs[:, :, : LOOKUP_RADIUS * self._scale + 1].sum(axis=2)
        curves = curve_sums(counts, self.ranks, expected, divide_by) if self.ranks else np.zeros((3, 0))
        return _Part(np.stack(averages), totals, lookup, pairs.sum(axis=1), curves)

    @property
    def _depth(self) -> int:
        return max(*self.cutoffs, self.ranks)

    @property
    def _scale(self) -> int:
        return ZERO_BITS[self.conventions["zero_bits"]]


def geometric_mean(maps: dict[int, float]) -> float:
    """GMAP as AutoSSVH's equation 21 words it; 0 if one of the mAPs is 0."""
    values = np.array(list(maps.values()))
    return float(np.exp(np.log(values).mean())) if (values > 0).all() else 0.0


def euclidean_norm(maps: dict[int, float]) -> float:
    """GMAP as AutoSSVH's Table 3 prints it: the root of the sum of squares of the mAPs."""
    return float(np.linalg.norm(list(maps.values())))


def _curves(sums: np.ndarray, totals: np.ndarray) -> Curves:
    hits, shares, averages = sums
    with np.errstate(invalid="ignore"):
        recall = shares.cumsum() / np.float64((totals > 0).sum())
    return Curves(hits.cumsum() / len(totals) / np.arange(1, len(hits) + 1), recall, averages / len(totals))


def _plain(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), 6) for value in values]


def _coded(queries: Codes | np.ndarray, database: Codes | np.ndarray, zero_bits: str) -> tuple[Codes, Codes, Codes]:
    """The queries, the queries as items would be, and the database."""
    if zero_bits == "negative":
        queries, database = (
            codes if isinstance(codes, Codes) else Codes.from_values(codes) for codes in (queries, database)
        )
        return queries, queries, database
    if isinstance(queries, Codes) or isinstance(database, Codes):
        raise SSVHError("zero_bits='ternary' needs the values that codes are made of; in Codes every 0 is −1 already.")
    return *ternary_codes(queries), ternary_codes(database)[1]


def _is_cutoff(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and value > 0


def _check_conventions(chosen: dict[str, str]) -> None:
    for name, known in (
        ("divide_by", DIVISORS),
        ("ties", TIES),
        ("self_match", SELF_MATCHES),
        ("zero_bits", ZERO_BITS),
    ):
        if chosen[name] not in tuple(known):
            raise unknown(f"choice of {name}", chosen[name], known)
    if chosen["ties"] == "expected" and chosen["divide_by"] == "hits":
        raise SSVHError(
            "ties='expected' has no closed form with divide_by='hits'; use ties='random' and several seeds."
        )


def _check_same(queries: Codes, database: Codes) -> None:
    """Query i can only be database item i if both have the same code."""
    if len(queries) > len(database) or not np.array_equal(queries.packed, database.packed[: len(queries)]):
        raise SSVHError(
            f"query_in_database says that query i is database item i, but the {len(queries)} query codes are not the "
            f"first of the {len(database)} database codes."
        )


def _check_ranks(k: tuple[int, ...], ranks: int, items: int) -> None:
    if not isinstance(k, tuple | list) or not k or not all(_is_cutoff(cutoff) for cutoff in k):
        raise SSVHError(f"k must be a tuple of whole cutoffs of at least 1, such as (5, 20), got {k!r}.")
    if max(k) > items:
        raise SSVHError(f"mAP@{max(k)} needs at least {max(k)} database items to rank, there are {items}.")
    if ranks != 0 and not _is_cutoff(ranks):
        raise SSVHError(f"ranks is how many ranks curves are wanted for, a whole number, or 0 for none; got {ranks!r}.")
    if ranks > items:
        raise SSVHError(f"Curves over {ranks} ranks need at least {ranks} database items to rank, there are {items}.")
