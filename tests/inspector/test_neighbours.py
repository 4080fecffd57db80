"""Neighbours are those of a full sort, with and without flipped bits."""

import numpy as np
import pytest

import ssvh_lib as ssvh
from ssvh_lib.evaluation.hamming import hamming_distances, rank
from ssvh_lib.inspector import explain, flip, nearest


def test_neighbours_are_those_of_a_full_sort(subject, smoke):
    epoch = subject.epochs[-1]
    values, bits = explain(subject, 7).values, [2, 9]
    found = nearest(subject, 7, values > 0, bits, epoch)
    signs = np.where(values > 0, 1, -1)
    signs[bits] *= -1
    database = ssvh.encode(subject.model(), smoke.database)
    distances = hamming_distances(ssvh.Codes.from_values(signs[None]), database)[0]
    wanted = rank(distances[None])[0, : len(found)]
    assert [answer.found.video.title for answer in found] == [smoke.database.ids[row] for row in wanted]
    assert [answer.found.distance for answer in found] == distances[wanted].tolist()
    own = smoke.query.labels[7]
    assert [answer.found.relevant for answer in found] == [
        bool((smoke.database.labels[row] & own).any()) for row in wanted
    ]


def test_without_flips_all_stay_where_they_were(subject):
    found = nearest(subject, 7, explain(subject, 7).values > 0, [], 0)
    assert [answer.before for answer in found] == [1, 2, 3, 4, 5, 6]
    assert {answer.moved(place) for place, answer in enumerate(found, start=1)} == {"same place"}


def test_a_flipped_bit_moves_each_distance_by_one(subject):
    code = explain(subject, 7).values > 0
    far = flip(code, np.arange(16))
    assert (far == ~code).all()
    assert (flip(far, np.arange(16)) == code).all()
    with pytest.raises(ssvh.SSVHError, match="bits 0 to 15"):
        flip(code, [16])
