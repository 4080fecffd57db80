"""Frozen backbones: which output is the feature, and what is refused before anything is described."""

import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from video_samples import write_backbone

import ssvh_lib as ssvh
from ssvh_lib.data.raw_video.backbones import hub, load_backbone
from ssvh_lib.data.raw_video.backbones.hub import pooled


def describe_noise(backbone, batch_size=8):
    network = load_backbone(backbone, "cpu")
    return network, network.describe(prepared_noise(network), batch_size)


def small(**more):
    return {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2} | more


SEEN = {"image_size": 32, "patch_size": 16}


def write_model(folder, model):
    from transformers import ViTImageProcessorPil

    model.eval().save_pretrained(folder)
    ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(folder)
    return model


def test_a_pooler_without_trained_weights_is_not_used(tmp_path):
    from transformers import ViTConfig, ViTForImageClassification

    model = write_model(tmp_path, ViTForImageClassification(ViTConfig(**small(**SEEN))))
    network, features = describe_noise(tmp_path)
    again = describe_noise(tmp_path)[1]
    np.testing.assert_array_equal(features, again)  # nothing in it is random
    inputs = prepared_noise(network)
    with torch.inference_mode():
        np.testing.assert_allclose(features, model.vit(inputs).last_hidden_state[:, 0], rtol=1e-4, atol=1e-5)


def prepared_noise(network):
    pictures = np.random.default_rng(0).integers(0, 256, (5, 40, 50, 3), dtype=np.uint8)
    return torch.stack([network.prepare(Image.fromarray(picture)) for picture in pictures])


def test_of_clip_the_image_tower_is_used(tmp_path):
    from transformers import CLIPConfig, CLIPModel

    text, vision = small(vocab_size=99, bos_token_id=1, eos_token_id=2), small(**SEEN, hidden_size=24)
    model = write_model(tmp_path, CLIPModel(CLIPConfig(text_config=text, vision_config=vision)))
    network, features = describe_noise(tmp_path)
    assert features.shape == (5, 24)
    with torch.inference_mode():
        naive = model.vision_model(prepared_noise(network)).pooler_output
    np.testing.assert_allclose(features, naive, rtol=1e-4, atol=1e-5)


def test_a_feature_map_is_averaged():
    output = type("Output", (), {"last_hidden_state": torch.arange(24.0).view(1, 2, 3, 4)})
    np.testing.assert_array_equal(pooled(output, trained=True), [[5.5, 17.5]])


def test_the_size_of_a_batch_changes_rounding_only(backbone):
    np.testing.assert_allclose(describe_noise(backbone, 2)[1], describe_noise(backbone, 5)[1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (3, 70), (70, 3), (4, 1)])
def test_tiny_pictures_are_described(backbone, size):
    network = load_backbone(backbone, "cpu")
    picture = Image.new("RGB", size, (200, 200, 200))
    assert network.prepare(picture).shape == (3, 32, 32)
    assert torch.allclose(network.prepare(picture), network.prepare(picture.resize((9, 9))), atol=1e-6)


def test_a_fingerprint_follows_weights_and_preparation(tmp_path, backbone):
    first = load_backbone(backbone, "cpu").fingerprint()
    assert load_backbone(shutil.copytree(backbone, tmp_path / "copy"), "cpu").fingerprint() == first
    assert load_backbone(write_backbone(tmp_path / "other", seed=1), "cpu").fingerprint() != first
    assert load_backbone(write_backbone(tmp_path / "larger", side=48), "cpu").fingerprint() != first


def remove(folder, name):
    (folder / name).unlink()


def pickle_weights(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def cut_weights(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-50])


def lose_weights(folder):
    from safetensors.torch import load_file, save_file

    held = load_file(folder / "model.safetensors")
    held.pop("embedder.embedder.convolution.weight")
    save_file(held, folder / "model.safetensors", metadata={"format": "pt"})


def change_config(folder, **values):
    config = json.loads((folder / "config.json").read_text()) | values
    (folder / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda folder: remove(folder, "config.json"),
            "has no config.json. Write an image model of Transformers and its image processor there",
        ),
        (lambda folder: remove(folder, "preprocessor_config.json"), "has no preprocessor_config.json"),
        (
            lambda folder: remove(folder, "model.safetensors"),
            "has no model.safetensors. Weights are read from safetens",
        ),
        (pickle_weights, "no model.safetensors, only pytorch_model.bin. .* a pickled file can run any program"),
        (cut_weights, "cannot be loaded"),
        (lose_weights, "weights of .* are incomplete: 1 arrays are missing, for example embedder.embedder.convolution"),
        (lambda folder: (folder / "config.json").write_text("{"), "cannot be loaded"),
        (lambda folder: change_config(folder, model_type="nothing"), "cannot be loaded"),
        (lambda folder: change_config(folder, hidden_sizes=[8, 32]), "cannot be loaded|are incomplete"),
    ],
)
def test_a_damaged_backbone_is_refused(tmp_path, backbone, damage, message):
    folder = shutil.copytree(backbone, tmp_path / "mine")
    damage(folder)
    with pytest.raises(ssvh.SSVHError, match=message) as error:
        load_backbone(folder, "cpu")
    assert str(folder) in str(error.value)


def test_without_network_a_hub_name_says_what_to_do():
    with pytest.raises(
        ssvh.SSVHError, match=r"backbone nobody/nothing cannot be loaded .* a local folder that save_pre"
    ):
        load_backbone("nobody/nothing", "cpu")


def test_a_hub_that_cannot_be_reached_is_noticed_by_one_request(monkeypatch):
    asked = []

    def unreachable(url, **options):
        asked.append(url)
        raise TimeoutError("timed out")

    monkeypatch.setattr("huggingface_hub.get_hf_file_metadata", unreachable)
    monkeypatch.setattr("transformers.AutoImageProcessor.from_pretrained", None)  # calling it would fail otherwise
    with pytest.raises(ssvh.SSVHError, match=r"huggingface\.co does not provide it: timed out\)"):
        load_backbone("nobody/nothing", "cpu")
    assert asked == ["https://huggingface.co/nobody/nothing/resolve/main/config.json"]


def test_without_a_network_the_backbone_that_is_installed_is_recommended():
    with pytest.raises(ssvh.SSVHError, match=r"Without a network, use efficientnet-lite0, which comes with ssvh-lib"):
        load_backbone("nobody/nothing", "cpu")


def write_timm(folder):
    """A model of timm in the wrapper of Transformers, as the hub stores it: it has no preprocessor_config.json."""
    settings = {"input_size": [3, 32, 32], "mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic"}
    config = {"architecture": "resnet10t", "model_type": "timm_wrapper", "num_classes": 0}
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config | {"pretrained_cfg": settings | {"crop_pct": 1.0}}))
    return folder


def test_a_model_of_timm_without_timm_says_what_to_install(tmp_path, monkeypatch):
    (write_timm(tmp_path / "mine") / "model.safetensors").touch()
    monkeypatch.setattr(hub, "find_spec", lambda name: None)
    with pytest.raises(ssvh.SSVHError, match=r"is a model of timm, and timm and torchvision are not installed: pip"):
        load_backbone(tmp_path / "mine", "cpu")


def test_a_model_of_timm_is_described_as_timm_does(tmp_path):
    timm = pytest.importorskip("timm", reason="needs timm, which is not installed")
    pytest.importorskip("torchvision", reason="needs torchvision, which is not installed")
    from safetensors.torch import save_file

    folder, model = write_timm(tmp_path / "mine"), timm.create_model("resnet10t", num_classes=0).eval()
    held = {f"timm_model.{key}": values for key, values in model.state_dict().items()}
    save_file(held, folder / "model.safetensors", metadata={"format": "pt"})
    network, features = describe_noise(folder)
    with torch.inference_mode():
        np.testing.assert_allclose(features, model(prepared_noise(network)), rtol=1e-4, atol=1e-5)


def test_a_text_model_is_refused(tmp_path):
    from transformers import BertConfig, BertModel

    write_model(tmp_path, BertModel(BertConfig(**small(vocab_size=99))))
    with pytest.raises(ssvh.SSVHError, match="is not an image model: it takes input_ids, not pixel_values"):
        load_backbone(tmp_path, "cpu")


def test_code_that_comes_with_a_model_is_not_run(tmp_path, backbone):
    folder = shutil.copytree(backbone, tmp_path / "mine")
    change_config(folder, model_type="mine", auto_map={"AutoConfig": "evil.Config", "AutoModel": "evil.Model"})
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Config: pass\nclass Model: pass\n")
    with pytest.raises(ssvh.SSVHError, match="cannot be loaded"):
        load_backbone(folder, "cpu")
    assert not (tmp_path / "ran").exists()


def test_a_device_that_is_not_there_is_refused(backbone):
    with pytest.raises(ssvh.SSVHError, match="The device 'toaster' cannot be used"):
        load_backbone(backbone, "toaster")
