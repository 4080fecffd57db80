"""BerVAE: the unbiased gradient through its bits, its decoder, its prior, and what its released code does otherwise."""

import itertools
import math

import numpy as np
import pytest
import torch
from toys import batch_of, dataset_of, generator, started

from ssvh_lib.losses import masked_reconstruction
from ssvh_lib.methods import bervae, build
from ssvh_lib.methods.bervae import bit_entropy, draw_codes, inject_gradient, u2g


def model_of(bits=16, **choices):
    dataset = dataset_of()
    return started("bervae", dataset, bits, **choices), dataset


# Gradients through a draw


def every_code(bits):
    return torch.tensor(list(itertools.product([-1.0, 1.0], repeat=bits)))


def uneven(codes):
    """An error in which every bit matters, alone and together."""
    return codes @ torch.tensor([1.0, -2.0, 0.5]) + 3 * codes.prod(dim=1) + codes[:, 0] * codes[:, 1]


def test_u2g_is_unbiased():
    """Its mean over many draws is the exact gradient of the expected error, summed over all eight codes."""
    logits = torch.tensor([0.7, -1.5, 0.2], requires_grad=True)
    codes = every_code(3)
    chances = torch.where(codes > 0, logits.sigmoid(), 1 - logits.sigmoid()).prod(dim=1)
    (exact,) = torch.autograd.grad((chances * uneven(codes)).sum(), logits)
    drawn = u2g(logits.detach().expand(100_000, 3), uneven, generator())
    error = drawn.std(dim=0) / 100_000**0.5
    assert ((drawn.mean(dim=0) - exact).abs() < 4 * error).all()
    assert (error < 0.1 * exact.abs()).all()


def test_u2g_gives_no_gradient_to_bits_in_which_its_codes_agree():
    logits, seen = torch.tensor([[9.0, 0.0, -9.0]]).expand(500, 3), []

    def errors(codes):
        seen.append(codes)
        return uneven(codes)

    drawn = u2g(logits, errors, generator())
    first, second = seen
    assert drawn[first == second].eq(0).all()
    assert (first == second)[:, [0, 2]].float().mean() > 0.99
    assert (first == second)[:, 1].sum() == 0  # a fair coin falls on opposite sides


def test_an_injected_gradient_costs_nothing_and_arrives_unchanged(noise):
    values, gradient = noise(4, 3).requires_grad_(), noise(4, 3)
    nothing = inject_gradient(values, gradient)
    nothing.backward()
    assert nothing.item() == 0
    assert torch.equal(values.grad, gradient)


def test_codes_are_drawn_with_their_probabilities_and_pass_the_gradient_of_the_bit():
    logits = torch.tensor([[2.0, -1.0, 0.0]]).repeat(20_000, 1).requires_grad_()
    codes = draw_codes(logits, generator())
    chance = logits.detach().sigmoid()
    assert codes.detach().abs().eq(1).all()
    assert codes.gt(0).float().mean(dim=0).tolist() == pytest.approx(chance[0].tolist(), abs=0.015)
    codes.sum().backward()
    torch.testing.assert_close(logits.grad, 2 * chance * (1 - chance))


def gradient_of_the_logits(model, dataset, monkeypatch):
    """The gradient that reaches the logits, and the logits; that of ``hash.bias`` is its sum over the videos."""
    heard, encode = [], model.encode

    def listening(frames):
        heard.append(encode(frames))
        heard[0].retain_grad()
        return heard[0]

    monkeypatch.setattr(model, "encode", listening)
    terms = model.loss(batch_of(dataset), generator())
    terms["loss"].backward()
    torch.testing.assert_close(model.hash.bias.grad, heard[0].grad.sum(dim=0))
    return heard[0].grad, heard[0].detach(), terms


def divergence_gradient(logits):
    """Of p log 2p + (1 - p) log 2(1 - p), averaged over videos and bits: p (1 - p) times the log-odds."""
    chance = logits.sigmoid()
    return chance * (1 - chance) * logits / logits.numel()


def test_the_encoder_gets_u2g_plus_the_prior(monkeypatch):
    model, dataset = model_of(draws=2)
    drawn = iter([torch.full((16, 16), 0.5), torch.full((16, 16), 0.25)])
    monkeypatch.setattr(bervae, "u2g", lambda *_: next(drawn))
    gradient, logits, terms = gradient_of_the_logits(model, dataset, monkeypatch)
    torch.testing.assert_close(gradient, 0.375 + 0.1 * divergence_gradient(logits))
    torch.testing.assert_close(terms["loss"], terms["reconstruction"] + 0.1 * terms["divergence"])


def test_the_decoder_learns_from_the_code_drawn_alone(monkeypatch):
    gradients = []
    for ghost in (0.0, 1e6):
        model, dataset = model_of(dropout=0.0)
        monkeypatch.setattr(bervae, "u2g", lambda logits, *_, ghost=ghost: torch.full_like(logits, ghost))
        terms = model.loss(batch_of(dataset), generator())
        gradients.append(
            torch.autograd.grad(terms["loss"], [*model.expand.parameters(), *model.reconstruct.parameters()])
        )
    assert all(torch.equal(*pair) for pair in zip(*gradients, strict=True))
    assert all(gradient.abs().max() > 0 for gradient in gradients[0])


def test_during_warm_up_the_gradient_is_straight_through(monkeypatch):
    model, dataset = model_of(warm_up=5)
    monkeypatch.setattr(bervae, "u2g", None)
    monkeypatch.setattr(bervae, "draw_codes", lambda logits, _: 2 * logits.sigmoid() - 1)  # differentiable, no draw
    gradient, logits, terms = gradient_of_the_logits(model, dataset, monkeypatch)
    codes = (2 * logits.sigmoid() - 1).requires_grad_()
    damaged = bervae.cloze(batch_of(dataset).frames, generator(), 0.15)
    assert not torch.equal(damaged, batch_of(dataset).frames)
    error = masked_reconstruction(model.decode(codes), batch_of(dataset).frames)
    torch.testing.assert_close(error, terms["reconstruction"])
    (through,) = torch.autograd.grad(error, codes)
    chance = logits.sigmoid()
    wanted = 2 * chance * (1 - chance) * through + 0.1 * divergence_gradient(logits)
    torch.testing.assert_close(gradient, wanted)


def test_the_gradient_changes_after_the_warm_up():
    model = build("bervae", dataset_of(), 16, warm_up=2)
    found = []
    for epoch in range(4):
        model.begin_epoch(epoch, dataset_of().train, np.random.default_rng(0))
        found.append(model.unbiased)
    assert found == [False, False, True, True]


def test_one_adam_steps_as_two_would():
    """The released code has an optimiser for the encoder and one for the decoder, with equal settings."""
    weights = []
    for split in (False, True):
        model, dataset = model_of()
        torch.manual_seed(0)
        decoder = [*model.expand.parameters(), *model.reconstruct.parameters()]
        encoder = [*model.encoder.parameters(), *model.hash.parameters()]
        parts = (encoder, decoder) if split else (encoder + decoder,)
        optimisers = [torch.optim.Adam(part, lr=1e-3) for part in parts]
        for step in range(2):
            model.zero_grad()
            model.loss(batch_of(dataset), generator(step))["loss"].backward()
            for optimiser in optimisers:
                optimiser.step()
        weights.append(torch.cat([value.flatten() for value in model.parameters()]).detach())
    assert torch.equal(*weights)


# Parts


def test_entropy_of_bits_by_hand():
    logits = torch.tensor([0.0, math.log(3), -math.log(3), 200.0, -200.0])
    quarter = 0.25 * math.log(4) + 0.75 * math.log(4 / 3)
    torch.testing.assert_close(bit_entropy(logits), torch.tensor([math.log(2), quarter, quarter, 0, 0]))


def test_uncertainty_is_largest_where_every_bit_is_a_fair_coin():
    model, dataset = model_of(32)
    model.eval()
    frames = batch_of(dataset).frames
    with torch.no_grad():
        sure = model.uncertainty(frames)
        torch.testing.assert_close(sure, bit_entropy(model.encode(frames)).sum(dim=1))
        model.hash.weight.zero_()
        model.hash.bias.zero_()
        torch.testing.assert_close(model.uncertainty(frames), torch.full((16,), 32 * math.log(2)))
    assert sure.shape == (16,)
    assert (sure < 32 * math.log(2)).all()


def test_decoded_frames_move_along_one_direction(noise):
    model, _ = model_of()
    codes = noise(3, 16).sign()
    frames = model.decode(codes)
    moved = model.expand.weight[:, 0][None, :, None] * (codes @ model.reconstruct.weight.T)[:, None]
    torch.testing.assert_close(frames, moved + model.reconstruct.bias, rtol=1e-4, atol=1e-5)
    assert torch.linalg.matrix_rank(frames[0] - model.reconstruct.bias, rtol=1e-3) == 1


def test_errors_of_the_videos_add_up_to_the_reconstruction(noise):
    model, dataset = model_of()
    frames, codes = batch_of(dataset).frames, noise(16, 16).sign()
    whole = masked_reconstruction(model.decode(codes), frames)
    torch.testing.assert_close(model._errors(codes, frames).sum(), whole)


# The released code


def test_released_target_is_the_damaged_input(monkeypatch):
    """All frames are damaged to zero here: the released code has to rebuild zeros, the paper's variant the frames."""
    dataset = dataset_of()
    monkeypatch.setattr(bervae, "cloze", lambda frames, *_: torch.zeros_like(frames))
    found = {}
    for variant in ("paper", "released"):
        model = build("bervae", dataset, 16, variant=variant)
        with torch.no_grad():
            model.expand.weight.zero_()
            model.reconstruct.bias.zero_()  # every code decodes to zeros
        found[variant] = model.loss(batch_of(dataset), generator())["reconstruction"].item()
    assert found == {"paper": pytest.approx(batch_of(dataset).frames.square().mean().item()), "released": 0.0}


def test_published_settings():
    model = build("bervae", dataset_of(features=4096), 64, preset="paper")
    assert (model.config.epochs, model.config.batch_size, model.config.warm_up) == (201, 256, 5)
    assert model.hash.weight.shape == (64, 256)
    assert [model.learning_rate(epoch) for epoch in (0, 20, 200)] == pytest.approx([3e-4, 2.7e-4, 1.046e-4], rel=1e-3)
