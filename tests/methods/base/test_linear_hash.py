"""What methods that project the mean frame promise: LSH and ITQ on data made for the purpose."""

import numpy as np
import pytest
import torch
from classical import D, solved, values

from ssvh_lib.methods.itq import ITQ
from ssvh_lib.methods.lsh import LSH

BOTH = pytest.mark.parametrize("method", [LSH, ITQ])


@BOTH
def test_one_seed_gives_one_model_and_another_seed_another(method, frames):
    first, again, other = (solved(method, frames, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first.projection, again.projection)
    assert not torch.allclose(first.projection, other.projection, atol=1e-2)


@BOTH
def test_a_video_is_its_mean_frame_projected_from_the_training_mean(method, frames):
    model = solved(method, frames)
    mean = frames.mean(axis=(0, 1))
    np.testing.assert_allclose(model.mean, mean, rtol=1e-5)
    wanted = (frames[:9].mean(axis=1) - mean) @ model.projection.numpy()
    np.testing.assert_allclose(values(model, frames[:9]), wanted, atol=1e-4)
    np.testing.assert_allclose(values(model, frames[:9, ::-1].copy()), wanted, atol=1e-4)


@BOTH
def test_nothing_changes_when_all_the_data_move(method, frames):
    moved = frames + np.linspace(-4, 4, D, dtype=np.float32)
    first, second = values(solved(method, frames), frames), values(solved(method, moved), moved)
    np.testing.assert_allclose(second @ second.T, first @ first.T, atol=1e-2)  # of values up to 400


@BOTH
def test_codes_do_not_change_when_all_the_data_grow(method, frames):
    grown = 4 * frames  # exact in floating point
    signs = values(solved(method, frames), frames) > 0
    assert ((values(solved(method, grown), grown) > 0) == signs).all()


@BOTH
def test_codes_of_the_training_set_are_balanced(method, frames):
    share = (values(solved(method, frames), frames) > 0).mean(axis=0)
    assert ((share > 0.3) & (share < 0.7)).all()


@BOTH
def test_more_training_videos_than_a_batch_are_all_read(method, rng):
    many = rng.standard_normal((1200, 2, D)).astype(np.float32)
    many[1100:] += 30
    np.testing.assert_allclose(solved(method, many).mean, many.mean(axis=(0, 1)), rtol=1e-3)
