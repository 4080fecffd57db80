"""What tests of metrics, and of the conventions behind them, measure."""

import pytest
from rankings import BITS


@pytest.fixture
def task(rng):
    """Random codes and labels of 9 queries and 40 items, four classes: full of ties."""
    return rng.integers(0, 2, (9, BITS)), rng.integers(0, 2, (40, BITS)), rng.integers(0, 4, 9), rng.integers(0, 4, 40)
