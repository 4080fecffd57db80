"""Glyphs: the pools of digits and of drawn shapes, and drawing from them."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.datasets import load_digits

from ssvh_lib.data.embedded import shapes
from ssvh_lib.data.embedded.digits import DIGITS
from ssvh_lib.data.embedded.glyphs import Glyphs
from ssvh_lib.data.embedded.shapes import SHAPES


def as_set(images):
    return {image.tobytes() for image in images}


# Drawing


def test_drawn_glyphs_are_of_the_pool_and_the_kinds_asked_for():
    images = np.arange(5.0)[:, None, None] * np.ones((2, 2))
    glyphs = Glyphs(
        ("a", "b"), lambda: {"train": (images, np.array([0, 0, 1, 1, 1])), "query": (-images, np.arange(5))}
    )
    kind = np.tile([[0, 1, 1]], (50, 1))
    drawn = glyphs.draw("train", kind, np.random.default_rng(0))
    assert drawn.shape == (50, 3, 2, 2)
    assert set(drawn[:, 0].ravel()) == {0, 1}
    assert set(drawn[:, 1:].ravel()) == {2, 3, 4}
    assert glyphs.draw("query", np.array([[3]]), np.random.default_rng(0)).tolist() == [[[[-3, -3], [-3, -3]]]]


@pytest.mark.parametrize("glyphs", [DIGITS, SHAPES], ids=["digits", "shapes"])
@pytest.mark.parametrize("pool", ["train", "query"])
def test_every_glyph_of_a_pool_may_be_drawn_and_none_of_another(glyphs, pool):
    images, kinds = glyphs.pools()[pool]
    kind = np.arange(8000).reshape(-1, 1) % 10
    drawn = glyphs.draw(pool, kind, np.random.default_rng(0))[:, 0]
    assert as_set(drawn) == as_set(images)
    known = {image.tobytes(): kind for image, kind in zip(images, kinds, strict=True)}
    assert [known[glyph.tobytes()] for glyph in drawn] == list(kind[:, 0])


# Digits


def test_the_pools_are_disjoint_and_together_are_all_1797_digits():
    images = {name: as_set(pool) for name, (pool, _) in DIGITS.pools().items()}
    assert sum(map(len, images.values())) == 1797
    assert set.union(*images.values()) == as_set(load_digits().images / 16)
    for name, share in {"stills": 0.35, "train": 0.40, "query": 0.25}.items():
        assert len(images[name]) == pytest.approx(share * 1797, abs=10)


def test_every_pool_says_which_digit_an_image_shows():
    bunch = load_digits()
    truth = {image.tobytes(): digit for image, digit in zip(bunch.images / 16, bunch.target, strict=True)}
    for images, digits in DIGITS.pools().values():
        assert [truth[image.tobytes()] for image in images] == list(digits)
        assert set(digits) == set(range(10))


def test_digits_are_called_by_their_figures():
    assert DIGITS.kinds == tuple("0123456789")


# Shapes


def test_there_are_ten_kinds_of_shapes():
    assert " ".join(SHAPES.kinds) == "disc ring square triangle cross star arrow crescent heart hourglass"
    for images, kinds in SHAPES.pools().values():
        assert images.shape[1:] == (16, 16)
        assert len(set(np.bincount(kinds, minlength=10))) == 1


def test_no_shape_is_drawn_twice_nor_shared_by_training_and_query_videos():
    images = [image.tobytes() for pool, _ in SHAPES.pools().values() for image in pool]
    assert len(set(images)) == len(images) == 10 * (72 + 45)


def test_a_drawn_square_covers_the_pixels_that_it_should():
    inner = shapes._fill(np.array([[-0.625, -0.625], [0.625, -0.625], [0.625, 0.625], [-0.625, 0.625]]))
    assert (inner == np.pad(np.ones((8, 8)), 4)).all()  # the picture reaches from -1.25 to 1.25
    wider = shapes._fill(np.array([[-0.625, -0.625], [0.703125, -0.625], [0.703125, 0.625], [-0.625, 0.625]]))
    assert (wider[4:12, 12] == 0.5).all()  # half a pixel more


def test_a_hole_is_empty_and_its_seam_invisible():
    square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    holed = np.concatenate([square[[0, 1, 2, 3, 0]], square[[0, 1, 2, 3, 0]] / 2, square[:1]])
    assert (shapes._fill(holed) == shapes._fill(square) - shapes._fill(square / 2)).all()


def drawn_outlines(monkeypatch):
    """Return the outlines ``(P, 2)`` of all shapes, as they are filled."""
    outlines = []
    with monkeypatch.context() as patch:
        patch.setattr(shapes, "_fill", lambda outline: outlines.append(outline) or np.zeros((16, 16)))
        shapes.shape_pools.__wrapped__()  # without its cache
    assert len(outlines) == 10 * (72 + 45)
    return outlines


def test_every_shape_fits_its_picture(monkeypatch):
    assert max(np.abs(outline).max() for outline in drawn_outlines(monkeypatch)) < 1.25


def test_every_shape_has_soft_edges():
    for images, _ in SHAPES.pools().values():
        assert (((images > 0) & (images < 1)).mean(axis=(1, 2)) > 0.05).all()


def test_shapes_of_a_kind_are_more_alike_than_others_but_not_one_picture():
    images, kinds = SHAPES.pools()["train"]
    far = cdist(images.reshape(len(images), -1), images.reshape(len(images), -1), "cityblock") / 16**2
    same = (kinds[:, None] == kinds) & ~np.eye(len(kinds), dtype=bool)
    assert far[same].mean() < 0.6 * far[kinds[:, None] != kinds].mean()
    assert far[same].min() > 0.005


def test_the_last_bit_of_a_platforms_sine_reaches_no_shape(other_platform, monkeypatch):
    outlines = [drawn_outlines(monkeypatch)]
    other_platform()
    outlines.append(drawn_outlines(monkeypatch))
    for here, there in zip(*outlines, strict=True):
        assert (here == there).all()
