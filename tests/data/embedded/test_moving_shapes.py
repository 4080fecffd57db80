"""The second embedded domain: what sets its videos apart from those of moving-digits, and what does not."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from ssvh_lib.data import EMBEDDED, PUBLISHED, TRANSFER
from ssvh_lib.data.embedded import moving_digits, moving_shapes

SHAPES = ["disc", "ring", "square", "triangle", "cross", "star", "arrow", "crescent", "heart", "hourglass"]


@pytest.fixture(scope="module")
def plan():
    return moving_shapes.make_plan("train", 120, np.random.default_rng(3))


def test_classes_are_ten_shapes_in_five_motions():
    assert [f"{shape} {motion}" for shape in SHAPES for motion in moving_digits.MOTIONS] == list(moving_shapes.CLASSES)


def test_no_shape_is_drawn_twice_nor_shared_by_training_and_query_videos():
    images = [image.tobytes() for pool, _ in moving_shapes.shape_pools().values() for image in pool]
    assert len(set(images)) == len(images) == 10 * (72 + 45)


@pytest.mark.parametrize("pool", ["train", "query"])
def test_videos_show_only_shapes_of_their_own_pool_and_of_their_class(pool):
    plan = moving_shapes.make_plan(pool, 200, np.random.default_rng(0))
    images, kinds = moving_shapes.shape_pools()[pool]
    known = {image.tobytes(): kind for image, kind in zip(images, kinds, strict=True)}
    assert [known[glyph.tobytes()] for glyph in plan.glyph] == list(plan.label // 5)


def test_a_drawn_square_covers_the_pixels_that_it_should():
    inner = moving_shapes._fill(np.array([[-0.625, -0.625], [0.625, -0.625], [0.625, 0.625], [-0.625, 0.625]]))
    assert (inner == np.pad(np.ones((8, 8)), 4)).all()  # the picture reaches from -1.25 to 1.25
    shifted = moving_shapes._fill(np.array([[-0.625, -0.625], [0.703125, -0.625], [0.703125, 0.625], [-0.625, 0.625]]))
    assert (shifted[4:12, 12] == 0.5).all()  # half a pixel more


def test_a_hole_is_empty_and_its_seam_invisible():
    square = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    holed = np.concatenate([square[[0, 1, 2, 3, 0]], square[[0, 1, 2, 3, 0]] / 2, square[:1]])
    assert (moving_shapes._fill(holed) == moving_shapes._fill(square) - moving_shapes._fill(square / 2)).all()


def test_every_shape_fits_its_picture(monkeypatch):
    outlines = []
    monkeypatch.setattr(moving_shapes, "_fill", lambda outline: outlines.append(outline) or np.zeros((16, 16)))
    moving_shapes.shape_pools.__wrapped__()  # without its cache
    assert len(outlines) == 10 * (72 + 45)
    assert max(np.abs(outline).max() for outline in outlines) < 1.25


def test_every_shape_has_soft_edges():
    for images, _ in moving_shapes.shape_pools().values():
        assert (((images > 0) & (images < 1)).mean(axis=(1, 2)) > 0.05).all()


def test_shapes_of_a_kind_are_more_alike_than_others_but_not_one_picture():
    images, kinds = moving_shapes.shape_pools()["train"]
    far = cdist(images.reshape(len(images), -1), images.reshape(len(images), -1), "cityblock") / 16**2
    same = (kinds[:, None] == kinds) & ~np.eye(len(kinds), dtype=bool)
    assert far[same].mean() < 0.6 * far[kinds[:, None] != kinds].mean()
    assert far[same].min() > 0.005


def test_a_shape_is_drawn_where_the_plan_says(plan):
    some = plan.part(slice(30))
    drawn = moving_shapes.render(replace(some, ink=np.zeros(30))).astype(float) - moving_shapes.render(some)
    mass = drawn.sum(axis=(2, 3))[some.informative]
    x = (drawn.sum(axis=2) * np.arange(32)).sum(axis=2)[some.informative] / mass
    y = (drawn.sum(axis=3) * np.arange(32)).sum(axis=2)[some.informative] / mass
    assert np.abs(np.c_[x, y] - some.centre[some.informative]).max() < 4  # pixels


def test_shapes_are_dark_on_bright_and_digits_bright_on_dark():
    for domain, sign in ((moving_digits, 1), (moving_shapes, -1)):
        plan = domain.make_plan("train", 50, np.random.default_rng(0))
        frames, without = domain.render(plan).astype(float), domain.render(replace(plan, ink=np.zeros(50)))
        assert (sign * (frames - without) >= 0).all()
        assert (sign * (127.5 - without.mean(axis=(2, 3))) > 0).all()


def test_backgrounds_are_bright_and_none_is_plain(plan):
    frames = moving_shapes.render(replace(plan, ink=np.zeros(120)))[~plan.informative] / 255
    assert frames.min() > 0.645
    assert frames.max() < 0.855
    assert (np.ptp(frames, axis=(1, 2)) > 0.03).all()


def test_about_half_of_the_backgrounds_are_stripes_along_which_nothing_changes(plan):
    """Of stripes all gradients point one way; of checks they point two ways."""
    frames = moving_shapes.render(replace(plan, ink=np.zeros(120)))[~plan.informative].astype(float)
    down, across = np.gradient(frames, axis=(1, 2))
    structure = np.moveaxis(
        np.array([[(a * b).mean(axis=(1, 2)) for a in (down, across)] for b in (down, across)]), -1, 0
    )
    weak, strong = np.linalg.eigvalsh(structure).T
    assert 0.4 < (weak < 0.1 * strong).mean() < 0.6


def test_smoke_has_the_sizes_of_its_sibling(built, smoke):
    for name, videos in built.parts().items():
        sibling = smoke.parts()[name]
        assert (len(videos), videos.frames, videos.size) == (len(sibling), sibling.frames, sibling.size)
        assert np.isfinite(videos.read()).all()
    assert (built.train.labels.sum(axis=0) == 5).all()
    assert built.classes == moving_shapes.CLASSES
    assert (built.name, built.preset, built.query_in_database) == ("moving-shapes-smoke", "smoke", False)


def test_the_videos_do_not_move_as_those_of_the_other_domain_do(built, smoke):
    for name, videos in built.parts().items():
        assert (videos.informative != smoke.parts()[name].informative).any(axis=1).mean() > 0.9


def test_both_domains_are_described_by_one_network(built, smoke):
    """The same picture has the same features, whichever dataset it is in: the CNN beside them gives both."""
    from ssvh_lib.data.embedded import build, still_cnn

    cnn = build.pretrained(built.root.with_name(build.NETWORK))
    for dataset in (built, smoke):
        frames, found = dataset.query.thumbnails[:10], dataset.query.read()[:10]
        np.testing.assert_allclose(still_cnn.features(cnn, frames), found, rtol=0, atol=1e-4 * found.max())


def test_a_video_finds_its_class_far_more_often_than_by_chance_and_far_from_always(built):
    """Mean features, compared by their cosine; the chance is one in fifty."""
    query, train = (videos.read().mean(axis=1) for videos in (built.query, built.train))
    alike = (query / np.linalg.norm(query, axis=1, keepdims=True)) @ (
        train / np.linalg.norm(train, axis=1, keepdims=True)
    ).T
    nearest = built.train.labels.argmax(axis=1)[np.argsort(-alike, axis=1)[:, :5]]
    assert 0.06 < (nearest == built.query.labels.argmax(axis=1)[:, None]).mean() < 0.6


def test_a_transfer_goes_from_a_known_dataset_to_another():
    known = {*EMBEDDED, *PUBLISHED}
    for trained, tested in TRANSFER.items():
        assert {trained, tested} <= known
        assert trained != tested
    assert TRANSFER["moving-digits"] == "moving-shapes"
