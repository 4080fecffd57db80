"""Loss terms, against numbers worked by hand and against loops over every pair."""

import math

import pytest
import torch
from torch.testing import assert_close

from ssvh_lib.losses import (
    centre_alignment,
    debiased_contrastive,
    frame_errors,
    masked_reconstruction,
    point_to_set,
    prototype_contrast,
)


@pytest.fixture
def views():
    """Make two views of B videos, K values each: noise around common directions."""
    generator = torch.Generator().manual_seed(0)

    def make(B, K, apart=0.5):
        centres = torch.randn(B, K, generator=generator)
        return tuple(centres + apart * torch.randn(B, K, generator=generator) for _ in range(2))

    return make


def pair_by_pair(first, second, temperature, prior):
    """Chuang et al. (2020), equations 7 and 8 with M = 1, for every vector in turn; also how often the floor held."""
    B, floored, losses = len(first), 0, []
    unit = [[v / v.norm() for v in view.double()] for view in (first, second)]
    for view in (0, 1):
        for i in range(B):
            anchor = unit[view][i]
            positive = math.exp(anchor @ unit[1 - view][i] / temperature)
            others = [unit[any_view][j] for any_view in (0, 1) for j in range(B) if j != i]
            negative = sum(math.exp(anchor @ other / temperature) for other in others)
            debiased = (negative - prior * len(others) * positive) / (1 - prior)
            floor = len(others) * math.exp(-1 / temperature)
            floored += debiased < floor
            losses.append(-math.log(positive / (positive + max(debiased, floor))))
    return sum(losses) / len(losses), floored


@pytest.mark.parametrize("B", [1, 2, 3, 17])
@pytest.mark.parametrize("K", [8, 64])
@pytest.mark.parametrize(("temperature", "prior"), [(0.5, 0.1), (0.5, 0.05), (0.2, 0.0), (1.0, 0.3)])
def test_debiased_contrast_agrees_with_its_twin_pair_by_pair(views, B, K, temperature, prior):
    first, second = views(B, K)
    wanted, _ = pair_by_pair(first, second, temperature, prior)
    got = debiased_contrastive(first, second, temperature, prior)
    assert got.item() == pytest.approx(wanted, rel=1e-5, abs=1e-6)


def test_the_floor_agrees_with_the_twin_where_it_holds_for_some_and_for_all(views):
    floors = []
    for apart, prior in ((0.5, 0.1), (0.3, 0.2), (0.0, 0.5)):
        first, second = views(6, 16, apart)
        wanted, floored = pair_by_pair(first, second, 0.5, prior)
        floors.append(floored)
        assert debiased_contrastive(first, second, 0.5, prior).item() == pytest.approx(wanted, rel=1e-5)
    assert floors[0] == 0
    assert 0 < floors[1] < 12
    assert floors[2] == 12


def test_debiased_contrast_by_hand():
    """Two videos at right angles, both views equal: one positive of similarity 1, two negatives of similarity 0."""
    views = torch.eye(2)
    positive, negatives = math.exp(1 / 0.5), (2 * 1 - 0.1 * 2 * math.exp(1 / 0.5)) / 0.9  # 7.389, 0.580
    wanted = -math.log(positive / (positive + negatives))
    assert debiased_contrastive(views, views, 0.5, 0.1).item() == pytest.approx(wanted)
    floor = 2 * math.exp(-1 / 0.5)  # 0.271: what holds when half of the negatives are presumed to be positive
    wanted = -math.log(positive / (positive + floor))
    assert debiased_contrastive(views, views, 0.5, 0.5).item() == pytest.approx(wanted)


def test_contrast_is_the_same_with_views_swapped_videos_reordered_or_vectors_scaled(views):
    first, second = views(5, 16)
    plain = debiased_contrastive(first, second, 0.5, 0.1)
    order = torch.tensor([3, 1, 4, 0, 2])
    assert_close(debiased_contrastive(second, first, 0.5, 0.1), plain)
    assert_close(debiased_contrastive(first[order], second[order], 0.5, 0.1), plain)
    assert_close(debiased_contrastive(7 * first, 0.1 * second, 0.5, 0.1), plain)


def test_contrast_is_lower_for_the_right_pairs(views):
    first, second = views(8, 32)
    right = debiased_contrastive(first, second, 0.5, 0.1)
    assert right < debiased_contrastive(first, second.roll(1, dims=0), 0.5, 0.1)


def test_the_gradient_of_the_contrast_agrees_with_finite_differences(views):
    """By central differences in the twin, which computes in float64."""
    first, second = views(4, 8)
    first.requires_grad_()
    debiased_contrastive(first, second, 0.5, 0.1).backward()
    step = 1e-4
    for place in ((0, 0), (1, 5), (3, 7)):
        nudge = torch.zeros(4, 8, dtype=torch.float64)
        nudge[place] = step
        above, below = (pair_by_pair(first.detach() + sign * nudge, second, 0.5, 0.1)[0] for sign in (1, -1))
        assert first.grad[place].item() == pytest.approx((above - below) / (2 * step), rel=1e-3, abs=1e-6)


def test_losses_of_half_precision_values_are_float32(views):
    first, second = (view.bfloat16() for view in views(4, 8))
    for got, wanted in (
        (debiased_contrastive(first, second, 0.5, 0.1), debiased_contrastive(first.float(), second.float(), 0.5, 0.1)),
        (masked_reconstruction(first, second), masked_reconstruction(first.float(), second.float())),
    ):
        assert got.dtype == torch.float32
        assert_close(got, wanted)


def test_masked_reconstruction_by_hand():
    predicted = torch.tensor([[[1.0, 2.0], [0.0, 0.0]], [[5.0, 5.0], [1.0, 1.0]]])  # (B, M, D)
    frames = torch.tensor([[[1.0, 0.0], [0.0, 3.0]], [[5.0, 5.0], [1.0, 2.0]]])
    assert masked_reconstruction(predicted, frames).item() == pytest.approx((4 + 9 + 1) / 8)
    assert masked_reconstruction(frames, frames) == 0


def test_frame_errors_average_to_the_masked_reconstruction():
    generator = torch.Generator().manual_seed(0)
    predicted, frames = torch.randn(2, 3, 4, 5, generator=generator)
    errors = frame_errors(predicted, frames)
    assert errors.shape == (3, 4)
    assert errors[1, 2].item() == pytest.approx(((predicted[1, 2] - frames[1, 2]) ** 2).mean().item())
    assert_close(errors.mean(), masked_reconstruction(predicted, frames))


def test_centre_alignment_by_hand():
    """K = 2, tau = .5: logits are ⟨code, centre⟩ / 1, so the first code's are 2 and −2."""
    centres = torch.tensor([[1.0, 1.0], [-1.0, -1.0]])
    codes = torch.tensor([[1.0, 1.0], [0.5, -0.5]])
    wanted = (math.log(1 + math.exp(-4)) + math.log(2)) / 2
    assert centre_alignment(codes, centres, torch.tensor([0, 1]), 0.5).item() == pytest.approx(wanted)
    soft = torch.tensor([[0.75, 0.25], [0.5, 0.5]])
    wanted = (math.log(1 + math.exp(-4)) + 0.25 * 4 + math.log(2)) / 2
    assert centre_alignment(codes, centres, soft, 0.5).item() == pytest.approx(wanted)


def test_centre_alignment_has_a_floor_for_fixed_centres():
    """Codes within [−1, 1] cannot cost less than log(1 + (M − 1) e^(−2/τ)): a loss below it needs other centres."""
    centres = torch.tensor([[1.0] * 8, [-1.0] * 8])
    best = centre_alignment(centres, centres, torch.tensor([0, 1]), 0.5)
    assert best.item() == pytest.approx(math.log(1 + math.exp(-4)), rel=1e-4)


def test_point_to_set_is_the_mean_over_granularities():
    generator = torch.Generator().manual_seed(0)
    codes, rows = torch.randn(3, 8, generator=generator), torch.tensor([4, 0, 2])
    clusterings = [
        (torch.tensor([0, 1, 0, 1, 1]), torch.randn(2, 8, generator=generator).sign()),
        (torch.tensor([2, 1, 0, 0, 1]), torch.randn(3, 8, generator=generator).sign()),
    ]
    terms = [centre_alignment(codes, anchors, labels[rows], 0.2) for labels, anchors in clusterings]
    assert_close(point_to_set(codes, clusterings, rows, 0.2), (terms[0] + terms[1]) / 2)


def test_prototype_contrast_with_all_prototypes_drawn_is_a_softmax_over_them():
    """Three codes of three clusters, and two clusters more: all five are keys, each at its own temperature."""
    generator = torch.Generator().manual_seed(0)
    codes, prototypes = torch.randn(3, 8, generator=generator), torch.randn(5, 8, generator=generator)
    prototypes, concentration = prototypes / prototypes.norm(dim=1, keepdim=True), torch.linspace(0.1, 0.5, 5)
    labels = torch.tensor([4, 0, 2])
    logits = codes / codes.norm(dim=1, keepdim=True) @ prototypes.T / concentration
    wanted = (logits.logsumexp(dim=1) - logits[torch.arange(3), labels]).mean()
    assert_close(prototype_contrast(codes, labels, prototypes, concentration, generator), wanted)


def test_prototype_contrast_draws_no_more_others_than_there_are_codes():
    prototypes = torch.eye(50)
    codes = prototypes[:2]
    got = prototype_contrast(codes, torch.tensor([0, 1]), prototypes, torch.ones(50), torch.Generator().manual_seed(0))
    assert got.item() == pytest.approx(math.log(math.e + 3) - 1)  # its own, and three keys at right angles
