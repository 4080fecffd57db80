"""What every method must do, whichever it is; new ones are picked up by listing the folder."""

import dataclasses

import numpy as np
import pytest
import torch
from toys import batch_of, dataset_of, generator, started

import ssvh_lib as ssvh
from ssvh_lib.methods import ClassicalMethod, TrainedMethod, available, build, method_class

LEARNED = [name for name in available() if issubclass(method_class(name), TrainedMethod)]
LEARNED_VARIANTS = [(name, variant) for name in LEARNED for variant in method_class(name).VARIANTS]
VARIANTS = [(name, variant) for name in available() for variant in method_class(name).VARIANTS]
SAME_FOR_EVERY_SEED = {"pca", "sh"}  # nothing is drawn at random
NO_CHANCE_IN_LOSS = {"ssth", "ssvh"}  # no views, no dropout: only the initial weights and the order of videos are
CLASSICAL = [name for name in available() if issubclass(method_class(name), ClassicalMethod)]


def test_every_method_is_classical_or_learned():
    assert sorted(LEARNED + CLASSICAL) == available()
    assert {"autossvh", "conmh", "itq", "lsh", "s5vh"} <= set(available())


@pytest.mark.parametrize("name", available())
def test_config_is_frozen_and_names_what_the_library_reads(name):
    config = method_class(name).Config
    names = {field.name for field in dataclasses.fields(config)}
    assert {"bits", "frames", "features", "variant"} <= names
    assert config.__dataclass_params__.frozen
    if name in LEARNED:
        assert {"epochs", "batch_size", "precision", "max_gradient_norm"} <= names


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
@pytest.mark.parametrize(
    ("frames", "features"), [(8, 64), (25, 64), (30, 64), pytest.param(8, 4096, marks=pytest.mark.slow)]
)
def test_shapes_and_finite_values(name, variant, frames, features, tmp_path):
    dataset = dataset_of(frames=frames, features=features)
    model = build(name, dataset, 16, variant=variant)
    ssvh.fit(model, dataset, tmp_path / "run", progress=False)
    codes = ssvh.encode(model, dataset.query)
    assert codes.signs().shape == (40, 16)
    with torch.inference_mode():
        values = model.encode(torch.from_numpy(dataset.query.read()))
    assert values.shape == (40, 16)
    assert values.isfinite().all()


@pytest.mark.parametrize(("name", "variant"), LEARNED_VARIANTS)
def test_every_parameter_gets_a_gradient_and_moves(name, variant):
    dataset = dataset_of()
    model = started(name, dataset, variant=variant)
    before = {key: value.clone() for key, value in model.named_parameters()}
    optimiser = model.optimiser()
    for step in range(3):
        optimiser.zero_grad()
        model.loss(batch_of(dataset), generator(step))["loss"].backward()
        optimiser.step()
    still = [key for key, value in model.named_parameters() if value.grad is None or torch.equal(value, before[key])]
    assert still == []


@pytest.mark.parametrize(("name", "variant"), LEARNED_VARIANTS)
def test_loss_terms_are_finite_scalars_and_include_the_total(name, variant):
    dataset = dataset_of()
    terms = started(name, dataset, variant=variant).loss(batch_of(dataset), generator())
    assert "loss" in terms
    assert all(value.shape == () and value.isfinite() for value in terms.values())


@pytest.mark.parametrize(("name", "variant"), LEARNED_VARIANTS)
def test_loss_follows_the_generator_it_is_given(name, variant):
    dataset = dataset_of()

    def loss(seed):
        torch.manual_seed(seed)  # drop-path draws from the global state, which training sets for each epoch
        return started(name, dataset, variant=variant).loss(batch_of(dataset), generator(seed))["loss"].item()

    first, again, other = (loss(seed) for seed in (1, 1, 2))
    assert first == again
    assert (first == other) == (name in NO_CHANCE_IN_LOSS)


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_permuting_the_videos_permutes_the_codes(name, variant, tmp_path):
    dataset = dataset_of()
    model = build(name, dataset, 16, variant=variant)
    ssvh.fit(model, dataset, tmp_path / "run", progress=False)
    videos, order = dataset.query.read(), np.random.default_rng(1).permutation(40)
    assert (ssvh.encode(model, videos[order]).packed == ssvh.encode(model, videos).packed[order]).all()


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_same_seed_same_codes_and_other_seed_others(name, variant, tmp_path):
    dataset, packed = dataset_of(), []
    for number, seed in enumerate((0, 0, 1)):
        model = build(name, dataset, 32, variant=variant)
        ssvh.fit(model, dataset, tmp_path / str(number), seed=seed, progress=False)
        packed.append(ssvh.encode(model, dataset.query).packed)
    assert (packed[0] == packed[1]).all()
    assert (packed[0] == packed[2]).all() == (name in SAME_FOR_EVERY_SEED)


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_a_run_gives_the_model_back_from_its_folder(name, variant, tmp_path):
    dataset = dataset_of()
    model = build(name, dataset, 16, variant=variant)
    run = ssvh.fit(model, dataset, tmp_path / "run", progress=False)
    assert (ssvh.encode(run.model(), dataset.query).packed == ssvh.encode(model, dataset.query).packed).all()


@pytest.mark.slow
@pytest.mark.parametrize(("name", "variant"), LEARNED_VARIANTS)
def test_eight_videos_can_be_learned_by_heart(name, variant):
    """Two kinds of four videos each: after some steps every video's nearest neighbours are its own kind."""
    dataset = dataset_of(videos=8)
    kind = np.arange(8) % 4
    model = started(name, dataset, 32, variant=variant)
    optimiser, losses = model.optimiser(), []
    torch.manual_seed(0)
    for step in range(60):
        terms = model.loss(batch_of(dataset, 8), generator(step))
        optimiser.zero_grad()
        terms["loss"].backward()
        optimiser.step()
        losses.append(terms["loss"].item())
    assert np.mean(losses[-5:]) < np.mean(losses[:5])
    codes = ssvh.encode(model.eval(), dataset.train.read())
    result = ssvh.evaluate(codes, codes, kind, kind, k=(1,), self_match="exclude")
    assert result.map[1] == 1.0


@pytest.mark.parametrize("name", available())
@pytest.mark.parametrize("bits", [0, -8, 12, 16.0, "16"])
def test_wrong_bits_are_refused(name, bits):
    with pytest.raises(ssvh.SSVHError, match="positive multiple of 8"):
        build(name, dataset_of(), bits)


def test_wrong_names_suggest_the_nearest():
    dataset = dataset_of()
    with pytest.raises(ssvh.SSVHError, match="Did you mean 'conmh'"):
        build("conhm", dataset)
    with pytest.raises(ssvh.SSVHError, match="Did you mean 'paper'"):
        build("conmh", dataset, variant="papr")
    with pytest.raises(ssvh.SSVHError, match="Did you mean 'small'"):
        build("conmh", dataset, preset="smalls")
    with pytest.raises(ssvh.SSVHError, match="Did you mean 'mask_ratio'"):
        build("conmh", dataset, mask_ration=0.5)


@pytest.mark.parametrize("change", [{"epochs": "ten"}, {"mask_ratio": "half"}, {"width": True}, {"width": 1.5}])
def test_wrong_types_of_config_values_are_refused(change):
    with pytest.raises(ssvh.SSVHError, match=f"{next(iter(change))} of conmh must be"):
        build("conmh", dataset_of(), **change)


def test_building_leaves_the_global_random_state_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    build("conmh", dataset_of())
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(("name", "variant"), LEARNED_VARIANTS)
def test_losses_in_bfloat16_are_finite_and_near_those_in_float32(name, variant):
    dataset, found = dataset_of(), []
    for enabled in (False, True):
        model = started(name, dataset, variant=variant)
        torch.manual_seed(0)
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            loss = model.loss(batch_of(dataset), generator())["loss"]
        loss.backward()
        assert all(value.grad.isfinite().all() for value in model.parameters())
        found.append(loss.item())
    assert found[1] == pytest.approx(found[0], rel=0.1)
