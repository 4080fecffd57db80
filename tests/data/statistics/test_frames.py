"""Variance, cosines, blank frames and dimensions: values worked out by hand, and naive twins in float64."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssvh_lib.data import VideoFeatures
from ssvh_lib.data.statistics import frames
from ssvh_lib.data.statistics.frames import Blanks, Cosines, Moments, Spectrum

LINE = np.array([[[0], [2]], [[4], [6]], [[10], [12]], [[14], [16]]], np.float32)  # two videos each of two classes


def videos_of(features, labels):
    return VideoFeatures(features, np.array(labels, np.uint8), tuple(map(str, range(len(features)))))


def read(reader, features, slab=2):
    for start in range(0, len(features), slab):
        reader.add(start, features[start : start + slab])
    return reader


def shares(features, labels, slab=2):
    found = read(Moments(videos_of(features, labels)), features, slab).found()
    return [found.get(f"{part}_share") for part in ("class", "video", "within")]


def cosines(features, slab=2):
    moments = read(Moments(videos_of(features, np.ones((len(features), 1)))), features, slab)
    found = read(Cosines(moments.mean), features, slab).found()
    return [found[f"{pair}_cosine"] for pair in ("neighbour", "same_video", "other_video")]


def test_shares_of_variance_by_hand():
    """Mean frames are 1, 5, 11 and 15, class means 3 and 13, the mean of all is 8: 5² + 2² + 1² = 30."""
    labels = [[1, 0], [1, 0], [0, 1], [0, 1]]
    assert shares(LINE, labels) == pytest.approx([25 / 30, 4 / 30, 1 / 30])


def test_a_large_mean_costs_no_precision():
    labels = [[1, 0], [1, 0], [0, 1], [0, 1]]
    assert shares(LINE + 1e6, labels) == pytest.approx([25 / 30, 4 / 30, 1 / 30])


def test_a_video_without_label_counts_between_videos_only():
    """The last video is 15 - 8 from the mean, the class of the third is that video alone: (2 · 25 + 9) + (8 + 49)."""
    labels = [[1, 0], [1, 0], [0, 1], [0, 0]]
    assert shares(LINE, labels) == pytest.approx([59 / 120, 57 / 120, 4 / 120])


def test_the_class_of_a_video_is_its_first_label():
    assert shares(LINE, [[1, 1], [1, 0], [0, 1], [0, 1]]) == shares(LINE, [[1, 0], [1, 0], [0, 1], [0, 1]])


def test_without_labels_only_the_share_within_videos_is_known():
    for labels in (np.zeros((4, 2)), np.zeros((4, 0))):
        assert shares(LINE, labels) == [None, None, pytest.approx(1 / 30)]


def test_constant_features_have_no_shares():
    constant = np.full((3, 4, 5), 0.1, np.float32)
    assert shares(constant, np.eye(3)) == [None] * 3
    assert cosines(constant) == [None] * 3


def test_cosines_by_hand():
    """The centred frames are (1, 0), (0, 1) and (-1, 0), (0, -1): neighbours are at right angles."""
    features = np.array([[[3, 2], [2, 3]], [[1, 2], [2, 1]]], np.float32)
    assert cosines(features) == pytest.approx([0, 0, -0.5])


def test_a_frame_that_equals_the_mean_has_no_cosine():
    features = np.array([[[1], [0], [2]], [[-1], [0], [-2]]], np.float32)
    assert cosines(features) == [None, pytest.approx(1), pytest.approx(-1)]


def naive_shares(features, classes):
    features = features.astype(float)
    means, mean = features.mean(axis=1), features.mean(axis=(0, 1))
    of_class = np.stack([means[classes == own].mean(axis=0) for own in classes])
    parts = [
        ((of_class - mean) ** 2).sum(axis=1).mean(),
        ((means - of_class) ** 2).sum(axis=1).mean(),
        ((features - means[:, None]) ** 2).sum(axis=2).mean(),
    ]
    return np.array(parts) / ((features - mean) ** 2).sum(axis=2).mean()


def naive_cosines(features):
    centred = features.astype(float) - features.astype(float).mean(axis=(0, 1))
    units = centred / np.linalg.norm(centred, axis=2, keepdims=True)
    neighbours, same, other = [], [], []
    for one, another in combinations([(video, t) for video in range(len(units)) for t in range(units.shape[1])], 2):
        cosine = units[one] @ units[another]
        (same if one[0] == another[0] else other).append(cosine)
        if one[0] == another[0] and another[1] == one[1] + 1:
            neighbours.append(cosine)
    return [np.mean(some) for some in (neighbours, same, other)]


@given(
    videos=st.integers(2, 9),
    count=st.integers(2, 5),
    size=st.integers(1, 6),
    classes=st.integers(1, 4),
    slab=st.integers(1, 9),
    seed=st.integers(0, 99),
)
def test_slab_by_slab_as_the_naive_twins(videos, count, size, classes, slab, seed):
    rng = np.random.default_rng(seed)
    features = (rng.standard_normal((videos, count, size)) + rng.standard_normal((videos, 1, size))).astype(np.float32)
    own = rng.integers(classes, size=videos)
    found = shares(features, np.eye(classes)[own], slab)
    assert sum(found) == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(found, naive_shares(features, own), atol=1e-5)
    np.testing.assert_allclose(cosines(features, slab), naive_cosines(features), atol=1e-4)


def test_blank_frames_are_of_one_value_and_repeated_ones_equal_the_frame_before():
    features = np.array([[[0, 0], [0, 0], [1, 2]], [[1, 2], [7, 7], [1, 2]]], np.float32)
    found = read(Blanks(), features, slab=1).found()
    assert found == {"blank_frames": 3 / 6, "repeated_frames": 1 / 4}
    assert read(Blanks(), features[:, :1]).found()["repeated_frames"] is None


def dimensions(features, slab=2):
    found = read(Spectrum(videos_of(features, np.ones((len(features), 1)))), features, slab).found()
    return found.get("effective_dimensions"), found.get("dimensions_90")


@pytest.mark.parametrize(
    ("spread", "expected"),
    [
        ((1, 1, 1), (3, 3)),
        ((1, 0, 0), (1, 1)),
        ((3, 1, 0), (100 / 82, 1)),
        ((2, 1, 1), (2, 3)),
        ((4, 2, 0), (1.4706, 2)),
    ],
)
def test_dimensions_by_hand(spread, expected):
    """Frames at ± the spread on each axis: λ are the squares of the spreads."""
    features = np.concatenate([np.diag(spread), -np.diag(spread)]).reshape(3, 2, 3).astype(np.float32) + 5
    assert dimensions(features) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("size", [3, 30])
def test_dimensions_as_by_the_covariance(rng, size):
    features = (rng.standard_normal((4, 3, size)) * np.linspace(1, 3, size)).astype(np.float32)
    eigenvalues = np.linalg.eigvalsh(np.cov(features.reshape(-1, size).T.astype(float)))[::-1].clip(0)
    held = np.cumsum(eigenvalues) / eigenvalues.sum()
    expected = eigenvalues.sum() ** 2 / (eigenvalues**2).sum(), 1 + (held < 0.9).sum()
    assert dimensions(features) == pytest.approx(expected, rel=1e-4)


def test_dimensions_of_many_frames_are_those_of_a_sample(rng, monkeypatch):
    """Two slabs of different kinds: the frames drawn come from both, each from its place."""
    features = rng.standard_normal((400, 5, 8)).astype(np.float32) * np.array([4, 3, 2, 1, 1, 1, 1, 1], np.float32)
    whole = dimensions(features, slab=32)
    monkeypatch.setattr(frames, "LARGEST_SAMPLE", 8 * 1000)
    sampled = Spectrum(videos_of(features, np.ones((400, 1))))
    assert (sampled.count, sampled.total) == (1000, 2000)
    read(sampled, features, slab=32)
    flat = features.reshape(-1, 8)
    assert (sampled._values[:, None] == flat[sampled._rows][:, None]).all()
    assert len(set(sampled._rows)) == 1000
    assert sampled.found()["effective_dimensions"] == pytest.approx(whole[0], rel=0.05)
    assert dimensions(features, slab=32) == dimensions(features, slab=7)


def test_sets_of_the_size_of_the_embedded_ones_are_not_sampled():
    for videos in (2_500, 10_000):
        features = np.broadcast_to(np.float32(0), (videos, 25, 256))
        spectrum = Spectrum(videos_of(features, np.ones((videos, 1))))
        assert spectrum.count == spectrum.total
