"""Loss terms as pure functions; each says which paper and equation it is."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import normalize


def masked_reconstruction(predicted: Tensor, frames: Tensor) -> Tensor:
    """Mean squared error between predicted and true masked frames, both ``(B, M, D)`` (ConMH, reconstruction loss)."""
    return (predicted.float() - frames.float()).square().mean()


def debiased_contrastive(first: Tensor, second: Tensor, temperature: float, positive_prior: float) -> Tensor:
    """Debiased contrastive loss between two views ``(B, K)`` of the same videos (Chuang et al., 2020; ConMH).

    For each of the 2B vectors, the other view of its video is the positive and the 2B − 2 vectors of other
    videos are the negatives, of which a share ``positive_prior`` is presumed to be of the same kind and
    subtracted. Computed in float32.
    """
    vectors = normalize(torch.cat([first, second]).float(), dim=1)  # (2B, K)
    B = len(first)
    similarity = torch.exp(vectors @ vectors.T / temperature)  # (2B, 2B)
    positive = similarity.diagonal(B).repeat(2)  # (2B,), symmetric, so both halves are equal
    own = similarity.diagonal() + positive
    negatives = 2 * B - 2
    biased = (similarity.sum(dim=1) - own - positive_prior * negatives * positive) / (1 - positive_prior)
    floor = negatives * math.exp(-1 / temperature)  # the least that the negatives of unit vectors can add up to
    return -torch.log(positive / (positive + biased.clamp(min=floor))).mean()
