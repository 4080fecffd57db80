"""Random codes, some near others, and the full ranking that an index must agree with."""

import numpy as np

import ssvh_lib as ssvh
from ssvh_lib.evaluation.hamming import hamming_distances, rank
from ssvh_lib.search.index_kinds import KINDS

EXACT = [name for name, kind in KINDS.items() if kind.exact]


def random_codes(rng, count, bits=16):
    return ssvh.Codes(rng.integers(0, 256, (count, bits // 8), dtype=np.uint8))


def near(rng, codes, count):
    """Codes that have about one bit in eight unlike one of ``codes``."""
    flips = np.bitwise_and.reduce(rng.integers(0, 256, (3, count, codes.packed.shape[1]), dtype=np.uint8))
    return ssvh.Codes(codes.packed[rng.integers(0, len(codes), count)] ^ flips)


def check_nearest(found, queries, database, k):
    """The k nearest are those of the full ranking, in its order."""
    distances = hamming_distances(queries, database)
    rows = rank(distances)[:, :k]
    np.testing.assert_array_equal(found.rows, rows)
    np.testing.assert_array_equal(found.distances, np.take_along_axis(distances, rows, 1))


def check_within(found, queries, database, radius):
    distances = hamming_distances(queries, database)
    assert len(found) == len(queries)
    for one, away, order in zip(found, distances, rank(distances), strict=True):
        rows = [row for row in order if away[row] <= radius]
        np.testing.assert_array_equal(one.rows, rows)
        np.testing.assert_array_equal(one.distances, away[rows])
