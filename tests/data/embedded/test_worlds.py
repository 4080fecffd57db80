"""The worlds: the bytes of their pixels, which are fixed, what holds for all of them and what each of them promises."""

from dataclasses import replace
from hashlib import sha256
from itertools import permutations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import chi2_contingency

import ssvh_lib as ssvh
from ssvh_lib.data.embedded import shapes, still_cnn
from ssvh_lib.data.embedded.backdrops import Scenes
from ssvh_lib.data.embedded.build import pretrained
from ssvh_lib.data.embedded.digits import DIGITS
from ssvh_lib.data.embedded.generator import CHUNK, render
from ssvh_lib.data.embedded.stories import MOTIONS
from ssvh_lib.data.embedded.worlds import DIGITS_ALONE, DIGITS_AND_SCENES, SIZES, WORLDS

PIXELS = {  # of four videos; a recipe is never changed, so neither are these
    "moving-digits": "96eeda81da51ec04823c05fa491091e2e648f30fb26a100c51b6ac4f46f3be24",
    "moving-scenes": "e59c43514ae626cb26a1b2fd2c5ed6166859e5a4956fa4586c912988a5aa49fd",
    "needle": "fa701be55824b5cc13cf4316cc7876fa5647729d512cbd93d621a2e107d27049",
    "order": "e9a646b47d5902989afff57834d922b7c9de49db11f9d12242151310b29f4a2d",
    "noisy-screen": "f40f210e7c17baf337e8cced133a8378cb68d88cec12929fea5e4757e68a712f",
    "moving-shapes": "54ada2b07a8ebfb7bd575e6be09b3456e015884e83f187eb6be673f3e13f0c00",
}
STILLS = {  # of twenty pictures from which a CNN learns
    "still-cnn": "e4e54bfaa2b3a5d18de62800eeb9604e34bda9efb348464c00bfc8b616ba2230",
    "still-cnn-scenes": "05e12088f77461b80afb38391240badb7499b25d9324fcb0200c10ff7006876d",
}
UNRELATED = ("needle", "order", "noisy-screen")  # worlds whose scenes know nothing of the class


@pytest.fixture(scope="module", params=WORLDS.values(), ids=WORLDS)
def world(request):
    return request.param


@pytest.fixture(scope="module")
def plan(world):
    return world.plan("train", 120, np.random.default_rng(3))


def plan_of(name, videos=400, pool="train", seed=3):
    return WORLDS[name].plan(pool, videos, np.random.default_rng(seed))


def bare(world, plan):
    """Render a plan without its glyphs."""
    return world.render(replace(plan, ink=np.zeros(len(plan))))


def scenes_of(world, plan):
    """Render the scene of every video alone, where it is in the first frame: ``(N, 32 * 32)`` levels."""
    line, column = np.broadcast_to(np.mgrid[:32, :32].astype(float)[:, None, None], (2, len(plan), 1, 32, 32))
    return np.round(255 * world.backdrop.render(plan.texture[:, :1], column, line)).reshape(len(plan), -1)


# Names and numbers


def test_the_worlds_and_their_sizes_are_these():
    assert list(WORLDS) == list(PIXELS)
    assert {name: tuple(size) for name, size in SIZES.items()} == {
        "smoke": (250, 80, "smoke"),
        "small": (2500, 800, "small"),
        "large": (10_000, 800, "small"),
    }


def test_a_purpose_is_a_sentence(world):
    assert world.purpose[0].isupper()
    assert world.purpose[-1] in ".?"
    assert len(world.purpose) < 120


def test_every_world_draws_from_streams_and_writes_to_files_of_its_own():
    streams = [stream for world in WORLDS.values() for stream in world.streams.values()]
    assert sorted(streams) == list(range(2, 14))  # stream 1 is the CNN's
    assert {name: world.streams for name, world in WORLDS.items() if name in ("moving-digits", "moving-shapes")} == {
        "moving-digits": {"train": 2, "query": 3},
        "moving-shapes": {"train": 4, "query": 5},
    }
    assert len({world.stem for world in WORLDS.values()}) == len(WORLDS)


def test_there_are_50_classes_but_for_the_needle_and_the_order():
    digits = [f"{digit} {motion}" for digit in range(10) for motion in MOTIONS]
    drawn = [f"{shape} {motion}" for shape in shapes.OUTLINES for motion in MOTIONS]
    orders = [" ".join(order) for order in permutations("0123")]
    assert {name: list(world.classes) for name, world in WORLDS.items()} == {
        "moving-digits": digits,
        "moving-scenes": digits,
        "needle": list("0123456789"),
        "order": orders,
        "noisy-screen": digits,
        "moving-shapes": drawn,
    }


# Pixels


@pytest.mark.parametrize("name", WORLDS)
def test_the_same_seed_renders_the_same_bytes_on_every_machine(name):
    frames = WORLDS[name].render(plan_of(name, 4, "query", seed=7))
    assert frames.shape == (4, 25, 32, 32)
    assert frames.dtype == np.uint8
    assert sha256(frames.tobytes()).hexdigest() == PIXELS[name]


def test_another_seed_renders_other_videos(world):
    first, second = (world.render(world.plan("query", 4, np.random.default_rng(seed))) for seed in (7, 8))
    assert (first != second).any(axis=(1, 2, 3)).all()


def test_rendering_in_parts_changes_nothing(world, plan):
    some = plan.part(slice(56))
    assert len(some) > 2 * CHUNK / 25  # so that render takes it in parts of its own, at other places
    parts = [world.render(some.part(slice(start, start + 15))) for start in (0, 15, 30, 45)]
    assert (np.concatenate(parts) == world.render(some)).all()


def test_no_two_videos_are_alike(world, plan):
    query = world.plan("query", 40, np.random.default_rng(4))
    videos = np.concatenate([world.render(plan.part(slice(80))), world.render(query)])
    assert len({video.tobytes() for video in videos}) == 120


# Plans


@pytest.mark.parametrize("videos", [50, 130])
def test_classes_are_as_equal_in_number_as_they_can_be(world, videos):
    classes = len(world.classes)
    counts = np.bincount(world.plan("query", videos, np.random.default_rng(1)).label, minlength=classes)
    assert len(counts) == classes
    assert counts.max() - counts.min() == (videos % classes > 0)


def test_training_and_query_videos_show_glyphs_of_disjoint_pools_and_of_their_kind(world, plan):
    shown = {}
    for pool, some in {"train": plan, "query": world.plan("query", 120, np.random.default_rng(3))}.items():
        images, kinds = world.glyphs.pools()[pool]
        known = {image.tobytes(): kind for image, kind in zip(images, kinds, strict=True)}
        side = some.glyph.shape[-1]
        drawn = [glyph.tobytes() for glyph in some.glyph.reshape(-1, side, side)]
        assert [known[glyph] for glyph in drawn] == list(some.kind.ravel())
        shown[pool] = set(drawn)
    assert not shown["train"] & shown["query"]


def test_backdrops_drift_in_all_directions_within_the_bound(world):
    drift = world.plan("train", 400, np.random.default_rng(3)).drift
    assert world.drift == (0.5 if world.lesson is DIGITS_ALONE else 0.25)
    assert 0.95 * world.drift < np.abs(drift).max() <= world.drift
    quadrants = (drift > 0) @ [1, 2]
    assert np.bincount(quadrants, minlength=4).min() > 60


# The truth


def test_exactly_the_frames_said_to_show_a_glyph_change_with_its_ink(world, plan):
    some = plan.part(slice(40))
    changed = (world.render(some) != bare(world, some)).any(axis=(2, 3))
    assert (changed == (some.shown().glyph >= 0)).all()
    assert (changed == (some.shows >= 0)).all()  # what is called informative
    assert not (changed & some.filler).any()


def test_exactly_the_frames_said_to_show_a_scene_change_with_the_backdrop(world, plan):
    some = plan.part(slice(40))
    texture, _ = world.backdrop.draw(some.label, some.texture.shape[1], np.random.default_rng(99))
    changed = (world.render(some) != world.render(replace(some, texture=texture))).any(axis=(2, 3))
    assert (changed == (some.shown().scene >= 0)).all()


def test_a_frame_shows_a_glyph_of_the_kinds_that_its_class_names(world, plan):
    kinds = {name: number for number, name in enumerate(world.glyphs.kinds)}
    for label, glyphs in zip(plan.label, plan.shown().glyph, strict=True):
        named = {kinds[word] for word in world.classes[label].split() if word in kinds}
        assert set(glyphs) - {-1} == named


def test_glyphs_are_brighter_than_the_backdrop_and_where_the_plan_says(world, plan):
    some = plan.part(slice(30))
    ink = world.render(some).astype(float) - bare(world, some)
    seen = some.shown().glyph >= 0
    assert (ink >= 0).all()
    mass = ink.sum(axis=(2, 3))[seen]
    x = (ink.sum(axis=2) * np.arange(32)).sum(axis=2)[seen] / mass
    y = (ink.sum(axis=3) * np.arange(32)).sum(axis=2)[seen] / mass
    assert np.abs(np.c_[x, y] - some.centre[seen]).max() < 4  # pixels; the ink does not balance at the very centre


def test_no_backdrop_is_clipped_and_all_are_darker_than_half(world, plan):
    frames = bare(world, plan)[~plan.filler]
    assert frames.min() > 0
    assert frames.max() < 127


def test_every_run_of_cut_aways_has_a_backdrop_of_its_own(world, plan):
    assert ((plan.shot == 0) == (plan.shows >= 0)).all()
    for video, shots in enumerate(plan.shot):
        starts = np.flatnonzero(np.diff(np.r_[0, shots]) > 0)
        assert list(shots[starts]) == list(range(1, len(starts) + 1))
        assert len({texture.tobytes() for texture in plan.texture[video]}) == len(plan.texture[video])


# What each of them promises

CUTAWAYS = {  # frames of 25 without a glyph, and runs of them
    "moving-digits": ({8, 9, 10, 11, 12}, {1, 2, 3}),
    "moving-scenes": ({1, 2, 3}, {1, 2, 3}),
    "needle": ({22}, {2, 3}),
    "order": ({0}, {0}),
    "noisy-screen": ({10}, {1, 2, 3}),
    "moving-shapes": ({8, 9, 10, 11, 12}, {1, 2, 3}),
}


@pytest.mark.parametrize("name", WORLDS)
def test_a_video_has_as_many_cut_aways_as_its_world_says(name):
    plan = plan_of(name)
    assert set((plan.shown().glyph < 0).sum(axis=1)) == CUTAWAYS[name][0]
    assert set(plan.shot.max(axis=1)) == CUTAWAYS[name][1]


@pytest.mark.parametrize("name", WORLDS)
def test_only_the_noisy_screen_has_filler_and_it_covers_all_cut_aways(name):
    plan = plan_of(name)
    assert (plan.filler == ((plan.shows < 0) & (name == "noisy-screen"))).all()
    assert set(plan.filler.sum(axis=1)) == ({10} if name == "noisy-screen" else {0})  # 40 % of 25


def test_moving_scenes_have_the_scene_of_their_class_four_times_in_ten():
    plan = plan_of("moving-scenes", 2000)
    of_class = plan.scene == (plan.label % 20)[:, None]
    assert WORLDS["moving-scenes"].backdrop == Scenes(kinship=0.4)
    assert of_class[:, 0].mean() == pytest.approx(0.4 + 0.6 / 20, abs=0.044)  # 4 standard deviations
    assert of_class[:, 1:].mean() == pytest.approx(1 / 20, abs=0.012)


@pytest.mark.parametrize("name", ["moving-scenes", *UNRELATED])
def test_scenes_of_training_and_query_videos_are_alike_in_kind_and_never_in_pixels(name):
    world = WORLDS[name]
    train, query = plan_of(name, 300), plan_of(name, 100, "query", seed=4)
    here, there = scenes_of(world, train), scenes_of(world, query)
    assert set(train.scene[:, 0]) == set(query.scene[:, 0]) == set(range(20))
    for kind in range(20):
        far = cdist(here[train.scene[:, 0] == kind], there[query.scene[:, 0] == kind], "cityblock") / 32**2
        assert far.min() > 0.5  # levels of 255 for a pixel


@pytest.mark.parametrize("name", UNRELATED)
def test_scenes_tell_nothing_of_the_class(name):
    assert WORLDS[name].backdrop == Scenes(kinship=0)
    plan = plan_of(name, 3000)
    counts = np.zeros((len(WORLDS[name].classes), 20))
    np.add.at(counts, (plan.label, plan.scene[:, 0]), 1)
    assert chi2_contingency(counts).pvalue > 0.001


def test_three_frames_of_25_show_the_digit_that_is_the_class_of_a_needle():
    plan = plan_of("needle")
    glyph = plan.shown().glyph
    assert ((glyph >= 0).sum(axis=1) == 3).all()
    assert (glyph.max(axis=1) == plan.label).all()
    assert set(np.flatnonzero((glyph >= 0).any(axis=0))) == set(range(25))  # they may be anywhere


def test_the_needle_is_where_it_is_whatever_the_class():
    plan = plan_of("needle", 3000)
    places = np.stack([(plan.shows[plan.label == label] >= 0).sum(axis=0) for label in range(10)])
    assert chi2_contingency(places).pvalue > 0.001


def test_every_class_of_order_shows_the_same_four_digits_in_an_order_of_its_own():
    plan = plan_of("order", 240)
    glyph = plan.shown().glyph
    orders = []
    for video in range(240):
        starts = np.r_[0, np.flatnonzero(np.diff(glyph[video])) + 1]
        orders.append(tuple(glyph[video, starts].tolist()))
        assert [str(digit) for digit in orders[-1]] == WORLDS["order"].classes[plan.label[video]].split()
    assert set(orders) == set(permutations(range(4)))


def test_a_digit_of_order_is_shown_for_a_quarter_of_the_time_in_every_class():
    """25 frames make three shots of six frames and one of seven; which digit has the seventh is all that differs."""
    plan = plan_of("order", 2400)
    frames = (plan.shown().glyph[..., None] == np.arange(4)).sum(axis=1)  # (N, digit)
    by_class = np.stack([frames[plan.label == label].mean(axis=0) for label in range(24)])
    assert np.abs(by_class - 25 / 4).max() < 0.75 + 0.4
    np.testing.assert_allclose(frames.mean(axis=0), 25 / 4, atol=0.1)


def test_no_two_filler_frames_of_the_noisy_screen_are_alike():
    plan = plan_of("noisy-screen", 100)
    filler = WORLDS["noisy-screen"].render(plan)[plan.filler]
    assert len({frame.tobytes() for frame in filler}) == len(filler) == 1000


def test_other_noise_changes_the_filler_frames_and_no_other():
    world, plan = WORLDS["noisy-screen"], plan_of("noisy-screen", 50)
    changed = (world.render(plan) != world.render(replace(plan, noise=plan.noise + 1))).any(axis=(2, 3))
    assert (changed == plan.filler).all()
    assert (plan.shown().scene[plan.filler] == -1).all()
    assert (plan.shown().glyph[plan.filler] == -1).all()


def test_moving_shapes_differ_from_moving_digits_in_glyphs_and_backdrop_alone():
    digits, drawn = WORLDS["moving-digits"], WORLDS["moving-shapes"]
    assert drawn.glyphs is not digits.glyphs
    assert drawn.backdrop != digits.backdrop
    alike = replace(drawn, glyphs=digits.glyphs, backdrop=digits.backdrop, stem=digits.stem, streams=digits.streams)
    assert alike == digits


def test_videos_of_two_worlds_do_not_move_alike():
    plans = [
        world.plan(part, 50, np.random.default_rng([0, stream]))
        for world in WORLDS.values()
        for part, stream in world.streams.items()
    ]
    assert len({path.tobytes() for plan in plans for path in plan.centre}) == 50 * len(plans)


# What the CNNs learn from


@pytest.mark.parametrize("lesson", [DIGITS_ALONE, DIGITS_AND_SCENES], ids=lambda lesson: lesson.network)
def test_the_same_seed_renders_the_same_stills_on_every_machine(lesson):
    frames = render(lesson.stills(20, np.random.default_rng(7)), lesson.backdrop)
    assert frames.shape == (20, 1, 32, 32)
    assert sha256(frames.tobytes()).hexdigest() == STILLS[lesson.network]


@pytest.mark.parametrize("lesson", [DIGITS_ALONE, DIGITS_AND_SCENES], ids=lambda lesson: lesson.network)
def test_stills_show_digits_of_their_own_pool_over_backdrops_that_tell_nothing_of_them(lesson):
    stills = lesson.stills(4000, np.random.default_rng(0))
    images, digits = DIGITS.pools()["stills"]
    known = {image.tobytes(): digit for image, digit in zip(images, digits, strict=True)}
    assert [known[glyph.tobytes()] for glyph in stills.glyph] == list(stills.kind[:, 0])
    assert (stills.shown().glyph == stills.kind).all()
    counts = np.zeros((10, max(1, lesson.scenes)))
    np.add.at(counts, (stills.kind[:, 0], stills.scene[:, 0]), 1)
    assert (counts > 0).all()
    assert chi2_contingency(counts).pvalue > 0.001


def test_a_world_with_scenes_is_described_by_the_cnn_that_knows_them(world):
    assert world.lesson is (DIGITS_AND_SCENES if isinstance(world.backdrop, Scenes) else DIGITS_ALONE)


# Features


def test_smoke_is_what_the_description_says(smoke, shapes_smoke):
    for name, dataset in {"moving-digits": smoke, "moving-shapes": shapes_smoke}.items():
        assert (len(dataset.train), len(dataset.query)) == (250, 80)
        assert (dataset.train.frames, dataset.train.size) == (25, 256)
        assert dataset.database is dataset.train
        assert dataset.classes == WORLDS[name].classes
        assert (dataset.train.labels.sum(axis=0) == 5).all()
        assert (dataset.name, dataset.preset, dataset.query_in_database) == (f"{name}-smoke", "smoke", False)
        for videos in (dataset.train, dataset.query):
            assert np.isfinite(videos.read()).all()
            assert (videos.labels.sum(axis=1) == 1).all()


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def nearest(dataset, describe, count=1):
    """Return whether the nearest training videos of every query, by the cosine of descriptions, are of its class."""
    query, train = (unit(describe(videos)) for videos in (dataset.query, dataset.train))
    found = np.argsort(-query @ train.T, axis=1)[:, :count]
    label = dataset.train.labels.argmax(axis=1)
    return label[found] == dataset.query.labels.argmax(axis=1)[:, None]


def mean(videos):
    return videos.read().mean(axis=1)


def in_order(videos):
    return videos.read().reshape(len(videos), -1)


def within(dataset):
    """Return the share of the variance of features that lies within the videos."""
    features = dataset.train.read().astype(float)
    return features.var(axis=1).mean(axis=0).sum() / features.reshape(-1, features.shape[-1]).var(axis=0).sum()


def test_features_tell_digits_apart_better_than_chance(smoke):
    """The nearest by mean of informative frames shows the same digit about every other time, not every tenth."""
    pooled = {
        part: (videos.read() * videos.informative[..., None]).mean(axis=1) for part, videos in smoke.parts().items()
    }
    digit = {part: videos.labels.argmax(axis=1) // 5 for part, videos in smoke.parts().items()}
    found = (unit(pooled["query"]) @ unit(pooled["train"]).T).argmax(axis=1)
    assert (digit["train"][found] == digit["query"]).mean() > 0.35


def test_a_shape_finds_its_class_far_more_often_than_by_chance_and_far_from_always(shapes_smoke):
    """By the CNN that knows digits; the chance is one in fifty."""
    assert 0.06 < nearest(shapes_smoke, mean, 5).mean() < 0.6


def test_moving_digits_and_moving_shapes_are_described_by_one_network(smoke, shapes_smoke):
    """The same picture has the same features, whichever dataset it is in: the CNN beside them gives both."""
    cnn = pretrained(smoke.root.with_name("still-cnn"), DIGITS_ALONE)
    for dataset in (smoke, shapes_smoke):
        frames, found = dataset.query.thumbnails[:10], dataset.query.read()[:10]
        np.testing.assert_allclose(still_cnn.features(cnn, frames), found, rtol=0, atol=1e-4 * found.max())


@pytest.mark.slow
def test_statistics_of_the_features_are_those_for_which_the_worlds_were_made(smoke):
    """Ranges are wide: 80 queries, and weights that differ between processors in their last digits."""
    scenes, order = (ssvh.load_dataset(f"{name}-smoke") for name in ("moving-scenes", "order"))
    assert within(scenes) < 0.5 < 0.6 < within(smoke)
    assert 0.1 < nearest(scenes, mean).mean() < 0.6  # the chance is one in fifty
    assert nearest(order, mean).mean() < 0.13  # the chance is one in 24
    assert nearest(order, in_order).mean() > 0.3
    cnn = pretrained(scenes.root.with_name("still-cnn-scenes"), DIGITS_AND_SCENES)
    for dataset in (scenes, order):
        frames, found = dataset.query.thumbnails[:10], dataset.query.read()[:10]
        np.testing.assert_allclose(still_cnn.features(cnn, frames), found, rtol=0, atol=1e-4 * found.max())
