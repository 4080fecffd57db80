"""The contract of a method: what the base classes give to one that says nothing, and what they refuse."""

import dataclasses
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn
from toys import batch_of, dataset_of, generator

import ssvh_lib as ssvh
from ssvh_lib.literature.names import title
from ssvh_lib.methods import available, build, method_class
from ssvh_lib.methods.base import ClassicalMethod, Method, MethodConfig, TrainedConfig, TrainedMethod, evaluating


class Least(TrainedMethod):
    """A trained method that defines only what it must."""

    @dataclass(frozen=True, kw_only=True)
    class Config(TrainedConfig):
        epochs: int = 2
        batch_size: int = 8
        peak_learning_rate: float = 0.1

    def __init__(self, config):
        super().__init__(config)
        self.linear = nn.Linear(config.features, config.bits)

    def encode(self, frames):
        return self.linear(frames.mean(dim=1))

    def loss(self, batch, rng):
        return {"loss": self.encode(batch.frames).square().mean()}

    def learning_rate(self, epoch):
        return self.config.peak_learning_rate


def least(**changes):
    return Least(Least.Config(**{"bits": 16, "frames": 25, "features": 64, **changes}))


def test_the_defaults_of_a_method_that_defines_only_what_it_must():
    model, dataset = least(), dataset_of()
    assert (model.TITLE, model.PRESETS, model.VARIANTS, model.REMEMBERED) == ("", {}, ("paper",), ())
    assert model.uncertainty is None
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert model.begin_epoch(0, dataset.train, np.random.default_rng(0)) is None
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.describe_epoch(dataset.train) == {}
    assert {model.stage(epoch) for epoch in range(3)} == {""}
    assert model.device == torch.device("cpu")
    optimiser = model.optimiser()
    assert type(optimiser) is torch.optim.Adam
    assert {group["lr"] for group in optimiser.param_groups} == {0.1}
    assert {group["weight_decay"] for group in optimiser.param_groups} == {0}
    assert model.loss(batch_of(dataset), generator())["loss"].shape == ()


def test_a_method_that_defines_only_what_it_must_can_be_trained():
    model, dataset = least(), dataset_of()
    model.check(dataset)
    assert (model.config.variant, model.config.precision, model.config.max_gradient_norm) == ("paper", "float32", None)


@pytest.mark.parametrize("kind", [Method, ClassicalMethod, TrainedMethod])
def test_a_method_without_what_it_must_define_cannot_be_made(kind):
    with pytest.raises(TypeError, match="abstract method"):
        kind(MethodConfig(bits=8, frames=2, features=4))


def test_configs_are_frozen_and_take_names_only():
    with pytest.raises(TypeError, match="positional"):
        MethodConfig(8, 2, 4)
    with pytest.raises(dataclasses.FrozenInstanceError):
        least().config.bits = 8
    with pytest.raises(TypeError, match="epochs"):
        TrainedConfig(bits=8, frames=2, features=4)


@pytest.mark.parametrize("name", available())
def test_every_method_is_of_one_kind_and_has_a_printed_name(name):
    kind = method_class(name)
    assert issubclass(kind, ClassicalMethod) != issubclass(kind, TrainedMethod)
    assert issubclass(kind.Config, TrainedConfig) == issubclass(kind, TrainedMethod)
    assert kind.name() == name
    assert title(name) == kind.TITLE != ""
    assert kind.VARIANTS[0] == "paper"


def test_titles_of_methods_without_a_file_are_known_too():
    assert [title(name) for name in ("jtae", "nph", "no-such-method")] == ["JTAE", "NPH", "no-such-method"]


def test_bases_are_no_methods():
    assert "base" not in available()
    with pytest.raises(ssvh.SSVHError, match="method"):
        method_class("base")


def test_check_accepts_what_fits_and_refuses_another_shape():
    least().check(dataset_of())
    for changes in ({"frames": 24}, {"features": 63}):
        with pytest.raises(ssvh.SSVHError, match=r"toy has 25 of 64\. Build it with dataset='toy'"):
            least(**changes).check(dataset_of())


def test_check_refuses_an_unknown_precision():
    least(precision="bfloat16").check(dataset_of())
    with pytest.raises(ssvh.SSVHError, match="Did you mean 'bfloat16'"):
        least(precision="bfloat").check(dataset_of())


GROUPED = [
    ("autossvh", "clusters", lambda count: (2, count)),
    ("bth", "anchors", int),
    ("dkph", "anchors", int),
    ("mcmsh", "clusters", int),
    ("s5vh", "clusters", int),
    ("vhdt", "clusters", int),
]


@pytest.mark.parametrize(("name", "field", "groups"), GROUPED)
@pytest.mark.parametrize("count", [0, 41])
def test_check_refuses_more_groups_than_videos(name, field, groups, count, tmp_path):
    dataset = dataset_of()
    build(name, dataset, 16, **{field: groups(40)}).check(dataset)
    model = build(name, dataset, 16, **{field: groups(count)})
    with pytest.raises(ssvh.SSVHError, match=f"{field} = .*{count}.* of {name} must be from 1 to 40"):
        ssvh.fit(model, dataset, tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_evaluating_gives_the_mode_back_even_after_an_error():
    def fail(model):
        with evaluating(model):
            assert [part.training for part in model.modules()] == [False, False]
            raise RuntimeError

    for training in (True, False):
        model = nn.Sequential(nn.Dropout()).train(training)
        with pytest.raises(RuntimeError):
            fail(model)
        assert [part.training for part in model.modules()] == [training, training]
