"""The generator: small plans worked out by hand, and fast formulas against naive loops; no world is needed for it."""

from dataclasses import replace
from math import cos, floor, sin

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ssvh_lib.data.embedded import generator
from ssvh_lib.data.embedded.generator import Plan, bilinear, render

INK = 204  # a plain glyph over the plain backdrop: 255 * (.2 + .6)
PAPER = 51  # 255 * .2


class Plain:
    """A backdrop of one brightness, which is its texture ``(N, S, 1, 1)``."""

    def render(self, texture, column, line):
        return np.broadcast_to(texture, column.shape).copy()


class Ramp:
    """A backdrop that is 5 of 255 brighter with every pixel to the right, and 2 with every line down."""

    def render(self, texture, column, line):
        return (5 * column + 2 * line) / 255


def one_video(shows=(0,), **changes):
    """Plan one video: a plain square of 14 pixels in the middle of every frame that shows it."""
    frames = len(shows)
    plan = {
        "label": [0],
        "kind": [[4]],
        "glyph": np.ones((1, 1, 14, 14)),
        "shows": [shows],
        "centre": np.full((1, frames, 2), 15.5),
        "scale": np.ones((1, frames)),
        "angle": np.zeros((1, frames)),
        "ink": [0.6],
        "shot": np.zeros((1, frames), int),
        "texture": np.full((1, 1, 1, 1), 0.2),
        "scene": [[0]],
        "drift": np.zeros((1, 2)),
        "filler": np.zeros((1, frames), bool),
        "noise": [5],
    }
    return Plan(**{name: np.asarray(value) for name, value in (plan | changes).items()})


def picture(**changes):
    """Render the only frame of a plan."""
    return render(one_video(**changes), Plain())[0, 0]


# The glyph


def test_a_glyph_covers_the_pixels_around_its_centre():
    expected = np.full((32, 32), PAPER)
    expected[9:23, 9:23] = INK
    assert (picture() == expected).all()


def test_a_frame_that_shows_nothing_is_the_backdrop():
    frames = render(one_video(shows=(0, -1)), Plain())
    assert (frames[0, 0] == picture()).all()
    assert (frames[0, 1] == PAPER).all()


def test_a_glyph_follows_its_centre():
    centre = np.array([[[15.5 + 6, 15.5 - 4]]])
    assert (picture(centre=centre) == np.roll(picture(), (-4, 6), axis=(0, 1))).all()


def test_a_glyph_of_half_the_scale_has_half_the_side_and_soft_edges():
    found = picture(scale=np.array([[0.5]]))
    expected = np.full((32, 32), PAPER)
    expected[12:20, 12:20] = 89  # corners: 255 * (.2 + .6 / 4)
    expected[13:19, 12:20] = expected[12:20, 13:19] = 128  # edges: 255 * (.2 + .6 / 2)
    expected[13:19, 13:19] = INK
    assert (found == expected).all()


def test_a_quarter_of_a_turn_is_clockwise(rng):
    glyph = rng.random((1, 1, 8, 8))
    turned = picture(glyph=glyph, angle=np.array([[np.pi / 2]]))
    assert (turned == np.rot90(picture(glyph=glyph), -1)).all()


@pytest.mark.parametrize(("ink", "level"), [(-0.1, 26), (0.0, PAPER), (0.5, 178), (0.9, 255), (-0.3, 0)])
def test_ink_is_added_to_the_backdrop_and_what_is_too_much_is_clipped(ink, level):
    assert picture(ink=[ink])[15, 15] == level


def test_every_frame_shows_the_glyph_that_the_plan_names():
    glyph = np.stack([np.ones((14, 14)), np.full((14, 14), 0.5)])[None]
    frames = render(one_video(shows=(1, 0, -1, 1), kind=[[4, 2]], glyph=glyph), Plain())
    assert list(frames[0, :, 15, 15]) == [128, INK, PAPER, 128]


def naive_glyph(image, centre, scale, angle):
    """Draw one glyph pixel by pixel: look each of them up in the image, which is turned and scaled about its centre."""
    side = len(image)
    drawn = np.zeros((32, 32))
    for y in range(32):
        for x in range(32):
            dx, dy = (x - centre[0]) / (14 * scale), (y - centre[1]) / (14 * scale)
            column = (cos(angle) * dx + sin(angle) * dy) * side + (side - 1) / 2
            line = (cos(angle) * dy - sin(angle) * dx) * side + (side - 1) / 2
            left, top = floor(column), floor(line)
            for i, j in ((top, left), (top, left + 1), (top + 1, left), (top + 1, left + 1)):
                if 0 <= i < side and 0 <= j < side:
                    drawn[y, x] += image[i, j] * (1 - abs(line - i)) * (1 - abs(column - j))
    return drawn


@pytest.mark.parametrize("side", [8, 16])
def test_glyphs_are_those_of_a_naive_loop_over_pixels(side, rng):
    plan = one_video(
        shows=(0,) * 5,
        glyph=rng.random((1, 1, side, side)),
        centre=rng.uniform(4, 28, (1, 5, 2)),
        scale=rng.uniform(0.5, 1.6, (1, 5)),
        angle=rng.uniform(-7, 7, (1, 5)),
    )
    for frame, pixels in enumerate(render(plan, Plain())[0]):
        glyph = naive_glyph(plan.glyph[0, 0], plan.centre[0, frame], plan.scale[0, frame], plan.angle[0, frame])
        np.testing.assert_allclose(pixels, 255 * (0.2 + 0.6 * glyph), rtol=0, atol=0.5 + 1e-5)  # rounded to a level


def test_the_last_bit_of_a_platforms_sine_reaches_no_glyph(rng, other_platform):
    y, x = np.mgrid[:32, :32].astype(float)
    plan = one_video(shows=(0,) * 50, glyph=rng.random((1, 1, 8, 8)), angle=rng.uniform(-7, 7, (1, 50)))
    here = generator._glyph(plan, x, y)
    other_platform()
    assert (generator._glyph(plan, x, y) == here).all()


# The backdrop


def test_a_backdrop_moves_by_its_drift_with_every_frame():
    frames = render(one_video(shows=(-1,) * 3, drift=[[0.4, -1.5]]), Ramp())[0].astype(int)
    y, x = np.mgrid[:32, :32]
    for frame in range(3):
        expected = 5 * x + 2 * y + (5 * 0.4 - 2 * 1.5) * frame
        assert (frames[frame] == expected.clip(0)).all()


def test_every_frame_has_the_backdrop_of_its_shot():
    texture = np.array([0.2, 0.4, 0.6]).reshape(1, 3, 1, 1)
    plan = one_video(shows=(-1,) * 4, shot=[[0, 2, 1, 0]], texture=texture, scene=[[0, 0, 0]])
    assert [set(frame.ravel()) for frame in render(plan, Plain())[0]] == [{51}, {153}, {102}, {51}]


# Filler


def noisy(**changes):
    plan = one_video(shows=(0, -1, -1, 0, -1), filler=[[False, True, True, False, True]], **changes)
    return render(plan, Ramp())[0]


def test_filler_hides_the_backdrop_and_nothing_else():
    plan = one_video(shows=(0, -1, -1, 0, -1))
    clear, covered = render(plan, Ramp())[0], noisy()
    assert (covered[[0, 3]] == clear[[0, 3]]).all()
    moved = noisy(drift=[[3.0, 3.0]])
    assert (covered[[1, 2, 4]] == moved[[1, 2, 4]]).all()
    assert (covered[3] != moved[3]).any()


def test_filler_is_drawn_anew_for_every_frame_from_the_videos_own_seed():
    first, again, other = noisy(), noisy(), noisy(noise=[6])
    assert (first == again).all()
    assert len({frame.tobytes() for video in (first, other) for frame in video[[1, 2, 4]]}) == 6


def test_filler_is_smooth_noise_over_the_whole_range_of_brightness():
    plan = one_video(shows=(-1,) * 200, filler=np.ones((1, 200), bool))
    frames = render(plan, Plain()).astype(float)
    assert frames.mean() == pytest.approx(127.5, abs=2)
    assert frames.min() < 5
    assert frames.max() > 250
    unlike = [np.abs(frames[..., step:] - frames[..., :-step]).mean() for step in (1, 8)]
    assert unlike[0] < 0.6 * unlike[1]


def test_the_noise_of_a_video_does_not_depend_on_the_videos_beside_it():
    plan = one_video(shows=(-1, -1), filler=[[True, True]])
    three = Plan(**{name: np.concatenate([values] * 3) for name, values in vars(plan).items()})
    frames = render(replace(three, noise=np.array([9, 5, 8])), Plain())
    assert (frames[1] == render(plan, Plain())[0]).all()
    assert (frames[0] != frames[2]).any()


# The truth


def test_the_truth_names_what_every_frame_shows():
    plan = one_video(
        shows=(0, -1, 1, -1),
        kind=[[3, 7]],
        glyph=np.ones((1, 2, 8, 8)),
        shot=[[0, 1, 0, 1]],
        scene=[[5, 9]],
        filler=[[False, False, False, True]],
    )
    shown = plan.shown()
    assert shown.glyph.tolist() == [[3, -1, 7, -1]]
    assert shown.scene.tolist() == [[5, 9, 5, -1]]
    assert shown.glyph.dtype == shown.scene.dtype == np.int8


# Interpolation


def naive_bilinear(image, column, line):
    """Add up all points of a grid, each weighted by how near it is: a tent one pixel wide to each side."""
    top = len(image) - 1
    column, line = min(max(column, 0), top), min(max(line, 0), top)
    points = [(i, j) for i in range(top + 1) for j in range(top + 1)]
    return sum(image[i, j] * max(0, 1 - abs(line - i)) * max(0, 1 - abs(column - j)) for i, j in points)


@st.composite
def images_and_places(draw):
    """Two videos of two frames, of any size from 2 x 2, and 3 x 2 places in and around each image."""
    side = draw(st.integers(2, 6))
    image = draw(arrays(float, (2, 2, side, side), elements=st.floats(0, 1)))
    places = st.one_of(st.floats(-2, side + 1), st.integers(-1, side).map(float))
    column, line = (draw(arrays(float, (2, 2, 3, 2), elements=places)) for _ in range(2))
    return image, column, line


@given(images_and_places())
def test_bilinear_is_the_naive_sum_over_all_points(given_):
    image, column, line = given_
    found = bilinear(image, column, line)
    for place in np.ndindex(*column.shape):
        expected = naive_bilinear(image[place[:2]], column[place], line[place])
        assert found[place] == pytest.approx(expected, abs=1e-12)


def test_bilinear_by_hand():
    image = np.array([[0.0, 1.0], [2.0, 5.0]])[None, None]
    places = np.array([[0, 0], [1, 0], [0, 1], [1, 1], [0.5, 0], [0.5, 0.5], [0.25, 1], [-3, 9]]).T.reshape(
        2, 1, 1, 2, 4
    )
    assert bilinear(image, *places).ravel().tolist() == [0, 1, 2, 5, 0.5, 2, 2.75, 2]
