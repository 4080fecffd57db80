"""VHDT: its pairs, its steps and its objective, worked by hand and against naive twins."""

import numpy as np
import pytest
import torch
from classical import D, N, T, kinds, solved, values, videos_of

import ssvh_lib as ssvh
from ssvh_lib.methods.vhdt import (
    VHDT,
    Pairs,
    Smooth,
    balanced_pairs,
    fista,
    proximal_step,
    random_principal,
    row_norms,
    shrink_rows,
)


def test_shrink_rows_by_hand():
    """A row of length 5 loses 1 of it; one of length 1/2 vanishes; one of length 0 stays."""
    rows = np.array([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]])
    np.testing.assert_allclose(shrink_rows(rows, 1.0), [[2.4, 3.2], [0, 0], [0, 0]])
    np.testing.assert_array_equal(shrink_rows(rows, 0.0), rows)
    assert not shrink_rows(rows, 1e3).any()


def test_shrink_rows_is_the_proximal_map(rng):
    point, amount = rng.standard_normal((6, 3)), 1.2
    found = shrink_rows(point, amount)

    def cost(other):
        return 0.5 * np.sum((other - point) ** 2) + amount * row_norms(other).sum()

    assert 0 < (row_norms(found) == 0).sum() < 6
    assert all(cost(found + size * rng.standard_normal((6, 3))) > cost(found) for size in (0.01, 0.1, 1) for _ in "abc")


@pytest.fixture
def smooth(rng):
    vectors = rng.standard_normal((30, D))
    labels = np.arange(30) % 5
    change = rng.standard_normal((40, D))
    return Smooth(vectors, balanced_pairs(labels, 60, rng), 0.05 * change.T @ change / 40)


def test_vhdts_loss_by_hand():
    """Outputs ±1/2 after tanh: like pairs agree by 1/4, unlike ones by −1/4; W = artanh 1/2 moves by as much."""
    weight = np.arctanh(0.5)
    smooth = Smooth(
        np.array([[1.0], [1.0], [-1.0]]),
        Pairs(np.array([0, 0]), np.array([1, 2]), np.array([1.0, -1.0])),
        np.array([[0.1]]),
    )
    assert smooth.value(np.array([[weight]])) == pytest.approx(0.75**2 + 0.1 * weight**2)


def test_vhdts_loss_and_gradient_are_those_of_the_formula(smooth, rng):
    projection = torch.from_numpy(rng.standard_normal((D, 8))).requires_grad_()
    codes = (torch.from_numpy(smooth.vectors) @ projection).tanh()
    pairs = zip(*smooth.pairs, strict=True)
    loss = sum((s - codes[i] @ codes[j] / 8) ** 2 for i, j, s in pairs) / 60
    loss = loss + torch.trace(projection.T @ torch.from_numpy(smooth.changes) @ projection) / 8
    loss.backward()
    assert smooth.value(projection.detach().numpy()) == pytest.approx(loss.item())
    np.testing.assert_allclose(smooth.gradient(projection.detach().numpy()), projection.grad, atol=1e-12)


def objective(smooth, sparsity, projection):
    return smooth.value(projection) + sparsity * row_norms(projection).sum()


@pytest.mark.parametrize("step", [1e-2, 1.0, 1e4])
def test_a_proximal_step_never_raises_the_objective_and_keeps_its_bound(smooth, rng, step):
    point = 0.3 * rng.standard_normal((D, 8))
    found, used = proximal_step(smooth, 1e-2, point, step)
    assert used <= step
    assert objective(smooth, 1e-2, found) < objective(smooth, 1e-2, point)
    move = found - point
    bound = smooth.value(point) + np.sum(smooth.gradient(point) * move) + np.sum(move**2) / (2 * used)
    assert smooth.value(found) <= bound + 1e-9
    if used < step:  # twice the step broke the bound
        far = shrink_rows(point - 2 * used * smooth.gradient(point), 2 * used * 1e-2) - point
        bound = smooth.value(point) + np.sum(smooth.gradient(point) * far) + np.sum(far**2) / (4 * used)
        assert smooth.value(point + far) > bound


def test_vhdts_objective_never_grows_with_iterations(smooth, rng):
    start = 0.3 * rng.standard_normal((D, 8))
    reached = [objective(smooth, 1e-3, fista(smooth, 1e-3, start, count)) for count in range(25)]
    assert reached[0] == objective(smooth, 1e-3, start)
    assert (np.diff(reached) <= 1e-12).all()
    assert reached[-1] < 0.9 * reached[0]


class Quadratic:
    """1/2 sum of w (W − target)², whose minimum with an l2,1 norm is known for w = 1."""

    def __init__(self, target, weights=1.0):
        self.target, self.weights = target, weights

    def value(self, projection):
        return 0.5 * np.sum(self.weights * (projection - self.target) ** 2)

    def gradient(self, projection):
        return self.weights * (projection - self.target)


def test_fista_finds_the_known_minimum(rng):
    target = rng.standard_normal((6, 3))
    found = fista(Quadratic(target), 1.2, np.zeros((6, 3)), 50)
    np.testing.assert_allclose(found, shrink_rows(target, 1.2), atol=1e-8)


def test_fista_is_faster_than_plain_steps(rng):
    smooth, start = Quadratic(rng.standard_normal((6, 3)), np.logspace(0, -4, 6)[:, None]), np.zeros((6, 3))
    plain, step = start, 64.0
    for _ in range(100):
        plain, step = proximal_step(smooth, 0.0, plain, step)
    assert smooth.value(fista(smooth, 0.0, start, 100)) < 0.1 * smooth.value(plain)


@pytest.mark.parametrize("count", [1000, 1001])
def test_pairs_are_balanced_and_true_to_the_labels(rng, count):
    labels = rng.permutation(np.repeat(np.arange(5), [1, 2, 3, 10, 24]))
    first, second, similarity = balanced_pairs(labels, count, rng)
    assert len(first) == len(second) == len(similarity) == count
    assert (similarity == 1).sum() == count // 2
    assert ((labels[first] == labels[second]) == (similarity == 1)).all()
    assert (first != second).all()


def test_every_partner_is_equally_likely(rng):
    labels = np.array([2, 0, 1, 0, 1, 0, 3])
    first, second, similarity = balanced_pairs(labels, 60_000, rng)
    for video in range(7):
        for alike in (True, False):
            partners = (labels == labels[video]) == alike
            partners[video] = False
            drawn = np.bincount(second[(first == video) & ((similarity == 1) == alike)], minlength=7)
            assert (drawn[~partners] == 0).all()
            if partners.any():
                np.testing.assert_allclose(drawn[partners] / drawn.sum(), 1 / partners.sum(), atol=0.05)


@pytest.mark.parametrize("labels", [[0, 1, 2, 3], [0, 0, 0, 0]])
def test_clusters_without_one_kind_of_pairs_are_refused(labels, rng):
    with pytest.raises(ssvh.SSVHError, match=r"clusters of 4 videos\. Choose another number of clusters"):
        balanced_pairs(np.array(labels), 10, rng)


def test_more_clusters_than_videos_are_refused(frames):
    with pytest.raises(ssvh.SSVHError, match="400 clusters"):
        solved(VHDT, frames, clusters=400)


@pytest.mark.parametrize("bits", [8, 16, 64])
def test_random_principal_is_a_rotation_of_the_first_directions(frames, rng, bits):
    pooled = frames.mean(axis=1, dtype=float)
    centred = pooled - pooled.mean(axis=0)
    found = random_principal(centred, bits, rng)
    *_, directions = np.linalg.svd(centred, full_matrices=False)
    count = min(bits, D)
    np.testing.assert_allclose(found @ found.T, directions[:count].T @ directions[:count], atol=1e-8)


def test_vhdt_reads_means_and_changes_between_frames(frames):
    model = VHDT(VHDT.Config(bits=8, frames=T, features=D))
    means, changes = model._read(videos_of(frames), np.random.default_rng(0))
    np.testing.assert_allclose(means, frames.mean(axis=1), rtol=1e-6)
    steps = [frames[i, t] - frames[i, t + 1] for i in range(N) for t in range(T - 1)]
    np.testing.assert_allclose(changes, np.mean([np.outer(step, step) for step in steps], axis=0), atol=1e-4)


def test_more_weight_on_sparsity_leaves_fewer_features(frames):
    used = [
        (solved(VHDT, frames, sparsity_weight=weight).projection.norm(dim=1) > 0).sum() for weight in (0, 1e-2, 1e-1)
    ]
    assert used[0] == D
    assert used[0] > used[1] > used[2]


def test_temporal_weight_turns_from_features_that_jump(rng):
    """Half the features jump from frame to frame about the same means; the others keep still."""
    videos = np.repeat(kinds(rng)[:, :1], 4, axis=1)
    sides = rng.choice([-2, 2], (80, 1, D // 2))
    videos[:, :, : D // 2] += sides * np.array([[1], [-1], [1], [-1]])

    def share(weight):
        norms = solved(VHDT, videos, clusters=4, temporal_weight=weight, iterations=50).projection.norm(dim=1)
        return (norms[: D // 2].sum() / norms.sum()).item()

    assert share(0.1) < 0.8 * share(0.0)


def test_vhdt_takes_more_bits_than_directions_and_videos_of_one_frame(frames):
    few = frames[:12, :1]
    assert values(solved(VHDT, few, bits=64, clusters=4), few).shape == (12, 64)
