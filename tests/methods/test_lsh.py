"""LSH: what it promises about angles."""

import numpy as np
import pytest
from classical import D, N, solved, values

from ssvh_lib.methods.lsh import LSH


@pytest.mark.parametrize("angle", [10, 45, 90, 150])
def test_lsh_bits_differ_in_proportion_to_the_angle(angle):
    """Charikar (2002): a random hyperplane separates two vectors with chance angle / 180 degrees."""
    turn = np.deg2rad(angle)
    directions = np.zeros((4, 1, D), np.float32)
    directions[0, 0, 0] = 1
    directions[1, 0, :2] = np.cos(turn), np.sin(turn)
    directions[2:] = -directions[:2]  # so that the mean, which is subtracted, is zero
    signs = values(solved(LSH, directions, bits=8192), directions) > 0
    chance = angle / 180
    assert (signs[0] != signs[1]).mean() == pytest.approx(chance, abs=4 * (chance * (1 - chance) / 8192) ** 0.5)


def test_lsh_hyperplanes_are_standard_normal(frames):
    projection = solved(LSH, frames, bits=2048).projection.numpy()
    assert projection.mean() == pytest.approx(0, abs=0.03)
    np.testing.assert_allclose(np.cov(projection), np.eye(D), atol=0.12)


def test_lsh_takes_more_bits_than_the_features_have_dimensions(frames):
    assert values(solved(LSH, frames, bits=64), frames).shape == (N, 64)
