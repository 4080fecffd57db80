"""The official lists of UCF101 and HMDB51: which split is meant, and lists that contradict themselves."""

import pytest

import ssvh_lib as ssvh
from ssvh_lib.data.official_lists import has_official_lists, read_official


def write(folder, **lists):
    for name, text in lists.items():
        (folder / f"{name}.txt").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("lists", "found"),
    [
        ({"trainlist01": "", "testlist01": ""}, True),
        ({"trainlist01": ""}, False),
        ({"trainlist02": "", "testlist02": ""}, False),
        ({"wave_test_split1": ""}, True),
        ({"train": "", "test": ""}, False),
    ],
)
def test_lists_of_the_first_split_are_recognised(tmp_path, lists, found):
    assert has_official_lists(write(tmp_path, **lists)) == found


def test_sets_classes_and_the_name_of_the_split_are_read(tmp_path):
    write(tmp_path, trainlist02="A/x.avi 1\n\nB/y.avi 2\n", testlist02="A/z.avi\n", classInd="1 A\n2 B\n")
    parts = {"A/x.avi": "train", "B/y.avi": "train", "A/z.avi": "query"}
    assert read_official(tmp_path / "testlist02.txt") == (parts, ["A", "B"], "official split 2 of UCF101")
    write(tmp_path, wave_test_split1="a.avi 1\nb c.avi 2\nd.avi 0\n")
    assert read_official(tmp_path) == (
        {"wave/a.avi": "train", "wave/b c.avi": "query"},
        [],
        "official split 1 of HMDB51",
    )


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ({"trainlist01": "A/x.avi 1\n", "testlist01": "A/x.avi\n"}, r"have A/x\.avi both for training and for test"),
        ({"trainlist01": "\n", "testlist01": ""}, "name no video"),
        ({"wave_test_split1": "a.avi 1\na.avi 2\n"}, r"have wave/a\.avi both for training and for test"),
        ({"wave_test_split1": "a.avi 0\n"}, "name no video"),
    ],
)
def test_lists_that_overlap_or_are_empty_are_refused(tmp_path, lists, message):
    with pytest.raises(ssvh.SSVHError, match=message):
        read_official(write(tmp_path, **lists))
