"""Embedded datasets on disk: built once, whole or not at all, and never over files of others."""

import numpy as np
import pytest

import ssvh_lib as ssvh
from ssvh_lib.data import layouts
from ssvh_lib.data.embedded import build, generator, moving_digits, moving_shapes, still_cnn


@pytest.fixture
def tiny(monkeypatch):
    """A dataset of 6 + 4 videos with a hardly trained CNN: the recipe reads the code, so it does not notice."""
    monkeypatch.setitem(generator.SIZES, "tiny", (6, 4))
    monkeypatch.setattr(layouts, "PRESETS", ("tiny",))  # a dataset names its size as its preset
    monkeypatch.setattr(still_cnn, "STEPS", 2)
    monkeypatch.setattr(still_cnn, "PICTURES", 40)


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
    monkeypatch.setattr(build, "write_part", lambda *_, **__: pytest.fail("built again"))
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
