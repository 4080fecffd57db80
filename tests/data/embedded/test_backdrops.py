"""Backdrops: what they look like, within which brightness they stay, and what belongs to a kind of scene."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ssvh_lib.data.embedded.backdrops import KINDS, PATTERNS, Scenes, SmoothNoise, Stripes, _sine

BACKDROPS = {"smooth noise": SmoothNoise(), "stripes": Stripes(0.25, 0.1), "scenes": Scenes(kinship=0.4)}
BANDS, CHECKS, WAVES, DOTS, LATTICE = PATTERNS
LINE, COLUMN = np.mgrid[:32, :32].astype(float)


@pytest.fixture(params=BACKDROPS.values(), ids=BACKDROPS)
def backdrop(request):
    return request.param


def draw(backdrop, videos, shots=1, seed=0):
    """Draw texture and scenes for videos of the classes 0, 1, 2 … 49 in turn."""
    return backdrop.draw(np.arange(videos) % 50, shots, np.random.default_rng(seed))


def render(backdrop, texture, column=COLUMN, line=LINE):
    """Render the brightness of textures ``(N, T, …)``, ``(N, T, 32, 32)``."""
    column, line = (np.broadcast_to(place, (*texture.shape[:2], 32, 32)) for place in (column, line))
    return backdrop.render(texture, column, line)


# Any backdrop


def test_a_shot_has_a_texture_of_its_own_and_a_kind(backdrop):
    texture, scene = draw(backdrop, 40, shots=3)
    assert texture.shape[:2] == scene.shape == (40, 3)
    assert len({one.tobytes() for video in texture for one in video}) == 120


def test_many_shots_are_rendered_as_each_of_them_is_alone(backdrop):
    texture, _ = draw(backdrop, 30, shots=2)
    together = render(backdrop, texture)
    for video, shot in np.ndindex(30, 2):
        alone = render(backdrop, texture[video : video + 1, shot : shot + 1])
        assert (together[video, shot] == alone[0, 0]).all()


def test_a_backdrop_is_a_function_of_the_place(backdrop):
    """So that it can drift: what is at a place stays there, whichever part of the picture that is."""
    texture, _ = draw(backdrop, 30)
    here, there = render(backdrop, texture), render(backdrop, texture, COLUMN + 5, LINE - 3)
    assert (here[..., :-3, 5:] == there[..., 3:, :-5]).all()


def test_a_backdrop_is_nowhere_plain_and_changes_smoothly(backdrop):
    brightness = render(backdrop, draw(backdrop, 200)[0])[:, 0]
    assert np.ptp(brightness, axis=(1, 2)).min() > 0.035
    assert max(np.abs(np.diff(brightness, axis=axis)).max() for axis in (1, 2)) < 0.1


@pytest.mark.parametrize(
    ("backdrop", "low", "high"),
    [(SmoothNoise(), 0.05, 0.45), (Stripes(0.25, 0.1), 0.15, 0.35), (Stripes(0.75, 0.1), 0.65, 0.85)],
)
def test_brightness_stays_within_its_limits_and_nearly_reaches_them(backdrop, low, high):
    brightness = render(backdrop, draw(backdrop, 200)[0])
    assert low <= brightness.min() < low + 0.03
    assert high - 0.03 < brightness.max() <= high


def test_the_last_bit_of_a_platforms_sine_reaches_no_backdrop(backdrop, other_platform):
    texture, _ = draw(backdrop, 100)
    here = render(backdrop, texture)
    other_platform()
    assert (render(backdrop, texture) == here).all()


# Stripes


def gradients(pictures):
    """Return the weaker and the stronger eigenvalue ``(N,)`` of the structure tensor, and its direction ``(N,)``.

    The direction is that in which the picture ``(N, 32, 32)`` changes, in half turns from right to down, -.5 to .5.
    """
    down, right = np.gradient(pictures, axis=(1, 2))
    xx, xy, yy = ((a * b).mean(axis=(1, 2)) for a, b in ((right, right), (right, down), (down, down)))
    spread = np.hypot((xx - yy) / 2, xy)
    return (xx + yy) / 2 - spread, (xx + yy) / 2 + spread, np.arctan2(2 * xy, xx - yy) / (2 * np.pi)


def test_about_half_of_the_patterns_are_stripes_along_which_nothing_changes():
    """Of stripes all gradients point one way; of checks they point two ways."""
    stripes = Stripes(0.25, 0.1)
    texture, _ = draw(stripes, 300)
    weak, strong, _ = gradients(render(stripes, texture)[:, 0])
    one_way = weak < 0.1 * strong
    assert 0.4 < one_way.mean() < 0.6
    assert (one_way == (texture[:, 0, 0] >= 0.5)).mean() > 0.9


def test_stripes_by_hand():
    """Upright stripes 8 pixels wide, of full contrast, that begin at zero: a sine of 16 pixels."""
    texture = np.array([0.9, 0.0, 0.5, 0.0, 1.0]).reshape(1, 1, 5)
    found = render(Stripes(0.5, 0.25), texture)[0, 0]
    np.testing.assert_allclose(found[7, [0, 4, 8, 12, 16]], [0.5, 0.75, 0.5, 0.25, 0.5], atol=1e-12)
    assert (found == found[:1]).all()


# Scenes


@pytest.mark.parametrize(("kinship", "share"), [(0, 1 / 20), (0.4, 0.4 + 0.6 / 20), (1, 1)])
def test_a_video_has_the_scene_of_its_class_as_often_as_its_kinship_says(kinship, share):
    label = np.arange(20_000) % 50
    _, scene = Scenes(kinship).draw(label, 3, np.random.default_rng(0))
    of_class = scene == (label % KINDS)[:, None]
    assert of_class[:, 0].mean() == pytest.approx(share, abs=0.015)  # 4 standard deviations are .0139 at most
    np.testing.assert_allclose(of_class[:, 1:].mean(axis=0), 1 / 20, atol=0.007)  # the cut-aways are of any kind
    counts = np.bincount(scene[~of_class], minlength=KINDS)
    assert len(counts) == KINDS
    if kinship < 1:
        np.testing.assert_allclose(counts / counts.sum(), 1 / 20, atol=0.015)


def test_scenes_without_kinship_do_not_know_the_class():
    classes = np.arange(100) % 50
    (texture, scene), (same, kinds) = (
        Scenes(kinship=0).draw(label, 2, np.random.default_rng(5)) for label in (classes, classes[::-1])
    )
    assert (texture == same).all()
    assert (scene == kinds).all()


def test_the_texture_of_a_scene_begins_with_its_kind():
    texture, scene = draw(BACKDROPS["scenes"], 400)
    assert (texture[..., 0] == scene).all()
    assert set(scene.ravel()) == set(range(20))


def own(kind, **changes):
    """Make the texture ``(1, 1, 9)`` of a scene of middling looks and even light."""
    names = ["coarseness", "direction", "column", "line", "light across", "light down", "brightness", "contrast"]
    values = dict.fromkeys(names, 0.5) | {"column": 0.0, "line": 0.0} | changes
    return np.array([kind, *values.values()]).reshape(1, 1, 9)


def test_bands_by_hand():
    """Kind 0: bands, half a period of 5 pixels, at .1 half turns; brightness .25, contrast .03 · 1.1."""
    found = render(Scenes(0), own(0))[0, 0]
    along = np.cos(0.1 * np.pi) * COLUMN + np.sin(0.1 * np.pi) * LINE
    np.testing.assert_allclose(found, 0.25 + 0.033 * np.sin(np.pi * along / 5), atol=1e-8)


def test_light_comes_from_one_side():
    """From the right at its strongest: the shade goes from -.25 · .2 at the left edge to .25 · .2 at the right."""
    even, lit = (render(Scenes(0), own(7, **light))[0, 0] for light in ({}, {"light across": 1.0}))
    np.testing.assert_allclose((lit - even)[:, [0, 31]], np.tile([-0.05, 0.05], (32, 1)), atol=1e-12)
    assert np.ptp(lit - even, axis=0).max() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("kind", range(4))
def test_a_kind_of_bands_has_a_direction_and_a_coarseness(kind):
    rng = np.random.default_rng(kind)
    texture = np.concatenate([own(kind, **dict.fromkeys(("coarseness", "direction", "column"), 0.0))] * 50)
    texture[:, 0, 1:4] = rng.uniform(0, 1, (50, 3))
    pictures = render(Scenes(0), texture)[:, 0]
    _, strong, direction = gradients(pictures)
    turn = (0.1, 0.6)[kind % 2]
    off = (direction - turn + 0.5) % 1 - 0.5  # half turns; a band has no front
    assert np.abs(off).max() < 0.08 + 0.03
    assert np.ptp(off) > 0.08
    # A sine of contrast .033 has gradients of mean square (.033 π / half)² / 2, so that they tell half the period.
    half = 0.033 * np.pi / np.sqrt(2 * strong)
    low, high = (np.array([0.85, 1.15]) * (5, 9)[kind // 2]).tolist()
    assert 0.9 * low < half.min() < half.max() < 1.1 * high
    assert np.ptp(half) > 0.5 * (high - low)


def test_scenes_of_one_kind_are_never_the_same_picture():
    texture, scene = draw(BACKDROPS["scenes"], 600)
    pictures = np.round(255 * render(BACKDROPS["scenes"], texture)[:, 0])
    for kind in range(20):
        alike = pictures[scene[:, 0] == kind].reshape(-1, 32 * 32)
        far = np.abs(alike[:, None] - alike[None]).mean(axis=2) + 255 * np.eye(len(alike))
        assert far.min() > 1  # levels of 255 for a pixel


def test_no_scene_is_clipped_without_a_glyph():
    """All corners of brightness, contrast and light, at all places to which a drift of .25 can lead."""
    rng = np.random.default_rng(0)
    corners = np.stack(np.meshgrid(*[[0.0, 1.0]] * 4, indexing="ij"), axis=-1).reshape(-1, 4)
    kinds = np.repeat(np.arange(20), len(corners))
    own_numbers = np.c_[kinds, rng.uniform(0, 1, (len(kinds), 4)), np.tile(corners, (20, 1))]
    for shift_x in (-6, 0, 6):  # 24 frames of .25 pixels
        for shift_y in (-6, 0, 6):
            brightness = render(Scenes(0), own_numbers[:, None], COLUMN + shift_x, LINE + shift_y)
            assert 0 < brightness.min() < brightness.max() < 0.5


@pytest.mark.parametrize("pattern", PATTERNS, ids=["bands", "checks", "waves", "dots", "lattice"])
@given(places=arrays(float, (2, 4), elements=st.floats(-50, 50)))
def test_patterns_stay_within_minus_one_and_one(pattern, places):
    assert np.abs(pattern(*places)).max() <= 1


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [(BANDS, [1, -1, 1, 0]), (CHECKS, [1, -1, -1, 0]), (DOTS, [1, -1, -1, -1]), (LATTICE, [1, 1, 1, 0])],
    ids=["bands", "checks", "dots", "lattice"],
)
def test_patterns_by_hand(pattern, expected):
    """Where both directions are highest, where one of them is lowest, then the other, and where both are at rest."""
    assert pattern(np.array([0.5, 1.5, 0.5, 0.0]), np.array([0.5, 0.5, 1.5, 0.0])).tolist() == expected


def test_waves_are_bands_that_swing_as_the_other_direction_goes_on():
    swings = np.array([0.0, 0.7, -0.7])  # half periods
    found = WAVES(np.full(3, 0.5), np.array([0.0, 1.0, 3.0]))
    np.testing.assert_allclose(found, np.sin(np.pi * (0.5 + swings)), atol=1e-8)


def test_patterns_are_not_alike():
    a, b = COLUMN / 5, LINE / 5
    drawn = np.stack([pattern(a, b).ravel() for pattern in PATTERNS])
    assert np.abs(np.corrcoef(drawn) - np.eye(5)).max() < 0.8


@given(arrays(float, 20, elements=st.floats(-50, 50)))
def test_a_sine_has_nine_decimals(half_turns):
    found = _sine(half_turns)
    assert (found == np.round(found, 9)).all()
    np.testing.assert_allclose(found, np.sin(np.pi * half_turns), atol=0.51e-9)


def test_a_sine_is_exact_where_that_of_a_platform_is_not():
    assert _sine(np.array([0.0, 0.5, 1.0, 1.5, 2.0, 51.0])).tolist() == [0, 1, 0, -1, 0, 0]
