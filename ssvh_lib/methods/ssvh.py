"""SSVH: hierarchical binary auto-encoder with neighbourhood structure (Song et al., IEEE TIP 2018).

An LSTM reads the frames; a binary LSTM above it reads every second of its states, and its last state is the code. Three
decoders of two layers reconstruct the video from it: backwards, forwards, and its mean frame. At the same time, the
inner products of codes have to tell videos that are neighbours in feature space from all others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor, nn

from ..clustering.reduction import mean_pooled
from ..data.batch import Batch, Videos
from ..errors import SSVHError
from ..nn.layers import xavier
from ..nn.lstm import FirstStep, PeepholeLSTM, State, squared_error
from .base import Presets
from .base.recurrent import RecurrentHasher

BLOCK = 256  # rows of similarities or overlaps that are held at a time


class SSVH(RecurrentHasher):
    """Two-layer LSTMs; the width of each is the number of bits.

    ``bank (N, K)`` holds the last hidden state of every training video, and ``pairs (2, E)`` the rows of all ordered
    pairs of neighbours. Frames beyond a multiple of the stride are not used: of 25 the first 24 are, as in the
    released code.
    """

    TITLE = "SSVH"

    @dataclass(frozen=True, kw_only=True)
    class Config(RecurrentHasher.Config):
        """``[code]``: read in the released code (github.com/lixiangpengcs/Self-Supervised-Video-Hashing), for FCVID.

        The body of the paper was not available: the variant "paper" is the code except for ``own_states``. The code
        fills up the last batch with videos of zeros; here that batch is smaller.
        """

        stride: int = 2  # [code] frames for each step of the upper layer
        own_states: bool = True  # ours: play reads its own upper layer; [code] every other step it reads rewind's
        nearest: int = 10  # [code] K1: nearest videos in a list, beside the video itself
        lists: int = 5  # [code] K2: how many lists a neighbourhood unites
        quantisation_weight: float = 0.2  # [code] lambda
        structure_weight: float = 0.999  # [code] of neighbourhood and quantisation; the rest is reconstruction's
        epochs: int = 100  # [code]
        batch_size: int = 256  # [code]
        peak_learning_rate: float = 1e-4  # [code] for a loss that is a sum over videos, frames and features
        decay_every: int = 56  # [code] 10,000 batches of FCVID's 45,585 videos

    config: Config

    PRESETS: ClassVar[Presets] = {
        "released": {"own_states": False},
        # Ours, for two cores: every trained method sees as many videos. That is 320 steps, in which the published clip
        # would let a weight move by .03 at most; clip and rate were chosen on a part of the training videos.
        "small": {
            "norm_momentum": 0.9, "epochs": 4, "batch_size": 32, "peak_learning_rate": 2e-2, "clip": 3e-3,
            "decay_every": 1,
        },
        "smoke": {  # ours: seconds
            "nearest": 1, "lists": 2, "norm_momentum": 0.9, "epochs": 2, "batch_size": 64, "clip": 3e-3,
        },
    }  # fmt: skip
    VARIANTS = ("paper", "released")
    REMEMBERED = ("bank", "pairs")

    def __init__(self, config: Config):
        if config.frames < config.stride:
            raise SSVHError(f"SSVH needs at least {config.stride} frames, got {config.frames}.")
        super().__init__(config)
        K, D, momentum = config.bits, config.features, config.norm_momentum
        steps = config.frames // config.stride
        self.length = steps * config.stride  # frames that are used
        self.lower = PeepholeLSTM(D, K, self.length, momentum)
        self.upper = PeepholeLSTM(K, K, steps, momentum, binary=True)
        self.rewind_upper, self.play_upper, self.mean_upper = (
            PeepholeLSTM(None, K, count, momentum, squash=torch.tanh) for count in (steps, steps, 1)
        )
        self.rewind_lower, self.play_lower = (PeepholeLSTM(K, K, self.length, momentum) for _ in range(2))
        self.mean_lower = FirstStep(K, K, momentum)
        self.rewind_frame, self.play_frame, self.mean_frame = (nn.Linear(K, D) for _ in range(3))
        xavier(self)
        self.bank = torch.zeros(0, K)
        self.pairs = torch.zeros(2, 0, dtype=torch.long)

    def begin_epoch(self, epoch: int, videos: Videos, rng: np.random.Generator) -> None:
        """Before the first epoch, find the neighbours in the training set and empty the bank; ``rng`` is not used."""
        if epoch > 0:
            return
        pairs = neighbour_pairs(mean_pooled(videos), self.config.nearest, self.config.lists)
        self.pairs = torch.from_numpy(pairs).to(self.device)
        self.bank = torch.zeros(len(videos), self.config.bits, device=self.device)

    def encode(self, frames: Tensor) -> Tensor:
        """Map frames ``(B, T, D)`` to the last hidden state of the upper layer ``(B, K)``, before it is binarised."""
        return self._encode(frames[:, : self.length])[0]

    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Add up neighbourhood, quantisation and reconstruction of ``batch.frames (B, T, D)``; ``rng`` is not used."""
        config, frames = self.config, batch.frames[:, : self.length]
        hidden, state = self._encode(frames)  # (B, K), the code before its sign
        bank = self.bank.index_copy(0, batch.rows, hidden)
        self.bank = bank.detach()

        similarity = hidden @ bank.T / config.bits  # (B, N)
        neighbourhood = (similarity - self.neighbours(batch.rows)).square().sum()
        quantisation = (hidden - hidden.sign()).square().sum()
        rewind, play, mean = self._reconstruct(state)
        reconstruction = squared_error(rewind, frames.flip(1)) + squared_error(play, frames)
        reconstruction = reconstruction + self.length * squared_error(mean, frames.mean(dim=1))
        structure = neighbourhood + config.quantisation_weight * quantisation
        total = config.structure_weight * structure + (1 - config.structure_weight) * reconstruction / 3
        return {
            "loss": total, "neighbourhood": neighbourhood, "quantisation": quantisation,
            "reconstruction": reconstruction / 3,
        }  # fmt: skip

    def neighbours(self, rows: Tensor) -> Tensor:
        """Mark the neighbours of the distinct training videos ``rows (B,)`` among all with 1: ``(B, N)``."""
        N = len(self.bank)
        place = torch.full((N,), -1, device=rows.device)
        place[rows] = torch.arange(len(rows), device=rows.device)
        first, second = self.pairs[:, place[self.pairs[0]] >= 0]
        found = torch.zeros(len(rows), N, device=rows.device)
        found[place[first], second] = 1.0
        return found

    def _encode(self, frames: Tensor) -> tuple[Tensor, State]:
        """Return the upper layer's last hidden state ``(B, K)``, real-valued, and the state that it would pass on."""
        lower, _ = self.lower(frames)
        upper, state = self.upper(lower[:, self.config.stride - 1 :: self.config.stride])
        return upper[:, -1], state

    def _reconstruct(self, state: State) -> tuple[Tensor, Tensor, Tensor]:
        """Reconstruct the frames backwards and forwards ``(B, T, D)`` and the mean frame ``(B, D)``."""
        stride = self.config.stride
        rewind, play = (
            upper(None, state)[0].repeat_interleave(stride, dim=1) for upper in (self.rewind_upper, self.play_upper)
        )
        if not self.config.own_states:
            first = torch.arange(self.length, device=play.device) % stride == 0
            play = torch.where(first[:, None], play, rewind)
        mean = self.mean_lower(self.mean_upper(None, state)[0][:, 0])
        rewound, played = self.rewind_lower(rewind)[0], self.play_lower(play)[0]
        return self.rewind_frame(rewound), self.play_frame(played), self.mean_frame(mean)


def neighbour_pairs(vectors: np.ndarray, nearest: int, lists: int) -> np.ndarray:
    """Return the rows of all ordered pairs of neighbours among ``vectors (N, D)``: ``(2, E)`` int64, sorted.

    Each vector has a list: itself and the ``nearest`` most similar ones, by cosine. A vector is paired with all members
    of the ``lists`` lists that share most with its own (of equals, the earlier ones), and pairs hold both
    ways. Nothing of size N × N is stored.
    """
    N = len(vectors)
    if not 0 < nearest < N or not 0 < lists <= nearest + 1:
        raise SSVHError(
            f"SSVH looks for nearest={nearest} videos among the others of {N}, and joins lists={lists} lists: nearest "
            "must be 1 to N − 1, and lists 1 to nearest + 1."
        )
    member = _flags(_nearest(vectors, nearest))  # (N, N) sparse: who is in whose list
    most = [
        np.argsort(-(member[start : start + BLOCK] @ member.T).toarray(), axis=1, kind="stable")[:, :lists]
        for start in range(0, N, BLOCK)
    ]
    united = _flags(np.concatenate(most)) @ member
    return np.stack((united + united.T).nonzero()).astype(np.int64)


def _nearest(vectors: np.ndarray, nearest: int) -> np.ndarray:
    """Return the rows of each vector itself and of those most similar to it, ``(N, nearest + 1)``, in no order."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    found = []
    for start in range(0, len(unit), BLOCK):
        similarity = unit[start : start + BLOCK] @ unit.T
        own = np.arange(len(similarity))
        similarity[own, start + own] = np.inf  # also where others are as similar
        found.append(np.argpartition(-similarity, nearest, axis=1)[:, : nearest + 1])
    return np.concatenate(found)


def _flags(lists: np.ndarray) -> csr_matrix:
    """Turn lists of rows ``(N, M)`` into a sparse ``(N, N)``: 1 where the second is in the list of the first."""
    N, M = lists.shape
    columns, starts = lists.ravel(), np.arange(0, N * M + 1, M)
    return csr_matrix((np.ones(N * M, dtype=np.int16), columns, starts), shape=(N, N))
