"""Which dataset a name means, and what is said of a name that means none."""

import pytest

import ssvh_lib as ssvh


def test_a_toml_in_the_folder_goes_before_what_the_library_knows(tmp_path, make_dataset):
    make_dataset(tmp_path / "ucf101")
    assert ssvh.load_dataset("ucf101", tmp_path).preset == "smoke"


def test_an_unknown_dataset_is_answered_with_the_nearest_name(tmp_path, make_dataset):
    make_dataset(tmp_path / "penn-action")
    with pytest.raises(ssvh.SSVHError) as error:
        ssvh.load_dataset("pen-action", tmp_path)
    assert "There is no dataset called 'pen-action'. Did you mean 'penn-action'?" in str(error.value)
    embedded = "moving-digits, moving-digits-smoke, moving-shapes, moving-shapes-smoke"
    assert f"Known: activitynet, fcvid, hmdb51, {embedded}, penn-action, ucf101, yfcc." in str(error.value)
    assert str(tmp_path / "pen-action") in str(error.value)


def test_a_name_like_no_other_gets_no_suggestion(tmp_path):
    with pytest.raises(ssvh.SSVHError) as error:
        ssvh.load_dataset("zzz", tmp_path)
    assert "Did you mean" not in str(error.value)
