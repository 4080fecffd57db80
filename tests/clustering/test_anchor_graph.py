"""Which videos are alike: the lists against the dense table they stand for, and draws that follow it."""

from collections import Counter

import numpy as np
import pytest
import torch
from toys import generator

import ssvh_lib as ssvh
from ssvh_lib.clustering.anchor_graph import Neighbours, anchor_graph, neighbours_of


def dense_tags(vectors, anchors):
    """The definition, as a table (N, N): Tag = S3 + 2 (S5 − S4), S_k = [Z Λ⁻¹ Zᵀ > 1e-5], Z a Gaussian of distances."""
    squares = ((vectors[:, None].astype(np.float64) - anchors[None]) ** 2).sum(axis=-1)  # (N, M)
    table = {}
    for k in (3, 4, 5):
        near = squares.argsort(axis=1)[:, :k]
        width = np.sqrt(np.take_along_axis(squares, near[:, -1:], axis=1)).mean() ** 2
        weights = np.zeros_like(squares)
        np.put_along_axis(weights, near, np.exp(-np.take_along_axis(squares, near, axis=1) / width), axis=1)
        weights /= weights.sum(axis=1, keepdims=True)
        table[k] = (weights / np.maximum(weights.sum(axis=0), 1e-12) @ weights.T > 1e-5).astype(int)
    return table[3] + 2 * (table[5] - table[4])


def on_a_line():
    """Anchors at 0, 10, …, 90 and three videos whose nearest anchors can be read off."""
    anchors = np.arange(0, 100, 10.0)[:, None].astype(np.float32)
    return anchor_graph(np.array([[9.0], [34.0], [61.0]], dtype=np.float32), anchors)


def cloud(videos=120, clusters=25, seed=0):
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((videos, 6)).astype(np.float32) + 3
    return vectors, neighbours_of(vectors, clusters, rng)


def table_of(neighbours):
    every = np.arange(len(neighbours.nearest))
    return neighbours.tags(every[:, None], every)


def test_nearest_anchors_and_tags_by_hand():
    found = on_a_line()
    assert found.nearest.tolist() == [[1, 0, 2, 3, 4], [3, 4, 2, 5, 1], [6, 7, 5, 8, 4]]
    assert found.labels.tolist() == [1, 3, 6]
    # 0 and 1 share anchor 2 among three; 0 and 2 share 4 among five only; 1 and 2 share 5 among four, not among three
    assert table_of(found).tolist() == [[1, 1, 2], [1, 1, 0], [2, 0, 1]]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("videos", "clusters"), [(120, 25), (60, 8), (40, 12), (300, 40)])
def test_lists_equal_the_dense_table(videos, clusters, seed):
    vectors, found = cloud(videos, clusters, seed)
    tags = table_of(found)
    assert (tags == dense_tags(vectors, found.anchors)).all()
    assert (tags == tags.T).all()
    assert (tags.diagonal() == 1).all()


def test_distances_far_from_the_origin_are_exact():
    vectors, found = cloud()
    vectors, anchors = (np.round(part * 64) / 64 for part in (vectors, found.anchors))  # moving them rounds nothing
    here, there = anchor_graph(vectors, anchors), anchor_graph(vectors + 4096, anchors + 4096)
    squares = ((vectors[:, None].astype(np.float64) - anchors[None]) ** 2).sum(axis=-1)
    assert (np.take_along_axis(squares, here.nearest, axis=1) == np.sort(squares, axis=1)[:, :5]).all()
    assert (np.take_along_axis(squares, there.nearest, axis=1) == np.sort(squares, axis=1)[:, :5]).all()


def test_blocks_of_videos_do_not_show(monkeypatch):
    vectors, found = cloud()
    monkeypatch.setattr("ssvh_lib.clustering.anchor_graph.BLOCK", 7 * 25)
    assert (anchor_graph(vectors, found.anchors).nearest == found.nearest).all()


@pytest.mark.parametrize("name", ["similar", "dissimilar"])
def test_partners_are_drawn_from_all_that_qualify_with_equal_chances(name):
    _, found = cloud()
    tags, tag = table_of(found), {"similar": 1, "dissimilar": 2}[name]
    row = int(np.argmax((tags == 2).sum(axis=1)))
    allowed = np.flatnonzero(tags[row] == tag)
    counts = Counter(getattr(found, name)(torch.full((60 * len(allowed),), row), generator()).tolist())
    assert sorted(counts) == allowed.tolist()
    assert 30 < min(counts.values()) <= max(counts.values()) < 100  # 60 each are expected; 4 to 5 deviations


def test_a_batch_of_draws_has_the_tags_it_says():
    _, found = cloud()
    tags = table_of(found)
    rows = np.tile(np.flatnonzero((tags == 2).any(axis=1)), 30)
    assert (found.tags(rows, found.similar(rows, generator())) == 1).all()
    assert (found.tags(rows, found.dissimilar(rows, generator())) == 2).all()
    partners, signs = found.pairs(torch.from_numpy(rows), generator())
    assert (found.tags(rows, partners) == np.where(signs > 0, 1, 2)).all()
    assert abs(signs.mean()) < 0.1
    assert partners.dtype == signs.dtype == np.int64


def test_without_videos_at_middle_distance_those_without_a_tag_are_dissimilar():
    """Two groups of five anchors each that share none: tags are 1 inside a group and 0 across."""
    near = np.array([np.roll(np.arange(5), place) for place in range(5)])
    found = Neighbours(np.zeros((10, 2), np.float32), np.concatenate([near, near + 5]))
    rows = np.repeat(np.arange(10), 50)
    assert set(np.unique(table_of(found))) == {0, 1}
    partners, signs = found.pairs(rows, generator())
    assert ((partners // 5 == rows // 5) == (signs > 0)).all()
    assert {0, 1, 2, 3, 4} == set(partners[(rows == 7) & (signs < 0)].tolist())
    assert (found.dissimilar(rows, generator()) // 5 != rows // 5).all()


@pytest.mark.parametrize("clusters", [1, 2, 3, 4])
def test_with_few_anchors_all_videos_are_similar_and_no_pair_says_otherwise(clusters):
    _, found = cloud(videos=12, clusters=clusters)
    assert found.nearest.shape == (12, clusters)
    rows = np.repeat(np.arange(12), 20)
    partners, signs = found.pairs(rows, generator())
    if clusters > 2:  # 3 of 4 always meet 3 of 4
        assert (signs == 1).all()
    assert (found.tags(rows, partners) == np.where(signs > 0, 1, 0)).all()
    assert found.dissimilar(rows, generator()).max() < 12


def test_equal_seeds_give_equal_draws():
    _, found = cloud()
    rows = torch.arange(120)
    one, same, other = (np.stack(found.pairs(rows, generator(seed))) for seed in (0, 0, 1))
    assert (one == same).all()
    assert (one != other).any()


def test_no_rows_are_no_trouble():
    _, found = cloud()
    assert [len(part) for part in found.pairs(torch.zeros(0, dtype=torch.long), generator())] == [0, 0]


def test_two_arrays_make_the_same_object_again():
    _, found = cloud()
    again = Neighbours(found.anchors, found.nearest)
    assert (
        np.stack(again.pairs(np.arange(120), generator())) == np.stack(found.pairs(np.arange(120), generator()))
    ).all()


def test_anchors_that_cannot_be_are_refused():
    with pytest.raises(ssvh.SSVHError, match="9 clusters"):
        neighbours_of(np.zeros((8, 2), np.float32), 9, np.random.default_rng(0))
    with pytest.raises(ssvh.SSVHError, match=r"need anchors \(M, d\)"):
        anchor_graph(np.zeros((8, 2), np.float32), np.zeros((3, 4), np.float32))
