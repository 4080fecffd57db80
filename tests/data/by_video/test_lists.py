"""Lists of videos and labels: what a line means, which classes the labels are, and from where numbers count."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ssvh_lib as ssvh
from ssvh_lib.data.by_video.lists import classes_of, read_list

TRAIN, TEST = Path("train.txt"), Path("test.txt")


def lists(train, test=()):
    """Labels of two lists; videos are called a, b, c …"""
    names = iter("abcdefghijklmnopqrstuvwxyz")
    return {path: {next(names): tuple(labels) for labels in given} for path, given in ((TRAIN, train), (TEST, test))}


def write(tmp_path, text):
    (tmp_path / "list.txt").write_text(text)
    return tmp_path / "list.txt"


# Lines


def test_a_list_is_read_in_its_order_with_all_labels(tmp_path):
    path = write(tmp_path, "--0K_j-zexM,3\nv_a, 1 ,2,1\n\nB,12\n")
    assert list(read_list(path).items()) == [("--0K_j-zexM", ("3",)), ("v_a", ("1", "2")), ("B", ("12",))]


def test_a_frame_count_may_stand_before_the_labels(tmp_path):
    path = write(tmp_path, "v_JDg--pjY5gg,812,17,17\nv_b,90,3,5\n")
    assert read_list(path, first_label=3) == {"v_JDg--pjY5gg": ("17",), "v_b": ("3", "5")}


def test_a_mark_of_byte_order_and_windows_lines_are_no_part_of_an_id(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xef\xbb\xbfv1,2\r\nv2,3\r\n")
    assert read_list(path) == {"v1": ("2",), "v2": ("3",)}


@pytest.mark.parametrize(
    ("text", "first_label", "message"),
    [
        ("v1,1\nv2\n", 2, r"line 2: expected 'id,label' and perhaps more labels, got 'v2'"),
        ("v1,\n", 2, r"line 1: expected 'id,label'"),
        (",1\n", 2, r"line 1: expected 'id,label'"),
        ("v1,1,,2\n", 2, r"line 1: expected 'id,label'"),
        ("v1,1\n", 3, r"line 1: expected 'id,frame count,label'"),
        ("v1,1\n\nv2,1\nv1,2\n", 2, r"line 4: 'v1' is listed twice\. Put several labels into one line"),
        ("\n \n", 2, r"lists no video"),
        ("", 2, r"lists no video"),
    ],
)
def test_a_wrong_list_is_refused_by_line(tmp_path, text, first_label, message):
    with pytest.raises(ssvh.SSVHError, match=rf"list\.txt,? {message}"):
        read_list(write(tmp_path, text), first_label)


def test_a_missing_list_and_one_that_is_not_text_are_refused(tmp_path):
    with pytest.raises(ssvh.SSVHError, match=r"none\.txt is missing\. It should be a text file with a line 'id,label'"):
        read_list(tmp_path / "none.txt")
    (tmp_path / "list.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ssvh.SSVHError, match=r"list\.txt cannot be read \(it is not text in UTF-8\)"):
        read_list(tmp_path / "list.txt")


# Classes


def test_labels_of_a_list_become_a_multi_hot_table():
    made = lists([["b"], ["a", "c"]], [["c"]])
    classes = classes_of(made, None, None)
    assert classes.names == ("a", "b", "c")
    assert classes.multi_hot(made[TRAIN].values()).tolist() == [[0, 1, 0], [1, 0, 1]]
    assert classes.multi_hot(made[TEST].values()).dtype == np.uint8


def test_without_names_the_numbers_are_the_classes_whatever_they_count_from():
    made = lists([["10"], ["2"]], [["7", "2"]])
    classes = classes_of(made, None, None)
    assert classes.names == ("2", "7", "10")  # in the order of numbers
    assert classes.multi_hot(made[TEST].values()).tolist() == [[1, 1, 0]]


NAMES = ("run", "sit", "eat")


@pytest.mark.parametrize(
    ("train", "base", "columns"),
    [
        (["0", "1"], None, [0, 1]),  # 0 is there: they count from 0
        (["3", "2"], None, [2, 1]),  # 3 of three classes: they count from 1
        (["1", "2"], 0, [1, 2]),  # said
        (["1", "2"], 1, [0, 1]),
        (["sit", "eat"], None, [1, 2]),  # names
    ],
)
def test_labels_are_names_of_classes_or_numbers_that_count_from_0_or_1(train, base, columns):
    made = lists([[label] for label in train])
    classes = classes_of(made, NAMES, base)
    assert classes.names == NAMES
    assert classes.multi_hot(made[TRAIN].values()).argmax(axis=1).tolist() == columns


@given(st.lists(st.integers(0, 9), min_size=1), st.sampled_from([0, 1]))
def test_a_stated_base_always_gives_the_class_that_is_meant(numbers, base):
    made = lists([], [])
    made[TRAIN] = {f"v{row}": (str(number + base),) for row, number in enumerate(numbers)}
    assert (
        classes_of(made, tuple("abcdefghij"), base).multi_hot(made[TRAIN].values()).argmax(axis=1).tolist() == numbers
    )


@pytest.mark.parametrize(
    ("train", "test", "names", "base", "message"),
    [
        (
            ["1"],
            ["2"],
            NAMES,
            None,
            r"train\.txt and test\.txt are numbers from 1 to 2 of 3 classes: they may count from 0 or",
        ),
        (
            ["0"],
            ["3"],
            NAMES,
            None,
            r"train\.txt: 'a' has the label 0, and test\.txt: 'b' has the label 3: with 3 classes, so",
        ),
        (["0"], ["4"], NAMES, None, r"test\.txt: 'b' has the label 4, but 3 classes that count from 0 are 0 to 2"),
        (["3"], ["1"], NAMES, 0, r"train\.txt: 'a' has the label 3, but 3 classes that count from 0 are 0 to 2"),
        (["0"], ["1"], NAMES, 1, r"train\.txt: 'a' has the label 0, but 3 classes that count from 1 are 1 to 3"),
        (["sit"], ["slit"], NAMES, None, r"test\.txt: 'b' has the label slit\..* Did you mean 'sit'"),
        (
            ["2"],
            ["sit"],
            NAMES,
            None,
            r"numbers in all lists, or names in all: train\.txt: 'a' has the label 2, and test",
        ),
        (["2"], ["-1"], NAMES, None, r"numbers in all lists, or names in all: .*'b' has the label -1"),
    ],
)
def test_labels_that_are_no_class_or_may_be_two_are_refused(train, test, names, base, message):
    with pytest.raises(ssvh.SSVHError, match=message):
        classes_of(lists([[label] for label in train], [[label] for label in test]), names, base)
