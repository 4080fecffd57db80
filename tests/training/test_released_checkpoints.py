"""Checkpoints in the authors' layout: their inference written out a second time, on random weights, gives our codes."""

import math
import re
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import gelu, layer_norm, linear, pad, silu, softplus

import ssvh_lib as ssvh
from ssvh_lib.methods import construct, method_class
from ssvh_lib.training.released_checkpoints import load_released

METHODS = ["conmh", "s5vh", "autossvh"]


# Random checkpoints: names and shapes as the authors' code makes them


def transformer_shapes(C, inner):
    norms = {f"norm{n}.{kind}": (C,) for n in (1, 2) for kind in ("weight", "bias")}
    attention = {"qkv.weight": (3 * inner, C), "q_bias": (inner,), "v_bias": (inner,), "proj.weight": (C, inner)}
    mlp = {"fc1.weight": (4 * C, C), "fc1.bias": (4 * C,), "fc2.weight": (C, 4 * C), "fc2.bias": (C,)}
    return (
        norms
        | {f"attn.{name}": shape for name, shape in attention.items()}
        | {"attn.proj.bias": (C,)}
        | {f"mlp.{name}": shape for name, shape in mlp.items()}
    )


def mamba_shapes(C, E, S=16):
    R = math.ceil(C / 16)
    return {
        "A_log": (E, S), "D": (E,), "in_proj.weight": (2 * E, C), "conv1d.weight": (E, 1, 4), "conv1d.bias": (E,),
        "x_proj.weight": (R + 2 * S, E), "dt_proj.weight": (E, R), "dt_proj.bias": (E,), "out_proj.weight": (C, E),
    }  # fmt: skip


def bidirectional_shapes(C, inner):
    norms = {f"norm{n}.{kind}": (C,) for n in (1, 2) for kind in ("weight", "bias")}
    return norms | {f"mamba{n}.{name}": shape for n in (1, 2) for name, shape in mamba_shapes(C, inner).items()}


def shapes(method, K, D, T, C, inner, layers, c, last, M):
    """``c`` is the width of the decoder, ``last`` how many layers it has."""
    block = bidirectional_shapes if method == "s5vh" else transformer_shapes
    found = {"mask_token": (1, 1, c)}
    if method == "autossvh":
        found |= {"pos_embed": (1, T, c), "encoder.sample_net.temperature": (1, 1, 1, 1)}
        for name, rows in [("importance_score.0", C), ("importance_score.2", C), ("transf.0", 1)]:
            found[f"encoder.sample_net.importance_score.{name}.weight"] = (rows, C)
            found[f"encoder.sample_net.importance_score.{name}.bias"] = (rows,)
        found |= {f"encoder.sample_net.importance_score.norm.{kind}": (C,) for kind in ("weight", "bias")}
    if method == "s5vh":
        found |= {"get_token_probs.0.weight": (C, D), "get_token_probs.0.bias": (C,), "classifier.weight": (M, K)}
        found |= {"get_token_probs.2.weight": (1, C), "get_token_probs.2.bias": (1,)}
        found |= {f"get_token_probs.1.{name}": shape for name, shape in mamba_shapes(C, 2 * C).items()}
    for part, width, depth, rows in (("encoder", C, layers, C), ("decoder", c, last, D)):
        inside = 2 * width if method == "s5vh" else inner if part == "encoder" else width
        found |= {f"{part}.blocks.{i}.{name}": s for i in range(depth) for name, s in block(width, inside).items()}
        found |= {f"{part}.norm.weight": (width,), f"{part}.norm.bias": (width,)}
        found |= {f"{part}.head.weight": (rows, width), f"{part}.head.bias": (rows,)}
    found |= {"encoder.patch_embed.weight": (C, D), "encoder.patch_embed.bias": (C,)}
    found |= {"encoder_to_decoder.weight": (c, K), "binary.weight": (K, C), "binary.bias": (K,)}
    return found | {"ln.weight": (K,), "ln.bias": (K,)}


@pytest.fixture
def checkpoint(noise):
    """Makes a state dict of random weights of about the size that training leaves."""

    def make(method, *, K=16, D=12, T=5, C=32, inner=30, layers=2, c=24, last=2, M=7):
        state = {}
        for name, shape in shapes(method, K, D, T, C, inner, layers, c, last, M).items():
            values = noise(*shape)
            if name.endswith("A_log"):
                state[name] = torch.arange(1.0, shape[1] + 1).log() + 0.1 * values
            elif len(shape) == 1:
                one = re.search(r"(norm\d?|ln)\.weight$|\.D$", name) is not None
                state[name] = one + 0.1 * values
            else:
                state[name] = values / math.sqrt(math.prod(shape[1:]))
        return state

    return make


@pytest.fixture
def saved(tmp_path):
    """Saves a state dict as the authors' training does."""

    def save(state, name="dataset_16.pth", **more):
        torch.save({"model_state_dict": state, **more}, tmp_path / name)
        return tmp_path / name

    return save


# The authors' inference, from their names, in double precision


def positions(T, C):
    """Sine and cosine of t / 10000^(2i / C), by turns."""
    angle = np.arange(T)[:, None] / 10_000 ** (np.arange(0, C, 2) / C)
    return torch.from_numpy(np.stack([np.sin(angle), np.cos(angle)], axis=-1).reshape(T, -1)[:, :C]).float().double()


def norm(w, x, name, eps=1e-6):
    return layer_norm(x, x.shape[-1:], w[f"{name}.weight"], w[f"{name}.bias"], eps)


def dense(w, x, name):
    return linear(x, w[f"{name}.weight"], w.get(f"{name}.bias"))


def attention(w, x, name, heads):
    """A head at a time; keys have no bias."""
    queries, keys, values = linear(x, w[f"{name}.qkv.weight"]).chunk(3, dim=-1)
    queries, values = queries + w[f"{name}.q_bias"], values + w[f"{name}.v_bias"]
    mixed = []
    for q, k, v in zip(*(part.chunk(heads, dim=-1) for part in (queries, keys, values)), strict=True):
        mixed.append(torch.softmax(q @ k.mT / math.sqrt(q.shape[-1]), dim=-1) @ v)
    return dense(w, torch.cat(mixed, dim=-1), f"{name}.proj")


def transformer_block(w, x, name, heads):
    x = x + attention(w, norm(w, x, f"{name}.norm1"), f"{name}.attn", heads)
    hidden = gelu(dense(w, norm(w, x, f"{name}.norm2"), f"{name}.mlp.fc1"))
    return x + dense(w, hidden, f"{name}.mlp.fc2")


def mamba(w, x, name):
    """A frame at a time: the last four inputs, then the states of all channels."""
    u, gate = dense(w, x, f"{name}.in_proj").chunk(2, dim=-1)
    kernel, A = w[f"{name}.conv1d.weight"][:, 0], -torch.exp(w[f"{name}.A_log"])  # (E, 4), (E, S)
    states, ys, padded = 0.0, [], pad(u, (0, 0, 3, 0))
    for t in range(x.shape[1]):
        now = silu((padded[:, t : t + 4] * kernel.T).sum(dim=1) + w[f"{name}.conv1d.bias"])  # (B, E)
        step, B, C = dense(w, now, f"{name}.x_proj").split([math.ceil(x.shape[-1] / 16), 16, 16], dim=-1)
        delta = softplus(dense(w, step, f"{name}.dt_proj"))[..., None]  # (B, E, 1)
        states = states * torch.exp(delta * A) + delta * B[:, None] * now[..., None]
        ys.append(((states * C[:, None]).sum(dim=-1) + w[f"{name}.D"] * now) * silu(gate[:, t]))
    return dense(w, torch.stack(ys, dim=1), f"{name}.out_proj")


def bidirectional_block(w, x, name, heads):
    onward = mamba(w, norm(w, x, f"{name}.norm1"), f"{name}.mamba1")
    backward = mamba(w, norm(w, x.flip(1), f"{name}.norm2"), f"{name}.mamba1")  # not mamba2
    return x + onward + backward.flip(1)


def blocks(w, x, part, heads):
    block = bidirectional_block if f"{part}.blocks.0.mamba1.D" in w else transformer_block
    for layer in range(len({name.split(".")[2] for name in w if name.startswith(f"{part}.blocks.")})):
        x = block(w, x, f"{part}.blocks.{layer}", heads)
    return dense(w, norm(w, x, f"{part}.norm"), f"{part}.head")


def before_the_sign(state, x, heads):
    """What the authors binarise, for frames ``x (B, T, D)``: ``(B, T, K)``."""
    w, x = {name: tensor.double() for name, tensor in state.items()}, x.double()
    tokens = dense(w, x, "encoder.patch_embed")
    tokens = tokens + positions(*tokens.shape[1:])
    return norm(w, dense(w, blocks(w, tokens, "encoder", heads), "binary"), "ln", 1e-5)


def rebuilt(state, codes, seen, unseen, place):
    """The authors' decoder: visible frames first, then the masked ones, of which it returns the pictures."""
    w = {name: tensor.double() for name, tensor in state.items()}
    visible = dense(w, codes.double(), "encoder_to_decoder") + place[seen]
    masked = (w["mask_token"] + place[unseen]).expand(len(codes), -1, -1)
    return blocks(w, torch.cat([visible, masked], dim=1), "decoder", 3)[:, len(seen) :]


def check_codes(model, state, x, heads, within=1e-5):
    wanted = before_the_sign(state, x, heads).float()
    with torch.no_grad():
        found = model.hash.norm(model.hash.linear(model.encoder(model.tokens(x))))
        codes = model.frame_codes(x)
    torch.testing.assert_close(found, wanted, rtol=0, atol=within)
    theirs = 2 * torch.round(((wanted + 1) / 2).clamp(0, 1)) - 1
    sure = wanted.abs() > within
    assert sure.float().mean() > 0.999
    assert torch.equal(codes[sure], theirs[sure])
    assert set(codes.unique().tolist()) == {-1.0, 1.0}


# Equal codes


@pytest.mark.parametrize("method", METHODS)
def test_frame_codes_are_those_of_the_authors_inference(method, checkpoint, saved, noise):
    state = checkpoint(method)
    model = load_released(saved(state), method, frames=5)
    check_codes(model, state, noise(8, 5, 12), heads=6)
    assert not model.training
    assert model.config.variant == "released"


@pytest.mark.parametrize("method", ["conmh", "autossvh"])
def test_the_small_transformer_has_twelve_layers_of_six_heads_252_wide(method, checkpoint, saved, noise):
    state = checkpoint(method, K=64, D=40, T=25, C=256, inner=252, layers=12, c=192)
    model = load_released(saved(state), method, frames=25)
    assert (model.config.heads, model.config.layers, model.config.decoder_width) == (6, 12, 192)
    check_codes(model, state, noise(2, 25, 40), heads=6)


def test_s5vh_scans_both_ways_with_mamba1_in_each_of_six_layers(checkpoint, saved, noise):
    state = checkpoint("s5vh", K=64, D=40, C=256, layers=6, c=192, last=1, M=450)
    assert not torch.equal(state["encoder.blocks.0.mamba1.D"], state["encoder.blocks.0.mamba2.D"])
    model = load_released(saved(state), "s5vh", frames=25)
    assert (model.config.layers, model.config.clusters, model.config.tied_directions) == (6, 450, True)
    check_codes(model, state, noise(2, 25, 40), heads=None, within=5e-5)
    for name in [name for name in state if ".mamba2." in name or name.startswith("get_token_probs.")]:
        state[name] = torch.full_like(state[name], torch.nan)
    other = load_released(saved(state, "other.pth"), "s5vh", frames=25)
    assert all(torch.equal(one, two) for one, two in zip(model.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("method", METHODS)
def test_the_constant_in_the_layer_norm_of_the_hash_layer_is_the_authors(method, checkpoint, saved, noise):
    """It shows where values are small."""
    state = checkpoint(method)
    for name in ("binary.weight", "binary.bias"):
        state[name] *= 0.01
    check_codes(load_released(saved(state), method, frames=5), state, noise(8, 5, 12), heads=6)


@pytest.mark.parametrize("method", METHODS)
def test_masked_frames_are_rebuilt_as_by_the_authors_decoder(method, checkpoint, saved, noise):
    state = checkpoint(method)
    model = load_released(saved(state), method, frames=5)
    codes, seen, unseen = noise(3, 2, 16).sign(), torch.tensor([1, 4]), torch.tensor([0, 2, 3])
    place = state["pos_embed"][0].double() if method == "autossvh" else positions(5, 24)
    with torch.no_grad():
        found = model.decode(codes, seen.expand(3, -1), unseen.expand(3, -1))
    torch.testing.assert_close(found, rebuilt(state, codes, seen, unseen, place).float(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_encode_packs_the_sign_of_the_mean_code(method, checkpoint, saved, noise):
    state, x = checkpoint(method), noise(8, 5, 12)
    codes = ssvh.encode(load_released(saved(state), method, frames=5), x.numpy())
    assert isinstance(codes, ssvh.Codes)
    mean = torch.where(before_the_sign(state, x, heads=6) > 0, 1.0, -1.0).mean(dim=1)
    assert np.array_equal(codes.signs(), np.where(mean > 0, 1, -1))


# What is inferred


@pytest.mark.parametrize("method", METHODS)
def test_sizes_depths_frames_and_clusters_are_read_off_the_tensors(method, checkpoint, saved):
    state = checkpoint(method, K=24, D=10, T=9, C=48, inner=48, layers=3, c=36, last=1, M=11)
    config = load_released(saved(state), method, frames=None if method == "autossvh" else 9).config
    told = {"bits": 24, "features": 10, "frames": 9, "width": 48, "layers": 3, "decoder_width": 36, "decoder_layers": 1}
    told |= {"clusters": 11} if method == "s5vh" else {"heads": 6}
    assert asdict(config).items() >= told.items()
    kind = method_class(method)
    usual = kind.Config(**{**kind.PRESETS.get("released", {}), "bits": 1, "frames": 1, "features": 1})
    rest = asdict(config).keys() - told.keys() - {"variant"}
    assert {name: getattr(config, name) for name in rest} == {name: getattr(usual, name) for name in rest}


def test_the_trainable_classifier_becomes_the_centres(checkpoint, saved):
    state = checkpoint("s5vh")
    model = load_released(saved(state), "s5vh", frames=5)
    assert torch.equal(dict(model.named_parameters())["centres"], state["classifier.weight"])


@pytest.mark.parametrize(("size", "frames"), [(4096, 25), (2048, 30)])
@pytest.mark.parametrize("method", ["conmh", "s5vh"])
def test_frames_are_by_default_those_of_the_published_datasets(method, size, frames, checkpoint, saved):
    path = saved(checkpoint(method, D=size))
    assert load_released(path, method).config.frames == frames
    assert load_released(path, method, frames=10).config.frames == 10


@pytest.mark.parametrize(
    ("layers", "inner", "given", "found"),
    [(1, 64, None, 1), (1, 60, None, 6), (2, 60, None, 6), (2, 60, 12, 12), (2, 64, 8, 8), (24, 64, None, 16)],
)
def test_heads_are_those_of_the_authors_models(layers, inner, given, found, checkpoint, saved, noise):
    state = checkpoint("conmh", C=64, inner=inner, layers=layers)
    model = load_released(saved(state), "conmh", frames=5, heads=given)
    assert model.config.heads == found
    check_codes(model, state, noise(2, 5, 12), heads=found)


def test_what_else_training_saves_is_let_be_and_the_prefix_of_data_parallel_goes(checkpoint, saved, tmp_path):
    state = checkpoint("conmh")
    wanted = load_released(saved(state), "conmh", frames=5).state_dict()
    optimiser = torch.optim.Adam([torch.zeros(3, requires_grad=True)]).state_dict()
    parallel = {f"module.{name}": tensor for name, tensor in state.items()}
    path = saved(parallel, epoch=794, optimizer_state_dict=optimiser)
    torch.save(state, tmp_path / "bare.pth")
    for other in (load_released(str(path), "conmh", frames=5), load_released(tmp_path / "bare.pth", "conmh", frames=5)):
        assert other.state_dict().keys() == wanted.keys()
        assert all(torch.equal(tensor, wanted[name]) for name, tensor in other.state_dict().items())


# There and back


def their_name(name, method, config):
    """The authors' name of one of our tensors."""
    part, *rest = name.split(".")
    start = {
        "embed": "encoder.patch_embed", "decoder_embed": "encoder_to_decoder", "reconstruct": "decoder.head",
        "mask_token": "mask_token", "decoder_positions": "pos_embed", "centres": "classifier.weight",
    }.get(part)  # fmt: skip
    if start:
        return ".".join([start, *rest])
    if part == "hash":
        return ".".join([{"linear": "binary", "norm": "ln"}[rest[0]], rest[1]])
    depth, layer = config.layers if part == "encoder" else config.decoder_layers, int(rest[0])
    if layer >= depth:
        return ".".join([part, ["norm", "head"][layer - depth], rest[1]])
    inside = ".".join(rest[1:])
    for ours, theirs in [
        (r"attention_norm", "norm1"), (r"mlp_norm", "norm2"), (r"mlp\.0", "mlp.fc1"), (r"mlp\.2", "mlp.fc2"),
        (r"attention\.(q|v)[a-z]+_bias", r"attn.\1_bias"), (r"attention\.out", "attn.proj"),
        (r"attention\.qkv", "attn.qkv"), (r"mixers\.0", "mamba1"), (r"norms\.0", "norm1"), (r"norms\.1", "norm2"),
    ]:  # fmt: skip
        inside = re.sub(f"^{ours}", theirs, inside)
    return f"{part}.blocks.{layer}.{inside}"


@pytest.mark.parametrize("method", METHODS)
def test_our_released_variant_comes_back_from_the_authors_layout(method, saved, noise):
    kind = method_class(method)
    sizes = {"bits": 16, "frames": 6, "features": 20, "variant": "released", "width": 48, "layers": 2}
    config = kind.Config(**{**kind.PRESETS.get("released", {}), **sizes, "decoder_width": 24, "decoder_layers": 1})
    model = construct(kind, config, seed=3)
    state = {their_name(name, method, config): tensor for name, tensor in model.state_dict().items()}
    state = {name: tensor[None] if name == "pos_embed" else tensor for name, tensor in state.items()}
    state["mask_token"] = state["mask_token"][None, None]
    back = load_released(saved(state), method, frames=6)
    assert back.config == config
    assert back.state_dict().keys() == model.state_dict().keys()
    assert all(torch.equal(tensor, back.state_dict()[name]) for name, tensor in model.state_dict().items())


# Refusals


def refusal(path, method="conmh", **choices):
    with pytest.raises(ssvh.SSVHError) as caught:
        load_released(path, method, **{"frames": 5, **choices})
    message = str(caught.value)
    assert message.startswith(f"{path} cannot be read as a checkpoint of the authors' {method}: ")
    assert message.endswith(".")
    return message


def test_an_unknown_method_gets_the_nearest_name(tmp_path):
    with pytest.raises(ssvh.SSVHError, match=r"Did you mean 'autossvh'\? Known: autossvh, conmh, s5vh"):
        load_released(tmp_path / "missing.pth", "AutoSSVM")
    with pytest.raises(ssvh.SSVHError, match="Known: autossvh, conmh, s5vh"):
        load_released(tmp_path / "missing.pth", "lsh")


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    assert "no such file" in refusal(tmp_path / "missing.pth")
    assert "no such file" in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\3\4 cut short"])
def test_a_file_that_torch_did_not_write_is_refused(content, tmp_path):
    (tmp_path / "model.pth").write_bytes(content)
    assert "is damaged, not written by torch.save, or needs code" in refusal(tmp_path / "model.pth")


def test_a_truncated_file_is_refused(checkpoint, saved):
    path = saved(checkpoint("conmh"))
    path.write_bytes(path.read_bytes()[:-1000])
    assert "is damaged" in refusal(path)


class Trap:
    """Unpickled the ordinary way, it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_code_in_a_pickle_is_refused_and_not_executed(checkpoint, saved, tmp_path):
    path = saved(checkpoint("conmh"), extra=Trap(tmp_path / "sprung"))
    assert "needs code to be unpickled" in refusal(path)
    assert not (tmp_path / "sprung").exists()
    torch.load(path, weights_only=False)
    assert (tmp_path / "sprung").exists()  # the trap works


@pytest.mark.parametrize(
    "content",
    [[1, 2], {}, {"epoch": 3}, {"model_state_dict": 5}, {"model_state_dict": {}}, {0: torch.zeros(2)},
     {"binary.weight": torch.zeros(2, 2, dtype=torch.int64)}, {"weight": torch.eye(2).to_sparse()}],
)  # fmt: skip
def test_what_is_not_weights_by_name_is_refused(content, tmp_path):
    torch.save(content, tmp_path / "other.pth")
    assert re.search("does not hold {'model_state_dict'|it holds nothing", refusal(tmp_path / "other.pth"))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("asked", METHODS)
def test_the_checkpoint_of_another_method_is_recognised(method, asked, checkpoint, saved):
    if asked != method:
        message = refusal(saved(checkpoint(method)), asked)
        assert f"looks like one of {method}. Call load_released(path, '{method}')" in message


def test_the_checkpoint_of_another_model_is_shown(saved):
    state = {f"layer{n}.weight": torch.zeros(2) for n in range(5)}
    assert "it holds layer0.weight, layer1.weight, layer2.weight … (5 in all)" in refusal(saved(state))


@pytest.mark.parametrize("method", METHODS)
def test_missing_and_surplus_tensors_are_named(method, checkpoint, saved):
    state = checkpoint(method)
    del state["ln.bias"], state["encoder.blocks.1.norm2.weight"]
    path = saved(state | {"encoder.blocks.0.gamma_1": torch.zeros(32)})
    message = refusal(path, method)
    assert "ln.bias" in message
    assert "encoder.blocks.1.norm2.weight" in message
    assert "unknown encoder.blocks.0.gamma_1" in message


@pytest.mark.parametrize(
    ("method", "pattern", "named"),
    [("conmh", r"binary\.weight", "binary.weight"), ("conmh", r"encoder\.blocks", "encoder.blocks.0"),
     ("s5vh", r"encoder\.blocks", "encoder.blocks.0"), ("s5vh", r"decoder\.blocks", "decoder.blocks.0"),
     ("s5vh", r"classifier", "classifier.weight"), ("autossvh", "pos_embed", "pos_embed")],
)  # fmt: skip
def test_a_missing_part_is_named(method, pattern, named, checkpoint, saved):
    state = {name: tensor for name, tensor in checkpoint(method).items() if not re.match(pattern, name)}
    message = refusal(saved(state), method)
    assert "missing" in message
    assert named in message


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [("binary.bias", lambda x: x[:-1], "binary.bias is (15,) instead of (16,)"),
     ("mask_token", lambda x: x[0, 0], "mask_token is (24,) instead of (1, 1, 24)"),
     ("encoder.patch_embed.weight", lambda x: x[0], "encoder.patch_embed.weight has the shape (12,)"),
     ("encoder.patch_embed.weight", lambda x: x[:, :0], "encoder.patch_embed.weight has the shape (32, 0)"),
     ("decoder.blocks.1.attn.qkv.weight", lambda x: x[3:], "decoder.blocks.1.attn.qkv.weight is (69, 24) instead of"),
     ("binary.weight", lambda x: x[:12], "multiple of 8"),
     ("ln.weight", lambda x: x * torch.nan, "ln.weight holds NaN or infinite values"),
     ("ln.weight", lambda x: x / 0, "ln.weight holds NaN or infinite values")],
)  # fmt: skip
def test_wrong_shapes_and_values_are_named(name, change, expected, checkpoint, saved):
    state = checkpoint("conmh")
    state[name] = change(state[name])
    assert expected in refusal(saved(state))


def test_frames_that_cannot_be_told_are_asked_for(checkpoint, saved):
    path = saved(checkpoint("conmh"))
    assert "no published dataset has features of size 12. Pass frames=" in refusal(path, frames=None)
    assert "frames=0 was given" in refusal(path, frames=0)
    path = saved(checkpoint("autossvh"))
    assert "frames=6 was given, but a video has 5" in refusal(path, "autossvh", frames=6)


def test_heads_that_do_not_fit_are_refused_and_those_that_do_listed(checkpoint, saved):
    path = saved(checkpoint("conmh", C=256, inner=256, layers=12))
    message = refusal(path)
    assert "the heads cannot be told" in message
    assert (
        "256 wide, fits 1, 2, 4, 8, 16, 32, 64, 128, 256 of them at width 256. Pass one of these as heads=" in message
    )
    assert "heads=6 was given" in refusal(path, heads=6)
    assert "Mamba has no heads" in refusal(saved(checkpoint("s5vh")), "s5vh", heads=6)


def test_a_device_that_is_not_there_is_refused(checkpoint, saved):
    with pytest.raises(ssvh.SSVHError, match="The device 'nowhere' cannot be used"):
        load_released(saved(checkpoint("conmh")), "conmh", frames=5, device="nowhere")
