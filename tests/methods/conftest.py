"""The videos on which classical methods are solved."""

import numpy as np
import pytest
from classical import D, N, T


@pytest.fixture
def frames(rng):
    """Videos ``(N, T, D)`` that vary much in some directions and little in others, far from the origin."""
    centres = rng.standard_normal((N, 1, D)) * np.linspace(3, 0.3, D)
    return (centres + 0.1 * rng.standard_normal((N, T, D)) + 5).astype(np.float32)
