"""Runs to inspect, the one by the Grade-Net, and the view of one of its videos, for all files.

With pytest-xdist they are made once in each process, which takes files as a whole.
"""

import pytest

import ssvh_lib as ssvh
from ssvh_lib.inspector import Subject, explain


@pytest.fixture(scope="session")
def train():
    """Trains AutoSSVH for two epochs, and keeps them."""

    def fit(dataset, folder, bits=16, **changes):
        model = ssvh.build("autossvh", dataset, bits, preset="smoke", **changes)
        return ssvh.fit(model, dataset, folder, progress=False, keep_epochs=True)

    return fit


@pytest.fixture(scope="session")
def runs(train, smoke, tmp_path_factory):
    """Runs of two epochs by the Grade-Net and by AdaMAE, but none by ADIOS, in a folder of runs."""
    folder = tmp_path_factory.mktemp("inspected") / smoke.name
    return {sampler: train(smoke, folder / sampler, sampler=sampler) for sampler in ("grade-net", "adamae")}


@pytest.fixture(scope="session")
def subject(runs, smoke):
    return Subject.open(runs["grade-net"], smoke)


@pytest.fixture(scope="session")
def view(subject):
    return explain(subject, 5, noise=0.4, seed=3)
