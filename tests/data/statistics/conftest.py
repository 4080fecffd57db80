"""Datasets for their statistics: of any arrays, in memory."""

from pathlib import Path

import numpy as np
import pytest

import ssvh_lib as ssvh


@pytest.fixture
def make_videos():
    """Videos of features ``(N, T, D)`` and of labels ``(N, L)``, by default one class for every three."""

    def make(features, labels=None, informative=None) -> ssvh.VideoFeatures:
        features = np.asarray(features, np.float32)
        labels = np.eye(3)[np.arange(len(features)) % 3] if labels is None else labels
        ids = tuple(map(str, range(len(features))))
        return ssvh.VideoFeatures(features, np.array(labels, np.uint8), ids, informative)

    return make


@pytest.fixture
def make_task():
    """A dataset of sets of videos; the training set is the database unless there is another."""

    def make(train, query, database=None, *, within=False) -> ssvh.Dataset:
        classes = tuple(map(str, range(train.labels.shape[1])))
        database = train if database is None else database
        return ssvh.Dataset("mine", train, database, query, within, classes, "smoke", "0", Path("mine"))

    return make
