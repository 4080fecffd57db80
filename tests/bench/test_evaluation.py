"""The compared ways find the same, where that is defined, and their figures make a whole table. No speed."""

import json

import numpy as np
import pytest

from ssvh_lib.bench import evaluation as bench
from ssvh_lib.bench.evaluation import WAYS, Case, Task, random_task

pytestmark = pytest.mark.slow

SMALL = Case("ours", queries=30, items=120, bits=16, labels=3, threads=1)


@pytest.mark.parametrize("way", WAYS)
def test_every_way_finds_the_map_worked_by_hand(way):
    """Without ties; relevant are the items at ranks 1, 3 and 6."""
    database = np.array([[-1] * d + [1] * (8 - d) for d in (3, 0, 5, 2, 1, 4)], np.int8)
    labels = np.eye(2, dtype=np.uint8)[[1, 0, 0, 0, 1, 1]]
    hits = labels[[1, 4, 3, 0, 5, 2], 0]  # in the order of the distances
    np.testing.assert_array_equal(hits, [1, 0, 1, 0, 0, 1])
    task = Task(np.ones((1, 8), np.int8), database, np.array([[1, 0]], np.uint8), labels, (1, 3, 6))
    wanted = {1: 1, 3: (1 + 2 / 3) / 3, 6: (1 + 2 / 3 + 3 / 6) / 6}
    assert WAYS[way][0](task) == pytest.approx(wanted)


def test_faiss_and_we_agree_where_ties_abound():
    task = random_task(SMALL)
    ours, deep, faiss = (WAYS[way][0](task) for way in ("ours", "ours, curves over all ranks", "FAISS, exhaustive"))
    assert ours == deep == pytest.approx(faiss, abs=1e-12)


def test_the_task_has_the_size_of_its_case_and_relevant_items_are_near():
    task = random_task(SMALL)
    assert task.database.shape == (120, 16)
    assert set(np.unique(task.database)) == {-1, 1}
    assert task.labels.shape == (120, 3)
    np.testing.assert_array_equal(task.queries, task.database[:30])
    relevant = task.query_labels.astype(int) @ task.labels.T > 0
    distances = (16 - task.queries.astype(int) @ task.database.T) / 2
    assert distances[relevant].mean() < distances[~relevant].mean()


def test_the_table_has_every_way_and_ratios_to_ours(monkeypatch):
    monkeypatch.setattr(bench, "WAYS", {way: WAYS[way] for way in ("ours", "NumPy")})
    monkeypatch.setattr(bench, "cpu_count", lambda: 1)
    said = []
    records = bench.measure(said.append, items=300, some=100, bits=16, labels=5)
    table, _ = bench.table(json.loads(json.dumps(records, allow_nan=False)))
    assert list(table["way"]) == ["ours", "NumPy"]
    assert list(table["queries × items"]) == ["300 × 300", "100 × 300"]
    assert len(said) == 2
    assert table["× ours"][0] == 1
    assert (table["peak, GB"] > 0.05).all()
