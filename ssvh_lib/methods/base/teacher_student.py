"""What BTH and DKPH share: a network that learns from another of its own kind, which has only learned to reconstruct.

The first one, the teacher, reconstructs damaged frames from codes. Its hidden states say which training videos are
alike, and it is then discarded. The second one, the student, starts from scratch and learns that as well.

Shapes: B videos, N training videos, M anchors, T frames, D feature size, C width, K bits.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from ...clustering.anchor_graph import Neighbours, neighbours_of
from ...clustering.reduction import mean_pooled
from ...data import Dataset
from ...data.batch import Batch, Videos
from ...errors import SSVHError
from ...nn.bert import BertEncoder, cloze
from ...nn.schedules import step_decay
from . import Presets, TrainedConfig, TrainedMethod, evaluating


class Reconstruction(NamedTuple):
    """Outputs for damaged frames."""

    states: Tensor  # (B, T, C), hidden
    codes: Tensor  # ±1: (B, T, K) or (B, K), as the method has it
    error: Tensor  # squared, the mean over everything


class Pairs(NamedTuple):
    """Videos, followed by a partner for each."""

    rows: Tensor  # (2B,) in the training set
    frames: Tensor  # (2B, T, D)
    signs: Tensor  # (B,), 1.0 where the two are alike, else -1.0


class TeacherStudentHasher(TrainedMethod):
    """A teacher for ``teacher_epochs``, then its student: the same network with weights drawn anew.

    A method adds a hash layer, ``hash_and_decode``, ``encode`` and ``student_loss``. ``anchors (M, C)`` are centres of
    the teacher's hidden states, and ``nearest (N, 5)`` says which of them are nearest to each training video; both are
    empty while the teacher learns.
    """

    REMEMBERED = ("anchors", "nearest")

    @dataclass(frozen=True, kw_only=True)
    class Config(TrainedConfig):
        """``[code]`` marks values that both released codes have, BTH's and DKPH's, for FCVID.

        The switches say where the code departs from what the abstracts describe.
        """

        width: int = 256  # [code] of the encoder
        dropout: float = 0.1  # [code]
        damage: float = 0.15  # [code] share of frames that cloze chooses
        clean_target: bool = True  # the frames as they were; [code] its damage reaches the targets as well
        start_at_mean: bool = False  # [code]; True (ours): the decoder's bias starts at the mean frame
        anchors: int = 2000  # [code] M
        teacher_epochs: int  # ours: the code leaves them open; as many as the student's
        batch_size: int = 256  # [code]
        peak_learning_rate: float = 3e-4  # [code] Adam; it names a weight decay and does not use it
        decay: float = 0.9  # [code] factor on the learning rate …
        decay_every: int = 20  # [code] … and epochs between decays
        least_learning_rate: float = 1e-4  # [code]

    PRESETS: ClassVar[Presets] = {
        "released": {"clean_target": False},
        # Ours, for two cores: as many videos seen as by every trained method, those of the teacher among them, and
        # about as many anchors per class as on FCVID. In so few steps a bias that starts near 0 does not reach the mean
        # frame; the codes would have to carry it, and be alike for all videos.
        "small": {
            "width": 64, "start_at_mean": True, "anchors": 400, "teacher_epochs": 1, "epochs": 4, "batch_size": 32,
            "decay_every": 1,
        },
        "smoke": {  # ours: seconds
            "width": 32, "anchors": 8, "teacher_epochs": 1, "epochs": 2, "batch_size": 64, "peak_learning_rate": 1e-3,
        },
    }  # fmt: skip
    VARIANTS = ("paper", "released")

    config: Config
    videos: Videos  # the training set, from the first epoch on

    def __init__(self, config: Config):
        if not 0 < config.teacher_epochs < config.epochs:
            raise SSVHError(
                f"teacher_epochs must be at least 1 and less than all {config.epochs} epochs, "
                f"got {config.teacher_epochs}: a student has to learn from the teacher."
            )
        super().__init__(config)
        self.encoder = BertEncoder(config.features, config.width, config.frames, config.dropout)
        self.decoder = nn.Linear(config.bits, config.features)
        self.anchors, self.nearest = torch.zeros(0, config.width), torch.zeros(0, 5, dtype=torch.long)
        self.neighbours: Neighbours | None = None

    @abstractmethod
    def hash_and_decode(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Map hidden states ``(B, T, C)`` to codes, and to the frames ``(B, T, D)`` reconstructed from them."""

    @abstractmethod
    def student_loss(self, pairs: Pairs, outputs: Reconstruction) -> dict[str, Tensor]:
        """Compute the terms of the student's loss from videos with their partners and the outputs for both."""

    def check(self, dataset: Dataset) -> None:
        """Raise SSVHError if there are more anchors than training videos, or another reason not to train."""
        self.check_groups(dataset, anchors=self.config.anchors)
        super().check(dataset)

    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Compute the teacher's reconstruction error, or the student's loss on the videos and a partner of each."""
        if self.neighbours is None:
            error = self.reconstruct(batch.frames, rng).error
            return {"loss": error, "reconstruction": error}
        pairs = self.with_partners(batch, self.neighbours, rng)
        return self.student_loss(pairs, self.reconstruct(pairs.frames, rng))

    def stage(self, epoch: int) -> str:
        """Name the network that learns in an epoch."""
        return "student" if epoch >= self.config.teacher_epochs else "teacher"

    def begin_epoch(self, epoch: int, videos: Videos, rng: np.random.Generator) -> None:
        """Ask the teacher, once it has learned, which videos are alike, and draw the student's weights."""
        config = self.config
        if epoch == config.teacher_epochs:
            self.remember(neighbours_of(mean_states(self.encoder, videos), config.anchors, rng))
            reinitialise(self, rng)
        if config.start_at_mean and epoch in (0, config.teacher_epochs):
            set_to_mean(self.decoder.bias, videos)
        self.videos = videos
        if self.stage(epoch) == "student":
            self.neighbours = Neighbours(self.anchors.cpu().numpy(), self.nearest.cpu().numpy())

    def remember(self, found: Neighbours) -> None:
        """Keep the teacher's findings as tensors, which are saved with each epoch."""
        self.anchors, self.nearest = (torch.from_numpy(part).to(self.device) for part in (found.anchors, found.nearest))

    def reconstruct(self, frames: Tensor, rng: torch.Generator) -> Reconstruction:
        """Damage ``frames (B, T, D)``, hash them, and reconstruct the undamaged ones."""
        damaged = cloze(frames, rng, self.config.damage)
        states = self.encoder(damaged)
        codes, decoded = self.hash_and_decode(states)
        target = frames if self.config.clean_target else damaged
        return Reconstruction(states, codes, mse_loss(decoded.float(), target))

    def with_partners(self, batch: Batch, neighbours: Neighbours, rng: torch.Generator) -> Pairs:
        """Join the videos of ``batch`` with a partner for each, at random similar or dissimilar."""
        partners, signs = neighbours.pairs(batch.rows, rng)
        device = batch.frames.device
        rows = torch.cat([batch.rows, torch.from_numpy(partners).to(device)])
        frames = torch.cat([batch.frames, torch.from_numpy(self.videos.read(partners)).to(device)])
        return Pairs(rows, frames, torch.from_numpy(signs).float().to(device))

    def anchor_of(self, rows: Tensor) -> Tensor:
        """Return the nearest anchor of training videos ``rows (B,)``: ``(B, C)``."""
        return self.anchors[self.nearest[rows, 0]]

    def learning_rate(self, epoch: int) -> float:
        """Let the rate fall by a factor every few epochs of either network, down to a floor."""
        teacher = self.config.teacher_epochs
        return step_decay(self.config, epoch - teacher if epoch >= teacher else epoch)


@torch.no_grad()
def mean_states(encoder: BertEncoder, videos: Videos) -> np.ndarray:
    """Return the temporal mean of every video's hidden states, ``(N, C)`` float32: undamaged frames, no dropout."""
    device = encoder.embed.weight.device
    with evaluating(encoder):
        means = [encoder(torch.from_numpy(frames).to(device)).mean(dim=1).cpu().numpy() for frames in videos.batches()]
    return np.concatenate(means)


def reinitialise(method: TrainedMethod, rng: np.random.Generator) -> None:
    """Draw all weights of a method anew from ``rng``; the global random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(2**63)))
        method.load_state_dict(type(method)(method.config).state_dict())


@torch.no_grad()
def set_to_mean(bias: Tensor, videos: Videos) -> None:
    """Set the ``bias (D,)`` of a decoder to the mean frame of all videos."""
    bias.copy_(torch.from_numpy(mean_pooled(videos).mean(axis=0)))
