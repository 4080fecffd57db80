"""Small codes whose ranking is known, and random ones that are full of ties."""

import numpy as np

BITS = 8


def at_distance(*distances):
    """Codes ``(N, 8)`` that lie at these Hamming distances from the code of eight ones."""
    return np.array([[0] * d + [1] * (BITS - d) for d in distances])


QUERY = at_distance(0)


def draw_task(rng, bits_in_use=3):
    """A few queries and items whose codes differ in few bits only, with several labels or none."""
    Q, N, L = rng.integers(1, 6), rng.integers(6, 16), rng.integers(1, 5)
    codes = np.zeros((N, BITS), int)
    codes[:, :bits_in_use] = rng.integers(0, 2, (N, bits_in_use))
    labels = (rng.random((N, L)) < rng.random()).astype(int)
    return codes[:Q], codes, labels[:Q], labels
