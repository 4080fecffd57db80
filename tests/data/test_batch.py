"""What methods see of videos."""

from toys import dataset_of

from ssvh_lib.data.batch import Videos


def test_a_part_of_a_dataset_is_what_methods_call_videos():
    part = dataset_of().train
    assert all(hasattr(part, name) for name in ("informative", "__len__", "read", "batches"))
    assert {name for name in vars(Videos) if not name.startswith("_")} == {"informative", "read", "batches"}
