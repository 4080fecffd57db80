"""MCMSH: multi-granularity gating MLP and multi-structure preserving hashing (Hao et al., ACM MM 2022).

No attention, no reconstruction: two MLPs mix time and channels, and gates of long, middle and short range weigh their
outputs. Codes are taught by the structure of the training set: clusters of its mean features, which videos are similar,
and by what margins the others have to be farther away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from ..clustering.anchor_graph import Neighbours, neighbours_of
from ..clustering.reduction import mean_pooled, principal_directions
from ..data import Dataset
from ..data.batch import Batch, Videos
from ..nn.bert import cloze
from ..nn.gating_mlp import GatingMLP
from ..nn.schedules import step_decay
from .base import Presets, TrainedConfig, TrainedMethod


class View(NamedTuple):
    """Outputs of the network for B videos."""

    embedding: Tensor  # (B, C), mean over the frames
    codes: Tensor  # (B, K) between -1 and 1, mean over the frames


class Drawn(NamedTuple):
    """Videos drawn for those of a batch, and whether the first of them is similar."""

    rows: tuple[np.ndarray, ...]  # (B,) each: a partner, a similar one, two that are not
    signs: np.ndarray  # (B,), +1 where the partner is similar, else -1


class MCMSH(TrainedMethod):
    """Multi-structure preserving hashing; the defaults are the released settings, which are for FCVID."""

    TITLE = "MCMSH"

    @dataclass(frozen=True, kw_only=True)
    class Config(TrainedConfig):
        """``[code]`` marks what was read in the authors' released code (github.com/haoyanbin918/MCMSH).

        The text could not be read beyond the abstract: "paper" is the released computation without its errors.
        """

        width: int = 256  # [code] C; a multiple of channel_reduction
        time_reduction: int = 4  # [code] inside the gates on frames
        channel_reduction: int = 16  # [code] inside the gates on channels
        dropout: float = 0.5  # [code] in both MLPs
        damage: float = 0.15  # [code] share of frames that cloze chooses
        clusters: int = 2000  # [code] M
        cluster_weight: float = 0.8  # [code]
        similarity_weight: float = 0.1  # [code]
        quantisation_weight: float = 0.01  # [code]
        quadruplet_weight: float = 0.01  # [code]
        quantisation_gradient: bool = True  # ours; [code] that through the sign undoes it: the term teaches nothing
        stored_sharpness: bool = True  # ours: encode as trained; [code] alpha is 1 in eval.py, the last one in run.py
        epochs: int = 56  # [code]
        batch_size: int = 256  # [code]
        peak_learning_rate: float = 3e-4  # [code] Adam
        decay: float = 0.9  # [code] factor on the learning rate …
        decay_every: int = 20  # [code] … and epochs between decays
        least_learning_rate: float = 1e-4  # [code]

    config: Config
    sharpness: Tensor  # alpha
    videos: Videos  # the training set, from the first epoch on

    PRESETS: ClassVar[Presets] = {  # the code has settings for FCVID only
        "released": {"quantisation_gradient": False, "stored_sharpness": False},
        "small": {  # ours, for two cores; about as many clusters per class as on FCVID
            "width": 64, "clusters": 400, "epochs": 4, "batch_size": 32, "peak_learning_rate": 2e-3, "decay_every": 1,
        },
        "smoke": {  # ours: seconds
            "width": 32, "clusters": 6, "epochs": 2, "batch_size": 64, "peak_learning_rate": 1e-3,
        },
    }  # fmt: skip
    VARIANTS = ("paper", "released")
    REMEMBERED = ("targets", "nearest")

    def __init__(self, config: Config):
        super().__init__(config)
        reductions = {"time_reduction": config.time_reduction, "channel_reduction": config.channel_reduction}
        self.encoder = GatingMLP(config.features, config.width, config.frames, dropout=config.dropout, **reductions)
        self.hash = nn.Linear(config.width, config.bits)
        self.register_buffer("sharpness", torch.ones(()))
        self.targets = torch.zeros(0, config.width)  # (M, C), of the clusters
        self.nearest = torch.zeros(0, 0, dtype=torch.long)  # (N, 5), clusters of each video, nearest first
        self.neighbours = Neighbours(self.targets.numpy(), self.nearest.numpy())

    def check(self, dataset: Dataset) -> None:
        """Raise SSVHError if there are more clusters than training videos, or another reason not to train."""
        self.check_groups(dataset, clusters=self.config.clusters)
        super().check(dataset)

    def begin_epoch(self, epoch: int, videos: Videos, rng: np.random.Generator) -> None:
        """Sharpen the codes; before the first epoch, find the structure of the training set."""
        self.videos = videos
        self.sharpness.fill_(math.sqrt(epoch + 1))
        if epoch == 0:
            found = neighbours_of(mean_pooled(videos), self.config.clusters, rng)
            self.targets = torch.from_numpy(reduced(found.anchors, self.config.width)).to(self.device)
            self.nearest = torch.from_numpy(found.nearest).to(self.device)
        self.neighbours = Neighbours(self.targets.cpu().numpy(), self.nearest.cpu().numpy())

    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Add up clusters, similarity, quantisation and quadruplets of ``batch`` and the videos drawn for it."""
        config = self.config
        rows, signs = self._draw(batch.rows, rng)
        partner, *others = self._read(*rows)
        first, second = (self.view(cloze(frames, rng, config.damage)) for frames in (batch.frames, partner))
        similar, far, farther = (self.view(frames).codes for frames in others)

        cluster = self._cluster_error(first, batch.rows) + self._cluster_error(second, rows[0])
        agreement = (first.codes * second.codes).mean(dim=1)  # (B,), inner product over K
        similarity = (torch.from_numpy(signs).to(agreement) - agreement).square().mean()
        quantisation = self._quantisation_error(first) + self._quantisation_error(second)
        quadruplet = quadruplet_loss(first.codes, similar, far, farther)
        total = (
            config.cluster_weight * cluster
            + config.similarity_weight * similarity
            + config.quantisation_weight * quantisation
            + config.quadruplet_weight * quadruplet
        )
        terms = {"cluster": cluster, "similarity": similarity, "quantisation": quantisation, "quadruplet": quadruplet}
        return {"loss": total, **terms}

    def encode(self, frames: Tensor) -> Tensor:
        """Map frames ``(B, T, D)`` to the mean of their soft codes ``(B, K)``."""
        sharpness = self.sharpness if self.config.stored_sharpness else torch.ones_like(self.sharpness)
        return self._codes(self.encoder(frames), sharpness)

    def view(self, frames: Tensor) -> View:
        """Embed and encode ``frames (B, T, D)`` as in training; batch norm sees these videos alone."""
        embeddings = self.encoder(frames)
        return View(embeddings.float().mean(dim=1), self._codes(embeddings, self.sharpness))

    def learning_rate(self, epoch: int) -> float:
        """Let the rate fall by a factor every few epochs, down to a floor; ``epoch`` counts from 0."""
        return step_decay(self.config, epoch)

    def _codes(self, embeddings: Tensor, sharpness: Tensor) -> Tensor:
        """Return the mean over the frames of tanh(alpha y), ``(B, K)``."""
        return torch.tanh(sharpness * self.hash(embeddings).float()).mean(dim=1)

    def _cluster_error(self, view: View, rows: Tensor | np.ndarray) -> Tensor:
        clusters = self.nearest[torch.as_tensor(rows, device=self.nearest.device), 0]
        return (view.embedding - self.targets[clusters]).square().mean()

    def _quantisation_error(self, view: View) -> Tensor:
        """Measure how far codes are from their signs. If the sign passes gradients unchanged, the two parts cancel."""
        codes = view.codes if self.config.quantisation_gradient else view.codes.detach()
        return (codes - codes.detach().sign()).square().mean()

    def _draw(self, rows: Tensor, rng: torch.Generator) -> Drawn:
        known = self.neighbours
        partner, signs = known.pairs(rows, rng)
        similar, far, farther, again = known.similar(rows, rng), *(known.dissimilar(rows, rng) for _ in range(3))
        farther = np.where(known.tags(far, farther) == 1, again, farther)  # one more try to be unlike the other
        return Drawn((partner, similar, far, farther), signs)

    def _read(self, *rows: np.ndarray) -> tuple[Tensor, ...]:
        frames = torch.from_numpy(self.videos.read(np.concatenate(rows)))
        return frames.to(self.device).chunk(len(rows))


def quadruplet_loss(codes: Tensor, similar: Tensor, far: Tensor, farther: Tensor) -> Tensor:
    """Compute the loss of codes ``(B, K)``: a video and its similar one have to be nearer than two dissimilar pairs.

    The margin is K/4 to the video and a dissimilar one, and K/64 to two dissimilar ones, in squared Euclidean distance.
    """
    bits = codes.shape[1]
    near, negative, among = (
        (one - other).square().sum(dim=1) for one, other in ((codes, similar), (codes, far), (far, farther))
    )
    return (relu(bits / 4 + near - negative) + relu(bits / 64 + near - among)).mean()


def reduced(centres: np.ndarray, size: int) -> np.ndarray:
    """Project ``centres (M, D)`` on their principal directions, of most variance first: ``(M, size)`` float32.

    Ours: zeros where there are fewer directions, and the leading directions; the released code does not sort them.
    """
    centred = centres - centres.mean(axis=0, dtype=np.float64)
    directions = principal_directions(centred, min(size, *centred.shape))
    coordinates = np.zeros((len(centres), size), np.float32)
    coordinates[:, : directions.shape[1]] = centred @ directions
    return coordinates
