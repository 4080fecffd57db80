"""Real handwritten digits: the 1,797 images of 8 x 8 pixels that scikit-learn ships (Alpaydin and Kaynak, 1998).

They are split into three disjoint pools: stills for pre-training the CNN (``still_cnn``), digits of the training
videos, digits of the query videos.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from .glyphs import Glyphs, Pools

POOLS = {"stills": 0.35, "train": 0.40, "query": 0.25}  # shares of the digit images of each class


@cache
def digit_pools() -> Pools:
    """Return the three disjoint pools: name -> (images ``(M, 8, 8)`` in 0..1, digits ``(M,)``)."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    rng = np.random.default_rng(1998)  # one fixed split, whatever the seed of the videos
    rows: dict[str, list[np.ndarray]] = {name: [] for name in POOLS}
    for digit in range(10):
        members = rng.permutation(np.flatnonzero(bunch.target == digit))
        cuts = np.round(np.cumsum(list(POOLS.values()))[:-1] * len(members)).astype(int)
        for name, chosen in zip(POOLS, np.split(members, cuts), strict=True):
            rows[name].append(chosen)
    index = {name: np.concatenate(parts) for name, parts in rows.items()}
    return {name: (bunch.images[i] / 16.0, bunch.target[i]) for name, i in index.items()}


DIGITS = Glyphs(tuple(map(str, range(10))), digit_pools)
