"""Pseudo-neighbours are measured at every number of threads. No speed."""

import pytest

from ssvh_lib.utils.files import read_json

pytestmark = pytest.mark.slow


def test_neighbours_are_measured_at_every_number_of_threads(measured):
    found = read_json(measured[1] / "data" / "bench.json")["neighbours"]
    threads = sorted({1, found["environment"]["cores"]})
    assert [(record["videos"], record["anchors"], record["threads"]) for record in found["records"]] == [
        (400, 20, count) for count in threads
    ]
    assert all(record["graph, s"] >= 0 and record["pairs, ms"] > 0 for record in found["records"])
