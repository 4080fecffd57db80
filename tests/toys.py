"""Small random videos in memory, and methods started on them."""

import numpy as np
import torch

import ssvh_lib as ssvh
from ssvh_lib.data import VideoFeatures
from ssvh_lib.data.batch import Batch
from ssvh_lib.methods import TrainedMethod, build


def dataset_of(videos=40, frames=25, features=64, seed=0, kinds=4, apart=2):
    """Random videos in memory, of kinds that differ in their mean."""
    rng = np.random.default_rng(seed)
    kind = np.arange(videos) % kinds
    noise, means = rng.standard_normal((videos, frames, features)), rng.standard_normal((kinds, features))
    values = noise + apart * means[kind][:, None]
    part = VideoFeatures(values.astype(np.float32), np.eye(kinds, dtype=np.uint8)[kind], tuple(map(str, range(videos))))
    return ssvh.Dataset("toy", part, part, part, False, tuple("abcdefghij"[:kinds]), "smoke", "toy", None)


def batch_of(dataset, size=16):
    rows = np.arange(size)
    return Batch(torch.from_numpy(dataset.train.read(rows)), torch.from_numpy(rows))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def started(name, dataset, bits=16, **choices):
    """A model as it is in the second epoch, with all that it finds out about the training set."""
    model = build(name, dataset, bits, **choices)
    if isinstance(model, TrainedMethod):
        for epoch in (0, 1):
            model.begin_epoch(epoch, dataset.train, np.random.default_rng(epoch))
    return model.train()
