"""The embedded dataset: what its videos show, that they are the same everywhere, and how it is kept on disk."""

from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

import ssvh_lib as ssvh
from ssvh_lib.data import layouts
from ssvh_lib.data.embedded import build, generator, moving_digits, moving_shapes, still_cnn

FIELDS = ("x", "y", "scale", "angle")


@pytest.fixture(scope="module")
def plan():
    return moving_digits.make_plan("train", 120, np.random.default_rng(3))


@pytest.fixture
def tiny(monkeypatch):
    """A dataset of 6 + 4 videos with a hardly trained CNN: the recipe reads source text, so it does not notice."""
    monkeypatch.setitem(generator.SIZES, "tiny", (6, 4))
    monkeypatch.setattr(layouts, "PRESETS", ("tiny",))  # a dataset names its size as its preset
    monkeypatch.setattr(still_cnn, "STEPS", 2)
    monkeypatch.setattr(still_cnn, "PICTURES", 40)


def as_set(images):
    return {image.tobytes() for image in images}


# What is drawn


def test_the_pools_are_disjoint_and_together_are_all_1797_digits():
    pools = moving_digits.digit_pools()
    images = {name: as_set(pool) for name, (pool, _) in pools.items()}
    assert sum(map(len, images.values())) == 1797
    assert set.union(*images.values()) == as_set(load_digits().images / 16)
    for name, share in {"stills": 0.35, "train": 0.40, "query": 0.25}.items():
        assert len(images[name]) == pytest.approx(share * 1797, abs=10)


def test_every_pool_says_which_digit_an_image_shows():
    bunch = load_digits()
    truth = {image.tobytes(): digit for image, digit in zip(bunch.images / 16, bunch.target, strict=True)}
    for images, digits in moving_digits.digit_pools().values():
        assert [truth[image.tobytes()] for image in images] == list(digits)


@pytest.mark.parametrize("pool", ["train", "query"])
def test_videos_show_only_digits_of_their_own_pool_and_of_their_class(pool):
    plan = moving_digits.make_plan(pool, 200, np.random.default_rng(0))
    images, digits = moving_digits.digit_pools()[pool]
    known = {image.tobytes(): digit for image, digit in zip(images, digits, strict=True)}
    assert [known[glyph.tobytes()] for glyph in plan.glyph] == list(plan.label // 5)
    assert [moving_digits.CLASSES[label].split()[0] for label in plan.label] == [str(n) for n in plan.label // 5]


def test_stills_show_only_digits_of_the_stills_pool():
    stills = moving_digits.make_stills(300, np.random.default_rng(0))
    assert as_set(stills.glyph) <= as_set(moving_digits.digit_pools()["stills"][0])


@pytest.mark.parametrize("videos", [50, 130])
def test_classes_are_as_equal_in_number_as_they_can_be(videos):
    counts = np.bincount(moving_digits.make_plan("query", videos, np.random.default_rng(1)).label, minlength=50)
    assert len(counts) == 50
    assert counts.max() - counts.min() == (videos % 50 > 0)


@pytest.mark.parametrize(
    ("motion", "changing"),
    {"across": {"x"}, "down": {"y"}, "circle": {"x", "y"}, "zoom": {"scale"}, "spin": {"angle"}}.items(),
)
def test_a_motion_changes_what_its_name_says_and_nothing_else(plan, motion, changing):
    mine = np.flatnonzero(plan.label % 5 == moving_digits.MOTIONS.index(motion))
    courses = dict(zip(FIELDS, (plan.centre[..., 0], plan.centre[..., 1], plan.scale, plan.angle), strict=True))
    assert len(mine) == 24
    for name, course in courses.items():
        moves = np.ptp(course[mine], axis=1)
        assert (moves > 0.5).all() if name in changing else (moves == 0).all()


def test_a_circle_is_a_circle(plan):
    circles = plan.centre[plan.label % 5 == moving_digits.MOTIONS.index("circle")]
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


def test_filler_frames_carry_no_digit_and_informative_frames_do(plan):
    some = plan.part(slice(30))
    with_ink, without = moving_digits.render(some), moving_digits.render(replace(some, ink=np.zeros(30)))
    differs = (with_ink != without).any(axis=(2, 3))
    assert (differs == some.informative).all()


def test_a_digit_is_drawn_where_the_plan_says(plan):
    dark = replace(plan.part(slice(30)), texture=np.zeros((30, *plan.texture.shape[1:])))
    ink = moving_digits.render(dark).astype(float) - 0.05 * 255
    ink[ink < 1] = 0
    mass = ink.sum(axis=(2, 3))[dark.informative]
    x = (ink.sum(axis=2) * np.arange(32)).sum(axis=2)[dark.informative] / mass
    y = (ink.sum(axis=3) * np.arange(32)).sum(axis=2)[dark.informative] / mass
    away = np.c_[x, y] - dark.centre[dark.informative]
    assert np.abs(away).max() < 4  # pixels; the ink of a digit does not balance at its very centre


def test_the_same_seed_renders_the_same_bytes_on_every_machine():
    frames = moving_digits.render(moving_digits.make_plan("query", 4, np.random.default_rng(7)))
    assert frames.shape == (4, 25, 32, 32)
    assert frames.dtype == np.uint8
    assert sha256(frames.tobytes()).hexdigest() == "96eeda81da51ec04823c05fa491091e2e648f30fb26a100c51b6ac4f46f3be24"


def test_the_same_seed_renders_the_same_stills_on_every_machine():
    frames = moving_digits.render(moving_digits.make_stills(20, np.random.default_rng(7)))
    assert frames.shape == (20, 1, 32, 32)
    assert sha256(frames.tobytes()).hexdigest() == "e4e54bfaa2b3a5d18de62800eeb9604e34bda9efb348464c00bfc8b616ba2230"


def test_another_seed_renders_other_videos():
    first, second = (
        moving_digits.render(moving_digits.make_plan("query", 4, np.random.default_rng(seed))) for seed in (7, 8)
    )
    assert (first != second).any(axis=(1, 2, 3)).all()


def test_rendering_in_parts_changes_nothing(plan):
    some = plan.part(slice(56))  # render itself takes 50 at a time
    parts = [moving_digits.render(some.part(slice(start, start + 20))) for start in (0, 20, 40)]
    assert (np.concatenate(parts) == moving_digits.render(some)).all()


# What describes a frame


def test_weights_are_the_same_on_one_thread_and_on_two(monkeypatch):
    monkeypatch.setattr(still_cnn, "STEPS", 2)
    monkeypatch.setattr(still_cnn, "PICTURES", 200)
    before = torch.get_num_threads()
    try:
        trained = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            trained.append(still_cnn.pretrain(0).state_dict())
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(*trained, rtol=0, atol=1e-9)


def test_a_rounding_error_does_not_grow_into_other_features(monkeypatch, plan):
    """The reason for training in float64: in float32 Adam makes 3e-5 of it within 30 steps, and 4e-2 within 60."""
    monkeypatch.setattr(still_cnn, "STEPS", 30)
    monkeypatch.setattr(still_cnn, "PICTURES", 300)
    frames, exactly = moving_digits.render(plan.part(slice(4))), still_cnn._initialise

    def nearly(model, rng):
        exactly(model, rng)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(1 + torch.finfo(parameter.dtype).eps)

    clean = still_cnn.features(still_cnn.pretrain(0), frames)
    monkeypatch.setattr(still_cnn, "_initialise", nearly)
    rounded = still_cnn.features(still_cnn.pretrain(0), frames)
    assert clean.shape == (4, 25, 256)
    assert clean.dtype == np.float32
    np.testing.assert_allclose(rounded, clean, rtol=0, atol=1e-6 * clean.max())


def test_the_cnn_depends_on_the_seed(monkeypatch, plan):
    monkeypatch.setattr(still_cnn, "STEPS", 1)
    monkeypatch.setattr(still_cnn, "PICTURES", 40)
    frames = moving_digits.render(plan.part(slice(2)))
    first, second = (still_cnn.features(still_cnn.pretrain(seed), frames) for seed in (0, 1))
    assert np.abs(first - second).max() > 0.1


def test_pretraining_reports_every_step_and_leaves_a_frozen_network(monkeypatch):
    monkeypatch.setattr(still_cnn, "STEPS", 3)
    monkeypatch.setattr(still_cnn, "PICTURES", 40)
    steps = []
    model = still_cnn.pretrain(0, step_done=lambda: steps.append(1))
    assert len(steps) == 3
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_weights_come_back_from_their_file_bit_for_bit(tmp_path, monkeypatch):
    monkeypatch.setattr(still_cnn, "STEPS", 2)
    monkeypatch.setattr(still_cnn, "PICTURES", 40)
    model = still_cnn.pretrain(0)
    still_cnn.save(model, tmp_path / "model.safetensors")
    loaded = still_cnn.load(tmp_path / "model.safetensors")
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())
    torch.testing.assert_close(loaded.state_dict(), model.state_dict(), rtol=0, atol=0)


# What lies on disk


def test_smoke_is_what_the_description_says(smoke):
    assert (len(smoke.train), len(smoke.query), smoke.train.frames, smoke.train.size) == (250, 80, 25, 256)
    assert smoke.database is smoke.train
    assert smoke.classes == moving_digits.CLASSES
    assert (smoke.train.labels.sum(axis=0) == 5).all()
    assert (smoke.preset, smoke.query_in_database) == ("smoke", False)
    for videos in (smoke.train, smoke.query):
        assert np.isfinite(videos.read()).all()
        assert (videos.labels.sum(axis=1) == 1).all()


@pytest.mark.parametrize(("part", "number"), [("train", 2), ("query", 3)])
def test_thumbnails_labels_and_truth_on_disk_are_the_renderers(smoke, part, number):
    videos = smoke.parts()[part]
    plan = moving_digits.make_plan(part, len(videos), np.random.default_rng([0, number]))
    assert (videos.labels.argmax(axis=1) == plan.label).all()
    assert (videos.informative == plan.informative).all()
    some = slice(60, 80)
    assert (videos.thumbnails[some] == moving_digits.render(plan.part(some))).all()


def test_features_tell_digits_apart_better_than_chance(smoke):
    """The nearest by mean of informative frames shows the same digit about every other time, not every tenth."""
    pooled = {
        part: (videos.read() * videos.informative[..., None]).mean(axis=1) for part, videos in smoke.parts().items()
    }
    digit = {part: videos.labels.argmax(axis=1) // 5 for part, videos in smoke.parts().items()}
    unit = {part: values / np.linalg.norm(values, axis=1, keepdims=True) for part, values in pooled.items()}
    nearest = (unit["query"] @ unit["train"].T).argmax(axis=1)
    assert (digit["train"][nearest] == digit["query"]).mean() > 0.35


@pytest.mark.parametrize(("part", "number"), [("train", 2), ("query", 3)])
def test_a_build_holds_what_renderer_and_cnn_give_for_its_seed(tmp_path, tiny, part, number):
    build.ensure(tmp_path / "digits", moving_digits, "tiny", seed=4)
    videos = ssvh.load_dataset("digits", tmp_path).parts()[part]
    plan = moving_digits.make_plan(part, len(videos), np.random.default_rng([4, number]))
    frames = moving_digits.render(plan)
    assert (videos.thumbnails[:] == frames).all()
    assert (videos.labels.argmax(axis=1) == plan.label).all()
    np.testing.assert_allclose(videos.read(), still_cnn.features(still_cnn.pretrain(4), frames), atol=1e-5)


def test_a_build_is_made_once_and_then_used_again(tmp_path, tiny, tree, monkeypatch):
    folder = tmp_path / "digits"
    build.ensure(folder, moving_digits, "tiny")
    before = tree(folder)
    monkeypatch.setattr(build, "_build", lambda *_: pytest.fail("built again"))
    monkeypatch.setattr(build, "FileLock", lambda *_: pytest.fail("a whole dataset needs no writable place"))
    build.ensure(folder, moving_digits, "tiny")
    assert tree(folder) == before
    assert sorted(path for path in before if path.startswith("digits_query")) == [
        "digits_query_extras.h5",
        "digits_query_feats.h5",
        "digits_query_labels.mat",
    ]


def test_two_builds_of_one_seed_have_one_fingerprint_and_another_seed_has_another(tmp_path, tiny):
    for root, seed in (("a", 0), ("b", 0), ("c", 1)):
        build.ensure(tmp_path / root / "digits", moving_digits, "tiny", seed=seed)
    prints = [ssvh.load_dataset("digits", tmp_path / root).fingerprint for root in "abc"]
    assert prints[0] == prints[1] != prints[2]


def test_the_cnn_is_trained_once_for_all_datasets_of_a_folder_and_seed(tmp_path, tiny, monkeypatch):
    trained, original = [], still_cnn.pretrain
    monkeypatch.setattr(still_cnn, "pretrain", lambda seed, **words: trained.append(seed) or original(seed, **words))
    for name, domain in (("digits", moving_digits), ("shapes", moving_shapes)):
        build.ensure(tmp_path / name, domain, "tiny")
    assert trained == [0]
    build.ensure(tmp_path / "shapes", moving_shapes, "tiny", seed=1)
    assert trained == [0, 1]


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


@pytest.mark.parametrize(
    ("harm", "name"),
    [
        (flip_a_byte, "digits_train_feats.h5"),
        (truncate, "digits_query_extras.h5"),
        (lambda path: path.unlink(), "digits_query_labels.mat"),
        (flip_a_byte, "dataset.toml"),
    ],
    ids=["flipped features", "cut extras", "no labels", "flipped toml"],
)
def test_a_damaged_file_is_noticed_and_the_dataset_built_again(tmp_path, tiny, tree, harm, name):
    folder = tmp_path / "digits"
    build.ensure(folder, moving_digits, "tiny")
    whole = {path: content for path, (content, _) in tree(folder).items()}
    harm(folder / name)
    build.ensure(folder, moving_digits, "tiny")
    assert {path: content for path, (content, _) in tree(folder).items()} == whole
    assert {path.name for path in tmp_path.iterdir()} == {"digits", ".digits.lock", "still-cnn", ".still-cnn.lock"}


def test_a_damaged_cnn_is_noticed_and_trained_again(tmp_path, tiny, tree):
    build.ensure(tmp_path / "digits", moving_digits, "tiny")
    whole = {path: content for path, (content, _) in tree(tmp_path / "still-cnn").items()}
    flip_a_byte(tmp_path / "still-cnn" / "model.safetensors")
    build.ensure(tmp_path / "shapes", moving_shapes, "tiny")
    assert {path: content for path, (content, _) in tree(tmp_path / "still-cnn").items()} == whole


def test_a_manifest_that_is_not_json_means_build_again(tmp_path, tiny):
    folder = tmp_path / "digits"
    build.ensure(folder, moving_digits, "tiny")
    (folder / "manifest.json").write_text('{"size": "ti')
    build.ensure(folder, moving_digits, "tiny")
    assert len(ssvh.load_dataset("digits", tmp_path).train) == 6


def test_another_recipe_means_build_again(tmp_path, tiny, monkeypatch):
    build.ensure(tmp_path / "digits", moving_digits, "tiny")
    monkeypatch.setattr(build, "recipe", lambda domain: "of tomorrow")
    built = []
    original = build._build
    monkeypatch.setattr(build, "_build", lambda *words: built.append(original(*words)))
    build.ensure(tmp_path / "digits", moving_digits, "tiny")
    build.ensure(tmp_path / "digits", moving_digits, "tiny")
    assert len(built) == 1


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path, tiny, tree):
    folder = tmp_path / "digits"
    folder.mkdir()
    (folder / "thesis.txt").write_text("four years of work")
    before = tree(folder)
    with pytest.raises(ssvh.SSVHError) as refusal:
        build.ensure(folder, moving_digits, "tiny")
    assert str(folder) in str(refusal.value)
    assert "Move them away" in str(refusal.value)
    assert tree(folder) == before


def test_a_place_that_cannot_be_written_is_refused(tmp_path, tiny):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ssvh.SSVHError, match=r"cannot be written.*Choose another folder"):
        build.ensure(tmp_path / "file" / "data" / "digits", moving_digits, "tiny")


def test_an_interrupted_first_build_leaves_no_folder_behind(tmp_path, tiny, monkeypatch):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(moving_digits, "render", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build.ensure(tmp_path / "digits", moving_digits, "tiny")
    assert {path.name for path in tmp_path.iterdir()} == {".digits.lock", ".still-cnn.lock"}


def test_an_interrupted_rebuild_leaves_what_was_there(tmp_path, tiny, tree, monkeypatch):
    folder = tmp_path / "digits"
    build.ensure(folder, moving_digits, "tiny")
    before, whole_render, calls = tree(folder), moving_digits.render, []

    def full_disk(plan):
        calls.append(len(plan))
        if len(calls) == 3:  # after the stills and the training videos: files of one part are written already
            raise OSError("No space left on device")
        return whole_render(plan)

    monkeypatch.setattr(moving_digits, "render", full_disk)
    with pytest.raises(OSError, match="No space left"):
        build.ensure(folder, moving_digits, "tiny", seed=1)
    assert tree(folder) == before
    assert {path.name for path in tmp_path.iterdir()} == {"digits", ".digits.lock", "still-cnn", ".still-cnn.lock"}
