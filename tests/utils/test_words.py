"""Numbers in words."""

import pytest

from ssvh_lib.utils.words import duration, size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (1491, "25 min"),
        (7100, "118 min"),
        (7200, "2.0 h"),
        (9e4, "25.0 h"),
    ],
)
def test_a_duration_as_people_say_it(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 kB"),
        (1_499, "1 kB"),
        (512_000, "512 kB"),
        (1_000_000, "1.0 MB"),
        (3_449_000, "3.4 MB"),
        (18_040_000_000, "18.0 GB"),
        (1_234_500_000_000, "1,234.5 GB"),
    ],
)
def test_a_size_has_the_unit_that_suits_it(count, text):
    assert size(count) == text
