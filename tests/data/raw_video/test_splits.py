"""The videos of a folder, their labels and their sets: from folders, a CSV, official lists, or drawn."""

import pytest

import ssvh_lib as ssvh
from ssvh_lib.data.raw_video.find import find_videos
from ssvh_lib.data.raw_video.splits import list_videos


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def listed(folder, classes=None, splits=None, *, query_share=0.2, seed=0):
    return list_videos(folder, classes, splits, query_share=query_share, seed=seed)


def sets(listing):
    return {video.path: video.part for video in listing.videos}


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
        ("path,labels\na.mp4,x\na.mp4,y\n", "line 3: a.mp4 is listed twice. Put several labels into one line"),
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
    message = r"nowhere is not an official split: .* trainlist01\.txt and testlist01\.txt"
    with pytest.raises(ssvh.SSVHError, match=message):
        listed(tmp_path / "in", splits=tmp_path / "nowhere")
    with (lists / "trainlist01.txt").open("a") as file:
        file.write("Fencing/x.avi 4\n")
    with pytest.raises(ssvh.SSVHError, match=r"classInd\.txt of .* does not list Fencing"):
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
