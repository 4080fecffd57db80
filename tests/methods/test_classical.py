"""LSH and ITQ: what they promise about angles, rotations and quantisation, on data made for the purpose."""

import numpy as np
import pytest
import torch

import ssvh_lib as ssvh
from ssvh_lib.data import VideoFeatures
from ssvh_lib.methods.itq import ITQ
from ssvh_lib.methods.lsh import LSH

N, T, D = 120, 3, 16
BOTH = pytest.mark.parametrize("method", [LSH, ITQ])


@pytest.fixture
def frames(rng):
    """Videos ``(N, T, D)`` that vary much in some directions and little in others, far from the origin."""
    centres = rng.standard_normal((N, 1, D)) * np.linspace(3, 0.3, D)
    return (centres + 0.1 * rng.standard_normal((N, T, D)) + 5).astype(np.float32)


def solved(method, frames, bits=8, seed=0, **choices):
    model = method(method.Config(bits=bits, frames=frames.shape[1], features=frames.shape[2], **choices))
    model.solve(
        VideoFeatures(frames, np.ones((len(frames), 1), np.uint8), ("",) * len(frames)), np.random.default_rng(seed)
    )
    return model


def values(model, frames):
    return model.encode(torch.from_numpy(frames)).numpy()


def hamming(signs):
    return (signs[:, None] != signs).sum(axis=2)


@BOTH
def test_one_seed_gives_one_model_and_another_seed_another(method, frames):
    first, again, other = (solved(method, frames, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first.projection, again.projection)
    assert not torch.allclose(first.projection, other.projection, atol=1e-2)


@BOTH
def test_a_video_is_its_mean_frame_projected_from_the_training_mean(method, frames):
    model = solved(method, frames)
    mean = frames.mean(axis=(0, 1))
    np.testing.assert_allclose(model.mean, mean, rtol=1e-5)
    wanted = (frames[:9].mean(axis=1) - mean) @ model.projection.numpy()
    np.testing.assert_allclose(values(model, frames[:9]), wanted, atol=1e-4)
    np.testing.assert_allclose(values(model, frames[:9, ::-1].copy()), wanted, atol=1e-4)


@BOTH
def test_nothing_changes_when_all_the_data_move(method, frames):
    moved = frames + np.linspace(-4, 4, D, dtype=np.float32)
    first, second = values(solved(method, frames), frames), values(solved(method, moved), moved)
    np.testing.assert_allclose(second @ second.T, first @ first.T, atol=1e-2)  # of values up to 400


@BOTH
def test_codes_do_not_change_when_all_the_data_grow(method, frames):
    grown = 4 * frames  # exact in floating point
    signs = values(solved(method, frames), frames) > 0
    assert ((values(solved(method, grown), grown) > 0) == signs).all()


@BOTH
def test_codes_of_the_training_set_are_balanced(method, frames):
    share = (values(solved(method, frames), frames) > 0).mean(axis=0)
    assert ((share > 0.3) & (share < 0.7)).all()


@BOTH
def test_more_training_videos_than_a_batch_are_all_read(method, rng):
    many = rng.standard_normal((1200, 2, D)).astype(np.float32)
    many[1100:] += 30
    np.testing.assert_allclose(solved(method, many).mean, many.mean(axis=(0, 1)), rtol=1e-3)


# LSH


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


# ITQ


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
    distance = np.array([[hamming(signs)[i::4, j::4].mean() for j in range(4)] for i in range(4)])
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
