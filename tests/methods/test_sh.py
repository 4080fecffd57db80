"""Spectral hashing: worked by hand, and against the published enumeration and formula."""

import numpy as np
import pytest
from classical import D, hamming, signs, solved, values

from ssvh_lib.methods.sh import SpectralHashing, lowest_modes


def test_lowest_modes_of_a_box_four_by_two():
    """Frequencies over pi: 1/4, 2/4, 3/4, 4/4 along the first side and 1/2, 2/2 along the second."""
    direction, mode = lowest_modes(np.array([4.0, 2.0]), 6)
    assert direction.tolist() == [0, 1, 0, 0, 1, 0]
    assert mode.tolist() == [1, 1, 2, 3, 2, 4]


@pytest.mark.parametrize("bits", [1, 8, 40])
@pytest.mark.parametrize("seed", range(5))
def test_modes_are_those_of_the_published_enumeration(bits, seed):
    """There, each direction has modes 1 to ceil((bits + 1) R / max R) − 1; the ``bits`` least eigenvalues are kept."""
    ranges = np.random.default_rng(seed).uniform(0.01, 3, 7)
    most = np.ceil((bits + 1) * ranges / ranges.max()).astype(int)
    every = sorted((mode / ranges[j], j, mode) for j in range(7) for mode in range(1, most[j]))
    assert list(zip(*lowest_modes(ranges, bits), strict=True)) == [(j, mode) for _, j, mode in every[:bits]]


def test_sh_cuts_a_line_in_halves_then_quarters():
    """On one direction, mode m changes its sign at (2 j + 1) / 2 m of the range."""
    place = np.linspace(0, 1, 401)[:, None, None]
    videos = np.repeat(place, D, axis=2).astype(np.float32) * 10 + 5
    code = signs(solved(SpectralHashing, videos), videos)
    changes = [place.ravel()[1:][code[1:, bit] != code[:-1, bit]] for bit in range(8)]
    for bit, found in enumerate(changes):
        m = bit + 1
        wanted = (2 * np.arange(m) + 1) / (2 * m)
        np.testing.assert_allclose(found, wanted, atol=0.006)


def test_sh_values_are_the_published_formula(frames):
    model = solved(SpectralHashing, frames, bits=24)
    pooled = frames.mean(axis=1, dtype=float)
    *_, directions = np.linalg.svd(pooled - pooled.mean(axis=0), full_matrices=False)
    coordinates = pooled @ directions.T
    low, high = coordinates.min(axis=0), coordinates.max(axis=0)
    every = sorted((m / (high - low)[j], j, m) for j in range(D) for m in range(1, 25))[:24]
    formula = [np.sin(np.pi / 2 + m * np.pi / (high - low)[j] * (coordinates[:, j] - low[j])) for _, j, m in every]
    # A direction may point either way: a cosine of odd mode then changes its sign.
    np.testing.assert_allclose(abs(values(model, frames)), abs(np.array(formula).T), atol=1e-3)


def test_sh_does_not_depend_on_which_way_a_direction_points(frames):
    first, second = (signs(solved(SpectralHashing, some, bits=24), some) for some in (frames, -frames))
    assert (hamming(first, first) == hamming(second, second)).mean() > 0.99


def test_sh_gives_more_bits_than_there_are_directions_or_videos(frames):
    few = frames[:10]
    assert values(solved(SpectralHashing, few, bits=64), few).shape == (10, 64)
    assert len(np.unique(solved(SpectralHashing, few, bits=64).projection.numpy(), axis=1).T) < 10


def test_sh_goes_on_beyond_the_range_of_the_training_set(frames):
    model = solved(SpectralHashing, frames)
    assert np.isfinite(values(model, 100 * frames)).all()
