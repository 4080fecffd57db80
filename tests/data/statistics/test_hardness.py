"""Hardness of frames and its rank correlations: values worked out by hand, SciPy's, and a naive twin."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from ssvh_lib.data import VideoFeatures
from ssvh_lib.data.statistics.frames import Moments
from ssvh_lib.data.statistics.hardness import Hardness, RankCorrelation, hardness


def found_in(features, labels, informative=None, slab=3):
    labels = np.array(labels, np.uint8)
    videos = VideoFeatures(features, labels, tuple(map(str, range(len(features)))), informative)
    moments = Moments(videos)
    slabs = [(start, features[start : start + slab]) for start in range(0, len(features), slab)]
    for start, frames in slabs:
        moments.add(start, frames)
    reader = Hardness(moments, videos)
    for start, frames in slabs:
        reader.add(start, frames)
    return reader.found()


def test_hardness_is_the_distance_to_the_nearest_other_frame():
    frames = np.array([[[0, 0], [1, 0], [1, 2], [5, 5]]], np.float32)
    np.testing.assert_allclose(hardness(frames), [[1, 1, 2, 5]], rtol=1e-5)


def test_equal_frames_are_not_hard_at_all(rng):
    frame = rng.standard_normal((1, 1, 512)).astype(np.float32) * 1e3 + 1e3
    assert (hardness(np.repeat(frame, 5, axis=1)) == 0).all()
    mixed = np.concatenate([np.repeat(frame, 4, axis=1), frame + 1], axis=1)
    np.testing.assert_allclose(hardness(mixed), [[0, 0, 0, 0, 512**0.5]], rtol=1e-3)


def test_frames_that_differ_by_rounding_are_equal(rng):
    frames = rng.standard_normal((20, 1, 512)) + rng.standard_normal((20, 6, 1)) * 1e-7
    frames[:, 5] += 1
    assert (hardness(frames.astype(np.float32))[:, :5] == 0).all()


def test_hardness_of_frames_far_from_the_origin(rng):
    frames = (rng.standard_normal((3, 6, 40)) + 1000).astype(np.float32)
    distances = np.linalg.norm(frames[:, :, None].astype(float) - frames[:, None], axis=3)
    distances[:, range(6), range(6)] = np.inf
    np.testing.assert_allclose(hardness(frames), distances.min(axis=2), rtol=1e-4)


def test_rank_correlation_is_the_mean_of_spearmans_over_videos(rng):
    one, other = rng.integers(5, size=(6, 9)), rng.integers(5, size=(6, 9))
    correlation = RankCorrelation()
    correlation.add(one[:4], other[:4])
    correlation.add(one[4:], other[4:])
    expected = np.mean([spearmanr(a, b).statistic for a, b in zip(one, other, strict=True)])
    assert correlation.mean() == pytest.approx(expected)


def test_a_video_in_which_nothing_varies_has_no_rank_correlation():
    correlation = RankCorrelation()
    correlation.add(np.ones((1, 3)), np.array([[1, 2, 3]]))
    assert correlation.mean() is None
    correlation.add(np.array([[1, 2, 3]]), np.array([[3, 2, 1]]))
    assert correlation.mean() == pytest.approx(-1)


def naive(features, labels):
    """Spearman's correlation of hardness with class evidence, one video and one frame at a time."""
    features, labels = features.astype(float), np.array(labels)
    means = features.mean(axis=1)
    own = [row.argmax() if row.any() else None for row in labels]
    correlations = []
    for video, frames in enumerate(features):
        others = [v for v in range(len(features)) if v != video]
        fellows = [v for v in others if own[v] is not None and own[v] == own[video]]
        strangers = {own[v] for v in others if own[v] is not None and not labels[video, own[v]]}
        if not fellows or not strangers:
            continue
        centres = [means[[v for v in others if own[v] == other]].mean(axis=0) for other in strangers]
        hard, evidence = [], []
        for t, frame in enumerate(frames):
            hard.append(min(np.linalg.norm(frame - another) for s, another in enumerate(frames) if s != t))
            to_own = ((frame - means[fellows].mean(axis=0)) ** 2).sum()
            evidence.append(min(((frame - centre) ** 2).sum() for centre in centres) - to_own)
        correlations.append(spearmanr(np.round(hard, 5), np.round(evidence, 5)).statistic)
    return np.mean(correlations) if correlations else None


@given(
    videos=st.integers(1, 8), classes=st.integers(1, 4), slab=st.integers(1, 8), seed=st.integers(0, 99),
    several=st.booleans(),
)  # fmt: skip
def test_class_evidence_as_the_naive_twin(videos, classes, slab, seed, several):
    """Some videos have no label, some several; whole numbers make ties that float32 keeps."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((videos, 5, 6)).astype(np.float32)
    labels = rng.random((videos, classes)) < (0.5 if several else 0.3)
    expected = naive(features, labels.astype(int))
    found = found_in(features, labels, slab=slab)["hardness_class"]
    assert found == (None if expected is None else pytest.approx(expected, abs=1e-6))


def test_what_is_hard_to_rebuild_and_tells_the_class_correlates():
    """Frames at 0 are alike and say nothing; the hard one of a video lies where its class alone does."""
    features = np.zeros((6, 4, 2), np.float32) + np.array([0, 0.01, 0.02, 0])[:, None].astype(np.float32)
    for video in range(6):
        features[video, 3, video % 2] += 5
    labels = np.eye(2)[np.arange(6) % 2]
    informative = np.tile([False, False, False, True], (6, 1))
    found = found_in(features, labels, informative)
    assert found["hardness_class"] > 0.7
    assert found["hardness_informative"] > 0.7
    assert found["informative_share"] == 0.25


def test_one_frame_has_no_hardness():
    found = found_in(np.ones((3, 1, 2), np.float32), np.eye(3), np.ones((3, 1), bool))
    assert found == {"hardness_class": None, "hardness_informative": None, "informative_share": 1}
