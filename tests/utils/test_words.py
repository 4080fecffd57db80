"""Numbers in words."""

import pytest

from ssvh_lib.utils.words import size


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
