"""Clusters of the training set: k-means, the majority code of a cluster, prototypes."""

from __future__ import annotations

import numpy as np

from ..errors import SSVHError


def kmeans(
    vectors: np.ndarray,
    clusters: int,
    seed: int | np.random.Generator,
    *,
    iterations: int = 20,
    restarts: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Cluster ``vectors (N, D)``: centres ``(clusters, D)`` float32 and labels ``(N,)`` int64, the nearest centres.

    Lloyd's algorithm from random vectors, the best of ``restarts`` (faiss). Equal seeds give equal results; so did
    one and two threads in every comparison. No cluster is empty: one that would be gets the vector farthest from
    its own centre. Raises SSVHError for more clusters than vectors and for values that are not finite in float32.
    """
    if np.ndim(vectors) != 2 or not 1 <= clusters <= len(vectors):
        raise SSVHError(
            f"k-means divides vectors (N, D) into 1 to N clusters, got {np.shape(vectors)} and {clusters} clusters."
        )
    with np.errstate(over="ignore", invalid="ignore"):  # what is too large for float32 is reported below
        origin = np.mean(vectors, axis=0, dtype=np.float64)
        centred = np.ascontiguousarray(vectors - origin, dtype=np.float32)  # small numbers: exact distances
    if not np.isfinite(centred).all():
        raise SSVHError("k-means got NaN, infinity or values beyond float32. Look for the video they come from.")
    centres, labels = _lloyd(centred, clusters, int(np.random.default_rng(seed).integers(2**31)), iterations, restarts)
    _fill_empty(centred, centres, labels)
    return (centres + origin).astype(np.float32), labels


def _lloyd(
    vectors: np.ndarray, clusters: int, seed: int, iterations: int, restarts: int
) -> tuple[np.ndarray, np.ndarray]:
    import faiss  # not needed by those who only import a method

    # The bounds keep faiss from subsampling large clusters and from warning of small ones.
    options = {"max_points_per_centroid": len(vectors), "min_points_per_centroid": 1}
    fitted = faiss.Kmeans(vectors.shape[1], clusters, niter=iterations, nredo=restarts, seed=seed, **options)
    fitted.train(vectors)
    _, labels = fitted.index.search(vectors, 1)
    return np.asarray(fitted.centroids), labels[:, 0]


def _fill_empty(vectors: np.ndarray, centres: np.ndarray, labels: np.ndarray) -> None:
    """Give each empty cluster a vector, and every vector that is then nearer to it; in place.

    This ends: each step lowers the summed distance, or, where all distances are 0, the number of empty clusters.
    """
    while len(empty := np.flatnonzero(np.bincount(labels, minlength=len(centres)) == 0)):
        distance = np.linalg.norm(vectors - centres[labels], axis=1)
        alone = np.bincount(labels, minlength=len(centres))[labels] == 1
        moved = np.argmax(np.where(alone, -1.0, distance))
        centres[empty[0]] = vectors[moved]
        labels[np.linalg.norm(vectors - vectors[moved], axis=1) < distance] = empty[0]
        labels[moved] = empty[0]


def component_vote(codes: np.ndarray, labels: np.ndarray, clusters: int) -> np.ndarray:
    """Take the majority of each bit over the ``codes (N, K)`` ±1 of each cluster: ``(clusters, K)`` ±1, int8.

    A tie is +1. This is the code of least summed Hamming distance to the members: the hash centre of AutoSSVH (Lian
    et al., CVPR 2025). Raises SSVHError for codes that are not ±1, and for a cluster without members.
    """
    if not np.isin(codes, (-1, 1)).all():
        raise SSVHError("Component voting takes codes of -1 and 1; binarise them first.")
    if np.shape(labels) != (len(codes),) or not np.array_equal(np.unique(labels), np.arange(clusters)):
        raise SSVHError(f"Component voting needs a label for each code, and members in each of {clusters} clusters.")
    surplus = np.zeros((clusters, codes.shape[1]))
    np.add.at(surplus, labels, codes)
    return np.where(surplus >= 0, 1, -1).astype(np.int8)


def prototypes(
    vectors: np.ndarray, clusters: int, seed: int | np.random.Generator, temperature: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels ``(N,)``, cluster means of length 1 ``(M, D)`` and concentrations ``(M,)`` of ``vectors (N, D)``.

    As in PCL (Li et al., ICLR 2021) and AutoSSVH's released code: the concentration is the mean distance to the centre
    over log(members + 10), that of a single member the largest; clipped to the 10th and 90th percentile, then scaled to
    the mean ``temperature``. It is 0 for clusters of equal vectors if there are enough of them; a loss divided by it is
    then infinite or NaN, there as here.
    """
    centres, labels = kmeans(vectors, clusters, seed, restarts=5)
    distance, members = np.linalg.norm(vectors - centres[labels], axis=1), np.bincount(labels, minlength=clusters)
    spread = np.bincount(labels, distance, minlength=clusters) / members / np.log(members + 10)
    spread = np.where(members > 1, spread, spread.max())
    spread = np.clip(spread, *np.percentile(spread, (10, 90)))
    unit = centres / np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-12)
    with np.errstate(invalid="ignore"):  # the loss shows it
        return labels, unit.astype(np.float32), (temperature * spread / spread.mean()).astype(np.float32)
