"""ConMH: its published model, its two views, and what its decoder sees."""

import numpy as np
import pytest
import torch
from toys import batch_of, dataset_of, generator

from ssvh_lib.methods import build, method_class


def test_conmh_paper_preset_is_the_published_model():
    dataset = dataset_of(features=4096)
    model = build("conmh", dataset, 64, preset="paper")
    assert (len(model.encoder), len(model.decoder)) == (12 + 2, 2 + 1)
    assert model.encoder[0].attention.qkv.weight.shape == (3 * 252, 256)
    assert model.visible == 7
    activitynet = method_class("conmh").PRESETS["activitynet"]
    assert (activitynet["mask_ratio"], activitynet["contrast_weight"]) == (0.5, 0.2)


def test_both_variants_of_conmh_compute_the_same():
    """Nothing in the readable part of the paper departs from the released code."""
    dataset, losses = dataset_of(), []
    for variant in ("paper", "released"):
        model = build("conmh", dataset, 16, variant=variant)
        losses.append(model.loss(batch_of(dataset), generator())["loss"])
    assert torch.equal(*losses)


def test_conmh_ablations():
    dataset = dataset_of()
    terms = build("conmh", dataset, 16).loss(batch_of(dataset), generator())
    only = {
        name: build("conmh", dataset, 16, **{f"{other}_weight": 0.0}).loss(batch_of(dataset), generator())["loss"]
        for name, other in (("reconstruction", "contrast"), ("contrast", "reconstruction"))
    }
    assert only == {name: terms[name] for name in only}
    sharing = [
        build("conmh", dataset, 16, mask_ratio=0.5, independent_views=independent).draw(200, 25, 0.5, generator())
        for independent in (False, True)
    ]
    common = [(first & second).sum(dim=1).float().mean().item() for first, second in sharing]
    assert common[0] == 1  # 13 + 13 of 25
    assert common[1] == pytest.approx(13 * 13 / 25, rel=0.1)


def test_conmh_decoder_sees_neither_hidden_frames_nor_their_order_of_arrival():
    """The rebuilt frames do not change with the masked frames of the input, nor with the order of the visible ones."""
    dataset = dataset_of()
    model = build("conmh", dataset, 16)
    frames = torch.from_numpy(dataset.train.read(np.arange(4)))
    seen, unseen = torch.arange(0, 25, 4).expand(4, -1), torch.tensor([t for t in range(25) if t % 4]).expand(4, -1)
    from ssvh_lib.nn.layers import take_frames

    def rebuilt(frames, seen):
        return model.decode(model.hash(model.encoder(take_frames(model.tokens(frames), seen))), seen, unseen)

    changed = frames.clone()
    changed[:, unseen[0]] = 7.0
    torch.testing.assert_close(rebuilt(changed, seen), rebuilt(frames, seen), rtol=0, atol=0)
    torch.testing.assert_close(rebuilt(frames, seen.flip(1)), rebuilt(frames, seen), rtol=1e-4, atol=1e-4)
