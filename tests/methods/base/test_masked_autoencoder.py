"""What all methods that rebuild masked frames have in common."""

import numpy as np
import pytest
import torch
from toys import dataset_of, started

import ssvh_lib as ssvh
from ssvh_lib.methods import available, build, method_class
from ssvh_lib.methods.base.masked_autoencoder import MaskedAutoencoder

METHODS = [name for name in available() if issubclass(method_class(name), MaskedAutoencoder)]
VARIANTS = [(name, variant) for name in METHODS for variant in method_class(name).VARIANTS]


@pytest.mark.parametrize("ratio", [0.0, 1.0, -0.5, 2.0])
def test_a_mask_ratio_without_visible_or_masked_frames_is_refused(ratio):
    with pytest.raises(ssvh.SSVHError, match="at least one of 25 frames visible and one masked"):
        build("conmh", dataset_of(), mask_ratio=ratio)


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_codes_in_use_are_those_in_training(name, variant):
    """``encode`` is the path inside ``loss`` for a view of all frames: ``reconstruct_masked`` with nothing masked."""
    dataset = dataset_of()
    model = started(name, dataset, variant=variant).eval()
    frames = torch.from_numpy(dataset.train.read(np.arange(4)))
    model.visible = 25
    inside = model.reconstruct_masked(model.tokens(frames), frames, torch.ones(4, 25, dtype=torch.bool)).codes
    torch.testing.assert_close(inside, model.frame_codes(frames), rtol=0, atol=0)
    torch.testing.assert_close(inside.mean(dim=1), model.encode(frames), rtol=0, atol=0)
