"""The anchor graph of training videos and pseudo-labels of similarity from it, as in BTH (Li et al., CVPR 2021).

Two videos share an anchor if it is among the k anchors nearest to both. They are similar if they share one for k = 3,
and dissimilar at middle distance if they share one for k = 5 and none for k = 4. In the released code
(github.com/Lily1994/BTH) this is a dense table, Tag = S3 + 2 (S5 − S4) with S_k = [Z Λ⁻¹ Zᵀ > 1e-5], where Z (N, M)
weighs the k nearest anchors of each video by a Gaussian. Here S_k says whether an anchor is shared, which is the same
except for weights below the threshold, and needs lists of videos in place of an (N, N) table.

Shapes: N videos, M anchors, B videos of a batch, d size of a vector.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ..errors import SSVHError
from .kmeans import kmeans

NEAR, MIDDLE, FAR = 3, 4, 5  # k of S3, S4 and S5
UPDATES = 16  # [code] of k-means, at most
BLOCK = 2**24  # distances at a time: 64 MB
TRIES = 16  # videos drawn before a whole row of the table is searched


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Anchors and the videos near them: ``anchors (M, d)`` float32; ``nearest (N, 5)`` int64 to each video, in order.

    Everything follows from the two arrays, which can be stored to make the same object again. With fewer than five
    anchors, ``nearest`` has a column for each.
    """

    anchors: np.ndarray
    nearest: np.ndarray

    @property
    def labels(self) -> np.ndarray:
        """Return the nearest anchor of each video ``(N,)``, its pseudo-label."""
        return self.nearest[:, 0]

    def tags(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """Tag pairs of videos, 1 if similar, 2 if dissimilar at middle distance, else 0; ``i`` and ``j`` broadcast."""
        far = self._share(i, j, FAR) & ~self._share(i, j, MIDDLE)
        return np.where(self._share(i, j, NEAR), 1, 2 * far)

    def pairs(self, rows: Tensor | np.ndarray, rng: torch.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw a partner for each of ``rows (B,)`` and return it with +1 if similar, else −1: ``(B,)`` each, int64.

        Both have probability 1/2. Ours: a video to which all others are similar gets a similar one.
        """
        rows = _array(rows)
        partners, signs = self.similar(rows, rng), np.ones(len(rows), dtype=np.int64)
        negative = np.flatnonzero(_uniform(len(rows), rng) < 0.5)
        dissimilar, found = self._dissimilar(rows[negative], rng)
        partners[negative[found]] = dissimilar[found]
        signs[negative[found]] = -1
        return partners, signs

    def similar(self, rows: Tensor | np.ndarray, rng: torch.Generator) -> np.ndarray:
        """Draw for each of ``rows (B,)`` one of the videos similar to it, itself among them, all equally likely."""
        rows = _array(rows)
        owners, videos = self._sharing(rows, NEAR)
        return _choose(owners, videos, len(rows), rng)[0]

    def dissimilar(self, rows: Tensor | np.ndarray, rng: torch.Generator) -> np.ndarray:
        """Draw for each of ``rows (B,)`` one of the videos dissimilar at middle distance, all equally likely.

        Where there are none, draw any video that is not similar. Ours: where there is none of those, any video.
        """
        return self._dissimilar(_array(rows), rng)[0]

    def _dissimilar(self, rows: np.ndarray, rng: torch.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw as ``dissimilar`` does, and say for which rows the video is not similar: ``(B,)`` each."""
        owners, videos = self._sharing(rows, FAR)
        middle = ~self._share(rows[owners], videos, MIDDLE)
        chosen, found = _choose(owners[middle], videos[middle], len(rows), rng)
        untagged, any_untagged = self._untagged(rows[~found], rng)
        chosen[~found], found[~found] = untagged, any_untagged
        return chosen, found

    def _untagged(self, rows: np.ndarray, rng: torch.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw for each of ``rows (B,)`` one of the videos of tag 0, all equally likely, and say whether there is any.

        Nearly all videos have tag 0, so one of a few draws usually does; otherwise the whole row is searched.
        """
        N = len(self.nearest)
        drawn = (_uniform(len(rows) * TRIES, rng) * N).astype(np.int64).reshape(len(rows), TRIES)
        without = self.tags(rows[:, None], drawn) == 0
        chosen = np.take_along_axis(drawn, without.argmax(axis=1)[:, None], axis=1)[:, 0]
        found = without.any(axis=1)
        for place in np.flatnonzero(~found):
            others = np.flatnonzero(self.tags(rows[place], np.arange(N)) == 0)
            found[place] = len(others) > 0
            chosen[place] = _pick(others if found[place] else np.arange(N), rng)
        return chosen, found

    def _share(self, i: np.ndarray, j: np.ndarray, k: int) -> np.ndarray:
        """Return whether an anchor is among the k nearest to both of videos ``i`` and ``j``, which broadcast."""
        first, second = self.nearest[i, :k], self.nearest[j, :k]
        shared: np.ndarray = (first[..., :, None] == second[..., None, :]).any(axis=(-2, -1))
        return shared

    def _sharing(self, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """List the videos that share one of their k nearest anchors with a video of ``rows (B,)``, each once: ``(n,)``.

        The first array says which row each belongs to, as an index into ``rows``, in ascending order.
        """
        starts, members = self._inverted_lists[k]
        own = self.nearest[rows, :k]  # (B, k)
        sizes = np.diff(starts)[own].ravel()
        lists = np.repeat(np.arange(own.size), sizes)  # which of the B·k lists each candidate comes from
        within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        videos = members[starts[own.ravel()][lists] + within]
        owners, order = np.divmod(lists, own.shape[1])
        shared = (own[owners][:, :, None] == self.nearest[videos, None, :k]).any(axis=2)  # (candidates, k)
        once = shared.argmax(axis=1) == order  # a video in several lists counts in the first of them
        return owners[once], videos[once]

    @cached_property
    def _inverted_lists(self) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        """List for k = 3 and 5 the videos that have each anchor among their k nearest, as ``_inverted`` does."""
        return {k: _inverted(self.nearest[:, :k], len(self.anchors)) for k in (NEAR, FAR)}


def neighbours_of(vectors: np.ndarray, clusters: int, rng: np.random.Generator) -> Neighbours:
    """Find neighbours among ``vectors (N, d)`` by the centres of ``clusters`` clusters; k-means draws from ``rng``.

    Raises SSVHError for more clusters than vectors.
    """
    return anchor_graph(vectors, kmeans(vectors, clusters, rng, iterations=UPDATES)[0])


def anchor_graph(vectors: np.ndarray, anchors: np.ndarray) -> Neighbours:
    """Find neighbours among ``vectors (N, d)`` by the five Euclidean-nearest of ``anchors (M, d)`` to each.

    Raises SSVHError for arrays whose shapes do not fit.
    """
    if np.ndim(vectors) != 2 or np.ndim(anchors) != 2 or vectors.shape[1] != anchors.shape[1] or not len(anchors):
        raise SSVHError(f"Vectors (N, d) need anchors (M, d), got {np.shape(vectors)} and {np.shape(anchors)}.")
    origin = anchors.mean(axis=0, dtype=np.float64)  # differences from it are small: exact distances in float32
    centred = (anchors - origin).astype(np.float32)
    size = max(1, BLOCK // len(anchors))
    parts = [
        _nearest((vectors[start : start + size] - origin).astype(np.float32), centred)
        for start in range(0, len(vectors), size)
    ]
    return Neighbours(anchors.astype(np.float32), np.concatenate(parts))


def _nearest(vectors: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """Find the five nearest of ``anchors (M, d)`` to each of ``vectors (n, d)``, nearest first: ``(n, 5)`` int64."""
    distance = np.square(anchors).sum(axis=1) - 2 * vectors @ anchors.T  # (n, M), squared, up to a constant of each row
    count = min(FAR, len(anchors))
    nearest = np.argpartition(distance, count - 1, axis=1)[:, :count]
    order = np.take_along_axis(distance, nearest, axis=1).argsort(axis=1, kind="stable")
    return np.take_along_axis(nearest, order, axis=1)


def _inverted(nearest: np.ndarray, anchors: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where each anchor's list starts ``(M + 1,)``, and the lists of videos one after the other ``(N·k,)``."""
    flat = nearest.ravel()
    members = flat.argsort(kind="stable") // nearest.shape[1]
    return np.concatenate([[0], np.cumsum(np.bincount(flat, minlength=anchors))]), members


def _choose(owners: np.ndarray, videos: np.ndarray, count: int, rng: torch.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw one of the ``videos (n,)`` of each of ``count`` owners, all equally likely, and say whether it has any.

    ``owners (n,)`` are in ascending order. An owner without videos gets 0.
    """
    sizes = np.bincount(owners, minlength=count)
    drawn = np.cumsum(sizes) - sizes + (_uniform(count, rng) * sizes).astype(np.int64)
    return np.where(sizes > 0, np.append(videos, 0)[drawn], 0), sizes > 0


def _pick(videos: np.ndarray, rng: torch.Generator) -> int:
    return int(videos[int(_uniform(1, rng)[0] * len(videos))])


def _uniform(count: int, rng: torch.Generator) -> np.ndarray:
    """Draw numbers in [0, 1), ``(count,)`` float64, on the device of ``rng``."""
    return torch.rand(count, generator=rng, device=rng.device, dtype=torch.float64).cpu().numpy()


def _array(rows: Tensor | np.ndarray) -> np.ndarray:
    return torch.as_tensor(rows).cpu().numpy()
