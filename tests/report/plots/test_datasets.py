"""Datasets beside each other: a line for each, a mark for each row."""

import numpy as np
import pytest
from panels import points

from ssvh_lib.report import plots


def test_a_row_has_its_mean_and_its_seeds_on_the_line_of_every_dataset(make_record):
    records = [
        make_record("itq", seed=seed, dataset=dataset) | {"map": {"5": value + seed, "20": 2 * value}}
        for dataset, value in (("needle", 0.1), ("order", 0.3)) for seed in (0, 1)
    ]  # fmt: skip
    first, second = plots.by_dataset(records).axes
    assert (first.get_xlabel(), second.get_xlabel()) == ("mAP@5", "mAP@20")
    assert [label.get_text() for label in first.get_yticklabels()] == ["needle", "order"]
    found = {tuple(np.round(point, 9)) for point in points(first)}
    assert found == {(0.6, 0), (0.1, 0), (1.1, 0), (0.8, 1), (0.3, 1), (1.3, 1)}  # mean, and both seeds
    assert [text.get_text() for text in first.figure.legends[0].get_texts()] == ["ITQ"]
    assert first.get_xlim()[0] == 0


def test_a_row_that_a_dataset_lacks_has_no_mark_there(make_record):
    records = [make_record("itq", dataset="needle"), make_record("lsh", dataset="order")]
    panel = plots.by_dataset(records).axes[0]
    assert sorted({float(height) for _, height in points(panel)}) == [0, 1]
    assert len(points(panel)) == pytest.approx(4)
