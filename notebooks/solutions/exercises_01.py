"""Checks of the exercises of notebook 01: each takes your function, or None while there is none.

A check returns a sentence if the function is right, and raises AssertionError with what was expected if it is not.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import fmean, pstdev

import h5py
import numpy as np

import ssvh_lib as ssvh

ENOUGH = 0.9  # share of frames that exercise 3 must get right


def check_pool(pool: Callable[[np.ndarray], np.ndarray] | None) -> str:
    """Exercise 1, number by number, against Python's own mean and deviation."""
    if pool is None:
        return "1: not tried yet"
    frames = np.random.default_rng(0).random((3, 7, 4))
    given = np.asarray(pool(frames))
    assert given.shape == (3, 8), f"3 videos of 7 frames and 4 numbers make (3, 8); yours is {given.shape}."
    for video, number in np.ndindex(3, 4):
        over_time = frames[video, :, number].tolist()
        for column, wanted in ((number, fmean(over_time)), (number + 4, pstdev(over_time))):
            assert np.isclose(given[video, column], wanted), (
                f"Video {video}, column {column} is {wanted:.4f}; yours says {given[video, column]:.4f}."
            )
    return "1: right"


class _Counted:
    """A dataset of HDF5 that counts the rows read from it."""

    def __init__(self, array: h5py.Dataset) -> None:
        self.shape, self.dtype, self.read = array.shape, array.dtype, 0
        self._array = array

    def __len__(self) -> int:
        return len(self._array)

    def __getitem__(self, rows: object) -> np.ndarray:
        try:
            found = self._array[rows]
        except TypeError as error:
            raise AssertionError(f"HDF5 refuses to read {rows}: {error}.") from error
        self.read += found.size // self._array[0].size
        return found


def check_fetch(fetch: Callable[[h5py.Dataset, np.ndarray], np.ndarray] | None) -> str:
    """Exercise 2, against plain indexing of an array in memory; a row is read once at most."""
    if fetch is None:
        return "2: not tried yet"
    everything = np.arange(60.0).reshape(20, 3)
    with h5py.File("exercise.h5", "w", driver="core", backing_store=False) as file:  # in memory, never on disk
        stored = file.create_dataset("feats", data=everything)
        for rows in ([4], [2, 3, 11], [11, 3, 2], [7, 3, 3], [19, 0, 19, 0]):
            counted, wanted = _Counted(stored), everything[rows]
            given = np.asarray(fetch(counted, np.array(rows)))
            assert given.shape == wanted.shape, f"Rows {rows} are of shape {wanted.shape}; yours are {given.shape}."
            assert np.array_equal(given, wanted), (
                f"Rows {rows} begin with {wanted[:, 0]}; yours begin with {given[:, 0]}."
            )
            assert counted.read <= len(set(rows)), (
                f"For rows {rows} it is enough to read {len(set(rows))}; yours read {counted.read}."
            )
    return "2: right"


def check_digit_frames(digit_frames: Callable[[np.ndarray], np.ndarray] | None) -> str:
    """Exercise 3, against the truth about the frames of all queries of the small dataset."""
    if digit_frames is None:
        return "3: not tried yet"
    videos = ssvh.load_dataset("moving-digits-smoke").query
    given = np.array([digit_frames(frames) for frames in videos.read()])
    assert given.dtype == bool, f"A frame shows the digit or not: True or False; yours says {given.dtype}."
    assert given.shape == videos.informative.shape, (
        f"A video of {videos.frames} frames needs as many answers; yours has {given.shape[1:]}."
    )
    right, always = (given == videos.informative).mean(), videos.informative.mean()
    assert right >= ENOUGH, (
        f"{right:.0%} of all frames are told right; {ENOUGH:.0%} are asked for, and always True has {always:.0%}."
    )
    return f"3: right, {right:.1%} of the frames"
