"""The frames that stand for T segments of a video of n frames."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssvh_lib.data.middles import middles
from ssvh_lib.data.raw_video.video import _Times


@pytest.mark.parametrize(
    ("count", "frames", "expected"),
    [
        (10, 5, [1, 3, 5, 7, 9]),  # segments of two frames, whose middle lies between them: the later one
        (9, 3, [1, 4, 7]),  # of three frames
        (10, 3, [1, 5, 8]),  # of 3 1/3 frames: their middles are at 1.67, 5 and 8.33
        (4, 4, [0, 1, 2, 3]),
        (2, 5, [0, 0, 1, 1, 1]),
        (1, 3, [0, 0, 0]),
        (7, 1, [3]),
    ],
)
def test_the_middle_frame_of_each_segment(count, frames, expected):
    assert middles(count, frames).tolist() == expected


@given(count=st.integers(1, 5000), frames=st.integers(1, 64))
def test_frames_are_in_order_even_and_as_far_from_one_end_as_from_the_other(count, frames):
    rows = middles(count, frames)
    assert min(rows) >= 0
    assert max(rows) < count
    assert set(np.diff(rows)) <= {count // frames, -(-count // frames)}
    assert abs(rows[0] - (count - 1 - rows[-1])) <= 1


@given(count=st.integers(1, 500), frames=st.integers(1, 64))
def test_feature_files_are_sampled_as_videos_of_constant_rate_are(count, frames):
    video = _Times(shown=list(range(count)), keys=[], end=count, seconds=float(count))
    assert middles(count, frames).tolist() == video.middles(frames)
