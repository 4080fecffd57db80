"""What hash centres are found for."""

import pytest


@pytest.fixture
def grouped(rng):
    """Makes semantic centres in five groups, of ``count`` clusters."""

    def make(count, size=24):
        return rng.standard_normal((5, size))[rng.integers(5, size=count)] + rng.standard_normal((count, size))

    return make
