"""EfficientNet-Lite0: what it sees in photographs, what its layers compute, and which weights it refuses."""

import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_image
from torch import nn
from torch.nn import functional

import ssvh_lib as ssvh
from ssvh_lib.data.raw_video.backbones import DEFAULT, lite0, load_backbone
from ssvh_lib.data.raw_video.frame_features import features_of

_PLACES = (folder / "shared" / "data" for folder in Path(__file__).resolve().parents)
SHARED = next((place for place in _PLACES if (place / "ucf10_clips").is_dir()), None)


@pytest.fixture(scope="module")
def network():
    return load_backbone(device="cpu")


def photograph(name):
    return Image.fromarray(load_sample_image(name))


# What it sees


@pytest.mark.parametrize(("name", "seen"), [("china.jpg", 698), ("flower.jpg", 985)], ids=["a palace", "a daisy"])
def test_the_classifier_of_the_package_recognises_its_features(network, name, seen):
    weights = lite0.read_weights()
    features = torch.from_numpy(network.describe(network.prepare(photograph(name))[None]))
    scores = functional.linear(features, weights["_fc.weight"], weights["_fc.bias"])[0].softmax(0)
    assert int(scores.argmax()) == seen  # of the thousand classes of ImageNet
    assert scores[seen] > 0.3


def test_it_is_the_default_and_asks_no_hub(network, monkeypatch):
    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", None)  # calling it would fail
    monkeypatch.setattr("transformers.AutoModel.from_pretrained", None)
    assert (DEFAULT, load_backbone("efficientnet-lite0", "cpu").name) == ("efficientnet-lite0", "efficientnet-lite0")
    assert network.size == 1280


def test_a_picture_becomes_the_square_in_its_middle():
    """Grey but for a white frame, which is as wide as what is cut off: 16 of 256 pixels on each side."""
    picture = np.full((512, 512, 3), 51, np.uint8)
    picture[:28] = picture[-28:] = picture[:, :28] = picture[:, -28:] = 255
    prepared = lite0.CentreCrop()(Image.fromarray(picture))
    assert prepared.shape == (3, 224, 224)
    np.testing.assert_allclose(prepared, 51 / 127.5 - 1, atol=1e-6)  # from [0, 255] to [-1, 1]


@pytest.mark.parametrize("size", [(640, 480), (480, 640), (320, 240), (97, 333)])
def test_preparing_the_square_alone_equals_resizing_the_picture_and_cropping(size):
    image = photograph("china.jpg").resize(size)
    width, height = (int(length * 256 / min(size)) for length in size)
    left, top = (width - 224) // 2, (height - 224) // 2
    naive = image.resize((width, height), Image.Resampling.BICUBIC).crop((left, top, left + 224, top + 224))
    difference = lite0.CentreCrop()(image).permute(1, 2, 0).numpy() - (np.asarray(naive, np.float32) / 127.5 - 1)
    assert np.abs(difference).mean() * 127.5 < 1  # of 256 grey levels; two roundings to whole ones differ


def test_the_size_of_a_batch_changes_rounding_only(network):
    pictures = torch.stack([network.prepare(photograph(name)) for name in ("china.jpg", "flower.jpg")] * 2)
    alone, together = network.describe(pictures, 1), network.describe(pictures, 4)
    np.testing.assert_allclose(alone, together, rtol=1e-4, atol=1e-4)
    assert np.abs(together[0] - together[1]).max() > 1


@pytest.mark.slow
@pytest.mark.skipif(SHARED is None, reason="needs clips of UCF101, which are not distributed")
def test_features_equal_those_that_another_implementation_made_of_the_same_clips():
    names = (SHARED / "ucf10" / "query_ids.txt").read_text().split()
    for clip in ("PullUps/v_PullUps_g01_c01.avi", "JumpRope/v_JumpRope_g01_c01.avi"):
        with h5py.File(SHARED / "ucf10" / "query_feats.h5") as file:
            (key,) = file
            known = file[key][names.index(clip)].astype(np.float32)  # stored as float16
        features, _ = features_of(SHARED / "ucf10_clips" / clip, device="cpu")
        cosines = (features * known).sum(1) / np.linalg.norm(features, axis=1) / np.linalg.norm(known, axis=1)
        assert cosines.min() > 0.9999  # preparation by other code


# What its layers compute


def test_padding_is_that_of_tensorflow():
    """With stride 2 there is no border on the left and above, and one pixel on the right and below."""
    layer = lite0.Convolution(1, 1, 3, stride=2, activation=False)
    layer.convolution.load_state_dict({"weight": torch.ones(1, 1, 3, 3), "bias": torch.zeros(1)})
    maps = torch.arange(16.0).view(1, 1, 4, 4)
    # 0+1+2+4+5+6+8+9+10, 2+3+6+7+10+11, 8+9+10+12+13+14 and 10+11+14+15
    assert layer(maps).tolist() == [[[[45, 39], [66, 50]]]]


@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (3, 1), (5, 1), (3, 2), (5, 2)])
def test_a_map_of_even_sides_is_divided_by_the_stride(kernel, stride):
    maps = lite0.Convolution(2, 3, kernel, stride=stride)(torch.zeros(1, 2, 14, 10))
    assert maps.shape == (1, 3, 14 // stride, 10 // stride)


def test_activations_end_at_six():
    layer = lite0.Convolution(1, 1, 1)
    layer.convolution.load_state_dict({"weight": torch.ones(1, 1, 1, 1), "bias": torch.zeros(1)})
    assert layer(torch.tensor([[[[-1.0, 3.0, 7.0]]]])).flatten().tolist() == [0, 3, 6]


def test_a_residual_is_added_where_sizes_agree_only():
    blocks = list(lite0._blocks())
    assert [block.residual for block in blocks] == [
        stage.blocks > 1 and number > 0 for stage in lite0.STAGES for number in range(stage.blocks)
    ]
    block = lite0.InvertedResidual(2, 2, expansion=1, kernel=3, stride=1)
    for values in block.parameters():
        nn.init.zeros_(values)
    maps = torch.rand(1, 2, 4, 4)
    torch.testing.assert_close(block(maps), maps)


def test_folding_equals_a_convolution_and_then_batch_normalisation():
    torch.manual_seed(0)
    weights, maps = {}, torch.randn(2, 3, 8, 8)
    for number, (width, out) in enumerate([(3, 4), (4, 5)]):
        weights[f"conv{number}.weight"] = torch.randn(out, width, 3, 3)
        norm = {"weight": torch.randn(out), "bias": torch.randn(out), "running_mean": torch.randn(out)}
        norm |= {"running_var": torch.rand(out) + 0.1, "num_batches_tracked": torch.tensor(7)}
        weights |= {f"bn{number}.{key}": values for key, values in norm.items()}
    naive = folded = maps
    for number, (weight, bias) in enumerate(lite0._folded(weights)):
        statistics = [weights[f"bn{number}.{key}"] for key in ("running_mean", "running_var", "weight", "bias")]
        naive = functional.batch_norm(functional.conv2d(naive, weights[f"conv{number}.weight"]), *statistics, eps=1e-3)
        folded = functional.conv2d(folded, weight, bias)
    torch.testing.assert_close(folded, naive, rtol=1e-4, atol=1e-4)


# What is refused


def install(monkeypatch, spec):
    monkeypatch.setattr(lite0, "find_spec", lambda name: spec)


def test_a_file_with_another_checksum_is_not_read(tmp_path, monkeypatch):
    file = tmp_path / lite0.FILE
    file.parent.mkdir()
    torch.save({"_fc.weight": torch.zeros(1)}, file)
    spec = ModuleSpec(lite0.PACKAGE, None, is_package=True)
    spec.submodule_search_locations = [str(tmp_path)]
    install(monkeypatch, spec)
    monkeypatch.setattr(torch, "load", None)  # calling it would fail otherwise
    with pytest.raises(ssvh.SSVHError, match=r"7934424\.pth is not the file .* was not read: .* expected 579344248a9"):
        load_backbone()
    file.unlink()
    with pytest.raises(ssvh.SSVHError, match=r"cannot be read \(No such file or directory\)\. Install it again: pip "):
        load_backbone()


def test_without_the_package_the_extra_is_named(monkeypatch):
    install(monkeypatch, None)
    with pytest.raises(ssvh.SSVHError, match=r"The backbone efficientnet-lite0 needs .*ssvh-lib\[video\]"):
        load_backbone()


def test_no_code_of_the_package_is_run():
    module = "ssvh_lib.data.raw_video.backbones.lite0"
    program = f"import sys; from {module} import PACKAGE, read_weights; read_weights(); print(PACKAGE in sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"
