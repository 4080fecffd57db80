"""PCA sign, spectral hashing, MFH and VHDT: worked by hand, against naive twins, and what each promises to keep."""

import numpy as np
import pytest
import torch

import ssvh_lib as ssvh
from ssvh_lib.data import VideoFeatures
from ssvh_lib.methods import method_class
from ssvh_lib.methods.mfh import MFH, graph_cost, laplacian, smoothest
from ssvh_lib.methods.pca import PCASign
from ssvh_lib.methods.sh import SpectralHashing, lowest_modes
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

N, T, D = 120, 3, 16
SMALL = {VHDT: {"clusters": 10, "pairs": 200, "iterations": 10}}
METHODS = [PCASign, SpectralHashing, MFH, VHDT]
EACH = pytest.mark.parametrize("method", METHODS)
DRAWING = pytest.mark.parametrize("method", [MFH, VHDT])
CUT_AT_MEDIAN = DRAWING


@pytest.fixture
def frames(rng):
    """Videos ``(N, T, D)`` that vary much in some directions and little in others, far from the origin."""
    centres = rng.standard_normal((N, 1, D)) * np.linspace(3, 0.3, D)
    return (centres + 0.1 * rng.standard_normal((N, T, D)) + 5).astype(np.float32)


def videos_of(frames):
    return VideoFeatures(frames, np.ones((len(frames), 1), np.uint8), ("",) * len(frames))


def solved(method, frames, bits=8, seed=0, **choices):
    shape = {"bits": bits, "frames": frames.shape[1], "features": frames.shape[2]}
    model = method(method.Config(**{**shape, **SMALL.get(method, {}), **choices}))
    model.solve(videos_of(frames), np.random.default_rng(seed))
    return model


def values(model, frames):
    return model.encode(torch.from_numpy(frames)).numpy()


def signs(model, frames):
    return values(model, frames) > 0


def hamming(first, second):
    return (first[:, None] != second).sum(axis=2)


def kinds(rng, count=4, videos=80, noise=0.5):
    """Videos of ``count`` kinds in turn, ``(videos, T, D)``."""
    centres = 3 * rng.standard_normal((count, 1, D))
    return (centres[np.arange(videos) % count] + noise * rng.standard_normal((videos, T, D))).astype(np.float32)


# all four


@EACH
def test_codes_do_not_change_when_all_the_data_grow(method, frames):
    grown = 4 * frames  # exact in floating point
    assert (signs(solved(method, frames), frames) == signs(solved(method, grown), grown)).mean() > 0.99


@EACH
def test_codes_do_not_change_when_all_the_data_move(method, frames):
    moved = frames + np.linspace(-4, 4, D, dtype=np.float32)
    first, second = (signs(solved(method, some), some) for some in (frames, moved))
    assert (hamming(first, first) == hamming(second, second)).mean() > 0.95


@EACH
def test_the_order_of_frames_does_not_matter_to_a_code(method, frames):
    model = solved(method, frames)
    np.testing.assert_allclose(values(model, frames[:, ::-1].copy()), values(model, frames), atol=1e-3)


@EACH
def test_videos_of_a_kind_have_nearer_codes(method, rng):
    videos = kinds(rng)
    code = signs(solved(method, videos, clusters=4) if method is VHDT else solved(method, videos), videos)
    same = np.arange(80)[:, None] % 4 == np.arange(80) % 4
    distance = hamming(code, code)
    assert distance[same].mean() < 0.6 * distance[~same].mean()


@pytest.mark.parametrize("method", [PCASign, SpectralHashing])
def test_what_draws_nothing_gives_every_seed_the_same(method, frames):
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    model = method(method.Config(bits=8, frames=T, features=D))
    model.solve(videos_of(frames), rng)
    assert rng.bit_generator.state == before
    other = solved(method, frames, seed=1)
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in model.state_dict().items())


@DRAWING
def test_what_draws_gives_another_seed_another_model(method, frames):
    first, again, other = (solved(method, frames, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first.projection, again.projection)
    assert not torch.allclose(first.projection, other.projection, rtol=1e-3)


@CUT_AT_MEDIAN
def test_half_the_training_videos_have_each_bit(method, frames):
    assert (signs(solved(method, frames), frames).sum(axis=0) == N // 2).all()


class Counting:
    """Videos made up as they are read; remembers which."""

    def __init__(self, count):
        self.count, self.rows = count, []

    def __len__(self):
        return self.count

    def read(self, rows):
        assert len(rows) <= 256
        self.rows.extend(rows)
        return np.random.default_rng(len(rows)).standard_normal((len(rows), T, D)).astype(np.float32)


@DRAWING
def test_a_large_training_set_is_sampled_and_read_in_parts(method):
    videos, choices = Counting(45_600), {**SMALL.get(method, {}), "videos": 300}
    method(method.Config(bits=8, frames=T, features=D, **choices)).solve(videos, np.random.default_rng(0))
    assert len(videos.rows) == len(set(videos.rows)) == 300
    assert max(videos.rows) > 40_000


@EACH
@pytest.mark.parametrize("preset", ["small", "smoke"])
def test_presets_are_fields(method, preset):
    method.Config(bits=8, frames=T, features=D, **method.PRESETS.get(preset, {}))


@pytest.mark.parametrize("name", ["mfh", "pca", "sh", "vhdt"])
def test_they_run_on_moving_digits(name, smoke, tmp_path):
    model = ssvh.build(name, smoke, 64)
    run = ssvh.fit(model, smoke, tmp_path, progress=False)
    codes = ssvh.encode(run.model(), smoke.database)
    assert (codes.packed == ssvh.encode(model, smoke.database).packed).all()
    share = (codes.signs() > 0).mean(axis=0)
    assert (share.min() > 0.01) & (share.max() < 0.99)


# PCA sign


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


# spectral hashing


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


# MFH


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


# VHDT


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


def test_what_is_not_the_papers_is_said():
    """The notes of the tables rest on these sentences."""
    import ssvh_lib.methods.mfh as mfh
    import ssvh_lib.methods.vhdt as vhdt

    assert "Formulas recalled" in mfh.__doc__
    assert "Supervised in the original; ours is an unsupervised adaptation" in vhdt.__doc__
    assert {method_class(name) for name in ("mfh", "pca", "sh", "vhdt")} == set(METHODS)
