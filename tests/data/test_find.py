"""Which dataset a name means, and what is said of a name that means none."""

import pytest

import ssvh_lib as ssvh
from ssvh_lib.data import EMBEDDED, PUBLISHED, TRANSFER
from ssvh_lib.data.embedded.worlds import SIZES, WORLDS, Size


def test_a_toml_in_the_folder_goes_before_what_the_library_knows(tmp_path, make_dataset):
    make_dataset(tmp_path / "ucf101")
    assert ssvh.load_dataset("ucf101", tmp_path).preset == "smoke"


def test_an_unknown_dataset_is_answered_with_the_nearest_name(tmp_path, make_dataset):
    make_dataset(tmp_path / "penn-action")
    with pytest.raises(ssvh.SSVHError) as error:
        ssvh.load_dataset("pen-action", tmp_path)
    assert "There is no dataset called 'pen-action'. Did you mean 'penn-action'?" in str(error.value)
    known = ", ".join(sorted(["penn-action", *EMBEDDED, *PUBLISHED]))
    assert f"Known: {known}." in str(error.value)
    assert str(tmp_path / "pen-action") in str(error.value)


def test_a_name_like_no_other_gets_no_suggestion(tmp_path):
    with pytest.raises(ssvh.SSVHError) as error:
        ssvh.load_dataset("zzz", tmp_path)
    assert "Did you mean" not in str(error.value)


# The embedded worlds

NAMES = {
    "moving-digits", "moving-digits-smoke", "moving-digits-large",
    "moving-scenes", "moving-scenes-smoke", "moving-scenes-large",
    "needle", "needle-smoke", "needle-large",
    "order", "order-smoke", "order-large",
    "noisy-screen", "noisy-screen-smoke", "noisy-screen-large",
    "moving-shapes", "moving-shapes-smoke", "moving-shapes-large",
}  # fmt: skip


def test_every_world_has_a_name_in_three_sizes():
    assert set(EMBEDDED) == NAMES


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_name_means_a_world_and_a_size(name, tmp_path, tiny_worlds, monkeypatch):
    for number, (size, (_, _, preset)) in enumerate(SIZES.copy().items()):
        monkeypatch.setitem(SIZES, size, Size(6 + number, 4, preset))
    for world, tiny in tiny_worlds.items():
        monkeypatch.setitem(WORLDS, world, tiny)
    dataset = ssvh.load_dataset(name, tmp_path)
    world = next(world for world in WORLDS if name.removesuffix("-smoke").removesuffix("-large") == world)
    size = name.removeprefix(world).removeprefix("-") or "small"
    assert (dataset.name, dataset.classes, dataset.root) == (name, WORLDS[world].classes, tmp_path / name)
    assert (len(dataset.train), len(dataset.query)) == (SIZES[size].train, 4)
    assert dataset.preset == {"small": "small", "smoke": "smoke", "large": "small"}[size]
    assert not dataset.query_in_database
    assert dataset.train.shown is not None
    assert {path.name for path in tmp_path.iterdir() if path.name[0] != "."} == {name, WORLDS[world].lesson.network}


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    {
        "moving-scene": "moving-scenes",
        "Moving-Digits": "moving-digits",
        "moving_shapes": "moving-shapes",
        "neddle": "needle",
        "noisy screen": "noisy-screen",
        "order-smok": "order-smoke",
        "scenes-large": "moving-scenes-large",
    }.items(),
)
def test_a_misspelt_world_is_answered_with_the_nearest_name_and_nothing_is_built(misspelt, meant, tmp_path):
    with pytest.raises(ssvh.SSVHError) as error:
        ssvh.load_dataset(misspelt, tmp_path)
    assert f"There is no dataset called '{misspelt}'. Did you mean '{meant}'?" in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_transfer_goes_from_a_known_dataset_to_another():
    for trained, tested in TRANSFER.items():
        assert {trained, tested} <= {*EMBEDDED, *PUBLISHED}
        assert trained != tested
    for ending in ("", "-smoke", "-large"):
        assert TRANSFER[f"moving-digits{ending}"] == f"moving-shapes{ending}"
