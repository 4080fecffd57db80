"""Numbers in words."""

import pytest

from ssvh_lib.utils.words import duration


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
