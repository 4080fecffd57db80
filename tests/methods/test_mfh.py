"""MFH: its graph and its objective, worked by hand and against general solvers."""

import numpy as np
import pytest
from classical import D, N, T, solved, values, videos_of

import ssvh_lib as ssvh
from ssvh_lib.methods.mfh import MFH, graph_cost, laplacian, smoothest


def test_laplacian_of_three_points_on_a_line():
    """The middle one is nearest to the last, which makes them neighbours though the first is nearest to the middle."""
    found = laplacian(np.array([[0.0], [1.0], [3.0]]), neighbours=1)
    assert found.tolist() == [[1, -1, 0], [-1, 2, -1], [0, -1, 1]]


def test_laplacian_is_the_sum_over_neighbours_of_squared_differences(rng):
    vectors, codes = rng.standard_normal((30, 4)), rng.standard_normal((30, 3))
    distance = np.linalg.norm(vectors[:, None] - vectors, axis=2) + np.diag([np.inf] * 30)
    near = distance <= np.sort(distance, axis=1)[:, 4:5]
    total = sum(np.sum((codes[p] - codes[q]) ** 2) for p in range(30) for q in range(p) if near[p, q] or near[q, p])
    assert np.trace(codes.T @ laplacian(vectors, 5) @ codes) == pytest.approx(total)


def test_laplacian_of_fewer_points_than_neighbours_joins_all():
    assert laplacian(np.arange(4.0)[:, None], 10).tolist() == (4 * np.eye(4) - 1).tolist()


@pytest.mark.parametrize("weight", [0.1, 1.0, 10.0])
def test_graph_cost_is_the_least_over_the_copies(rng, weight):
    graph, codes = laplacian(rng.standard_normal((20, 4)), 3), rng.standard_normal((20, 5))

    def cost(copies):
        return np.trace(copies.T @ graph @ copies) + weight * np.sum((codes - copies) ** 2)

    best = weight * np.linalg.solve(graph + weight * np.eye(20), codes)
    assert np.trace(codes.T @ graph_cost(graph, weight) @ codes) == pytest.approx(cost(best))
    assert all(cost(best + 0.1 * rng.standard_normal(best.shape)) > cost(best) for _ in range(20))


def test_smoothest_codes_are_orthonormal_and_balanced_whatever_the_graph(rng):
    """Two groups far apart: the graph has two parts, and the constant is one of several eigenvectors of value 0."""
    vectors = np.concatenate([rng.standard_normal((15, 3)), 100 + rng.standard_normal((25, 3))])
    codes = smoothest(graph_cost(laplacian(vectors, 3), 1.0), 6)
    np.testing.assert_allclose(codes.T @ codes, np.eye(6), atol=1e-10)
    np.testing.assert_allclose(codes.sum(axis=0), 0, atol=1e-8)
    parts = np.repeat([-25.0, 15.0], [15, 25])
    np.testing.assert_allclose(abs(codes[:, 0] @ parts / np.linalg.norm(parts)), 1, atol=1e-6)


def mfh_objective(graph, features, codes, gamma, alpha, mu):
    """The formula of the class, with the copies, the map and its offset at their best, by general solvers."""
    copies = gamma * np.linalg.solve(graph + gamma * np.eye(len(graph)), codes)
    wide = np.hstack([features, np.ones((len(features), 1))])  # the offset is not penalised
    penalty = np.diag([mu] * features.shape[1] + [0.0])
    weights = np.linalg.solve(wide.T @ wide + penalty, wide.T @ codes)
    structure = np.trace(copies.T @ graph @ copies) + gamma * np.sum((codes - copies) ** 2)
    regression = np.sum((wide @ weights - codes) ** 2) + np.sum(weights * (penalty @ weights))
    return structure + alpha * regression, weights[:-1]


def test_mfh_minimises_its_objective(frames, rng):
    """On every frame of every video: no other orthonormal, balanced codes cost less, and W is their regression."""
    choices = {"key_frames": T, "consensus_weight": 0.5, "regression_weight": 2.0, "ridge": 3.0}
    model = solved(MFH, frames, **choices)
    every = frames.reshape(-1, D).astype(float)
    features = every - every.mean(axis=0)
    features /= np.sqrt((features**2).sum(axis=1).mean())
    graph = laplacian(features, 10)
    J = np.eye(len(every)) - 1 / len(every)
    smoother = features @ np.linalg.solve(features.T @ features + 3 * np.eye(D), features.T)
    cost = graph_cost(graph, 0.5) + 2 * (J - J @ smoother @ J)
    sizes, vectors = np.linalg.eigh(cost)
    assert abs(sizes[0]) < 1e-10  # the constant
    np.testing.assert_allclose(np.ptp(vectors[:, 0]), 0, atol=1e-6)
    codes = vectors[:, 1:9]
    least, weights = mfh_objective(graph, features, codes, 0.5, 2, 3)
    assert least == pytest.approx(sizes[1:9].sum())
    for _ in range(10):
        other, _ = np.linalg.qr(codes + 0.02 * J @ rng.standard_normal(codes.shape))
        assert mfh_objective(graph, features, other, 0.5, 2, 3)[0] > least
    ours = values(model, frames)
    theirs = features.reshape(N, T, D).mean(axis=1) @ weights
    theirs -= np.median(theirs, axis=0)
    np.testing.assert_allclose(abs(ours), abs(theirs), atol=1e-4 * abs(theirs).max())


def test_mfh_draws_different_frames_of_each_video(frames):
    model = MFH(MFH.Config(bits=8, frames=T, features=D))
    keys, means = model._read(videos_of(frames), np.random.default_rng(0))
    assert keys.shape == (2 * N, D)
    np.testing.assert_allclose(means, frames.mean(axis=1), rtol=1e-6)
    same = (keys.reshape(N, 2, 1, D) == frames[:, None]).all(axis=3)  # (N, 2, T): which frame each is
    assert (same.sum(axis=2) == 1).all()
    assert (same.sum(axis=1) <= 1).all()
    assert same.any(axis=1).any(axis=0).all()


def test_mfh_refuses_more_bits_than_its_key_frames_allow(frames):
    with pytest.raises(ssvh.SSVHError, match="4 videos gave 8, 8 bits were asked for"):
        solved(MFH, frames[:4])


def test_mfh_takes_videos_of_one_frame(frames):
    assert values(solved(MFH, frames[:, :1]), frames[:, :1]).shape == (N, 8)
