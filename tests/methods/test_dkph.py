"""DKPH: its loss worked out pair by pair, and codes of whole videos."""

import numpy as np
import pytest
import torch
from taught import batch_of, dataset_of, parts_of, taught
from toys import generator

from ssvh_lib.methods import build


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_dkph_loss_pair_by_pair_and_the_released_triplets_have_the_same_gradient(variant):
    dataset = dataset_of()
    model = taught("dkph", dataset, variant=variant)
    frames, damaged, states, anchors, signs = parts_of(model, dataset)
    target = frames if variant == "paper" else damaged
    codes = model.hash(states.reshape(24, -1)).sign()
    rebuilt = model.decoder(torch.stack([codes + model.temporal(states[:, t]) for t in range(6)], dim=1))
    mask = (rebuilt - target).square().sum() / (2 * 6 * 8 * 12)
    similarity = sum((sign - codes[i] @ codes[12 + i] / 16) ** 2 / 12 for i, sign in enumerate(signs))
    means = states.mean(dim=1)
    weight = torch.from_numpy((1 - signs) / 2).float()[:, None]  # [code] anchors of similar pairs become zero
    triplets = torch.nn.TripletMarginLoss(margin=0.5)(means[:12], weight * anchors[:12], weight * anchors[12:])
    released = (means - anchors).square().sum() / (32 * 12) + 0.1 * triplets
    found = model.loss(batch_of(dataset), generator(3))
    torch.testing.assert_close(found["reconstruction"], mask)
    torch.testing.assert_close(found["similarity"], similarity.float())
    constant = 0.1 * 0.5 * float((signs > 0).mean())
    torch.testing.assert_close(found["temporal"], released - constant)
    torch.testing.assert_close(found["loss"], mask + 0.9 * found["temporal"] + 0.11 * found["similarity"])
    own, theirs = (
        torch.autograd.grad(loss, model.encoder.embed.weight, retain_graph=True)[0]
        for loss in (found["temporal"], released)
    )
    torch.testing.assert_close(own, theirs)


def test_dkph_codes_are_those_of_whole_videos():
    dataset = dataset_of()
    model = build("dkph", dataset, 16).eval()
    frames = torch.from_numpy(dataset.train.read(np.arange(4)))
    assert model.hash.weight.shape == (16, 6 * 32)
    assert model.encode(frames).abs().max() > 0
    moved = model.encode(frames.flip(1))
    assert not torch.allclose(moved, model.encode(frames))
