"""Reading a training set in random order: the same batches wherever it lies, bounded memory, errors that arrive."""

import subprocess
import sys
import threading

import h5py
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import ssvh_lib as ssvh
from ssvh_lib.data import halve, loader
from ssvh_lib.data.batch import Batch
from ssvh_lib.data.features import VideoFeatures
from ssvh_lib.data.rows import StoredRows
from ssvh_lib.training.loop import _batches

CPU = torch.device("cpu")
ROW = 4 * 3 * 4  # bytes of a video of 3 frames x 4 values


@pytest.fixture
def values(rng):
    return rng.standard_normal((97, 3, 4)).astype(np.float32)


@pytest.fixture
def shards(tmp_path, values):
    """The 97 videos in files of 40, 1 and 56."""
    paths = []
    for number, part in enumerate(np.split(values, [40, 41])):
        paths.append(tmp_path / f"shard{number}.h5")
        with h5py.File(paths[-1], "w") as file:
            file["feats"] = part
    return paths


@pytest.fixture
def small_window(monkeypatch):
    """Sets of more than 20 videos are larger than memory: blocks of 4 videos, windows of 20."""
    monkeypatch.setattr(loader, "HELD_IN_MEMORY", 20 * ROW)
    monkeypatch.setattr(loader, "WINDOW", 20 * ROW)
    monkeypatch.setattr(loader, "BLOCK", 4 * ROW)


def videos_of(features):
    count = features.shape[0]
    return VideoFeatures(features, np.ones((count, 1), np.uint8), tuple(map(str, range(count))))


def listed(batches):
    """The rows and frames of batches, whether they are named (in training) or a pair."""
    pairs = ((batch.rows, batch.frames) if isinstance(batch, Batch) else batch for batch in batches)
    return [(rows.tolist(), frames.tolist()) for rows, frames in pairs]


def break_row(path, row):
    with h5py.File(path, "r+") as file:
        file["feats"][row, 1, 2] = np.nan


# The order


def test_a_set_that_fits_into_memory_is_permuted_as_a_whole(values):
    batches = list(_batches(videos_of(values), 10, 7, CPU))
    wanted = np.random.default_rng(7).permutation(97)  # what committed results were trained with
    np.testing.assert_array_equal(torch.cat([batch.rows for batch in batches]), wanted)
    np.testing.assert_array_equal(torch.cat([batch.frames for batch in batches]), values[wanted])


@pytest.mark.parametrize(
    ("count", "size", "lengths"), [(97, 32, [32, 32, 33]), (96, 32, [32] * 3), (5, 32, [5]), (1, 4, [1])]
)
def test_a_video_alone_joins_the_batch_before(values, count, size, lengths):
    assert [len(rows) for rows, _ in loader.read_batches(videos_of(values[:count]), size, 0)] == lengths


@given(count=st.integers(1, 80), block=st.integers(1, 9), window=st.integers(1, 30), seed=st.integers(0, 5))
def test_an_epoch_has_every_video_once_and_draws_it_from_the_window(count, block, window, seed):
    order = loader.draw_order(count, block, window, seed)
    assert sorted(order.rows) == list(range(count))
    stream = [row for first, end in order.blocks for row in range(first, end)]
    assert sorted(stream) == list(range(count))
    arrival = np.argsort(stream)
    assert (arrival[order.rows] < window + np.arange(count)).all()  # read before it is asked for


def test_the_order_is_a_function_of_seed_and_sizes():
    first, again, other = (loader.draw_order(200, 4, 30, seed).rows for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert (first != loader.draw_order(200, 5, 30, 3).rows).any()


def test_a_video_may_end_up_anywhere():
    places = np.array([np.argsort(loader.draw_order(60, 5, 12, seed).rows)[[0, 31, 59]] for seed in range(600)])
    assert (places.min(axis=0) < 6).all()
    assert (places.max(axis=0) > 53).all()
    np.testing.assert_allclose(places.mean(axis=0), 29.5, atol=2.5)  # 3.5 standard errors


def test_mixing_is_as_the_formula_says():
    mates, uniform = loader.mixing(45_585, 10, 1_310, 512)
    share = 512 / 1_310  # two that enter a window together leave it after independent, exponential times
    assert mates == pytest.approx(9 * (1 - (1 - np.exp(-share)) / share), rel=0.05)
    assert mates < 9 * share / 2
    assert uniform == pytest.approx(9 * 511 / 45_584)
    everything = loader.mixing(45_585, 10, 45_585, 512)
    assert everything.mates == pytest.approx(everything.uniform, rel=0.1)


def test_mixing_counts_the_others_of_the_own_block_in_a_batch():
    order, (size, block) = loader.draw_order(50, 5, 12, 0).rows.tolist(), (8, 5)
    batches = [order[start : start + size] for start in range(0, 50, size)]
    mates = [sum(a // block == b // block for b in batch if b != a) for batch in batches for a in batch]
    assert loader.mixing(50, block, 12, size).mates == pytest.approx(np.mean(mates))


def test_sizes_follow_from_bytes_as_float32():
    rows = np.broadcast_to(np.float16(0), (45_585, 25, 4096))
    assert loader.sizes(videos_of(rows)) == (10, 1310)
    assert loader.sizes(videos_of(rows[:5_000])) == (10, 5_000)  # 2.05 GB, which is held in memory


# Lazy reading


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("size", [1, 8, 32, 97, 200])
def test_batches_are_the_same_from_memory_from_files_and_in_the_background(shards, values, small_window, seed, size):
    held = listed(loader.read_batches(videos_of(values), size, seed))
    stored = videos_of(StoredRows(shards, "feats"))
    assert listed(loader.read_batches(stored, size, seed)) == held
    assert listed(loader.in_background(loader.read_batches(stored, size, seed))) == held
    assert listed(_batches(stored, size, seed, CPU)) == held
    assert listed(_batches(videos_of(values), size, seed, CPU)) == held


def test_a_set_of_one_window_reads_the_same_from_files(shards, values):
    stored = videos_of(StoredRows(shards, "feats"))
    assert listed(_batches(stored, 8, 5, CPU)) == listed(_batches(videos_of(values), 8, 5, CPU))


def test_half_precision_keeps_the_order_and_is_trained_on_as_float32(tmp_path, shards, values, small_window):
    halve.convert(StoredRows(shards, "feats"), tmp_path / "half.h5")
    stored = videos_of(StoredRows([tmp_path / "half.h5"], "feats"))
    batches = list(_batches(stored, 8, 3, CPU))
    rows = torch.cat([batch.rows for batch in batches])
    np.testing.assert_array_equal(rows, torch.cat([batch.rows for batch in _batches(videos_of(values), 8, 3, CPU)]))
    assert {batch.frames.dtype for batch in batches} == {torch.float32}
    np.testing.assert_array_equal(torch.cat([batch.frames for batch in batches]), values.astype(np.float16)[rows])


def test_other_types_of_numbers_become_float32(tmp_path, small_window):
    with h5py.File(tmp_path / "whole.h5", "w") as file:
        file["feats"] = np.arange(30 * 12).reshape(30, 3, 4)
    batches = list(loader.read_batches(videos_of(StoredRows([tmp_path / "whole.h5"], "feats")), 8, 0))
    assert {frames.dtype for _, frames in batches} == {np.dtype(np.float32)}
    rows = np.concatenate([rows for rows, _ in batches])
    np.testing.assert_array_equal(np.concatenate([frames for _, frames in batches])[:, 0, 0], 12 * rows)


def test_the_file_is_read_a_block_at_a_time_each_once(shards, small_window, monkeypatch):
    asked = []
    read = StoredRows.__getitem__
    monkeypatch.setattr(StoredRows, "__getitem__", lambda self, rows: asked.append(rows) or read(self, rows))
    list(loader.read_batches(videos_of(StoredRows(shards, "feats")), 8, 0))
    assert sorted((rows.start, rows.stop) for rows in asked) == [(row, min(row + 4, 97)) for row in range(0, 97, 4)]


def test_training_is_the_same_from_memory_and_from_files(tmp_path, make_dataset, monkeypatch):
    folder = make_dataset(tmp_path / "mine", train=60, frames=4, size=8)
    monkeypatch.setattr(loader, "HELD_IN_MEMORY", 0)
    monkeypatch.setattr(loader, "WINDOW", 20 * 4 * 4 * 8)
    monkeypatch.setattr(loader, "BLOCK", 4 * 4 * 4 * 8)
    weights = []
    for held in (2 << 30, 0):
        monkeypatch.setattr("ssvh_lib.data.read.HELD_IN_MEMORY", held)
        dataset = ssvh.load_dataset("mine", folder.parent)
        assert dataset.train.held == bool(held)
        model = ssvh.build("conmh", dataset, 16, preset="smoke", epochs=2, batch_size=16)
        ssvh.fit(model, dataset, tmp_path / f"run{held}", progress=False)
        weights.append(model.state_dict())
    for name, tensor in weights[0].items():
        torch.testing.assert_close(weights[1][name], tensor, rtol=0, atol=0)


# What goes wrong


@pytest.mark.parametrize("background", [False, True])
def test_a_row_with_nan_is_named_whether_it_is_read_here_or_in_the_thread(shards, small_window, background):
    break_row(shards[2], 7)
    batches = loader.read_batches(videos_of(StoredRows(shards, "feats")), 8, 0)
    with pytest.raises(ssvh.SSVHError, match=r"shard2\.h5: 'feats' holds NaN, infinity .* in row 7\. Extract"):
        list(loader.in_background(batches) if background else batches)


def test_a_row_with_nan_stops_training_with_its_name(tmp_path, make_dataset, monkeypatch):
    folder = make_dataset(tmp_path / "mine", train=60)
    monkeypatch.setattr("ssvh_lib.data.read.HELD_IN_MEMORY", 0)
    dataset = ssvh.load_dataset("mine", folder.parent)
    break_row(folder / "train_feats.h5", 50)
    model = ssvh.build("conmh", dataset, 16, preset="smoke", epochs=1, batch_size=16)
    with pytest.raises(ssvh.SSVHError, match=r"train_feats\.h5: 'feats' holds NaN, infinity .* in row 50\."):
        ssvh.fit(model, dataset, tmp_path / "run", progress=False)


def readers():
    return [thread for thread in threading.enumerate() if thread.name.startswith("ssvh-reader")]


def test_the_thread_ends_with_the_epoch():
    assert list(loader.in_background(iter("abc"))) == ["a", "b", "c"]
    assert readers() == []


def test_the_thread_ends_when_reading_fails():
    def failing():
        yield 1
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        list(loader.in_background(failing()))
    assert readers() == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_the_thread_ends_when_the_loop_is_left(shards, small_window, error):
    def interrupted():
        for _ in _batches(videos_of(StoredRows(shards, "feats")), 8, 0, CPU):
            raise error

    with pytest.raises(error):
        interrupted()
    assert readers() == []


def test_one_item_is_made_ahead_and_no_more():
    made = []
    items = loader.in_background(made.append(number) or number for number in range(5))
    assert next(items) == 0
    items.close()
    assert made in ([0], [0, 1])


# Memory
SCRIPT = """
import sys
from pathlib import Path
import numpy as np, torch
from ssvh_lib.data import loader
from ssvh_lib.data.features import VideoFeatures
from ssvh_lib.data.rows import StoredRows
from ssvh_lib.utils.measured_process import peak_bytes
from ssvh_lib.data.batch import Batch
from ssvh_lib.training.loop import _batches

rows = StoredRows([Path(sys.argv[1])], "feats")
videos = VideoFeatures.unlabelled(rows)
loader.HELD_IN_MEMORY, loader.WINDOW, loader.BLOCK = 32 << 20, 16 << 20, 1 << 20
before, total = peak_bytes(), 0.0
for batch in _batches(videos if sys.argv[2] == "lazily" else videos.in_memory(), 32, 0, torch.device("cpu")):
    total += float(batch.frames[:, 0, 0].sum())
print(round((peak_bytes() - before) / 2**20), total)
"""


@pytest.mark.slow
def test_memory_stays_far_below_the_size_of_the_file(tmp_path):
    """192 MiB in a window of 16 MiB: measured beside reading everything, in a process each."""
    path = tmp_path / "feats.h5"
    with h5py.File(path, "w") as file:
        stored = file.create_dataset("feats", (1536, 8, 4096), np.float32)
        for start in range(0, 1536, 64):
            stored[start : start + 64] = np.repeat(np.arange(start, start + 64, dtype=np.float32), 8 * 4096).reshape(
                64, 8, -1
            )
    grown = {}
    for way in ("lazily", "at once"):
        command = [sys.executable, "-c", SCRIPT, str(path), way]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        grown[way], total = map(float, done.stdout.split())
        assert total == 1536 * 1535 / 2  # every video once
    assert grown["at once"] > 180
    assert grown["lazily"] < 70  # window, block, three batches of 4 MiB, and what libraries load at the first call
