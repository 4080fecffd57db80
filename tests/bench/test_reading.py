"""The benchmark of reading: every way of it gives every video once, and leaves nothing behind."""

import h5py
import numpy as np
import pandas as pd
import pytest

from ssvh_lib.bench import reading


@pytest.mark.slow
def test_every_way_of_reading_is_measured_on_the_same_videos(tmp_path):
    said = []
    table = pd.DataFrame(reading.measure(said.append, videos=130, folder=tmp_path))
    assert list(table["way"]) == list(reading.WAYS)
    assert (table.drop(columns="way") > 0).all(axis=None)
    assert said[0].startswith("Writing 130 videos, 0.1 GB, into ")
    assert list(tmp_path.iterdir()) == []


def test_every_way_of_reading_gives_every_video_once(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "FRAMES", 2)
    monkeypatch.setattr(reading, "SIZE", 3)
    path = tmp_path / "feats.h5"
    reading._write(path, 150)
    with h5py.File(path) as file:
        wanted = np.sort(file["feats"][:, 1, 2])
    for read in set(reading.WAYS.values()):
        np.testing.assert_array_equal(np.sort(np.concatenate(list(read(path)))[:, 1, 2]), wanted)
