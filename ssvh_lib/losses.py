"""Loss terms as pure functions, each with a reference to its paper."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize


def masked_reconstruction(predicted: Tensor, frames: Tensor) -> Tensor:
    """Average the squared error of masked frames, predicted and true ``(B, M, D)`` (ConMH, reconstruction loss)."""
    return (predicted.float() - frames.float()).square().mean()


def debiased_contrastive(first: Tensor, second: Tensor, temperature: float, positive_prior: float) -> Tensor:
    """Contrast two views ``(B, K)`` of the same videos by the debiased loss (Chuang et al., 2020; ConMH).

    For each of the 2B vectors, the other view of its video is the positive and the 2B − 2 vectors of other
    videos are the negatives, of which a share ``positive_prior`` is presumed to be false negatives and is
    subtracted. Computed in float32.
    """
    vectors = normalize(torch.cat([first, second]).float(), dim=1)  # (2B, K)
    B = len(first)
    similarity = torch.exp(vectors @ vectors.T / temperature)  # (2B, 2B)
    positive = similarity.diagonal(B).repeat(2)  # (2B,), symmetric, so both halves are equal
    own = similarity.diagonal() + positive
    negatives = 2 * B - 2
    biased = (similarity.sum(dim=1) - own - positive_prior * negatives * positive) / (1 - positive_prior)
    floor = negatives * math.exp(-1 / temperature)  # the lower bound of the sum over negatives of unit vectors
    return -torch.log(positive / (positive + biased.clamp(min=floor))).mean()


def frame_errors(predicted: Tensor, frames: Tensor) -> Tensor:
    """Return the mean squared error of each predicted frame ``(B, M)``; predicted and true frames are ``(B, M, D)``."""
    return (predicted.float() - frames.float()).square().mean(dim=-1)


def centre_alignment(codes: Tensor, centres: Tensor, targets: Tensor, temperature: float) -> Tensor:
    """Return the cross-entropy of ``targets`` and the softmax of ⟨code, centre⟩ / (K · temperature) over M centres.

    ``codes (B, K)``, ``centres (M, K)`` ±1, ``targets`` the index of a centre ``(B,)`` or a distribution ``(B, M)``.
    With fixed hash centres it is the global loss of S5VH (Wang et al., AAAI 2025).
    """
    logits = codes.float() @ centres.float().T / (codes.shape[1] * temperature)  # (B, M)
    return cross_entropy(logits, targets)


def point_to_set(
    codes: Tensor, clusterings: Sequence[tuple[Tensor, Tensor]], rows: Tensor, temperature: float
) -> Tensor:
    """Pull the ``codes (B, K)`` of videos ``rows (B,)`` towards the anchor code of their cluster, away from all others.

    A clustering is a pair: the cluster of every training video ``(N,)``, and the clusters' anchor codes ``(M, K)`` ±1.
    Returns the mean over clusterings of InfoNCE with the anchors as keys: P2Set of AutoSSVH (Lian et al., CVPR 2025).
    """
    terms = [centre_alignment(codes, anchors, labels[rows], temperature) for labels, anchors in clusterings]
    return torch.stack(terms).mean()


def prototype_contrast(
    codes: Tensor, labels: Tensor, prototypes: Tensor, concentration: Tensor, rng: torch.Generator
) -> Tensor:
    """Compute InfoNCE of ``codes (B, K)`` against cluster means, in the manner of PCL (Li et al., ICLR 2021).

    ``labels (B,)`` are the clusters of the codes, ``prototypes (M, K)`` have length 1, and ``concentration (M,)`` is
    the temperature of each. Keys are the prototypes of the batch, one for each code, and at most B others drawn by
    ``rng``. As in AutoSSVH's released code, another code of the same cluster puts its prototype among the negatives.
    """
    others = torch.ones(len(prototypes), dtype=torch.bool, device=labels.device)
    others[labels] = False
    negatives = others.nonzero()[:, 0]
    drawn = negatives[torch.randperm(len(negatives), generator=rng, device=rng.device)[: len(codes)]]
    keys = torch.cat([labels, drawn])
    logits = normalize(codes.float(), dim=1) @ prototypes[keys].T / concentration[keys]
    return cross_entropy(logits, torch.arange(len(codes), device=labels.device))
