"""Results on disk: equal records are equal files, and a missing file is named."""

import pytest

from ssvh_lib import SSVHError
from ssvh_lib.experiments.results import load, save, summary


def test_the_order_of_records_does_not_change_the_file(records, tmp_path):
    save(tmp_path / "new" / "one.json", records)
    save(tmp_path / "new" / "other.json", records[::-1])
    assert (tmp_path / "new" / "one.json").read_bytes() == (tmp_path / "new" / "other.json").read_bytes()
    found = load(tmp_path / "new" / "one.json")
    assert len(found) == len(records)
    assert all(record in found for record in records)


def test_a_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(SSVHError, match=r"main\.json is missing\. `make reproduce` makes it\."):
        load(tmp_path / "main.json")


def test_a_summary_has_means_and_deviations_over_seeds(records):
    table = summary(records)
    row = table.loc[("moving-digits", "conmh", "paper", "", 16)]
    assert row["mAP@20", "mean"] == pytest.approx(0.3)
    assert row["mAP@20", "std"] == pytest.approx(((0.1**2 + 0.05**2 + 0.15**2) / 2) ** 0.5)
    assert row["seconds", "mean"] == 25
    assert table["seeds", "count"].tolist() == [3, 1, 1, 1, 1, 1]
    assert table["mAP@20", "std"].isna().sum() == 5  # a single seed shows no spread
