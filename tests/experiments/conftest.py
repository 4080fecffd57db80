"""A folder of runs for each test, and datasets beside the smoke dataset."""

import pytest


@pytest.fixture
def own_runs(tmp_path, monkeypatch, smoke):
    """No run is there yet."""
    monkeypatch.setenv("SSVH_RUNS", str(tmp_path / "runs"))


@pytest.fixture
def other(make_dataset, tmp_path, smoke, monkeypatch):
    """A root with the smoke dataset and others: one of the same shape of features, and one of smaller ones."""
    root = tmp_path / "data"
    root.mkdir()
    (root / "moving-digits-smoke").symlink_to(smoke.root)
    make_dataset(root / "alike", train=60, query=10, frames=smoke.train.frames, size=smoke.train.size)
    make_dataset(root / "small", frames=4, size=8)
    monkeypatch.setenv("SSVH_DATA", str(root))
    return root
