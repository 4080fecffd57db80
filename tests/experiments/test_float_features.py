"""Ranking by float features: equal to a ranking written out query by query, and a record beside those of runs."""

import dataclasses

import numpy as np
import pytest

import ssvh_lib as ssvh
from ssvh_lib.experiments.experiment import Experiment
from ssvh_lib.experiments.float_features import LABEL, collect, cosine_map


@pytest.fixture
def dataset(tmp_path, make_dataset) -> ssvh.Dataset:
    make_dataset(tmp_path / "mine", train=40, query=9)
    return ssvh.load_dataset("mine", tmp_path)


def by_hand(dataset, k):
    """mAP@k, one query at a time."""
    mean = dataset.train.read().mean(axis=(0, 1))
    database = dataset.database.read().mean(axis=1) - mean
    average_precisions = []
    for number, video in enumerate(dataset.query.read()):
        vector = video.mean(axis=0) - mean
        cosines = database @ vector / np.linalg.norm(database, axis=1) / np.linalg.norm(vector)
        order = [item for item in np.argsort(-cosines) if not (dataset.query_in_database and item == number)]
        total, hits = 0.0, 0
        for rank, item in enumerate(order[:k], start=1):
            if (dataset.query.labels[number] & dataset.database.labels[item]).any():
                hits += 1
                total += hits / rank
        average_precisions.append(total / k)
    return np.mean(average_precisions)


def test_it_is_the_map_written_out_query_by_query(dataset):
    found = cosine_map(dataset, (1, 5, 20))
    assert found == {k: pytest.approx(by_hand(dataset, k)) for k in (1, 5, 20)}
    assert len(set(found.values())) == 3


def test_a_query_of_the_database_does_not_find_itself(dataset):
    same = dataclasses.replace(dataset, query=dataset.database, query_in_database=True)
    assert cosine_map(same, (5,))[5] == pytest.approx(by_hand(same, 5))
    assert cosine_map(same, (5,))[5] < cosine_map(dataclasses.replace(same, query_in_database=False), (5,))[5]


def test_cutoffs_beyond_the_database_are_left_out(dataset):
    assert list(cosine_map(dataset, (5, 40, 60))) == [5, 40]


def test_each_dataset_gets_one_record_of_its_own_beside_those_of_its_runs(dataset, tmp_path):
    runs = [Experiment("mine", "itq", 16, seed, "smoke", root=str(tmp_path)) for seed in range(3)]
    records = [{"dataset": "mine", "seed": seed, "conventions": {"ties": "stable"}} for seed in range(3)]
    *kept, added = collect(runs, records, "smoke")
    assert kept == records
    assert (added["dataset"], added["label"], added["bits"]) == ("mine", LABEL, 32 * 8)
    assert added["map"]["5"] == pytest.approx(by_hand(dataset, 5))
