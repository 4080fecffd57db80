"""Labels and sets of videos that are called otherwise where they lie than in the lists."""

import pytest

import ssvh_lib as ssvh
from ssvh_lib.data.listing import arrange, is_table

STORED = ["a", "b", "c", "d"]


def stem(path):
    return path.rpartition("/")[2].partition(".")[0]


def test_labels_come_from_the_listed_path_and_names_from_where_videos_lie(tmp_path):
    (tmp_path / "trainlist01.txt").write_text("Run/a.avi 1\nSit/b.avi 2\n")
    (tmp_path / "testlist01.txt").write_text("Run/c.avi\n")
    listing = arrange(STORED, tmp_path, None, tmp_path, name=stem)
    assert [(video.path, video.labels, video.part) for video in listing.videos] == [
        ("a", ("Run",), "train"),
        ("b", ("Sit",), "train"),
        ("c", ("Run",), "query"),
    ]
    assert (listing.classes, listing.left_out) == (("Run", "Sit"), 1)


def test_a_table_goes_before_the_listed_path(tmp_path):
    (tmp_path / "trainlist01.txt").write_text("Run/a.avi 1\n")
    (tmp_path / "testlist01.txt").write_text("Run/b.avi\n")
    (tmp_path / "labels.csv").write_text("path,labels\na.npy,x;y\n")
    listing = arrange(STORED, tmp_path, tmp_path / "labels.csv", tmp_path, name=stem)
    assert [video.labels for video in listing.videos] == [("x", "y"), ("Run",)]


def test_two_listed_videos_that_are_one_are_refused(tmp_path):
    (tmp_path / "trainlist01.txt").write_text("Run/a.avi 1\nSit/a.avi 2\n")
    (tmp_path / "testlist01.txt").write_text("Run/b.avi\n")
    with pytest.raises(ssvh.SSVHError, match="name 3 videos, which are only 2 in the folder"):
        arrange(STORED, tmp_path, None, tmp_path, name=stem)
    (tmp_path / "labels.csv").write_text("path,labels\nRun/a.avi,x\nSit/a.avi,y\n")
    with pytest.raises(ssvh.SSVHError, match=r"line 3: a is listed twice"):
        arrange(STORED, tmp_path, tmp_path / "labels.csv", None, name=stem)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("path,labels\n", True),
        ("\ufeffVIDEO , class\r\na,b\r\n", True),
        ("labels,other,path", True),
        ("epoch,loss\n1,2\n", False),
        ("path\n", False),
        ("", False),
        ("\x00\xff,\n", False),
    ],
)
def test_a_table_of_labels_is_told_by_its_first_line(tmp_path, text, expected):
    (tmp_path / "x.csv").write_text(text, encoding="utf-8")
    assert is_table(tmp_path / "x.csv") == expected
