"""Names in the published numbers are those of this library."""

from ssvh_lib import available
from ssvh_lib.data.published import PUBLISHED
from ssvh_lib.literature import numbers
from ssvh_lib.literature.names import TITLES

ONLY_PUBLISHED = {"jtae", "nph"}  # baselines that are not in this library
TRANSFER = "ucf101-to-hmdb51"


def test_names_are_those_of_this_library():
    table = numbers()
    methods = set(table["method"])
    assert methods <= {*TITLES, *available()}
    assert methods - ONLY_PUBLISHED <= set(available())
    assert methods.isdisjoint({"itq", "lsh", "pca", "sh"})  # no paper's number for them could be read
    assert set(table["dataset"]) == {*PUBLISHED, TRANSFER, "ucf101+hmdb51", ""}
    maps = {name for name in table["measure"] if name.startswith("mAP@")}
    assert maps == {f"mAP@{k}" for k in (*range(5, 101, 5),)}
