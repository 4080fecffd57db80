"""How good a ranking is: mAP@k in its named conventions, GMAP in both meanings, precision and recall by radius.

An item is relevant to a query if they share at least one label. Every convention that published code
leaves implicit is an argument; ``PROTOCOLS["released"]`` has the choices of the authors' code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np

from .codes import Codes
from .errors import SSVHError, unknown
from .retrieval import hamming_distances, rank

CUTOFFS = (5, 20, 40, 60, 80, 100)
DIVISORS = ("k", "min_k_relevant", "hits")
TIES = ("stable", "expected", "random")
SELF_MATCHES = ("exclude", "include")
PROTOCOLS = {
    "default": {"divide_by": "k", "ties": "stable", "self_match": "exclude"},
    "released": {"divide_by": "k", "ties": "stable", "self_match": "include"},
}
_CHUNK = 64 << 20  # entries of the distance matrix held at a time


@dataclass(frozen=True)
class Evaluation:
    """What came out. ``map`` is keyed by cutoff; ``precision`` and ``recall`` are indexed by Hamming radius 0 … K."""

    map: dict[int, float]
    gmap: float  # geometric mean of the mAPs (AutoSSVH, equation 21)
    gmap_l2: float  # their Euclidean norm, which is what AutoSSVH's Table 3 prints as GMAP
    precision: np.ndarray
    recall: np.ndarray
    queries: int
    queries_without_relevant: int  # they count as average precision 0
    conventions: dict[str, str]

    def to_json(self) -> dict:
        """Plain numbers and lists; what is not defined (precision where nothing is retrieved) becomes None."""
        plain = asdict(self)
        for name in ("precision", "recall"):
            plain[name] = [None if np.isnan(value) else round(float(value), 6) for value in plain[name]]
        return plain


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
    query_in_database: bool = False,
    seed: int = 0,
) -> Evaluation:
    """Rank the database for every query by Hamming distance, and measure.

    Codes are ``Codes`` or arrays ``(N, K)`` of ±1 or 0/1; labels are class numbers ``(N,)`` or multi-hot ``(N, L)``.
    ``divide_by`` is what a query's sum of precisions is divided by: k, the most relevant items that could
    have been among k, or the number that were. ``ties`` at equal distance: database order, the exact
    expectation over random orders (McSherry and Najork, 2008), or one random order drawn from ``seed``.
    With ``query_in_database`` query i is database item i, and is left out unless ``self_match`` says "include".
    Raises SSVHError for arrays that do not fit together and for unknown conventions.
    """
    conventions = {"divide_by": divide_by, "ties": ties, "self_match": self_match}
    _check_conventions(conventions)
    queries, database = _as_codes(query_codes), _as_codes(database_codes)
    if not len(queries):
        raise SSVHError("There are no queries to evaluate.")
    relevance = _Relevance(query_labels, database_labels, len(queries), len(database))
    if query_in_database:
        _check_same(queries, database)
    drop_self = query_in_database and self_match == "exclude"
    _check_cutoffs(k, len(database) - drop_self)
    shuffle = np.random.default_rng(seed).permutation if ties == "random" else np.arange
    order = shuffle(len(database))

    tally = _Tally(k, conventions, queries.bits)
    for rows in _chunks(len(queries), len(database)):
        distances = hamming_distances(Codes(queries.packed[rows]), Codes(database.packed[order])).astype(np.int16)
        relevant = relevance.rows(rows)[:, order]
        if drop_self:  # beyond every radius, and relevant to nothing
            own = np.arange(rows.stop - rows.start), np.argsort(order)[rows]
            distances[own], relevant[own] = queries.bits + 1, False
        tally.add(distances, relevant)
    return tally.result()


class _Tally:
    """What has been found so far, some queries at a time."""

    def __init__(self, k: tuple[int, ...], conventions: dict[str, str], bits: int):
        self.conventions, self.bits = conventions, bits
        self.gains = _expected_gains if conventions["ties"] == "expected" else _gains
        self.averages: dict[int, list[np.ndarray]] = {int(cutoff): [] for cutoff in k}
        self.within, self.relevant_within = np.zeros(bits + 1), np.zeros(bits + 1)  # pairs at each distance
        self.totals: list[np.ndarray] = []  # relevant items of each query

    def add(self, distances: np.ndarray, relevant: np.ndarray) -> None:
        """Count some queries: distances and relevance, both ``(Q, N)``."""
        self.totals.append(relevant.sum(axis=1))
        hits, precisions = self.gains(distances, relevant, max(self.averages))
        for cutoff, values in self.averages.items():
            divide_by = self.conventions["divide_by"]
            values.append(_average_precision(hits, precisions, self.totals[-1], cutoff, divide_by))
        self.within += self._at_each_distance(distances.ravel())
        self.relevant_within += self._at_each_distance(distances[relevant])

    def result(self) -> Evaluation:
        """Means over all queries."""
        maps = {cutoff: float(np.concatenate(values).mean()) for cutoff, values in self.averages.items()}
        totals = np.concatenate(self.totals)
        found, retrieved = self.relevant_within.cumsum(), self.within.cumsum()
        with np.errstate(invalid="ignore"):
            precision, recall = found / retrieved, found / found[-1]
        means = geometric_mean(maps), euclidean_norm(maps)
        return Evaluation(maps, *means, precision, recall, len(totals), int((totals == 0).sum()), self.conventions)

    def _at_each_distance(self, distances: np.ndarray) -> np.ndarray:
        return np.bincount(distances, minlength=self.bits + 1)[: self.bits + 1]


def geometric_mean(maps: dict[int, float]) -> float:
    """GMAP as AutoSSVH's equation 21 words it; 0 if one of the mAPs is 0."""
    values = np.array(list(maps.values()))
    return float(np.exp(np.log(values).mean())) if (values > 0).all() else 0.0


def euclidean_norm(maps: dict[int, float]) -> float:
    """GMAP as AutoSSVH's Table 3 prints it: the root of the sum of squares of the mAPs."""
    return float(np.linalg.norm(list(maps.values())))


def _gains(distances: np.ndarray, relevant: np.ndarray, depth: int) -> tuple[np.ndarray, np.ndarray]:
    """At each of the first ``depth`` ranks, ``(Q, depth)``: relevance, and precision there where relevant."""
    top = rank(distances)[:, :depth]
    hits = np.take_along_axis(relevant, top, axis=1).astype(float)
    return hits, hits * hits.cumsum(axis=1) / np.arange(1, depth + 1)


def _expected_gains(distances: np.ndarray, relevant: np.ndarray, depth: int) -> tuple[np.ndarray, np.ndarray]:
    """``_gains`` averaged over all orders of items at equal distance, in closed form.

    A rank whose distance group starts after ``before`` items, of which ``found`` are relevant, and has
    ``size`` items, ``r`` relevant: the item there is relevant with chance r/size, and then a further
    (place − 1)(r − 1)/(size − 1) relevant ones of its group are expected before it.
    """
    Q, levels = len(distances), int(distances.max()) + 1
    flat = distances + levels * np.arange(Q)[:, None]
    size = np.bincount(flat.ravel(), minlength=Q * levels).reshape(Q, levels)
    r = np.bincount(flat[relevant], minlength=Q * levels).reshape(Q, levels)
    before, found = size.cumsum(axis=1) - size, r.cumsum(axis=1) - r
    ranks = np.arange(1, depth + 1)
    group = np.stack([np.searchsorted(ends, ranks) for ends in size.cumsum(axis=1)])  # (Q, depth), group of each rank
    size, r, before, found = (np.take_along_axis(values, group, axis=1) for values in (size, r, before, found))
    chance = r / size
    mates = (ranks - before - 1) * (r - 1) / np.maximum(size - 1, 1)
    return chance, chance * (found + 1 + mates) / ranks


def _average_precision(
    hits: np.ndarray, precisions: np.ndarray, totals: np.ndarray, cutoff: int, divide_by: str
) -> np.ndarray:
    divisor = {"k": cutoff, "min_k_relevant": np.minimum(totals, cutoff), "hits": hits[:, :cutoff].sum(axis=1)}[
        divide_by
    ]
    return precisions[:, :cutoff].sum(axis=1) / np.maximum(divisor, 1)


class _Relevance:
    """Which database items are relevant to which queries, a block of queries at a time."""

    def __init__(self, query_labels: np.ndarray, database_labels: np.ndarray, queries: int, items: int):
        self.query, self.database = np.asarray(query_labels), np.asarray(database_labels)
        for kind, labels, count in (("query", self.query, queries), ("database", self.database, items)):
            if labels.ndim not in (1, 2) or len(labels) != count:
                raise SSVHError(f"{count} {kind} codes need labels ({count},) or ({count}, L), got {labels.shape}.")
            if labels.ndim == 2 and not np.isin(labels, (0, 1)).all():
                raise SSVHError(
                    f"Two-dimensional {kind} labels are multi-hot, 0 or 1; got values like {np.unique(labels)[-3:]}. "
                    "Class numbers are one-dimensional."
                )
        if self.query.shape[1:] != self.database.shape[1:]:
            raise SSVHError(f"Query labels {self.query.shape} and database labels {self.database.shape} do not match.")

    def rows(self, rows: slice) -> np.ndarray:
        if self.query.ndim == 1:
            return self.query[rows, None] == self.database
        return self.query[rows].astype(np.float32) @ self.database.T.astype(np.float32) > 0


def _as_codes(codes: Codes | np.ndarray) -> Codes:
    return codes if isinstance(codes, Codes) else Codes.from_values(codes)


def _is_cutoff(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool) and value > 0


def _check_conventions(chosen: dict[str, str]) -> None:
    for name, known in (("divide_by", DIVISORS), ("ties", TIES), ("self_match", SELF_MATCHES)):
        if chosen[name] not in known:
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


def _check_cutoffs(k: tuple[int, ...], items: int) -> None:
    if not isinstance(k, tuple | list) or not k or not all(_is_cutoff(cutoff) for cutoff in k):
        raise SSVHError(f"k must be a tuple of whole cutoffs of at least 1, such as (5, 20), got {k!r}.")
    if max(k) > items:
        raise SSVHError(f"mAP@{max(k)} needs at least {max(k)} database items to rank, there are {items}.")


def _chunks(queries: int, items: int) -> Iterator[slice]:
    size = max(1, _CHUNK // items)
    for start in range(0, queries, size):
        yield slice(start, min(start + size, queries))
