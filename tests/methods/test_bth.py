"""BTH: its loss worked out pair by pair."""

import pytest
import torch
from taught import batch_of, dataset_of, parts_of, taught
from toys import generator


@pytest.mark.parametrize("variant", ["paper", "released"])
def test_bth_loss_pair_by_pair(variant):
    dataset = dataset_of()
    model = taught("bth", dataset, variant=variant)
    frames, damaged, states, anchors, signs = parts_of(model, dataset)
    target = frames if variant == "paper" else damaged
    codes = model.hash(states).sign()
    mask = (model.decoder(codes) - target).square().sum() / (2 * 6 * 8 * 12)
    neighbourhood = sum(
        (sign - codes[i].mean(dim=0) @ codes[12 + i].mean(dim=0) / 16) ** 2 / 12 for i, sign in enumerate(signs)
    )
    anchoring = sum((states[i].mean(dim=0) - anchors[i]).square().sum() for i in range(24)) / (32 * 12)
    found = model.loss(batch_of(dataset), generator(3))
    torch.testing.assert_close(found["reconstruction"], mask)
    torch.testing.assert_close(found["neighbourhood"], neighbourhood.float())
    torch.testing.assert_close(found["anchoring"], anchoring)
    torch.testing.assert_close(found["loss"], 0.92 * mask + 0.08 * found["neighbourhood"] + 0.8 * anchoring)
