"""Stories: the motions, the cut-aways and the orders of shots, by what they promise to any world."""

from itertools import groupby, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssvh_lib.data.embedded.stories import MOTIONS, OneGlyph, Order, Pace

LIVELY, CALM = Pace(), Pace(periods=(0.3, 0.6), reach=(2.5, 4.5))


def runs_of(values):
    """Return the runs of equal values as pairs (value, length)."""
    return [(value, len(list(run))) for value, run in groupby(values)]


# One glyph


def moving(pace):
    """Return the courses of 24 videos for each of the five motions."""
    return OneGlyph(MOTIONS, cutaways=(8, 12), runs=(1, 3), pace=pace).draw(120, 10, np.random.default_rng(3))


@pytest.mark.parametrize("pace", [LIVELY, CALM], ids=["lively", "calm"])
@pytest.mark.parametrize(
    ("motion", "changing"),
    {"across": {"x"}, "down": {"y"}, "circle": {"x", "y"}, "zoom": {"scale"}, "spin": {"angle"}}.items(),
)
def test_a_motion_changes_what_its_name_says_and_nothing_else(pace, motion, changing):
    course = moving(pace)
    mine = np.flatnonzero(course.label % 5 == MOTIONS.index(motion))
    paths = {"x": course.centre[..., 0], "y": course.centre[..., 1], "scale": course.scale, "angle": course.angle}
    assert len(mine) == 24
    for name, path in paths.items():
        moves = np.ptp(path[mine], axis=1)
        assert (moves > 0.1).all() if name in changing else (moves == 0).all()


@pytest.mark.parametrize("pace", [LIVELY, CALM], ids=["lively", "calm"])
def test_a_circle_is_a_circle_of_the_reach(pace):
    course = moving(pace)
    for circle in course.centre[course.label % 5 == MOTIONS.index("circle")]:
        # The points p with 2 p·c + (r² - |c|²) = |p|², for one centre c and radius r.
        design = np.c_[2 * circle, np.ones(len(circle))]
        solution, residual, *_ = np.linalg.lstsq(design, (circle**2).sum(axis=1), rcond=None)
        assert residual == pytest.approx(0, abs=1e-9)
        radius = np.sqrt(solution[2] + solution[0] ** 2 + solution[1] ** 2)
        assert pace.reach[0] <= radius <= pace.reach[1]


def test_a_lively_glyph_goes_its_whole_way_within_a_video_and_a_calm_one_does_not():
    for motion, axis in (("across", 0), ("down", 1)):
        ways = []
        for pace in (LIVELY, CALM):
            course = moving(pace)
            ways.append(np.ptp(course.centre[course.label % 5 == MOTIONS.index(motion), :, axis], axis=1))
        # A whole period reaches 6.5 to 9 pixels to either side; 25 frames miss the turning point by 3 % at most.
        assert 0.97 * 2 * 6.5 < ways[0].min() < ways[0].max() <= 2 * 9
        # Three periods in ten pass between 1 - cos(.3 π) = .41 of the reach, .41 · 2.5 = 1.03, and all of it twice.
        assert 1.03 < ways[1].min() < ways[1].max() <= 2 * 4.5


def test_a_glyph_is_never_out_of_the_picture():
    course = moving(LIVELY)
    half = 0.5 * 14 * course.scale
    for axis in range(2):
        assert (course.centre[..., axis] + half > 4).all()
        assert (course.centre[..., axis] - half < 27).all()


def test_glyphs_spin_both_ways_and_zoom_by_45_percent():
    course = moving(LIVELY)
    motion = course.label % 5
    steps = np.diff(course.angle[motion == MOTIONS.index("spin")], axis=1)
    turning = np.sign(np.median(steps, axis=1))  # the median, as the phase jumps back after a whole turn
    assert set(turning) == {-1, 1}
    zooms = np.ptp(course.scale[motion == MOTIONS.index("zoom")], axis=1)
    assert 0.97 * 0.9 < zooms.min() < zooms.max() <= 0.9


@st.composite
def cut_stories(draw):
    """A story of one glyph with any cut-aways that 25 frames have room for."""
    low = draw(st.integers(1, 22))
    high = draw(st.integers(low, 22))
    few = draw(st.integers(1, 3))
    return OneGlyph(MOTIONS, (low, high), (few, draw(st.integers(few, 3))))


@given(cut_stories(), st.integers(0, 99))
def test_cut_aways_are_as_long_and_as_many_as_the_story_says_and_each_is_a_shot(story, seed):
    course = story.draw(10, 10, np.random.default_rng(seed))
    for shows, shot in zip(course.shows, course.shot, strict=True):
        away = (shows == -1).sum()
        runs = [length for shown, length in runs_of(shows) if shown == -1]
        assert set(shows) <= {-1, 0}
        assert story.cutaways[0] <= away <= story.cutaways[1]
        assert min(away, story.runs[0]) <= len(runs) <= min(away, story.runs[1])
        assert ((shot == 0) == (shows == 0)).all()
        assert [number for number, _ in runs_of(shot[shot > 0])] == list(range(1, len(runs) + 1))


def test_every_number_of_cut_aways_and_of_runs_comes_up():
    course = moving(LIVELY)
    assert set((course.shows < 0).sum(axis=1)) == {8, 9, 10, 11, 12}
    assert set(course.shot.max(axis=1)) == {1, 2, 3}
    assert (course.shows == 0).mean() == pytest.approx(0.6, abs=0.02)


def test_every_frame_may_be_cut_away_and_none_must():
    course = OneGlyph(MOTIONS, (8, 12), (1, 3)).draw(1000, 10, np.random.default_rng(0))
    share = (course.shows < 0).mean(axis=0)
    assert share.min() > 0.1
    assert share.max() < 0.6


def test_classes_of_one_glyph_are_its_kind_and_its_motion():
    several = OneGlyph(("across", "spin"), (8, 12), (1, 3))
    assert several.classes(("a", "b")) == ("a across", "a spin", "b across", "b spin")
    course = several.draw(40, 2, np.random.default_rng(0))
    assert (course.kind[:, 0] == course.label // 2).all()
    spinning = np.ptp(course.angle, axis=1) > 0
    assert (spinning == (course.label % 2 == 1)).all()


def test_a_single_motion_is_no_part_of_the_name_of_a_class():
    story = OneGlyph(("down",), (8, 12), (1, 3))
    assert story.classes(("a", "b")) == ("a", "b")
    course = story.draw(20, 2, np.random.default_rng(0))
    assert (course.kind[:, 0] == course.label).all()
    assert (np.ptp(course.centre[..., 1], axis=1) > 1).all()


# Order


def test_classes_of_an_order_are_the_orders_of_the_first_kinds():
    assert Order(3, 1).classes(("a", "b", "c", "d")) == ("a b c", "a c b", "b a c", "b c a", "c a b", "c b a")


@given(st.integers(2, 4), st.integers(0, 1), st.integers(0, 99))
def test_the_class_is_the_order_in_which_every_kind_has_one_run(shots, jitter, seed):
    names = Order(shots, jitter).classes(tuple("abcdefghij"))
    course = Order(shots, jitter).draw(30, 10, np.random.default_rng(seed))
    for video in range(30):
        shown = course.kind[video][course.shows[video]]
        assert "".join("abcdefghij"[kind] for kind, _ in runs_of(shown)) == names[course.label[video]].replace(" ", "")


def test_the_four_shots_of_25_frames_are_cut_at_6_12_and_19_or_a_frame_beside():
    course = Order(shots=4, jitter=1).draw(2000, 10, np.random.default_rng(0))
    changes = [tuple(np.flatnonzero(np.diff(shows)) + 1) for shows in course.shows]
    assert set(changes) == set(product((5, 6, 7), (11, 12, 13), (18, 19, 20)))  # all 27 of them lie within the video


def test_an_order_without_jitter_is_cut_at_the_same_frames_in_every_video():
    course = Order(shots=4, jitter=0).draw(48, 10, np.random.default_rng(0))
    assert (course.shows == np.repeat([0, 1, 2, 3], [6, 6, 7, 6])).all()


def test_the_time_of_a_shot_depends_on_its_place_and_not_on_the_class():
    course = Order(shots=4, jitter=1).draw(24 * 200, 10, np.random.default_rng(0))
    frames = (course.shows[..., None] == np.arange(4)).sum(axis=1)  # (N, place)
    for label in range(24):
        np.testing.assert_allclose(frames[course.label == label].mean(axis=0), [6, 6, 7, 6], atol=0.3)
    for video in range(100):
        kinds = np.bincount(course.kind[video][course.shows[video]], minlength=4)
        assert (kinds[course.kind[video]] == frames[video]).all()


def test_an_order_has_one_backdrop_and_moves_across():
    course = Order(shots=4, jitter=1).draw(48, 10, np.random.default_rng(0))
    assert (course.shot == 0).all()
    assert (np.ptp(course.centre[..., 0], axis=1) > 10).all()
    assert (np.ptp(course.centre[..., 1], axis=1) == 0).all()


# Any story

STORIES = {
    "one glyph": OneGlyph(MOTIONS, (8, 12), (1, 3)),
    "one motion": OneGlyph(("down",), (2, 2), (1, 1)),
    "order": Order(3, 1),
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
@given(videos=st.integers(1, 130), kinds=st.integers(3, 10))
def test_classes_are_as_equal_in_number_as_they_can_be(story, videos, kinds):
    classes = len(story.classes(tuple("abcdefghij"[:kinds])))
    counts = np.bincount(story.draw(videos, kinds, np.random.default_rng(1)).label, minlength=classes)
    assert len(counts) == classes
    assert counts.max() - counts.min() == (videos % classes > 0)


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_classes_come_in_random_order(story):
    labels = [story.draw(90, 10, np.random.default_rng(seed)).label for seed in (0, 0, 1)]
    assert (labels[0] == labels[1]).all()
    assert (labels[0] != labels[2]).mean() > 0.5
    assert (np.diff(labels[0]) < 0).mean() > 0.3


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_the_last_bit_of_a_platforms_sine_reaches_no_plan(story, other_platform):
    here = story.draw(60, 10, np.random.default_rng(0))
    other_platform()
    there = story.draw(60, 10, np.random.default_rng(0))
    for name, values in here._asdict().items():
        assert (values == getattr(there, name)).all(), name
