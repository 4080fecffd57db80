"""The basis of both domains: motions, cut-aways and rendering, and that pixels are the same everywhere."""

from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest

from ssvh_lib.data.embedded import generator, moving_digits, moving_shapes

DOMAINS = {"digits": moving_digits, "shapes": moving_shapes}
PIXELS = {
    "digits": "96eeda81da51ec04823c05fa491091e2e648f30fb26a100c51b6ac4f46f3be24",
    "shapes": "70a91687c57c92120089edfd87c8a475f423d699e70c4f989dd6ca90ad622b1b",
}


@pytest.fixture(scope="module", params=DOMAINS.values(), ids=DOMAINS)
def domain(request):
    return request.param


@pytest.fixture(scope="module")
def plan(domain):
    return domain.make_plan("train", 120, np.random.default_rng(3))


@pytest.mark.parametrize("videos", [50, 130])
def test_classes_are_as_equal_in_number_as_they_can_be(domain, videos):
    counts = np.bincount(domain.make_plan("query", videos, np.random.default_rng(1)).label, minlength=50)
    assert len(counts) == 50
    assert counts.max() - counts.min() == (videos % 50 > 0)


@pytest.mark.parametrize(
    ("motion", "changing"),
    {"across": {"x"}, "down": {"y"}, "circle": {"x", "y"}, "zoom": {"scale"}, "spin": {"angle"}}.items(),
)
def test_a_motion_changes_what_its_name_says_and_nothing_else(domain, plan, motion, changing):
    mine = np.flatnonzero(plan.label % 5 == generator.MOTIONS.index(motion))
    courses = {"x": plan.centre[..., 0], "y": plan.centre[..., 1], "scale": plan.scale, "angle": plan.angle}
    assert len(mine) == 24
    assert all(domain.CLASSES[label].endswith(motion) for label in plan.label[mine])
    for name, course in courses.items():
        moves = np.ptp(course[mine], axis=1)
        assert (moves > 0.5).all() if name in changing else (moves == 0).all()


def test_a_circle_is_a_circle(plan):
    circles = plan.centre[plan.label % 5 == generator.MOTIONS.index("circle")]
    for circle in circles:  # the points p with 2 p·c + (r² - |c|²) = |p|², for one centre c and radius r
        design = np.c_[2 * circle, np.ones(len(circle))]
        solution, residual, *_ = np.linalg.lstsq(design, (circle**2).sum(axis=1), rcond=None)
        assert residual == pytest.approx(0, abs=1e-9)
        assert 6.5 <= np.sqrt(solution[2] + solution[0] ** 2 + solution[1] ** 2) <= 9


def test_a_video_cuts_away_for_8_to_12_frames_in_1_to_3_runs(plan):
    fillers = (~plan.informative).sum(axis=1)
    starts = np.diff(np.pad(~plan.informative, ((0, 0), (1, 0))).astype(int), axis=1) == 1
    assert set(fillers) == {8, 9, 10, 11, 12}
    assert set(starts.sum(axis=1)) == {1, 2, 3}
    assert plan.informative.mean() == pytest.approx(0.6, abs=0.02)


def test_every_run_of_filler_frames_has_a_background_of_its_own(plan):
    assert ((plan.shot == 0) == plan.informative).all()
    for video, shots in enumerate(plan.shot):
        starts = np.flatnonzero(np.diff(np.r_[0, shots]) > 0)
        assert list(shots[starts]) == list(range(1, len(starts) + 1))
        assert len({texture.tobytes() for texture in plan.texture[video]}) == len(plan.texture[video])


def test_filler_frames_carry_no_glyph_and_informative_frames_do(domain, plan):
    some = plan.part(slice(30))
    with_ink, without = domain.render(some), domain.render(replace(some, ink=np.zeros(30)))
    assert ((with_ink != without).any(axis=(2, 3)) == some.informative).all()


@pytest.mark.parametrize("name", PIXELS)
def test_the_same_seed_renders_the_same_bytes_on_every_machine(name):
    domain = DOMAINS[name]
    frames = domain.render(domain.make_plan("query", 4, np.random.default_rng(7)))
    assert frames.shape == (4, 25, 32, 32)
    assert frames.dtype == np.uint8
    assert sha256(frames.tobytes()).hexdigest() == PIXELS[name]


def test_another_seed_renders_other_videos(domain):
    first, second = (domain.render(domain.make_plan("query", 4, np.random.default_rng(seed))) for seed in (7, 8))
    assert (first != second).any(axis=(1, 2, 3)).all()


def test_rendering_in_parts_changes_nothing(domain, plan):
    some = plan.part(slice(56))  # render itself takes 50 at a time
    parts = [domain.render(some.part(slice(start, start + 20))) for start in (0, 20, 40)]
    assert (np.concatenate(parts) == domain.render(some)).all()


@pytest.mark.parametrize(
    ("name", "part", "stream"),
    [("digits", "train", 2), ("digits", "query", 3), ("shapes", "train", 4), ("shapes", "query", 5)],
)
def test_thumbnails_labels_and_truth_on_disk_are_the_renderers(smoke, built, name, part, stream):
    domain, videos = DOMAINS[name], {"digits": smoke, "shapes": built}[name].parts()[part]
    plan = domain.make_plan(part, len(videos), np.random.default_rng([0, stream]))
    assert (videos.labels.argmax(axis=1) == plan.label).all()
    assert (videos.informative == plan.informative).all()
    some = slice(60, 80)
    assert (videos.thumbnails[some] == domain.render(plan.part(some))).all()
