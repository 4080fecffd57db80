"""k-means and voting, against twins in a line or two of NumPy."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import ssvh_lib as ssvh
from ssvh_lib.clustering.kmeans import component_vote, kmeans


def distances(vectors, centres):
    return np.linalg.norm(vectors[:, None].astype(float) - centres, axis=2)


def test_kmeans_finds_groups_that_are_apart(rng):
    truth = rng.integers(6, size=300)
    vectors = 20 * np.eye(6, 8)[truth] + rng.standard_normal((300, 8))
    centres, labels = kmeans(vectors, 6, 0, restarts=5)
    assert len({*zip(truth, labels, strict=True)}) == 6  # the same groups under other names
    for cluster in range(6):
        np.testing.assert_allclose(centres[cluster], vectors[labels == cluster].mean(axis=0), atol=1e-4)


def test_kmeans_labels_are_nearest_centres_wherever_the_origin_is(rng):
    vectors = rng.standard_normal((400, 5))
    centres, labels = kmeans(vectors, 30, 0)
    np.testing.assert_array_equal(labels, distances(vectors, centres).argmin(axis=1))
    np.testing.assert_array_equal(kmeans(vectors + 1e5, 30, 0)[1], labels)
    assert centres.dtype == np.float32


@given(vectors=arrays(np.float64, (12, 2), elements=st.integers(0, 2)), clusters=st.integers(1, 12))
def test_kmeans_leaves_no_cluster_empty_however_many_vectors_are_equal(vectors, clusters):
    centres, labels = kmeans(vectors, clusters, 0)
    assert set(labels) == set(range(clusters))
    away = distances(vectors, centres)
    np.testing.assert_allclose(away[np.arange(12), labels], away.min(axis=1), atol=1e-5)


def test_kmeans_depends_on_the_seed_alone_and_restarts_pay(rng):
    vectors = rng.standard_normal((500, 16))
    twice = [kmeans(vectors, 40, 7)[0] for _ in range(2)]
    np.testing.assert_array_equal(*twice)
    np.testing.assert_array_equal(kmeans(vectors, 40, np.random.default_rng(7))[0], twice[0])
    assert (kmeans(vectors, 40, 8)[0] != twice[0]).any()

    def cost(restarts):
        return np.square(distances(vectors, kmeans(vectors, 40, 7, restarts=restarts)[0]).min(axis=1)).sum()

    assert cost(10) < cost(1)


@pytest.mark.parametrize(
    ("vectors", "clusters", "message"),
    [
        (np.zeros((3, 2)), 4, "1 to N clusters, got .3, 2. and 4"),
        (np.zeros((3, 2)), 0, "1 to N clusters"),
        (np.zeros(3), 1, "vectors .N, D."),
        (np.array([[0.0], [np.nan]]), 1, "NaN"),
        (np.array([[0.0], [np.inf]]), 1, "infinity"),
        (np.array([[-1e300], [1e300]]), 1, "beyond float32"),
    ],
)
def test_kmeans_refuses_what_has_no_clusters(vectors, clusters, message):
    with pytest.raises(ssvh.SSVHError, match=message):
        kmeans(vectors, clusters, 0)


@st.composite
def clustered_codes(draw):
    """Codes (N, K), labels (N,) and the number of clusters; each has a member."""
    clusters, bits = draw(st.integers(1, 4)), draw(st.integers(1, 10))
    labels = draw(st.permutations([*range(clusters), *draw(st.lists(st.integers(0, clusters - 1), max_size=12))]))
    codes = draw(arrays(np.int8, (len(labels), bits), elements=st.sampled_from([-1, 1])))
    return codes, np.array(labels), clusters


@given(clustered_codes())
def test_the_vote_is_the_code_nearest_to_all_members(drawn):
    codes, labels, clusters = drawn
    vote = component_vote(codes, labels, clusters)
    every = np.array([*product([-1, 1], repeat=codes.shape[1])])
    for cluster in range(clusters):
        members = codes[labels == cluster]
        summed = (every[:, None] != members).sum(axis=(1, 2))  # Hamming distances, of all 2^K codes
        best = every[summed == summed.min()]
        np.testing.assert_array_equal(vote[cluster], best.max(axis=0))  # of several the one with most +1


@given(clustered_codes(), st.randoms(use_true_random=False))
def test_the_vote_knows_no_order(drawn, random):
    codes, labels, clusters = drawn
    order = random.sample(range(len(labels)), len(labels))
    vote = component_vote(codes, labels, clusters)
    np.testing.assert_array_equal(component_vote(codes[order], labels[order], clusters), vote)
    np.testing.assert_array_equal(component_vote(codes, clusters - 1 - labels, clusters), vote[::-1])


def test_a_tied_vote_is_plus_one_and_many_members_do_not_overflow():
    np.testing.assert_array_equal(component_vote(np.array([[1, -1], [-1, -1]]), np.zeros(2, int), 1), [[1, -1]])
    crowd = np.ones((1000, 1), np.int8)
    assert component_vote(crowd, np.zeros(1000, int), 1).tolist() == [[1]]


@pytest.mark.parametrize(
    ("codes", "labels", "clusters", "message"),
    [
        ([[0, 1]], [0], 1, "codes of -1 and 1"),
        ([[1, 1]], [0], 2, "members in each of 2"),
        ([[1, 1]], [-1], 1, "members in each of 1"),
        ([[1, 1]], [0, 0], 1, "a label for each code"),
    ],
)
def test_a_vote_without_voters_is_an_error(codes, labels, clusters, message):
    with pytest.raises(ssvh.SSVHError, match=message):
        component_vote(np.array(codes), np.array(labels), clusters)
