"""Fixed hash centres with the semantics of clusters: the preprocessing of S5VH (Wang et al., AAAI 2025).

Cluster the videos, then choose a ±1 code for each cluster so that all codes are far from each other and those of
similar clusters are nearer than others. M is the number of centres.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np
from scipy.linalg import hadamard
from scipy.stats import spearmanr
from threadpoolctl import threadpool_limits

from ..errors import SSVHError
from .flip_search import solve
from .kmeans import kmeans
from .reduction import principal_directions

_BALANCED_ATTEMPTS = 20  # rounds of drawing balanced codes before any code will do: there may be too few of them
_ALIKE = 1e-6  # cosines that differ by less are equal up to rounding in float32


def semantic_centres(
    vectors: np.ndarray, clusters: int, dimensions: int, seed: int | np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return centres ``(M, d)`` float32 of length 1 and pseudo-labels ``(N,)`` of mean-pooled ``vectors (N, D)``.

    PCA to d = min(dimensions, N, D), then k-means, the best of 5 as in the released code. Label i is the cluster of
    centre i: the released code takes labels and centres from two unrelated clusterings. Centres are scaled to length 1
    only after k-means (or stay 0, where a centre is the mean of all). Raises SSVHError as ``kmeans`` does, and for
    fewer than one dimension.
    """
    if np.ndim(vectors) != 2 or dimensions < 1:
        raise SSVHError(f"PCA takes vectors (N, D) to 1 dimension or more, got {np.shape(vectors)} and {dimensions}.")
    if not np.isfinite(vectors).all():
        raise SSVHError("Semantic centres need finite vectors, got NaN or infinity. Look for the video they come from.")
    centred = vectors - np.mean(vectors, axis=0, dtype=np.float64)
    principal = principal_directions(centred, min(dimensions, *centred.shape))
    centres, labels = kmeans(centred @ principal, clusters, seed, restarts=5)
    length = np.linalg.norm(centres, axis=1, keepdims=True)
    return centres / np.where(length > 0, length, 1), labels


def hadamard_centres(count: int, bits: int, rng: np.random.Generator) -> np.ndarray:
    """Make ``count`` different codes ``(M, K)`` ±1, int8: rows of ± the Hadamard matrix, then random ones.

    The rows are at least K/2 apart; there are 2K of them where K is a power of two, else none. Random codes are
    balanced as long as there are enough balanced ones (Yuan et al., CVPR 2020). Raises SSVHError for more than 2^K.
    """
    if bits < 1 or not 1 <= count <= 2**bits:
        raise SSVHError(f"{bits} bits make 1 to 2^{bits} different centres; {count} were asked for.")
    rows = np.zeros((0, bits), np.int8)
    if bits.bit_count() == 1:
        rows = np.concatenate([hadamard(bits, np.int8), -hadamard(bits, np.int8)])
    found = {row.tobytes(): row for row in rows[:count]}
    attempt = 0
    while (missing := count - len(found)) > 0:
        for row in _random_codes((missing, bits), rng, balanced=attempt < _BALANCED_ATTEMPTS):
            found.setdefault(row.tobytes(), row)
        attempt += 1
    return np.stack(list(found.values()))


def random_centres(count: int, bits: int, rng: np.random.Generator) -> np.ndarray:
    """Draw ``count`` codes ``(M, K)`` ±1, int8, each bit by a fair coin; two of them may be equal."""
    return _random_codes((count, bits), rng, balanced=False)


def _random_codes(shape: tuple[int, int], rng: np.random.Generator, *, balanced: bool) -> np.ndarray:
    if balanced:
        half = np.arange(shape[1]) < shape[1] // 2
        return rng.permuted(np.tile(np.where(half, 1, -1).astype(np.int8), (shape[0], 1)), axis=1)
    return rng.choice(np.array([-1, 1], np.int8), shape)


def separation_bound(count: int, bits: int) -> int:
    """Return d_max, at most K: the smallest r at which a Hamming ball of radius r − 1 holds 2^K / M codes or more.

    In the manner of Gilbert and Varshamov (Wang et al., CVPR 2023; used by S5VH). Their theorem promises M codes at
    distance d_max − 1; at d_max there may be none (7 codes of 3 bits). Raises SSVHError for more than 2^K centres.
    """
    if bits < 1 or not 1 <= count <= 2**bits:
        raise SSVHError(f"{bits} bits make 1 to 2^{bits} different centres; a bound for {count} was asked for.")
    ball = 0
    for radius in range(bits):
        ball += comb(bits, radius)
        if ball * count >= 2**bits:
            return radius + 1
    return bits


@dataclass(frozen=True)
class Merit:
    """The quality of hash centres; distances in bits."""

    minimum: int  # Hamming distance of the nearest two
    mean: float  # Hamming distance, over pairs
    bound: int  # separation_bound
    correlation: float  # Spearman's, of Hamming and semantic cosine distance over pairs; NaN if one is constant
    score: float  # (minimum + mean) / K + correlation; at least -1, in practice at most 2


def merit(centres: np.ndarray, semantic: np.ndarray) -> Merit:
    """Measure the separation of ``centres (M, K)`` ±1 and their agreement with the cosines of ``semantic (M, d)``.

    Raises SSVHError for fewer than two centres and for arrays that do not belong together.
    """
    _check(centres, semantic)
    if len(centres) < 2:
        raise SSVHError("The merit of hash centres compares their distances: two or more are needed.")
    M, K = centres.shape
    pairs = np.triu_indices(M, 1)
    codes = centres.astype(np.float64)
    hamming = (K - codes @ codes.T)[pairs] / 2
    dissimilarity = -_cosines(semantic)[pairs]
    varied = np.ptp(hamming) > 0 and np.ptp(dissimilarity) > _ALIKE
    correlation = float(spearmanr(hamming, dissimilarity).statistic) if varied else float("nan")
    score = float((hamming.min() + hamming.mean()) / K + np.nan_to_num(correlation))
    return Merit(int(hamming.min()), float(hamming.mean()), separation_bound(M, K), correlation, score)


def semantic_target(semantic: np.ndarray, bits: int) -> np.ndarray:
    """Return the inner products ``(M, M)`` that codes of K bits should have: cosines of pairs, rescaled to [−K, K].

    All pairs have one scale; targets are 0 if all cosines are equal, and the diagonal has no meaning. The released code
    rescales each row by itself, so that a pair has two targets and no objective is common to all centres.
    """
    cosines = _cosines(semantic)
    pairs = cosines[np.triu_indices(len(cosines), 1)]
    span = np.ptp(pairs) if len(pairs) else 0.0
    return bits * (2 * (cosines - pairs.min()) / span - 1) if span > _ALIKE else np.zeros_like(cosines)


def optimise_centres(semantic: np.ndarray, initial: np.ndarray, *, sweeps: int = 20) -> np.ndarray:
    """Optimise codes ``(M, K)`` ±1, int8, from ``initial (M, K)``, for clusters with centres ``semantic (M, d)``.

    Over pairs, minimise the sum of (⟨c_i, c_j⟩ − target_ij)² + ⟨c_i, c_j⟩ / (M − 1), while no two codes are nearer than
    d_max = ``separation_bound``: centre after centre, the others fixed. Of the sweeps and ``initial`` itself, the best
    ``Merit.score`` is returned. From different codes, neither the shortfall from d_max, summed over pairs, nor at
    equal shortfall the objective, is ever above that of ``initial``, and codes stay different. Nothing is random.

    Departures from the released code. A centre is solved by flipping one or two bits while that helps, not by ℓp-box
    ADMM (its counterpart in the tests): that keeps d_max, which rounded ADMM does not, ends within 2 % of the
    objective of an ADMM whose worse codes are rejected, and is over a hundred times faster. The target is that of
    ``semantic_target``. The score counts semantics: in the released one the semantic cosines add up to a constant, so
    it rewards nothing but separation. Raises SSVHError as ``merit`` does.
    """
    _check(initial, semantic)
    if len(initial) == 1:
        return initial.astype(np.int8)
    target = semantic_target(semantic, initial.shape[1])
    shortfall = _shortfall(*initial.shape)
    codes = initial.astype(np.float64)
    best, best_score = codes.copy(), merit(codes, semantic).score
    for _ in range(sweeps):
        before = codes.copy()
        with threadpool_limits(1):  # thousands of small products, which several threads only slow down
            for i in range(len(codes)):
                others = np.arange(len(codes)) != i
                codes[i] = solve(codes[i], codes[others], target[i, others], shortfall)
        if np.array_equal(before, codes):
            break
        if (score := merit(codes, semantic).score) > best_score:
            best, best_score = codes.copy(), score
    return best.astype(np.int8)


def _shortfall(count: int, bits: int) -> np.ndarray:
    """Return the bits that a pair lacks to d_max, by its Hamming distance, ``(K + 1,)``.

    Equal codes count for more than all other pairs together.
    """
    lacking = np.maximum(0, separation_bound(count, bits) - np.arange(bits + 1)).astype(np.float64)
    lacking[0] *= count + 1
    return lacking


def _cosines(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.where(length > 0, length, 1)
    return unit.astype(np.float64) @ unit.T.astype(np.float64)


def _check(centres: np.ndarray, semantic: np.ndarray) -> None:
    if np.ndim(centres) != 2 or np.ndim(semantic) != 2 or len(centres) != len(semantic) or not len(centres):
        raise SSVHError(
            f"Hash centres (M, K) and semantic centres (M, d) go in pairs, got {np.shape(centres)} and "
            f"{np.shape(semantic)}."
        )
    if not np.isin(centres, (-1, 1)).all() or not np.isfinite(semantic).all():
        raise SSVHError("Hash centres must be -1 or 1, and semantic centres finite numbers.")
