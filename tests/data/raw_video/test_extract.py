"""A folder of videos becomes a dataset: whole, resumable, with every unreadable video named."""

import csv
import json
import shutil
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import torch
from PIL import Image
from video_samples import number_of, picture, write_animation, write_audio, write_video

import ssvh_lib as ssvh
from ssvh_lib.data.listing import Listed
from ssvh_lib.data.raw_video import extract as extraction
from ssvh_lib.data.raw_video import frame_features
from ssvh_lib.data.raw_video.backbones import load_backbone
from ssvh_lib.data.raw_video.extract import extract
from ssvh_lib.data.raw_video.find import find_videos
from ssvh_lib.data.raw_video.frame_features import Pictures
from ssvh_lib.data.raw_video.gather import is_stored
from ssvh_lib.data.raw_video.plan import file_name
from ssvh_lib.utils.files import digest_of
from ssvh_lib.utils.words import size


def describe_all(videos, out, backbone, **options):
    return extract(videos, out, backbone=backbone, **{"frames": 4, "device": "cpu", "progress": False} | options)


# The dataset


def test_the_dataset_loads_and_fits_together(made, videos):
    report, dataset = made
    assert (report.sets, report.skipped, report.noted, report.left_out) == ({"train": 7, "query": 3}, {}, {}, 0)
    assert (dataset.name, dataset.classes, dataset.preset) == ("kitchen", ("baking", "diving", "fishing"), "small")
    assert dataset.train.features.shape == (7, 4, 16)
    assert dataset.train.read().dtype == np.float32
    assert dataset.query.thumbnails[:].shape == (3, 4, 64, 64, 3)
    assert dataset.database is dataset.train
    for part in dataset.parts().values():
        assert [dataset.classes[row.argmax()] for row in part.labels] == [name.split("/")[0] for name in part.ids]
        assert (part.labels.sum(axis=1) == 1).all()
    assert sorted(dataset.train.ids + dataset.query.ids) == list(find_videos(videos))


def test_each_row_is_what_the_backbone_alone_makes_of_the_sampled_frames(made, videos, backbone):
    from transformers import AutoImageProcessor, AutoModel

    model = AutoModel.from_pretrained(backbone).eval()
    processor = AutoImageProcessor.from_pretrained(backbone, backend="pil")
    _, dataset = made
    for part in (dataset.train, dataset.query):
        for row, name in enumerate(part.ids):
            held = 8 + int(name[-5])
            images = all_frames(videos / name)
            assert len(images) == held
            chosen = [images[(2 * t + 1) * held // 8] for t in range(4)]
            with torch.inference_mode():
                naive = [model(**processor(image, return_tensors="pt")).pooler_output.flatten() for image in chosen]
            np.testing.assert_allclose(part.read()[row], torch.stack(naive), rtol=1e-4, atol=1e-5)
            assert [number_of(wide(thumb)) for thumb in part.thumbnails[np.array([row])][0]] == [
                number_of(wide(frame_features.thumbnail(image))) for image in chosen
            ]


def all_frames(path):
    import av

    with av.open(str(path)) as container:
        return [frame.to_image() for frame in container.decode(video=0)]


def wide(thumbnail):
    """The thumbnail of a 64 x 48 picture, put back between the stripes that were cut off."""
    return np.pad(thumbnail, ((0, 0), (11, 11), (0, 0)))


def test_how_it_was_made_is_told(made, backbone):
    report, dataset = made
    told = json.loads((dataset.root / "extract.json").read_text())
    assert (told["backbone"], told["frames"], told["thumbnail"]) == (str(backbone), 4, 64)
    assert told["weights"] == load_backbone(backbone, "cpu").fingerprint()
    first = (dataset.root / "dataset.toml").read_text().splitlines()[0]
    assert first.startswith("# Sets: a share of 0.2 of each class drawn as queries, seed 0.")
    assert str(report) == f"{dataset.root}: 7 train, 3 query"
    assert not (dataset.root / "partial").exists()


def test_a_trained_method_can_use_it(made, tmp_path):
    _, dataset = made
    model = ssvh.build("lsh", dataset=dataset, bits=8)
    ssvh.fit(model, dataset, tmp_path / "run", seed=0)
    assert len(ssvh.encode(model, dataset.query)) == 3


# Interrupted, repeated, refused


def contents(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def counted(monkeypatch, stop_after=None):
    """Count the videos that the backbone describes; interrupt before one too many."""
    done, naive = [], Pictures.features

    def describe_one(self, *values):
        if len(done) == stop_after:
            raise KeyboardInterrupt
        done.append(0)
        return naive(self, *values)

    monkeypatch.setattr(Pictures, "features", describe_one)
    return done


def test_an_interrupted_extraction_goes_on_where_it_was(tmp_path, made, videos, backbone, monkeypatch):
    out = tmp_path / "kitchen"
    with monkeypatch.context() as patch:
        counted(patch, stop_after=4)
        with pytest.raises(KeyboardInterrupt, match=rf"^Interrupted: 4 of 10 videos are kept in {out}; the same"):
            describe_all(videos, out, backbone)
    stored = sorted((tmp_path / "kitchen" / "partial").iterdir())
    assert len(stored) == 4
    stored[0].write_bytes(stored[0].read_bytes()[:-100])  # as after a power cut
    assert not is_stored(stored[0])
    done = counted(monkeypatch)
    assert describe_all(videos, tmp_path / "kitchen", backbone).sets == made[0].sets
    assert len(done) == 7
    assert contents(tmp_path / "kitchen") == contents(made[1].root)


def test_an_interrupt_while_the_files_are_written_loses_nothing(tmp_path, made, videos, backbone, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(extraction, "write_layout", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            describe_all(videos, tmp_path / "kitchen", backbone)
    assert not (tmp_path / "kitchen" / "dataset.toml").exists()
    done = counted(monkeypatch)
    describe_all(videos, tmp_path / "kitchen", backbone)
    assert done == []
    assert contents(tmp_path / "kitchen") == contents(made[1].root)


def test_a_second_call_has_nothing_to_do(made, videos, backbone, monkeypatch):
    report, dataset = made
    before, done = contents(dataset.root), counted(monkeypatch)
    assert describe_all(videos, dataset.root, backbone) == report
    assert done == []
    assert contents(dataset.root) == before


@pytest.mark.parametrize("changed", [{"frames": 5}, {"seed": 1}, {"query_share": 0.5}])
def test_another_dataset_is_not_overwritten(made, videos, backbone, changed):
    before = contents(made[1].root)
    with pytest.raises(ssvh.SSVHError, match=r"kitchen holds a dataset that was made from other videos, lists or sett"):
        describe_all(videos, made[1].root, backbone, **changed)
    assert contents(made[1].root) == before


def test_other_files_are_not_overwritten(tmp_path, videos, backbone):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "train_feats.h5").write_text("mine")
    with pytest.raises(
        ssvh.SSVHError, match=r"out holds other files \(train_feats\.h5\)\. Choose a folder that is new"
    ):
        describe_all(videos, tmp_path / "out", backbone)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ssvh.SSVHError, match=r"file is a file; the dataset needs a folder"):
        describe_all(videos, tmp_path / "file", backbone)


def test_two_processes_do_not_write_the_same_folder(tmp_path, videos, backbone):
    with (
        extraction._locked(tmp_path / "out"),
        pytest.raises(ssvh.SSVHError, match="Another process is extracting into"),
    ):
        describe_all(videos, tmp_path / "out", backbone)


def test_a_row_does_not_depend_on_what_else_is_described(tmp_path, made, videos, backbone):
    (tmp_path / "few" / "baking").mkdir(parents=True)
    for name in ("1.avi", "4.mp4"):
        shutil.copy2(videos / "baking" / name, tmp_path / "few" / "baking")
    describe_all(tmp_path / "few", tmp_path / "out", backbone)
    few = ssvh.load_dataset("out", tmp_path)
    everything = {
        name: row for part in made[1].parts().values() for name, row in zip(part.ids, part.read(), strict=True)
    }
    for part in (few.train, few.query):
        np.testing.assert_array_equal(part.read()[0], everything[part.ids[0]])


# Videos that cannot be read


def test_an_unreadable_video_is_skipped_and_named_with_its_reason(tmp_path, videos, backbone):
    shutil.copytree(videos / "baking", tmp_path / "in" / "baking")
    broken = tmp_path / "in" / "baking"
    (broken / "empty.mp4").touch()
    (broken / "page.avi").write_text("<html>404</html>")
    write_audio(broken / "song.mp4")
    cut = write_video(broken / "cut.avi", 200)
    cut.write_bytes(cut.read_bytes()[:9000])
    (broken / "gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
    report = describe_all(tmp_path / "in", tmp_path / "out", backbone)
    assert report.skipped == {
        "baking/empty.mp4": "is empty.",
        "baking/gone.mp4": "cannot be read as a video (No such file or directory).",
        "baking/page.avi": "cannot be read as a video (Invalid data found when processing input).",
        "baking/song.mp4": "has no video stream.",
    }
    assert list(report.noted) == ["baking/cut.avi"]
    assert "breaks off after" in report.noted["baking/cut.avi"]
    assert "4 skipped, see report.csv:\n  baking/empty.mp4: is empty." in str(report)
    dataset = ssvh.load_dataset("out", tmp_path)
    assert len(dataset.train) + len(dataset.query) == 6
    with (tmp_path / "out" / "report.csv").open(newline="") as file:
        rows = {row["video"]: row for row in csv.DictReader(file)}
    assert len(rows) == 10
    assert (rows["baking/0.mp4"]["status"], rows["baking/0.mp4"]["seconds"]) == ("used", "0.320")
    assert rows["baking/page.avi"]["status"] == "skipped"


def test_a_set_of_which_nothing_can_be_read_is_an_error(tmp_path, backbone):
    for name in "abc":
        (tmp_path / "in" / "baking").mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / "baking" / f"{name}.mp4").write_text("no video")
    with pytest.raises(ssvh.SSVHError, match=r"No video of the set 'train' could be read; .*report\.csv says why"):
        describe_all(tmp_path / "in", tmp_path / "out", backbone)
    assert (tmp_path / "out" / "report.csv").read_text().count("cannot be read as a video") == 3


def test_a_full_disk_keeps_what_is_done(tmp_path, videos, backbone, monkeypatch):
    def no_room(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", no_room)
    with pytest.raises(ssvh.SSVHError, match=r"cannot be written \(No space left on device\)\. What is done is kept"):
        describe_all(videos, tmp_path / "out", backbone)


@pytest.mark.parametrize(("free", "refused"), [(20_000, True), (400_000, False)])
def test_a_disk_without_room_is_noticed_before_anything_is_described(
    tmp_path, videos, backbone, monkeypatch, free, refused
):
    done = counted(monkeypatch)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=free))
    options = {"frames": 200, "thumbnails": "none"}  # 10 x 200 x 16 values of 4 bytes, and again while gathered
    if not refused:
        assert describe_all(videos, tmp_path / "out", backbone, **options).sets == {"train": 7, "query": 3}
        return
    with pytest.raises(ssvh.SSVHError, match=r"has 20 kB free, the extraction needs 256 kB\. Make room, or ask for sm"):
        describe_all(videos, tmp_path / "out", backbone, **options)
    assert done == []
    assert not (tmp_path / "out").exists()


# Sizes by choice


@pytest.mark.parametrize(("float16", "kind"), [(False, np.float32), (True, np.float16)])
def test_features_take_the_room_that_was_announced(tmp_path, videos, backbone, float16, kind):
    said, options = [], {"frames": 1000, "thumbnails": "none", "float16": float16}
    describe_all(videos, tmp_path / "out", backbone, **options, say=said.append)
    (line,) = said
    announced = 10 * 1000 * 16 * np.dtype(kind).itemsize
    assert f"10 videos x 1000 frames x 16 values: features of type {np.dtype(kind)} take {size(announced)}" in line
    on_disk = sum(path.stat().st_size for path in (tmp_path / "out").glob("*_feats.h5"))
    assert announced <= on_disk < 1.03 * announced
    assert "no thumbnails" in line
    dataset = ssvh.load_dataset("out", tmp_path)
    with h5py.File(tmp_path / "out" / "train_feats.h5") as file:
        assert file["feats"].dtype == kind
    assert dataset.train.thumbnails is None
    assert sum(path.stat().st_size for path in (tmp_path / "out").glob("*_extras.h5")) < 20_000


@pytest.mark.parametrize(("choice", "side"), [("small", 64), ("full", 224)])
def test_thumbnails_have_the_size_that_was_announced(tmp_path, videos, backbone, choice, side):
    said = []
    describe_all(videos, tmp_path / "out", backbone, thumbnails=choice, say=said.append)
    dataset = ssvh.load_dataset("out", tmp_path)
    thumbnails = [part.thumbnails[:] for part in (dataset.train, dataset.query)]
    assert {kept.shape[1:] for kept in thumbnails} == {(4, side, side, 3)}
    assert f"thumbnails of {side} pixels at most {size(sum(kept.nbytes for kept in thumbnails))}" in said[0]
    on_disk = sum(path.stat().st_size for path in (tmp_path / "out").glob("*_extras.h5"))
    assert on_disk < sum(kept.nbytes for kept in thumbnails)


def test_float16_is_the_rounded_float32(tmp_path, made, videos, backbone):
    describe_all(videos, tmp_path / "out", backbone, float16=True)
    halves = ssvh.load_dataset("out", tmp_path).train.features
    np.testing.assert_array_equal(halves[:], made[1].train.features[:].astype(np.float16))
    assert json.loads((tmp_path / "out" / "extract.json").read_text())["dtype"] == "float16"


def test_features_too_large_for_float16_are_an_error(tmp_path, videos, backbone, monkeypatch):
    monkeypatch.setattr(Pictures, "features", lambda *_: np.full((4, 16), 7e4, np.float32))
    with pytest.raises(ssvh.SSVHError, match=r"reach 70,000, and float16 ends at 65,504\. .*without --float16"):
        describe_all(videos, tmp_path / "out", backbone, float16=True)


def test_another_size_of_thumbnails_is_refused_with_those_there_are(tmp_path, videos, backbone):
    with pytest.raises(ssvh.SSVHError, match=r"no size of thumbnails called 'huge'\. Known: full, none, small"):
        describe_all(videos, tmp_path / "out", backbone, thumbnails="huge")


def test_what_version_0_1_made_is_recognised(made, videos, backbone, monkeypatch):
    """Its extract.json had these keys and no others; by its defaults they still have the same fingerprint."""
    told = json.loads((made[1].root / "extract.json").read_text())
    assert list(told) == ["backbone", "weights", "frames", "thumbnail", "split", "inputs"]
    stat = (videos / "baking" / "0.mp4").stat()
    made_of = {key: told[key] for key in ("weights", "frames", "thumbnail")}
    as_in_0_1 = digest_of(["baking/0.mp4", stat.st_size, stat.st_mtime_ns, made_of]) + ".npz"
    recipe = {key: told[key] for key in ("backbone", "weights", "frames", "thumbnail")}
    assert file_name(videos, Listed("baking/0.mp4", ("baking",), "train"), recipe) == as_in_0_1


# Folders of frames, and the size of a batch


def test_folders_of_frames_and_animations_are_described_like_files(tmp_path, backbone):
    for number in range(3):
        write_animation(tmp_path / "in" / "baking" / f"{number}.gif", 8)
        folder = tmp_path / "in" / "diving" / str(number)
        folder.mkdir(parents=True)
        for frame in range(12):
            Image.fromarray(picture(frame)).save(folder / f"frame{frame}.png")
    (tmp_path / "in" / "diving" / "2" / "frame4.png").write_text("no picture")
    report = describe_all(tmp_path / "in", tmp_path / "out", backbone)
    assert (report.sets, report.skipped) == ({"train": 4, "query": 2}, {})
    assert report.noted == {"diving/2": "unreadable pictures: 1, such as frame4.png"}
    dataset = ssvh.load_dataset("out", tmp_path)
    shown = {
        name: [number_of(wide(thumb)) for thumb in frames]
        for part in (dataset.train, dataset.query)
        for name, frames in zip(part.ids, part.thumbnails[:], strict=True)
    }
    kept = {number: number_of(wide(frame_features.thumbnail(Image.fromarray(picture(number))))) for number in range(12)}
    assert shown["diving/0"] == [kept[number] for number in (1, 4, 7, 10)]
    assert shown["diving/2"] == [kept[number] for number in (1, 3, 7, 10)]
    assert shown["baking/0.gif"] == [kept[number] for number in (1, 3, 5, 7)]
    rows = (tmp_path / "out" / "report.csv").read_text().splitlines()
    assert "diving/0,train,diving,,used," in rows or "diving/0,query,diving,,used," in rows  # no length in seconds


def test_a_changed_picture_makes_another_dataset(tmp_path, backbone):
    for name in "ab":
        (tmp_path / "in" / "baking" / name).mkdir(parents=True)
        Image.fromarray(picture(1)).save(tmp_path / "in" / "baking" / name / "1.png")
    describe_all(tmp_path / "in", tmp_path / "out", backbone)
    Image.fromarray(picture(3)).save(tmp_path / "in" / "baking" / "a" / "2.png")
    with pytest.raises(ssvh.SSVHError, match="made from other videos"):
        describe_all(tmp_path / "in", tmp_path / "out", backbone)


def test_the_size_of_a_batch_changes_rounding_only(tmp_path, made, videos, backbone):
    describe_all(videos, tmp_path / "out", backbone, batch_size=1)
    again = ssvh.load_dataset("out", tmp_path)
    np.testing.assert_allclose(again.train.read(), made[1].train.read(), rtol=1e-4, atol=1e-5)
    assert again.train.ids == made[1].train.ids


# Names, lists and arguments


def test_odd_names_come_through(tmp_path, backbone):
    odd = ["ö 'q\" %d;,.mp4", "line\nbreak.mp4", "b\udcff.mp4", "🎬" * 50 + ".mp4", "-n.mp4"]
    folder = tmp_path / "in" / 'cl"a\\ss\x7f'
    folder.mkdir(parents=True)
    for name in odd:
        write_video(tmp_path / "v.mp4", 6).rename(folder / name)
    describe_all(tmp_path / "in", tmp_path / "out", backbone)
    dataset = ssvh.load_dataset("out", tmp_path)
    assert dataset.classes == ('cl"a\\ss\\x7f',)
    ids = {name.partition("/")[2] for part in (dataset.train, dataset.query) for name in part.ids}
    assert ids == {odd[0], "line\\nbreak.mp4", "b\\udcff.mp4", odd[3], odd[4]}


def test_a_csv_dataset_with_a_database_loads(tmp_path, videos, backbone):
    rows = ["baking/0.mp4,a;b,train", "baking/1.avi,b,database", "baking/2.mp4,a,database", "diving/0.mp4,b,query"]
    (tmp_path / "list.csv").write_text("\n".join(["path,labels,split", *rows, "lost.mp4,a,train"]))
    report = describe_all(videos, tmp_path / "out", backbone, classes=tmp_path / "list.csv")
    assert (report.sets, report.left_out) == ({"train": 1, "database": 2, "query": 1}, 6)
    assert report.skipped == {"lost.mp4": "cannot be read as a video (No such file or directory)."}
    dataset = ssvh.load_dataset("out", tmp_path)
    assert dataset.train.labels.tolist() == [[1, 1]]
    assert dataset.database.labels.tolist() == [[0, 1], [1, 0]]
    assert dataset.database.ids == ("baking/1.avi", "baking/2.mp4")


@pytest.mark.parametrize("wrong", [{"frames": 0}, {"batch_size": 0}])
def test_numbers_below_one_are_refused(tmp_path, videos, backbone, wrong):
    with pytest.raises(ssvh.SSVHError, match="frames and batch_size must be 1 or more"):
        describe_all(videos, tmp_path / "out", backbone, **wrong)


def test_a_backbone_is_checked_before_anything_is_written(tmp_path, videos):
    with pytest.raises(ssvh.SSVHError, match="There is no folder"):
        describe_all(videos, tmp_path / "out", tmp_path / "none")
    assert not (tmp_path / "out").exists()


def test_a_backbone_that_returns_nan_is_an_error(tmp_path, videos, backbone):
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(backbone, tmp_path / "mine")
    held = load_file(folder / "model.safetensors")
    save_file({key: value * np.nan if value.is_floating_point() else value for key, value in held.items()},
              folder / "model.safetensors", metadata={"format": "pt"})  # fmt: skip
    with pytest.raises(ssvh.SSVHError, match="returns NaN or infinity"):
        describe_all(videos, tmp_path / "out", folder)
