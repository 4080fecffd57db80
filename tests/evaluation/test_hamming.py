"""Hamming distances and the rankings by them, by hand."""

import numpy as np
import pytest
from rankings import QUERY, at_distance

import ssvh_lib as ssvh
from ssvh_lib.evaluation.hamming import hamming_distances, rank


def codes(values):
    return ssvh.Codes.from_values(np.asarray(values))


def test_distances_count_the_bits_that_differ_query_by_item():
    items = at_distance(0, 3, 8)
    assert hamming_distances(codes(QUERY), codes(items)).tolist() == [[0, 3, 8]]
    assert hamming_distances(codes(items), codes(items)).tolist() == [[0, 3, 8], [3, 0, 5], [8, 5, 0]]


@pytest.mark.parametrize(("bits", "dtype"), [(248, np.uint8), (256, np.uint16), (512, np.uint16)])
def test_the_largest_distance_fits_its_type(bits, dtype):
    distances = hamming_distances(codes(np.ones((1, bits))), codes(-np.ones((2, bits))))
    assert distances.dtype == dtype
    assert distances.tolist() == [[bits, bits]]


def test_codes_of_different_lengths_have_no_distance():
    with pytest.raises(ssvh.SSVHError, match="Queries have 8 bits and the database has 16; they must be equal"):
        hamming_distances(codes(np.ones((1, 8))), codes(np.ones((1, 16))))


def test_items_at_equal_distance_stay_in_their_order():
    assert rank(np.array([[2, 0, 2, 1, 0], [1, 1, 1, 1, 1]])).tolist() == [[1, 4, 3, 0, 2], [0, 1, 2, 3, 4]]
