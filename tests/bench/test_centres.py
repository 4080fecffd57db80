"""Every kind of hash centres has figures of merit."""

import pytest

from ssvh_lib.utils.files import read_json

pytestmark = pytest.mark.slow


def test_every_kind_of_hash_centres_has_a_merit(measured):
    records = read_json(measured[1] / "data" / "bench.json")["centres"]["records"]
    assert [record["codes"] for record in records] == ["optimised", "Hadamard", "random"]
    for record in records:
        assert record["seconds"] >= 0
        assert record["bound"] == 6  # within 4 bits of a code are 2,517 and within 5 bits 6,885; 2^16 / 12 is 5,461
        assert 0 <= record["minimum"] <= record["mean"] <= record["bits"] == 16
    assert records[0]["correlation"] > 0
