"""The pictures that move: kinds of glyphs, of which disjoint pools are shown to the CNN, in training and in queries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Pools = dict[str, tuple[np.ndarray, np.ndarray]]  # disjoint: name -> (glyphs (M, G, G) in 0..1, their kinds (M,))


@dataclass(frozen=True)
class Glyphs:
    """Glyphs of some ``kinds``, which are named."""

    kinds: tuple[str, ...]
    pools: Callable[[], Pools]

    def draw(self, pool: str, kind: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draw glyphs of the pool, of the kinds ``kind (N, J)``: ``(N, J, G, G)``."""
        images, kinds = self.pools()[pool]
        drawn = np.stack([images[rng.choice(np.flatnonzero(kinds == one))] for one in kind.ravel()])
        return drawn.reshape(*kind.shape, *images.shape[1:])
