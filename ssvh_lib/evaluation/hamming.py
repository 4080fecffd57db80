"""Ranking a database by Hamming distance."""

from __future__ import annotations

import numpy as np

from ..errors import SSVHError
from .codes import Codes


def hamming_distances(queries: Codes, database: Codes) -> np.ndarray:
    """Compute all Hamming distances ``(Q, N)``, uint8 up to 255 bits, else uint16; SSVHError if the lengths differ."""
    if queries.bits != database.bits:
        raise SSVHError(f"Queries have {queries.bits} bits and the database has {database.bits}; they must be equal.")
    distances = np.zeros((len(queries), len(database)), np.uint8 if queries.bits < 256 else np.uint16)
    for column in range(queries.packed.shape[1]):
        distances += np.bitwise_count(queries.packed[:, column, None] ^ database.packed[:, column])
    return distances


def rank(distances: np.ndarray) -> np.ndarray:
    """Rank database items nearest first, ``(Q, N)``; items at equal distance stay in the order of the database."""
    return distances.argsort(axis=1, kind="stable")
