"""ITQ: what it promises about rotations and quantisation, on data made for the purpose."""

import numpy as np
import pytest
from classical import D, N, hamming, solved, values

import ssvh_lib as ssvh
from ssvh_lib.methods.itq import ITQ


def quantisation_error(model, frames):
    coordinates = values(model, frames).astype(float)
    return ((np.where(coordinates >= 0, 1, -1) - coordinates) ** 2).sum()


@pytest.mark.parametrize("iterations", [0, 1, 50])
@pytest.mark.parametrize("videos", [N, 12])  # more and fewer than dimensions
def test_itq_projects_on_orthonormal_directions_within_the_principal_subspace(frames, iterations, videos):
    frames = frames[:videos]
    projection = solved(ITQ, frames, iterations=iterations).projection.numpy().astype(float)
    np.testing.assert_allclose(projection.T @ projection, np.eye(8), atol=1e-6)
    pooled = frames.mean(axis=1, dtype=float)
    *_, directions = np.linalg.svd(pooled - pooled.mean(axis=0), full_matrices=False)
    np.testing.assert_allclose(projection @ projection.T, directions[:8].T @ directions[:8], atol=1e-5)


def test_itq_with_as_many_bits_as_dimensions_is_a_rotation(frames):
    model = solved(ITQ, frames, bits=D)
    projection = model.projection.numpy()
    np.testing.assert_allclose(projection @ projection.T, np.eye(D), atol=1e-5)
    pooled = frames.mean(axis=1)
    lengths = np.linalg.norm(pooled - pooled.mean(axis=0), axis=1)
    np.testing.assert_allclose(np.linalg.norm(values(model, frames), axis=1), lengths, rtol=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_itqs_quantisation_error_never_grows_from_one_iteration_to_the_next(frames, seed):
    errors = [quantisation_error(solved(ITQ, frames, seed=seed, iterations=n), frames) for n in (*range(12), 50)]
    assert (np.diff(errors) <= 1e-3).all()
    assert errors[-1] < errors[0] - 10


def test_itqs_rotation_is_the_best_for_its_codes(frames, rng):
    """No small rotation of the converged coordinates brings them nearer to their own signs (paper, equation 3)."""
    model = solved(ITQ, frames, iterations=500)
    coordinates = values(model, frames).astype(float)
    codes = np.where(coordinates >= 0, 1, -1)
    best = ((codes - coordinates) ** 2).sum()
    for size in (1e-3, 1e-2, 0.1, 1):
        for _ in range(20):
            skew = size * rng.standard_normal((8, 8))
            skew = skew - skew.T
            turn = np.linalg.solve(np.eye(8) + skew, np.eye(8) - skew)  # Cayley: orthogonal
            assert ((codes - coordinates @ turn) ** 2).sum() > best


def test_itq_finds_the_same_coordinates_in_rotated_data(frames, rng):
    """Up to a rotation: inner products of coordinates are those of the principal components, whatever the axes."""
    turn, _ = np.linalg.qr(rng.standard_normal((D, D)))
    turned = (frames @ turn).astype(np.float32)
    first, second = values(solved(ITQ, frames), frames), values(solved(ITQ, turned), turned)
    np.testing.assert_allclose(second @ second.T, first @ first.T, atol=1e-2)


def test_itq_separates_what_lies_on_the_corners_of_a_turned_cube(rng):
    """Four corners of a square, turned: the codes tell them apart, and opposite corners most."""
    corners = np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]])[np.arange(200) % 4]
    plane, _ = np.linalg.qr(rng.standard_normal((D, D)))
    wide = np.hstack([corners, 0.3 * rng.choice([-1, 1], (200, 6))])  # six more bits, of less variance
    videos = (wide @ plane[:8] + 0.01 * rng.standard_normal((200, D)))[:, None].astype(np.float32)
    signs = values(solved(ITQ, videos), videos) > 0
    distance = np.array([[hamming(signs, signs)[i::4, j::4].mean() for j in range(4)] for i in range(4)])
    opposite = distance[[0, 1, 2, 3], [2, 3, 0, 1]]
    adjacent = distance[[0, 1, 2, 3], [1, 2, 3, 0]]
    assert opposite.min() > adjacent.max() > np.diag(distance).max()


def test_more_bits_than_dimensions_are_refused_for_itq(smoke):
    with pytest.raises(ssvh.SSVHError) as error:
        ssvh.build("itq", dataset=smoke, bits=264)
    assert "at most 256 bits on features of size 256, got 264" in str(error.value)


@pytest.mark.parametrize(("videos", "bits"), [(6, 8), (4, 16)])
def test_fewer_training_videos_than_bits_are_refused_for_itq(frames, videos, bits):
    message = f"{videos} vectors of size 16 have at most {videos} principal directions; {bits} were asked"
    with pytest.raises(ssvh.SSVHError, match=message):
        solved(ITQ, frames[:videos], bits=bits)
