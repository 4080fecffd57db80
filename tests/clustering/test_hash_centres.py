"""Hash centres: what is guaranteed, against counting by hand."""

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ssvh_lib as ssvh
from ssvh_lib.clustering.hash_centres import (
    hadamard_centres,
    merit,
    optimise_centres,
    semantic_centres,
    semantic_target,
    separation_bound,
)
from ssvh_lib.clustering.kmeans import kmeans
from ssvh_lib.clustering.reduction import mean_pooled, principal_directions


def different(codes):
    return len(np.unique(codes, axis=0)) == len(codes) and np.isin(codes, (-1, 1)).all()


def objective(codes, semantic):
    """Shortfall from the bound and the sum to be minimised, pair by pair."""
    M, K = codes.shape
    bound, target = separation_bound(M, K), semantic_target(semantic, K)
    short = fit = 0.0
    for i in range(M):
        for j in range(i):
            inner = float(codes[i].astype(int) @ codes[j])
            short += max(0, bound - (K - inner) / 2)
            fit += (inner - target[i, j]) ** 2 + inner / (M - 1)
    return short, fit


CASES = [(2, 16), (12, 8), (12, 12), (40, 16), (30, 24), (70, 32), (60, 9), (16, 4), (7, 3), (3, 2)]


@pytest.mark.parametrize(("count", "bits"), CASES)
def test_optimised_centres_are_never_worse_than_those_they_start_from(count, bits, grouped, rng):
    semantic, initial = grouped(count), hadamard_centres(count, bits, rng)
    kept = initial.copy()
    found = optimise_centres(semantic, initial)
    np.testing.assert_array_equal(initial, kept)
    assert found.shape == (count, bits)
    assert found.dtype == np.int8
    assert different(found)
    assert merit(found, semantic).score >= merit(initial, semantic).score
    (short, fit), (short_before, fit_before) = objective(found, semantic), objective(initial, semantic)
    assert (short, fit) <= (short_before, fit_before + 1e-6)
    np.testing.assert_array_equal(optimise_centres(semantic, initial), found)


@pytest.mark.parametrize(("count", "bits"), [(12, 8), (40, 16), (30, 24), (70, 32), (40, 64)])
def test_optimised_centres_tell_similar_clusters_and_keep_the_distance(count, bits, grouped, rng):
    semantic, initial = grouped(count), hadamard_centres(count, bits, rng)
    before, after = merit(initial, semantic), merit(optimise_centres(semantic, initial), semantic)
    assert after.minimum >= after.bound
    assert after.correlation > 0.4
    assert not before.correlation > 0.2  # NaN where all are K/2 apart


def test_the_whole_way_on_real_videos(smoke):
    vectors = mean_pooled(smoke.train)
    semantic, labels = semantic_centres(vectors, 30, 64, 0)
    initial = hadamard_centres(30, 16, np.random.default_rng(0))
    before, after = merit(initial, semantic), merit(optimise_centres(semantic, initial), semantic)
    assert after.minimum >= after.bound
    assert after.correlation > before.correlation + 0.4
    assert set(labels) == set(range(30))


def test_centres_of_equal_meaning_are_just_far_apart(rng):
    semantic = rng.standard_normal(7) * rng.uniform(1, 2, (10, 1))  # one direction, but for rounding
    assert (semantic_target(semantic, 16) == 0).all()
    found = merit(optimise_centres(semantic, rng.choice([-1, 1], (10, 16))), semantic)
    assert found.minimum >= found.bound
    assert np.isnan(found.correlation)


def test_one_centre_is_its_own_optimum():
    np.testing.assert_array_equal(optimise_centres(np.ones((1, 3)), np.array([[1, -1, 1]])), [[1, -1, 1]])
    with pytest.raises(ssvh.SSVHError, match="two or more"):
        merit(np.array([[1, -1]]), np.ones((1, 3)))


@pytest.mark.parametrize("bits", [1, 2, 8, 16])
def test_hadamard_centres_are_half_the_bits_apart(bits, rng):
    centres = hadamard_centres(2 * bits, bits, rng)
    inner = centres.astype(int) @ centres.T
    assert set(np.unique(np.abs(inner - np.diag(np.diag(inner))))) <= {0, bits}  # K/2 apart, or opposite
    assert different(centres)


@pytest.mark.parametrize(("count", "bits"), [(1, 16), (1, 1), (40, 16), (50, 12), (30, 7), (300, 64)])
def test_other_centres_are_balanced_and_the_same_for_the_same_seed(count, bits, rng):
    centres = hadamard_centres(count, bits, rng)
    assert centres.shape == (count, bits)
    assert different(centres)
    surplus = centres[2 * bits if bits.bit_count() == 1 else 0 :]
    assert (surplus == 1).sum(axis=1).tolist() == [bits // 2] * len(surplus)
    np.testing.assert_array_equal(hadamard_centres(count, bits, np.random.default_rng(0)), centres)


@pytest.mark.parametrize("bits", [1, 3, 4, 6])
def test_there_are_as_many_centres_as_codes_and_no_more(bits, rng):
    assert different(hadamard_centres(2**bits, bits, rng))
    for count in (0, 2**bits + 1):
        with pytest.raises(ssvh.SSVHError, match=f"{count} were asked for"):
            hadamard_centres(count, bits, rng)
        with pytest.raises(ssvh.SSVHError, match=f"for {count} was asked for"):
            separation_bound(count, bits)


@pytest.mark.parametrize(
    ("count", "bits", "bound"),
    [
        (2, 4, 3),  # balls of 1, 5, 11 codes; 16 / 2 = 8
        (4, 4, 2),  # 16 / 4 = 4 <= 5
        (16, 4, 1),  # 16 / 16 = 1
        (8, 3, 1),
        (7, 3, 2),  # 8 / 7 > 1
        (2, 1, 1),  # 2 / 2 = 1
        (1, 5, 5),  # nothing but the whole space holds 32 codes; no two codes differ in more than 5
    ],
)
def test_separation_bound_by_hand(count, bits, bound):
    assert separation_bound(count, bits) == bound


@given(st.integers(1, 70), st.data())
def test_separation_bound_is_the_first_ball_that_is_large_enough(bits, data):
    count = data.draw(st.integers(2, min(2**bits, 5000)))
    bound = separation_bound(count, bits)
    ball = [sum(comb(bits, j) for j in range(radius)) for radius in range(bits + 1)]
    assert ball[bound] * count >= 2**bits > ball[bound - 1] * count


def test_merit_by_hand():
    centres = np.array([[1, 1, 1, 1], [1, 1, 1, -1], [-1, -1, 1, -1]])  # 1, 3 and 2 apart
    semantic = np.array([[1, 0], [3, 1], [0, 2]])  # of these 1 and 3 are farthest from each other, 1 and 2 nearest
    found = merit(centres, semantic)
    assert (found.minimum, found.mean, found.bound) == (1, 2.0, 3)
    assert found.correlation == pytest.approx(1)
    assert found.score == pytest.approx((1 + 2) / 4 + 1)


def test_pseudo_labels_and_centres_are_of_one_clustering(rng):
    truth = rng.integers(8, size=240)
    vectors = 10 * rng.standard_normal((8, 40))[truth] + rng.standard_normal((240, 40)) + 100
    centres, labels = semantic_centres(vectors, 8, 16, 0)
    centred = vectors - vectors.mean(axis=0)
    principal = centred @ principal_directions(centred, 16)
    assert centres.shape == (8, 16)
    np.testing.assert_allclose(np.linalg.norm(centres, axis=1), 1, rtol=1e-6)
    for k in range(8):
        mean = principal[labels == k].mean(axis=0)
        np.testing.assert_allclose(centres[k], mean / np.linalg.norm(mean), atol=1e-5)
    cosines = principal @ centres.T / np.linalg.norm(principal, axis=1, keepdims=True)
    np.testing.assert_array_equal(cosines.argmax(axis=1), labels)  # groups so far apart are nearest by direction too


def test_labels_are_nearest_centres_before_these_get_length_one(smoke):
    vectors = mean_pooled(smoke.train)
    centred = vectors - vectors.mean(axis=0, dtype=np.float64)
    plain, nearest = kmeans(centred @ principal_directions(centred, 20), 30, 3, restarts=5)
    centres, labels = semantic_centres(vectors, 30, 20, 3)
    np.testing.assert_array_equal(labels, nearest)
    np.testing.assert_allclose(centres, plain / np.linalg.norm(plain, axis=1, keepdims=True), rtol=1e-5)


def test_semantic_centres_follow_the_seed_and_take_as_many_dimensions_as_there_are(rng):
    vectors = rng.standard_normal((60, 10))
    centres, labels = semantic_centres(vectors, 5, 512, 3)
    again = semantic_centres(vectors, 5, 512, np.random.default_rng(3))
    np.testing.assert_array_equal(again[0], centres)
    np.testing.assert_array_equal(again[1], labels)
    assert centres.shape == (5, 10)
    assert np.isfinite(semantic_centres(vectors, 1, 512, 3)[0]).all()  # the one centre is the origin


def test_what_does_not_go_together_is_an_error(rng):
    codes = np.ones((3, 4))
    with pytest.raises(ssvh.SSVHError, match="go in pairs"):
        optimise_centres(np.ones((2, 4)), codes)
    with pytest.raises(ssvh.SSVHError, match="must be -1 or 1"):
        optimise_centres(np.ones((3, 4)), 0 * codes)
    with pytest.raises(ssvh.SSVHError, match="finite"):
        merit(codes, np.full((3, 4), np.nan))
    with pytest.raises(ssvh.SSVHError, match="finite vectors"):
        semantic_centres(np.full((3, 4), np.nan), 2, 2, 0)
    with pytest.raises(ssvh.SSVHError, match="1 dimension or more"):
        semantic_centres(np.ones((3, 4)), 2, 0, 0)
    with pytest.raises(ssvh.SSVHError, match="1 to N clusters"):
        semantic_centres(rng.standard_normal((3, 4)), 5, 2, 0)
