"""What BTH and DKPH share: a network that learns from another of its own kind, which has only learned to rebuild.

The first one, the teacher, rebuilds damaged frames from codes. Its hidden states say which training videos are alike,
and it is then given up. The second one, the student, starts from the beginning and learns that as well.

Shapes: B videos, N training videos, M anchors, T frames, D feature size, C width, K bits.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from ..clustering import kmeans
from ..clustering.anchor_graph import Neighbours, neighbours_of
from ..clustering.reduction import mean_pooled
from ..errors import SSVHError
from .bert import BertEncoder, cloze
from .schedules import step_decay


class Videos(kmeans.Videos, Protocol):
    """What is needed of the training set: features ``(B, T, D)`` in order, and those of some rows."""

    def read(self, rows: np.ndarray) -> np.ndarray:
        """The features of some videos."""
        ...


class Rebuilt(NamedTuple):
    """What came of damaged frames."""

    states: Tensor  # (B, T, C), hidden
    codes: Tensor  # ±1: (B, T, K) or (B, K), as the method has it
    error: Tensor  # of the undamaged frames, squared, the mean over everything


class Pairs(NamedTuple):
    """Videos, and behind them a partner for each."""

    rows: Tensor  # (2B,) in the training set
    frames: Tensor  # (2B, T, D)
    signs: Tensor  # (B,), 1.0 where the two are alike, else -1.0


class TaughtHasher(nn.Module):
    """A teacher for ``teacher_epochs``, then its student: the same network with weights drawn anew.

    A method gives ``through`` and ``student_loss``. ``config`` says ``bits, frames, features, width, dropout, damage,
    clean_target, start_at_mean, anchors, teacher_epochs, epochs`` and the learning rate. ``anchors (M, C)`` are centres
    of the teacher's hidden states, and ``nearest (N, 5)`` says which of them are nearest to each training video; both
    are empty as long as the teacher learns.
    """

    MEMORY = ("anchors", "nearest")

    def __init__(self, config: Any):
        super().__init__()
        if not 0 < config.teacher_epochs < config.epochs:
            raise SSVHError(
                f"teacher_epochs must be at least 1 and less than all {config.epochs} epochs, "
                f"got {config.teacher_epochs}: a student has to learn from the teacher."
            )
        self.config = config
        self.encoder = BertEncoder(config.features, config.width, config.frames, config.dropout)
        self.decoder = nn.Linear(config.bits, config.features)
        self.anchors, self.nearest = torch.zeros(0, config.width), torch.zeros(0, 5, dtype=torch.long)
        self.neighbours: Neighbours | None = None

    def through(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden states ``(B, T, C)`` -> codes, and the frames ``(B, T, D)`` as they are rebuilt from them."""
        raise NotImplementedError

    def student_loss(self, pairs: Pairs, rebuilt: Rebuilt) -> dict[str, Tensor]:
        """The terms of the student's loss, of videos with their partners and what was rebuilt of both."""
        raise NotImplementedError

    def loss(self, batch: Any, rng: torch.Generator) -> dict[str, Tensor]:
        """The teacher's reconstruction error, or the student's loss on ``batch`` and a partner of each video."""
        if self.neighbours is None:
            error = self.rebuild(batch.frames, rng).error
            return {"loss": error, "reconstruction": error}
        pairs = self.with_partners(batch, rng)
        return self.student_loss(pairs, self.rebuild(pairs.frames, rng))

    def stage(self, epoch: int) -> str:
        """Who learns in an epoch."""
        return "student" if epoch >= self.config.teacher_epochs else "teacher"

    def begin_epoch(self, epoch: int, videos: Videos, rng: np.random.Generator) -> None:
        """When the teacher has learned, ask it which videos are alike, and draw the student's weights."""
        config = self.config
        if epoch == config.teacher_epochs:
            self.remember(neighbours_of(mean_states(self.encoder, videos), config.anchors, rng))
            start_anew(self, rng)
        if config.start_at_mean and epoch in (0, config.teacher_epochs):
            set_to_mean(self.decoder.bias, videos)
        self.videos = videos
        if self.stage(epoch) == "student":
            self.neighbours = Neighbours(self.anchors.cpu().numpy(), self.nearest.cpu().numpy())

    def remember(self, found: Neighbours) -> None:
        """Keep what the teacher found as tensors, which are saved with each epoch."""
        device = self.decoder.weight.device
        self.anchors, self.nearest = (torch.from_numpy(part).to(device) for part in (found.anchors, found.nearest))

    def rebuild(self, frames: Tensor, rng: torch.Generator) -> Rebuilt:
        """Damage ``frames (B, T, D)``, hash them, and rebuild the undamaged ones."""
        damaged = cloze(frames, rng, self.config.damage)
        states = self.encoder(damaged)
        codes, rebuilt = self.through(states)
        target = frames if self.config.clean_target else damaged
        return Rebuilt(states, codes, mse_loss(rebuilt.float(), target))

    def with_partners(self, batch: Any, rng: torch.Generator) -> Pairs:
        """The videos of ``batch`` and a partner for each, by chance similar or dissimilar."""
        partners, signs = self.neighbours.pairs(batch.rows, rng)
        place = batch.frames.device
        rows = torch.cat([batch.rows, torch.from_numpy(partners).to(place)])
        frames = torch.cat([batch.frames, torch.from_numpy(self.videos.read(partners)).to(place)])
        return Pairs(rows, frames, torch.from_numpy(signs).float().to(place))

    def anchor_of(self, rows: Tensor) -> Tensor:
        """The nearest anchor of training videos ``rows (B,)``: ``(B, C)``."""
        return self.anchors[self.nearest[rows, 0]]

    def optimiser(self) -> torch.optim.Optimizer:
        """Adam without weight decay: the released code names one and does not use it."""
        return torch.optim.Adam(self.parameters(), lr=self.config.peak_learning_rate)

    def learning_rate(self, epoch: int) -> float:
        """Falls by a factor every few epochs of either network, down to a floor; ``epoch`` counts from 0."""
        teacher = self.config.teacher_epochs
        return step_decay(self.config, epoch - teacher if epoch >= teacher else epoch)


@torch.no_grad()
def mean_states(encoder: BertEncoder, videos: Videos) -> np.ndarray:
    """The temporal mean of the hidden states of every video, ``(N, C)`` float32: undamaged frames, no dropout."""
    training, device = encoder.training, encoder.embed.weight.device
    encoder.eval()
    means = [encoder(torch.from_numpy(frames).to(device)).mean(dim=1).cpu().numpy() for frames in videos.batches()]
    encoder.train(training)
    return np.concatenate(means)


def start_anew(model: nn.Module, rng: np.random.Generator) -> None:
    """Draw all weights of a method again, from ``rng``; the global random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**63)))
        model.load_state_dict(type(model)(model.config).state_dict())


@torch.no_grad()
def set_to_mean(bias: Tensor, videos: Videos) -> None:
    """Set the ``bias (D,)`` of a decoder to the mean frame of all videos."""
    bias.copy_(torch.from_numpy(mean_pooled(videos).mean(axis=0)))
