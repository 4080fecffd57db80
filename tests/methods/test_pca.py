"""PCA sign: worked by hand, and against the singular value decomposition."""

import numpy as np
import pytest
from classical import D, N, solved, values

import ssvh_lib as ssvh
from ssvh_lib.methods.pca import PCASign


@pytest.mark.parametrize("videos", [N, 12])  # more and fewer than dimensions
def test_pca_values_are_the_principal_components(frames, videos):
    frames = frames[:videos]
    pooled = frames.mean(axis=1, dtype=float)
    left, sizes, _ = np.linalg.svd(pooled - pooled.mean(axis=0), full_matrices=False)
    found = values(solved(PCASign, frames), frames)
    np.testing.assert_allclose(abs(found), abs(left * sizes)[:, :8], atol=1e-4)


def test_pca_of_points_on_a_line_says_on_which_side_of_the_mean():
    """0, 1, 2 and 9 along (1, 2, 2) have the mean 3: three on one side, one on the other."""
    line = np.array([0, 1, 2, 9])[:, None, None] * np.array([1, 2, 2] + [0] * (D - 3)) / 3
    found = values(solved(PCASign, np.repeat(line, 3, axis=0).astype(np.float32)), line.astype(np.float32))[:, 0]
    np.testing.assert_allclose(found * np.sign(found[3]), [-3, -2, -1, 6], atol=1e-5)


def test_more_bits_than_dimensions_are_refused_for_pca(smoke):
    with pytest.raises(ssvh.SSVHError) as error:
        ssvh.build("pca", dataset=smoke, bits=264)
    assert "at most 256 bits on features of size 256, got 264" in str(error.value)


def test_fewer_training_videos_than_bits_are_refused_for_pca(frames):
    with pytest.raises(ssvh.SSVHError, match="6 vectors of size 16 have at most 6 principal directions; 8 were asked"):
        solved(PCASign, frames[:6])
