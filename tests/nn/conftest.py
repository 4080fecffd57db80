"""What tests of several networks share: modules that start the same in every test, and comparison with a twin."""

import pytest
import torch
from torch.nn.functional import softplus
from torch.testing import assert_close


@pytest.fixture(autouse=True)
def _seed():
    """Modules start the same in every test."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture
def module(noise):
    """Make a module and add noise to its parameters, so that no two of a kind are equal and none is near zero."""

    def make(kind, *arguments, **options):
        made = kind(*arguments, **options)
        with torch.no_grad():
            for parameter in made.parameters():
                parameter.add_(0.1 * noise(*parameter.shape))
        return made

    return make


@pytest.fixture(scope="session")
def assert_same_with_gradients():
    """Asserts that a layer and its twin give the same values and, of weighted sums, the same gradients."""

    def check(layer, twin, tokens, weight, **tolerance):
        tokens = tokens.requires_grad_()
        names, parameters = zip(*layer.named_parameters(), strict=True)
        found, wanted = layer(tokens), twin(layer, tokens)
        assert_close(found, wanted, **tolerance)
        slopes = [torch.autograd.grad((values * weight).sum(), [tokens, *parameters]) for values in (found, wanted)]
        for name, one, other in zip(["tokens", *names], *slopes, strict=True):
            assert (one - other).abs().max() <= 1e-9 * other.abs().max(), name

    return check


@pytest.fixture
def inputs(noise):
    """Make the six inputs of a scan, with steps and rates as Mamba has them."""

    def make(B, T, E=24, S=16, dtype=torch.float32):
        rates = -torch.arange(1.0, S + 1) * noise(E, 1).exp()
        made = noise(B, T, E), softplus(noise(B, T, E) - 2), rates, noise(B, T, S), noise(B, T, S), noise(E)
        return [values.to(dtype).requires_grad_() for values in made]

    return make
