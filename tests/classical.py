"""Classical methods solved on small videos in memory, and what the tests of several ask of them."""

import numpy as np
import torch

from ssvh_lib.data import VideoFeatures
from ssvh_lib.methods.vhdt import VHDT

N, T, D = 120, 3, 16  # of the videos of the fixture ``frames``
SMALL = {VHDT: {"clusters": 10, "pairs": 200, "iterations": 10}}


def videos_of(frames):
    return VideoFeatures.unlabelled(frames)


def solved(method, frames, bits=8, seed=0, **choices):
    shape = {"bits": bits, "frames": frames.shape[1], "features": frames.shape[2]}
    model = method(method.Config(**{**shape, **SMALL.get(method, {}), **choices}))
    model.solve(videos_of(frames), np.random.default_rng(seed))
    return model


def values(model, frames):
    return model.encode(torch.from_numpy(frames)).numpy()


def signs(model, frames):
    return values(model, frames) > 0


def hamming(first, second):
    return (first[:, None] != second).sum(axis=2)


def kinds(rng, count=4, videos=80, noise=0.5):
    """Videos of ``count`` kinds in turn, ``(videos, T, D)``."""
    centres = 3 * rng.standard_normal((count, 1, D))
    return (centres[np.arange(videos) % count] + noise * rng.standard_normal((videos, T, D))).astype(np.float32)
