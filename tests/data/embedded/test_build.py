"""Embedded datasets on disk: built once, whole or not at all, and never over files of others."""

import os
import subprocess
import sys
from dataclasses import fields, is_dataclass, replace
from threading import Event, Thread, current_thread

import numpy as np
import pytest

import ssvh_lib as ssvh
from ssvh_lib.data.embedded import build, still_cnn
from ssvh_lib.data.embedded.backdrops import Scenes, SmoothNoise, Stripes
from ssvh_lib.data.embedded.digits import DIGITS, digit_pools
from ssvh_lib.data.embedded.glyphs import Glyphs
from ssvh_lib.data.embedded.shapes import shape_pools
from ssvh_lib.data.embedded.stories import OneGlyph, Order, Pace
from ssvh_lib.data.embedded.worlds import DIGITS_ALONE, DIGITS_AND_SCENES, WORLDS, Lesson, World


@pytest.fixture
def digits(tiny_worlds):
    """moving-digits, whose tiny dataset is "digits" in these tests."""
    return tiny_worlds["moving-digits"]


@pytest.fixture
def contents(tree):
    """The content of all files of a folder, whenever they were written."""
    return lambda folder: {path: content for path, (content, _) in tree(folder).items()}


def names_in(folder):
    return {path.name for path in folder.iterdir()}


# What is built


@pytest.mark.parametrize("name", WORLDS)
def test_a_build_holds_what_renderer_and_cnn_give_for_its_seed(tmp_path, tiny_worlds, name):
    world = tiny_worlds[name]
    build.ensure(tmp_path / "world", world, "tiny", seed=4)
    dataset = ssvh.load_dataset("world", tmp_path)
    cnn = still_cnn.pretrain(world.lesson, 4)
    assert dataset.classes == world.classes
    for part, videos in {"train": dataset.train, "query": dataset.query}.items():
        plan = world.plan(part, len(videos), np.random.default_rng([4, WORLDS[name].streams[part]]))
        frames = world.render(plan)
        assert (videos.thumbnails[:] == frames).all()
        assert (videos.labels.argmax(axis=1) == plan.label).all()
        assert (videos.labels.sum(axis=1) == 1).all()
        assert (videos.informative == (plan.shows >= 0)).all()
        assert (videos.shown.glyph == plan.shown().glyph).all()
        assert (videos.shown.scene == plan.shown().scene).all()
        np.testing.assert_allclose(videos.read(), still_cnn.features(cnn, frames), atol=1e-5)


def test_the_truth_on_disk_is_that_of_the_pixels(tmp_path, tiny_worlds):
    """Frames of the noisy screen that show neither glyph nor scene are those that look like noise."""
    build.ensure(tmp_path / "world", tiny_worlds["noisy-screen"], "tiny")
    videos = ssvh.load_dataset("world", tmp_path).train
    filler = videos.shown.scene < 0
    assert (filler == (videos.shown.glyph < 0)).all()
    assert (filler == ~videos.informative).all()
    contrast = videos.thumbnails[:].std(axis=(2, 3))
    brightness = np.median(videos.thumbnails[:], axis=(2, 3))
    assert ((brightness > 105) == filler).all()  # scenes are darker than half, and noise is half on average
    assert contrast[filler].min() > 35


@pytest.mark.parametrize(
    ("name", "part"), [(name, part) for name in ("digits", "shapes") for part in ("train", "query")]
)
def test_smoke_is_what_its_world_renders(smoke, shapes_smoke, name, part):
    world, dataset = {"digits": ("moving-digits", smoke), "shapes": ("moving-shapes", shapes_smoke)}[name]
    world, videos = WORLDS[world], dataset.parts()[part]
    plan = world.plan(part, len(videos), np.random.default_rng([0, world.streams[part]]))
    assert (videos.labels.argmax(axis=1) == plan.label).all()
    assert (videos.informative == (plan.shows >= 0)).all()
    assert (videos.shown.glyph == plan.shown().glyph).all()
    some = slice(60, 80)
    assert (videos.thumbnails[some] == world.render(plan.part(some))).all()


def test_videos_that_are_made_in_parts_are_those_that_are_made_at_once(tmp_path, digits, monkeypatch):
    for name, chunk in (("at once", 100), ("in parts", 4)):
        monkeypatch.setattr(build, "CHUNK", chunk)
        build.ensure(tmp_path / name, digits, "tiny")
    one, other = (ssvh.load_dataset(name, tmp_path) for name in ("at once", "in parts"))
    for part in ("train", "query"):
        videos, same = one.parts()[part], other.parts()[part]
        assert (videos.thumbnails[:] == same.thumbnails[:]).all()
        np.testing.assert_allclose(videos.read(), same.read(), rtol=0, atol=1e-5 * videos.read().max())


# Once


def test_a_build_is_made_once_and_then_used_again(tmp_path, digits, tree, monkeypatch):
    folder = tmp_path / "digits"
    build.ensure(folder, digits, "tiny")
    before = tree(folder)
    monkeypatch.setattr(build, "write_part", lambda *_, **__: pytest.fail("built again"))
    monkeypatch.setattr(build, "FileLock", lambda *_: pytest.fail("a whole dataset needs no writable place"))
    build.ensure(folder, digits, "tiny")
    assert tree(folder) == before
    assert sorted(path for path in before if path.startswith("digits_query")) == [
        "digits_query_extras.h5",
        "digits_query_feats.h5",
        "digits_query_labels.mat",
    ]


def test_who_comes_while_it_is_built_waits_and_finds_it_whole(tmp_path, digits, monkeypatch):
    other = Thread(target=build.ensure, args=(tmp_path / "digits", digits, "tiny"))
    found_missing, built, lock, write = Event(), [], build.FileLock, build.write_layout

    def lock_of(path):
        if current_thread() is other:
            found_missing.set()
        return lock(path)

    def write_while_another_comes(*words):
        built.append(words)
        if len(built) == 1:
            other.start()
            assert found_missing.wait(60)
        write(*words)

    monkeypatch.setattr(build, "FileLock", lock_of)
    monkeypatch.setattr(build, "write_layout", write_while_another_comes)
    build.ensure(tmp_path / "digits", digits, "tiny")
    other.join(timeout=60)
    assert not other.is_alive()
    assert len(built) == 1
    assert len(ssvh.load_dataset("digits", tmp_path).train) == 6


def test_two_builds_of_one_seed_have_one_fingerprint_and_another_seed_has_another(tmp_path, digits):
    for root, seed in (("a", 0), ("b", 0), ("c", 1)):
        build.ensure(tmp_path / root / "digits", digits, "tiny", seed=seed)
    prints = [ssvh.load_dataset("digits", tmp_path / root).fingerprint for root in "abc"]
    assert prints[0] == prints[1] != prints[2]


def test_a_lesson_is_learnt_once_for_all_worlds_of_a_folder_and_seed(tmp_path, tiny_worlds, monkeypatch):
    trained, original = [], still_cnn.pretrain

    def pretrain(lesson, seed, **words):
        trained.append((lesson.network, seed))
        return original(lesson, seed, **words)

    monkeypatch.setattr(still_cnn, "pretrain", pretrain)
    for name, world in tiny_worlds.items():
        build.ensure(tmp_path / name, world, "tiny")
    assert trained == [("still-cnn", 0), ("still-cnn-scenes", 0)]
    assert {name for name in names_in(tmp_path) if name[0] != "."} == {*WORLDS, "still-cnn", "still-cnn-scenes"}
    build.ensure(tmp_path / "order", tiny_worlds["order"], "tiny", seed=1)
    assert trained[2:] == [("still-cnn-scenes", 1)]


# Damage


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
def test_a_damaged_file_is_noticed_and_the_dataset_built_again(tmp_path, digits, contents, harm, name):
    folder = tmp_path / "digits"
    build.ensure(folder, digits, "tiny")
    whole = contents(folder)
    harm(folder / name)
    build.ensure(folder, digits, "tiny")
    assert contents(folder) == whole
    assert names_in(tmp_path) == {"digits", ".digits.lock", "still-cnn", ".still-cnn.lock"}


@pytest.mark.parametrize(("first", "second"), [("moving-digits", "moving-shapes"), ("needle", "order")])
def test_a_damaged_cnn_is_noticed_and_trained_again(tmp_path, tiny_worlds, contents, first, second):
    folder = tmp_path / tiny_worlds[first].lesson.network
    build.ensure(tmp_path / first, tiny_worlds[first], "tiny")
    whole = contents(folder)
    flip_a_byte(folder / "model.safetensors")
    build.ensure(tmp_path / second, tiny_worlds[second], "tiny")
    assert contents(folder) == whole


def test_a_manifest_that_is_not_json_means_build_again(tmp_path, digits):
    folder = tmp_path / "digits"
    build.ensure(folder, digits, "tiny")
    (folder / "manifest.json").write_text('{"size": "ti')
    build.ensure(folder, digits, "tiny")
    assert len(ssvh.load_dataset("digits", tmp_path).train) == 6


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path, digits, tree):
    folder = tmp_path / "digits"
    folder.mkdir()
    (folder / "thesis.txt").write_text("four years of work")
    before = tree(folder)
    with pytest.raises(ssvh.SSVHError) as refusal:
        build.ensure(folder, digits, "tiny")
    assert str(folder) in str(refusal.value)
    assert "Move them away" in str(refusal.value)
    assert tree(folder) == before


def test_a_folder_with_another_world_in_it_is_refused_and_left_alone(tmp_path, tiny_worlds, tree):
    build.ensure(tmp_path / "order", tiny_worlds["order"], "tiny")
    before = tree(tmp_path / "order")
    with pytest.raises(ssvh.SSVHError, match="holds files that are not this dataset's: order_query_extras"):
        build.ensure(tmp_path / "order", tiny_worlds["needle"], "tiny")
    assert tree(tmp_path / "order") == before


def test_a_place_that_cannot_be_written_is_refused(tmp_path, digits):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ssvh.SSVHError, match=r"cannot be written.*Choose another folder"):
        build.ensure(tmp_path / "file" / "data" / "digits", digits, "tiny")


# Interrupts


def interrupt(*_, **__):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("where", "name", "left"),
    [(still_cnn, "pretrain", set()), (World, "render", {"still-cnn"}), (build, "write_layout", {"still-cnn"})],
    ids=["while the CNN learns", "while videos are rendered", "before the last file"],
)
def test_an_interrupted_first_build_leaves_nothing_half_written(tmp_path, digits, monkeypatch, where, name, left):
    monkeypatch.setattr(where, name, interrupt)
    with pytest.raises(KeyboardInterrupt):
        build.ensure(tmp_path / "digits", digits, "tiny")
    assert names_in(tmp_path) == {".digits.lock", ".still-cnn.lock"} | left
    monkeypatch.undo()


def test_an_interrupted_rebuild_leaves_what_was_there(tmp_path, digits, tree, monkeypatch):
    folder = tmp_path / "digits"
    build.ensure(folder, digits, "tiny")
    before, render, calls = tree(folder), World.render, []

    def full_disk(world, plan):
        calls.append(len(plan))
        if len(calls) == 2:  # after the training videos: files of one part are written already
            raise OSError("No space left on device")
        return render(world, plan)

    monkeypatch.setattr(World, "render", full_disk)
    with pytest.raises(OSError, match="No space left"):
        build.ensure(folder, digits, "tiny", seed=1)
    assert calls == [6, 4]
    assert tree(folder) == before
    assert names_in(tmp_path) == {"digits", ".digits.lock", "still-cnn", ".still-cnn.lock"}


# Recipes

OTHERS = {  # for every parameter another value than any world has
    World: {
        "stem": "other",
        "streams": {"train": 50, "query": 51},
        "story": OneGlyph(("spin",), (5, 6), (2, 2)),
        "glyphs": Glyphs(DIGITS.kinds, shape_pools),
        "ink": (-0.85, -0.5),
        "backdrop": Stripes(0.75, 0.1),
        "drift": 1.0,
        "lesson": Lesson("other", Scenes(kinship=0), scenes=20, steps=799),
    },
    OneGlyph: {"motions": ("spin", "zoom"), "cutaways": (5, 6), "runs": (2, 2), "pace": Pace((2.0, 3.0))},
    Order: {"shots": 3, "jitter": 2, "pace": Pace((2.0, 3.0))},
    Pace: {"periods": (1.0, 1.7), "reach": (6.5, 9.5)},
    Glyphs: {"kinds": tuple("abcdefghij"), "pools": lambda: digit_pools()},
    SmoothNoise: {},
    Stripes: {"brightness": 0.3, "depth": 0.2},
    Scenes: {"kinship": 0.9},
    Lesson: {"network": "other", "backdrop": Stripes(0.75, 0.1), "scenes": 19, "steps": 401},
}


def variants(made):
    """Yield a dataclass with one parameter changed, for all of its parameters and theirs, and the name of each."""
    for name in (field.name for field in fields(made) if field.compare):
        value = getattr(made, name)
        other = not value if isinstance(value, bool) else OTHERS[type(made)][name]
        yield name, replace(made, **{name: other})
        if is_dataclass(value):
            for below, changed in variants(value):
                yield f"{name}.{below}", replace(made, **{name: changed})


@pytest.mark.parametrize(
    "made", [*WORLDS.values(), DIGITS_ALONE, DIGITS_AND_SCENES], ids=[*WORLDS, "CNN", "CNN of scenes"]
)
def test_every_parameter_is_part_of_the_recipe(made):
    recipes = {"as it is": build.recipe(made)} | {name: build.recipe(other) for name, other in variants(made)}
    assert len(recipes) > 3
    assert len(set(recipes.values())) == len(recipes), recipes


def test_the_purpose_is_no_part_of_the_recipe():
    for world in WORLDS.values():
        assert build.recipe(replace(world, purpose="In other words.")) == build.recipe(world)


def test_worlds_and_lessons_have_recipes_of_their_own():
    assert len({build.recipe(made) for made in (*WORLDS.values(), DIGITS_ALONE, DIGITS_AND_SCENES)}) == 8


def test_a_recipe_is_the_same_in_every_process():
    script = (
        "from ssvh_lib.data.embedded import build, worlds\n"
        "print(*(build.recipe(world) for world in worlds.WORLDS.values()))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split() == [build.recipe(world) for world in WORLDS.values()]


def test_another_recipe_means_build_again(tmp_path, tiny_worlds, contents, monkeypatch):
    build.ensure(tmp_path / "digits", tiny_worlds["moving-digits"], "tiny")
    before = contents(tmp_path / "digits")
    built, original = [], build._build
    monkeypatch.setattr(build, "recipe", lambda made: "of tomorrow")
    monkeypatch.setattr(build, "_build", lambda *words: built.append(original(*words)))
    for _ in range(2):
        build.ensure(tmp_path / "digits", tiny_worlds["moving-digits"], "tiny")
    assert len(built) == 1
    after = contents(tmp_path / "digits")
    assert {name for name in before if before[name] != after[name]} == {"manifest.json"}


def test_a_world_with_another_parameter_is_built_again_and_has_another_fingerprint(tmp_path, digits):
    prints = []
    for world in (digits, replace(digits, drift=0.1), replace(digits, purpose="The same."), digits):
        build.ensure(tmp_path / "digits", world, "tiny")
        prints.append(ssvh.load_dataset("digits", tmp_path).fingerprint)
    assert prints[0] == prints[2] == prints[3] != prints[1]
