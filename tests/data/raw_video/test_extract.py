"""A folder of videos becomes a dataset: whole, resumable, with every unreadable video named."""

import csv
import json
import shutil

import h5py
import numpy as np
import pytest
import torch
from video_samples import number_of, write_audio, write_backbone, write_video

import ssvh_lib as ssvh
from ssvh_lib.data.raw_video import extract as extraction
from ssvh_lib.data.raw_video import frame_features
from ssvh_lib.data.raw_video.backbones import Backbone, load_backbone
from ssvh_lib.data.raw_video.extract import extract
from ssvh_lib.data.raw_video.frame_features import features_of
from ssvh_lib.data.raw_video.gather import is_stored
from ssvh_lib.data.raw_video.splits import find_videos, list_videos


@pytest.fixture(autouse=True)
def _offline(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture(scope="session")
def backbone(tmp_path_factory):
    return write_backbone(tmp_path_factory.mktemp("backbone") / "tiny")


@pytest.fixture(scope="session")
def videos(tmp_path_factory):
    """Ten videos in three classes, of 8 to 12 numbered frames."""
    folder = tmp_path_factory.mktemp("videos")
    for label, count in (("baking", 5), ("diving", 3), ("fishing", 2)):
        for number in range(count):
            write_video(folder / label / f"{number}{('.mp4', '.avi')[number % 2]}", 8 + number)
    return folder


def describe_all(videos, out, backbone, **options):
    return extract(videos, out, backbone=backbone, **{"frames": 4, "device": "cpu", "progress": False} | options)


@pytest.fixture(scope="session")
def made(tmp_path_factory, videos, backbone):
    """The dataset of those videos."""
    out = tmp_path_factory.mktemp("made") / "kitchen"
    return describe_all(videos, out, backbone), ssvh.load_dataset("kitchen", out.parent)


# The dataset


def test_the_dataset_loads_and_fits_together(made, videos):
    report, dataset = made
    assert (report.sets, report.skipped, report.damaged, report.left_out) == ({"train": 7, "query": 3}, {}, {}, 0)
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


def test_one_video_is_described_as_in_the_dataset(made, videos, backbone):
    _, dataset = made
    features, thumbnails = features_of(videos / dataset.query.ids[1], backbone, 4, "cpu")
    np.testing.assert_array_equal(features, dataset.query.read()[1])
    np.testing.assert_array_equal(thumbnails, dataset.query.thumbnails[:][1])


def test_how_it_was_made_is_told(made, backbone):
    report, dataset = made
    told = json.loads((dataset.root / "extract.json").read_text())
    assert (told["backbone"], told["frames"], told["thumbnail"]) == (str(backbone), 4, 64)
    assert told["weights"] == load_backbone(backbone, "cpu").fingerprint()
    first = (dataset.root / "dataset.toml").read_text().splitlines()[0]
    assert first.startswith("# Sets: drawn: a share of 0.2 of each class are queries, seed 0.")
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
    done, naive = [], Backbone.describe

    def describe_one(self, *values):
        if len(done) == stop_after:
            raise KeyboardInterrupt
        done.append(0)
        return naive(self, *values)

    monkeypatch.setattr(Backbone, "describe", describe_one)
    return done


def test_an_interrupted_extraction_goes_on_where_it_was(tmp_path, made, videos, backbone, monkeypatch):
    with monkeypatch.context() as patch:
        counted(patch, stop_after=4)
        with pytest.raises(KeyboardInterrupt):
            describe_all(videos, tmp_path / "kitchen", backbone)
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
    with extraction._locked(tmp_path / "out"), pytest.raises(ssvh.SSVHError, match="Another process is extracting into"):
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
    assert list(report.damaged) == ["baking/cut.avi"]
    assert "breaks off after" in report.damaged["baking/cut.avi"]
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


# Which videos there are


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_videos_are_found_in_order_and_hidden_ones_passed_over(tmp_path):
    names = ["a/x.mp4", "a/z/deep.AVI", "b/1.mkv", "loose.webm"]
    touch(tmp_path, *names, "a/notes.txt", ".cache/x.mp4", "b/._1.mkv")
    assert list(find_videos(tmp_path)) == names


def test_links_are_followed_but_not_in_circles(tmp_path):
    touch(tmp_path / "in", "a/x.mp4")
    touch(tmp_path / "elsewhere", "y.mp4")
    (tmp_path / "in" / "b").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / "a" / "up").symlink_to(tmp_path / "in")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "in" / "a")
    (tmp_path / "in" / "self.mp4").symlink_to("self.mp4")
    assert list(find_videos(tmp_path / "in")) == ["a/x.mp4", "b/back/x.mp4", "b/y.mp4", "self.mp4"]


def test_odd_names_come_through(tmp_path, backbone):
    odd = ["ö 'q\" %d;,.mp4", "line\nbreak.mp4", "b\udcff.mp4", "🎬" * 50 + ".mp4", "-n.mp4"]
    for name in odd:
        write_video(tmp_path / "v.mp4", 6).rename(touch(tmp_path / "in" / 'cl"a\\ss\x7f', name) / name)
    describe_all(tmp_path / "in", tmp_path / "out", backbone)
    dataset = ssvh.load_dataset("out", tmp_path)
    assert dataset.classes == ('cl"a\\ss\\x7f',)
    ids = {name.partition("/")[2] for part in (dataset.train, dataset.query) for name in part.ids}
    assert ids == {odd[0], "line\\nbreak.mp4", "b\\udcff.mp4", odd[3], odd[4]}


def listed(folder, classes=None, splits=None, *, query_share=0.2, seed=0):
    return list_videos(folder, classes, splits, query_share=query_share, seed=seed)


def sets(listing):
    return {video.path: video.part for video in listing.videos}


def test_queries_are_drawn_from_each_class_and_the_seed_says_which(tmp_path):
    touch(tmp_path, *(f"{label}/{n}.mp4" for label, count in (("a", 20), ("b", 7), ("c", 1)) for n in range(count)))
    first = sets(listed(tmp_path))
    queries = [path for path, part in first.items() if part == "query"]
    assert [sum(path.startswith(label) for path in queries) for label in "abc"] == [
        4,
        1,
        0,
    ]  # 20 %, at least one of two
    assert sets(listed(tmp_path)) == first
    assert sets(listed(tmp_path, seed=1)) != first


def test_videos_without_folders_have_no_class(tmp_path):
    touch(tmp_path, "a.mp4", "b.mp4", "c.mp4")
    listing = listed(tmp_path)
    assert listing.classes == ("no class",)
    assert {video.labels for video in listing.videos} == {()}


def test_a_csv_gives_several_labels_and_sets(tmp_path):
    touch(tmp_path / "in", "a.mp4", "b/c.mp4", "d.mp4", "e.mp4", "unlisted.mp4")
    table = tmp_path / "list.csv"
    table.write_text(
        "\ufeffSplit,Path,Labels\ntrain,a.mp4,cooking; indoors\nquery,./b/c.mp4,cooking\ndatabase,d.mp4,\n"
        'train,e.mp4,"sea, deep;cooking;cooking"\n',
        encoding="utf-8",
    )
    listing = listed(tmp_path / "in", table)
    assert [(video.path, video.labels, video.part) for video in listing.videos] == [
        ("a.mp4", ("cooking", "indoors"), "train"),
        ("b/c.mp4", ("cooking",), "query"),
        ("d.mp4", (), "database"),
        ("e.mp4", ("sea, deep", "cooking"), "train"),
    ]
    assert listing.classes == ("cooking", "indoors", "sea, deep")
    assert (listing.left_out, listing.split) == (1, "the column 'split' of list.csv")


def test_a_csv_without_split_leaves_it_to_be_drawn(tmp_path):
    touch(tmp_path / "in", *(f"{n}.mp4" for n in range(10)))
    (tmp_path / "list.csv").write_text("video,label\n" + "".join(f"{n}.mp4,{n % 2}\n" for n in range(10)))
    listing = listed(tmp_path / "in", tmp_path / "list.csv")
    assert sorted(sets(listing).values()) == ["query"] * 2 + ["train"] * 8
    assert "drawn" in listing.split


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


def ucf(folder):
    folder.mkdir()
    (folder / "classInd.txt").write_text("1 ApplyEyeMakeup\r\n2 Archery\r\n3 Basketball\r\n")
    for number in (1, 2):
        (folder / f"trainlist0{number}.txt").write_text(
            f"ApplyEyeMakeup/v_A_g0{number}_c01.avi 1\r\nArchery/v_B_g0{number}_c01.avi 2\r\n"
        )
        (folder / f"testlist0{number}.txt").write_text(f"Archery/v_B_g0{3 - number}_c01.avi\r\n")
    return folder


def test_the_official_lists_of_ucf101(tmp_path):
    names = [f"{label}_g0{n}_c01.avi" for label in ("ApplyEyeMakeup/v_A", "Archery/v_B") for n in (1, 2, 3)]
    touch(tmp_path / "UCF-101", *names)
    lists = ucf(tmp_path / "lists")
    first, second = (
        listed(tmp_path / "UCF-101", splits=lists),
        listed(tmp_path / "UCF-101", splits=lists / "testlist02.txt"),
    )
    assert first.classes == ("ApplyEyeMakeup", "Archery", "Basketball")  # the official columns, seen or not
    assert sets(first) == {names[0]: "train", names[3]: "train", names[4]: "query"}
    assert sets(second) == {names[1]: "train", names[4]: "train", names[3]: "query"}
    assert (first.split, second.split) == ("official split 1 of UCF101", "official split 2 of UCF101")
    assert first.left_out == 3


def test_the_official_lists_of_hmdb51(tmp_path):
    names = ["brush_hair/a (1) #x.avi", "brush_hair/b.avi", "brush_hair/c.avi", "wave/d.avi"]
    touch(tmp_path / "hmdb51", *names)
    lists = touch(tmp_path / "lists", "brush_hair_test_split1.txt")
    (lists / "brush_hair_test_split1.txt").write_text("a (1) #x.avi 1 \nb.avi 2 \nc.avi 0 \n")
    (lists / "brush_hair_test_split3.txt").write_text("a (1) #x.avi 2 \nb.avi 1 \nc.avi 1 \n")
    (lists / "wave_test_split1.txt").write_text("d.avi 1 \n")
    (lists / "wave_test_split3.txt").write_text("d.avi 2 \n")
    listing = listed(tmp_path / "hmdb51", splits=lists)
    assert sets(listing) == {names[0]: "train", names[1]: "query", names[3]: "train"}
    assert (listing.classes, listing.left_out) == (("brush_hair", "wave"), 1)
    third = listed(tmp_path / "hmdb51", splits=lists / "wave_test_split3.txt")
    assert sets(third) == {names[0]: "query", names[1]: "train", names[2]: "train", names[3]: "query"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the first line must name a column 'path' and a column 'labels' .* it names nothing"),
        ("file,labels\na.mp4,x\n", "it names file, labels"),
        ("path,labels\n", "lists no video"),
        ("path,labels\na.mp4,x\na.mp4,y\n", "line 3: a.mp4 is listed twice. Several labels stand in one line"),
        ("path,labels\n../a.mp4,x\n", "line 2: the path must be that of a video in .*, relative to it, got '../a.mp4'"),
        ("path,labels\n/etc/passwd,x\n", "line 2: the path must be"),
        ("path,labels\n,x\n", "line 2: the path must be"),
        ("path,labels,split\na.mp4,x,test\n", "the split must be one of train, database, query, got 'test'"),
        ("path,labels,split\na.mp4,x,train\nb.mp4,x,train\n", "No video is in the set 'query'"),
        ('path,labels\n"a.mp4,x\n', "not a CSV line"),
        ("path,labels\nq.mp4,x\nr.mp4,x\n", "None of the 2 listed videos is in .*; the first would be .*q.mp4"),
    ],
)
def test_a_wrong_csv_is_refused_by_line(tmp_path, text, message):
    touch(tmp_path / "in", "a.mp4", "b.mp4")
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(ssvh.SSVHError, match=message):
        listed(tmp_path / "in", tmp_path / "list.csv")


def test_a_csv_that_is_not_text_is_refused(tmp_path):
    touch(tmp_path / "in", "a.mp4")
    (tmp_path / "list.csv").write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(ssvh.SSVHError, match=r"list\.csv cannot be read \(it is not text in UTF-8\)"):
        listed(tmp_path / "in", tmp_path / "list.csv")
    with pytest.raises(ssvh.SSVHError, match=r"none\.csv cannot be read \(No such file or directory\)"):
        listed(tmp_path / "in", tmp_path / "none.csv")


def test_lists_that_are_wrong_are_refused(tmp_path):
    touch(tmp_path / "in", "Archery/v_B_g02_c01.avi", "Fencing/x.avi")
    lists = ucf(tmp_path / "lists")
    with pytest.raises(ssvh.SSVHError, match=r"nowhere is no official split: .* trainlist01\.txt and testlist01\.txt"):
        listed(tmp_path / "in", splits=tmp_path / "nowhere")
    with (lists / "trainlist01.txt").open("a") as file:
        file.write("Fencing/x.avi 4\n")
    with pytest.raises(ssvh.SSVHError, match=r"classInd\.txt of .* does not know Fencing"):
        listed(tmp_path / "in", splits=lists)
    (touch(tmp_path / "hmdb", "wave_test_split1.txt") / "wave_test_split1.txt").write_text("a.avi 1\nb.avi 3\n")
    with pytest.raises(
        ssvh.SSVHError, match=r"wave_test_split1\.txt, line 2: expected a file name and 0, 1 or 2, got 'b"
    ):
        listed(tmp_path / "in", splits=tmp_path / "hmdb")
    (tmp_path / "list.csv").write_text("path,labels,split\nFencing/x.avi,x,train\n")
    with pytest.raises(ssvh.SSVHError, match=r"Both .*list\.csv and .*lists say which videos are queries\. Leave one"):
        listed(tmp_path / "in", tmp_path / "list.csv", lists)


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        (["notes.txt"], {}, "holds no videos"),
        (["a/x.mp4", "b/y.mp4"], {}, "No video is in the set 'query' .* put two videos of a class into the folder"),
        (["a/x.mp4", "a/y.mp4"], {"query_share": 1.0}, "The share of queries must lie between 0 and 1, got 1.0"),
    ],
)
def test_a_folder_that_makes_no_dataset_is_refused(tmp_path, names, options, message):
    with pytest.raises(ssvh.SSVHError, match=message):
        listed(touch(tmp_path, *names), **options)
    with pytest.raises(ssvh.SSVHError, match="There is no folder"):
        listed(tmp_path / "none")


@pytest.mark.parametrize("wrong", [{"frames": 0}, {"batch_size": 0}])
def test_numbers_below_one_are_refused(tmp_path, videos, backbone, wrong):
    with pytest.raises(ssvh.SSVHError, match="frames and batch_size must be 1 or more"):
        describe_all(videos, tmp_path / "out", backbone, **wrong)


# Backbones


def describe_noise(backbone, batch_size=8):
    pictures = np.random.default_rng(0).integers(0, 256, (5, 40, 50, 3), dtype=np.uint8)
    network = load_backbone(backbone, "cpu")
    return network, network.describe(torch.stack([network.prepare(picture) for picture in pictures]), batch_size)


def small(**more):
    return {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2} | more


SEEN = {"image_size": 32, "patch_size": 16}


def write_model(folder, model):
    from transformers import ViTImageProcessorPil

    model.eval().save_pretrained(folder)
    ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    return model


def test_a_pooler_without_trained_weights_is_not_used(tmp_path):
    from transformers import ViTConfig, ViTForImageClassification

    model = write_model(tmp_path, ViTForImageClassification(ViTConfig(**small(**SEEN))))
    network, features = describe_noise(tmp_path)
    again = describe_noise(tmp_path)[1]
    np.testing.assert_array_equal(features, again)  # nothing in it is random
    inputs = prepared_noise(network)
    with torch.inference_mode():
        np.testing.assert_allclose(features, model.vit(inputs).last_hidden_state[:, 0], rtol=1e-4, atol=1e-5)


def prepared_noise(network):
    pictures = np.random.default_rng(0).integers(0, 256, (5, 40, 50, 3), dtype=np.uint8)
    return torch.stack([network.prepare(picture) for picture in pictures])


def test_of_clip_the_image_tower_is_used(tmp_path):
    from transformers import CLIPConfig, CLIPModel

    text, vision = small(vocab_size=99, bos_token_id=1, eos_token_id=2), small(**SEEN, hidden_size=24)
    model = write_model(tmp_path, CLIPModel(CLIPConfig(text_config=text, vision_config=vision)))
    network, features = describe_noise(tmp_path)
    assert features.shape == (5, 24)
    with torch.inference_mode():
        naive = model.vision_model(prepared_noise(network)).pooler_output
    np.testing.assert_allclose(features, naive, rtol=1e-4, atol=1e-5)


def test_a_feature_map_is_averaged():
    network = Backbone("any", torch.nn.Identity(), None, True, torch.device("cpu"))
    output = type("Output", (), {"last_hidden_state": torch.arange(24.0).view(1, 2, 3, 4)})
    np.testing.assert_array_equal(network._pool(output), [[5.5, 17.5]])


def test_the_size_of_a_batch_changes_rounding_only(backbone):
    np.testing.assert_allclose(describe_noise(backbone, 2)[1], describe_noise(backbone, 5)[1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (3, 70), (70, 3), (4, 1)])
def test_tiny_pictures_are_described(backbone, size):
    network = load_backbone(backbone, "cpu")
    picture = np.full((*size, 3), 200, np.uint8)
    assert network.prepare(picture).shape == (3, 32, 32)
    assert torch.allclose(network.prepare(picture), network.prepare(np.full((9, 9, 3), 200, np.uint8)), atol=1e-6)


def test_a_fingerprint_follows_weights_and_preparation(tmp_path, backbone):
    first = load_backbone(backbone, "cpu").fingerprint()
    assert load_backbone(shutil.copytree(backbone, tmp_path / "copy"), "cpu").fingerprint() == first
    assert load_backbone(write_backbone(tmp_path / "other", seed=1), "cpu").fingerprint() != first
    assert load_backbone(write_backbone(tmp_path / "larger", side=48), "cpu").fingerprint() != first


def remove(folder, name):
    (folder / name).unlink()


def pickle_weights(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def cut_weights(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-50])


def lose_weights(folder):
    from safetensors.torch import load_file, save_file

    held = load_file(folder / "model.safetensors")
    held.pop("embedder.embedder.convolution.weight")
    save_file(held, folder / "model.safetensors", metadata={"format": "pt"})


def change_config(folder, **values):
    config = json.loads((folder / "config.json").read_text()) | values
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda folder: remove(folder, "config.json"),
            "has no config.json. A backbone's folder is what save_pretrained",
        ),
        (lambda folder: remove(folder, "preprocessor_config.json"), "has no preprocessor_config.json"),
        (
            lambda folder: remove(folder, "model.safetensors"),
            "has no model.safetensors. Weights are read from safetens",
        ),
        (pickle_weights, "no model.safetensors, only pytorch_model.bin. .* a pickled file can run any program"),
        (cut_weights, "cannot be loaded"),
        (lose_weights, "weights of .* are not whole: 1 arrays are missing, for example embedder.embedder.convolution"),
        (lambda folder: (folder / "config.json").write_text("{"), "cannot be loaded"),
        (lambda folder: change_config(folder, model_type="nothing"), "cannot be loaded"),
        (lambda folder: change_config(folder, hidden_sizes=[8, 32]), "cannot be loaded|not whole"),
    ],
)
def test_a_damaged_backbone_is_refused(tmp_path, backbone, damage, message):
    folder = shutil.copytree(backbone, tmp_path / "mine")
    damage(folder)
    with pytest.raises(ssvh.SSVHError, match=message) as error:
        load_backbone(folder, "cpu")
    assert str(folder) in str(error.value)


def test_a_backbone_is_checked_before_anything_is_written(tmp_path, videos):
    with pytest.raises(ssvh.SSVHError, match="There is no folder"):
        describe_all(videos, tmp_path / "out", tmp_path / "none")
    assert not (tmp_path / "out").exists()


def test_without_network_a_hub_name_says_what_to_do():
    with pytest.raises(
        ssvh.SSVHError, match=r"backbone nobody/nothing cannot be loaded .* a local folder that save_pre"
    ):
        load_backbone("nobody/nothing", "cpu")


def test_a_hub_that_cannot_be_reached_is_noticed_by_one_request(monkeypatch):
    asked = []

    def unreachable(url, **options):
        asked.append(url)
        raise TimeoutError("timed out")

    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", unreachable)
    monkeypatch.setattr("transformers.AutoImageProcessor.from_pretrained", None)  # calling it would fail otherwise
    with pytest.raises(ssvh.SSVHError, match=r"huggingface\.co does not give it: timed out\)"):
        load_backbone("nobody/nothing", "cpu")
    assert asked == ["https://huggingface.co/nobody/nothing/resolve/main/config.json"]


def test_a_text_model_is_refused(tmp_path):
    from transformers import BertConfig, BertModel

    write_model(tmp_path, BertModel(BertConfig(**small(vocab_size=99))))
    with pytest.raises(ssvh.SSVHError, match="is no image model: it takes input_ids, not pixel_values"):
        load_backbone(tmp_path, "cpu")


def test_code_that_comes_with_a_model_is_not_run(tmp_path, backbone):
    folder = shutil.copytree(backbone, tmp_path / "mine")
    change_config(folder, model_type="mine", auto_map={"AutoConfig": "evil.Config", "AutoModel": "evil.Model"})
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Config: pass\nclass Model: pass\n")
    with pytest.raises(ssvh.SSVHError, match="cannot be loaded"):
        load_backbone(folder, "cpu")
    assert not (tmp_path / "ran").exists()


def test_a_backbone_that_returns_nan_is_an_error(tmp_path, videos, backbone):
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(backbone, tmp_path / "mine")
    held = load_file(folder / "model.safetensors")
    save_file({key: value * np.nan if value.is_floating_point() else value for key, value in held.items()},
              folder / "model.safetensors", metadata={"format": "pt"})  # fmt: skip
    with pytest.raises(ssvh.SSVHError, match="returns NaN or infinity"):
        describe_all(videos, tmp_path / "out", folder)


def test_a_device_that_is_not_there_is_refused(backbone):
    with pytest.raises(ssvh.SSVHError, match="The device 'toaster' cannot be used"):
        load_backbone(backbone, "toaster")


def test_ids_lie_beside_the_thumbnails(made):
    with h5py.File(made[1].root / "query_extras.h5") as file:
        assert tuple(file["ids"].asstr()[:]) == made[1].query.ids
        assert file["thumbnails"].chunks == (1, 4, 64, 64, 3)
