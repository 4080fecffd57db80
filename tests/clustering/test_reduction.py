"""Mean pooling and principal directions, against twins in a line or two of NumPy."""

import numpy as np
import pytest

import ssvh_lib as ssvh
from ssvh_lib.clustering.reduction import mean_pooled, principal_directions


def test_mean_pooling_in_batches_is_the_mean_over_frames(smoke):
    np.testing.assert_allclose(mean_pooled(smoke.query), smoke.query.read().mean(axis=1), rtol=1e-6)


@pytest.mark.parametrize("shape", [(200, 12), (12, 40), (30, 30)], ids=["tall", "wide", "square"])
def test_principal_directions_span_the_largest_variances(shape, rng):
    vectors = rng.standard_normal(shape) * np.linspace(3, 0.5, shape[1])
    vectors -= vectors.mean(axis=0)
    found = principal_directions(vectors, 5)
    twin = np.linalg.svd(vectors)[2][:5].T
    np.testing.assert_allclose(found.T @ found, np.eye(5), atol=1e-10)
    np.testing.assert_allclose(np.abs(np.sum(found * twin, axis=0)), 1, atol=1e-6)  # the same up to sign, in order
    variance = (vectors @ found).var(axis=0)
    assert (np.diff(variance) <= 1e-9).all()


def test_more_directions_than_there_are_is_an_error(rng):
    with pytest.raises(ssvh.SSVHError, match="at most 6 principal directions; 8 were asked for"):
        principal_directions(rng.standard_normal((6, 40)), 8)
