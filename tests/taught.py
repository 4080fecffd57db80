"""BTH and DKPH on small videos in memory, taught by a first network, and what their losses are made of."""

import numpy as np
import torch
import toys

from ssvh_lib.methods import build
from ssvh_lib.nn.bert import cloze


def dataset_of(frames=6, features=8):
    """Eighty random videos in memory, of ten kinds that lie far apart."""
    return toys.dataset_of(80, frames, features, kinds=10, apart=3)


def taught(name, dataset, bits=16, **changes):
    """The second network before its first step, without dropout, so that losses can be worked out again."""
    model = build(name, dataset, bits, **{"anchors": 20, "dropout": 0.0, **changes})
    for epoch in (0, 1):
        model.begin_epoch(epoch, dataset.train, np.random.default_rng(epoch))
    return model.train()


def batch_of(dataset):
    return toys.batch_of(dataset, 12)


def parts_of(model, dataset, seed=3):
    """What ``loss`` draws and computes, step by step."""
    rng, batch = toys.generator(seed), batch_of(dataset)
    partners, signs = model.neighbours.pairs(batch.rows, rng)
    rows = np.concatenate([batch.rows.numpy(), partners])
    frames = torch.from_numpy(dataset.train.read(rows))
    damaged = cloze(frames, rng)
    states = model.encoder(damaged)
    anchors = torch.from_numpy(model.neighbours.anchors[model.neighbours.labels[rows]])
    return frames, damaged, states, anchors, signs
