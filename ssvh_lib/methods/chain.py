"""CHAIN-style hashing: our adaptation of CHAIN (Wei et al., ACM MM 2023) to features that are already extracted.

No code of CHAIN was found, and its text could not be read beyond the abstract. What the abstract says is kept: two
augmented clips of a video are contrasted, the encoder has to tell the place in time of each frame (frame order
verification) and to tell the scenes of a video apart (scene change regularisation). The formulas are ours, and so is
every number. CHAIN augments pixels, which is impossible here: clips take other frames, and features are disturbed.
A result of this file says nothing about the published method.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from ..data.batch import Batch
from ..errors import SSVHError
from ..losses import debiased_contrastive
from ..nn.layers import Block, HashLayer, sinusoidal_positions, take_frames, xavier
from ..nn.schedules import step_decay
from .base import Presets, TrainedConfig, TrainedMethod


class CHAIN(TrainedMethod):
    """CHAIN-style: contrast of clips, order of frames and scenes, on the Transformer encoder of ConMH."""

    TITLE = "CHAIN-style †"

    @dataclass(frozen=True, kw_only=True)
    class Config(TrainedConfig):
        """Every value is ours; encoder, contrast and learning rate are set as in ConMH."""

        width: int = 256  # ours, as ConMH
        layers: int = 12  # ours, as ConMH
        heads: int = 6  # ours, as ConMH
        feature_dropout: float = 0.1  # ours; of features, the same ones in all frames of a clip
        noise: float = 0.05  # ours; normal, in standard deviations of the feature
        temperature: float = 0.5  # ours, as ConMH; of the contrast
        positive_prior: float = 0.1  # ours, as ConMH; of the contrast
        scene_temperature: float = 0.2  # ours
        contrast_weight: float = 1.0  # ours
        order_weight: float = 0.1  # ours; 0 is an ablation, as for the next one
        scene_weight: float = 0.1  # ours
        epochs: int = 350  # ours
        batch_size: int = 128  # ours
        peak_learning_rate: float = 1e-4  # ours, as ConMH; Adam
        decay: float = 0.9  # ours, as ConMH; factor on the learning rate …
        decay_every: int = 20  # ours, as ConMH; … and epochs between decays
        least_learning_rate: float = 1e-5  # ours, as ConMH

    config: Config
    positions: Tensor  # (T, C)

    PRESETS: ClassVar[Presets] = {  # no published settings could be read
        "small": {  # ours, for two cores, as large as ConMH's; the learning rate chosen as there
            "width": 64, "layers": 2, "heads": 2, "epochs": 4, "batch_size": 32, "peak_learning_rate": 2e-3,
            "decay_every": 1,
        },
        "smoke": {  # ours: seconds
            "width": 32, "layers": 1, "heads": 2, "epochs": 2, "batch_size": 64, "peak_learning_rate": 1e-3,
        },
    }  # fmt: skip

    def __init__(self, config: Config):
        if config.frames < 2:
            raise SSVHError(f"CHAIN compares consecutive frames and needs at least 2 of them, got {config.frames}.")
        super().__init__(config)
        width = config.width
        self.embed = nn.Linear(config.features, width)
        self.encoder = nn.Sequential(
            *(Block(width, config.heads) for _ in range(config.layers)),
            nn.LayerNorm(width, eps=1e-6),
            nn.Linear(width, width),
        )
        self.hash = HashLayer(width, config.bits)
        self.order = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, config.frames))
        for part in (self.embed, self.encoder, self.order):
            xavier(part)
        self.register_buffer("positions", sinusoidal_positions(config.frames, width), persistent=False)

    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Add up contrast of two clips of ``batch.frames (B, T, D)``, order of their frames, and scenes of a video."""
        config, frames = self.config, batch.frames
        B, T, _ = frames.shape
        place = torch.cat([draw_clip(B, T, rng) for _ in range(2)])  # (2B, M)
        clips = take_frames(frames.repeat(2, 1, 1), place)
        tokens = self.embed(disturb(clips, config.feature_dropout, config.noise, rng))  # (2B, M, C)
        embeddings = self.encoder(tokens + self.positions[place])

        first, second = self.hash(embeddings).mean(dim=1).chunk(2)  # (B, K) each
        contrast = debiased_contrastive(first, second, config.temperature, config.positive_prior)
        order = self._order_error(tokens[:B], place[:B])  # of the first clips
        scenes = scene_labels(frames).repeat(2, 1).gather(1, place)  # (2B, M)
        scene = scene_contrast(of_one_video(embeddings), of_one_video(scenes), config.scene_temperature)
        total = config.contrast_weight * contrast + config.order_weight * order + config.scene_weight * scene
        return {"loss": total, "contrast": contrast, "order": order, "scene": scene}

    def encode(self, frames: Tensor) -> Tensor:
        """Map frames ``(B, T, D)`` to the mean of their ±1 codes ``(B, K)``."""
        codes: Tensor = self.hash(self.encoder(self.embed(frames) + self.positions))
        return codes.mean(dim=1)

    def learning_rate(self, epoch: int) -> float:
        """Let the rate fall by a factor every few epochs, down to a floor; ``epoch`` counts from 0."""
        return step_decay(self.config, epoch)

    def _order_error(self, tokens: Tensor, place: Tensor) -> Tensor:
        """Compute the cross-entropy of telling the ``place (B, M)`` in the video of each of ``tokens (B, M, C)``.

        The tokens have no positions, so all orders are alike to the encoder and there is no need to shuffle them.
        """
        logits = self.order(self.encoder(tokens)).float()  # (B, M, T)
        return cross_entropy(logits.flatten(0, 1), place.flatten())


def draw_clip(videos: int, frames: int, rng: torch.Generator) -> Tensor:
    """Draw one of each two consecutive frames: places in time ``(B, M)``, ascending, M = ⌈T/2⌉."""
    start = torch.arange(0, frames, 2, device=rng.device)  # (M,)
    second = torch.rand(videos, len(start), generator=rng, device=rng.device) < 0.5
    return (start + second).clamp(max=frames - 1)


def disturb(clips: Tensor, share: float, noise: float, rng: torch.Generator) -> Tensor:
    """Drop a ``share`` of the features of clips ``(B, M, D)``, and add noise to the others.

    A feature is dropped in all frames of a clip, and the rest is scaled up as dropout does; ``noise`` is in
    standard deviations of the feature, over all frames given.
    """
    B, _, D = clips.shape
    kept = torch.rand(B, 1, D, generator=rng, device=rng.device) >= share
    spread = clips.std(dim=(0, 1), correction=0)  # (D,)
    drawn = torch.randn(clips.shape, generator=rng, device=rng.device)
    return (clips + noise * spread * drawn) * kept / (1 - share)


def scene_labels(frames: Tensor) -> Tensor:
    """Divide ``frames (B, T, D)`` into scenes ``(B, T)``, counted from 0.

    A new one begins where the cosine of two consecutive frames is below the mean of the video's cosines by more than
    their standard deviation. A rounding difference between equal frames is not a boundary.
    """
    unit = normalize(frames.float(), dim=-1)
    similarity = (unit[:, 1:] * unit[:, :-1]).sum(dim=-1)  # (B, T - 1)
    threshold = similarity.mean(dim=1) - similarity.std(dim=1, correction=0) - 1e-6
    boundary = similarity < threshold[:, None]
    return torch.cat([torch.zeros_like(boundary[:, :1]), boundary], dim=1).long().cumsum(dim=1)


def of_one_video(clips: Tensor) -> Tensor:
    """Put two clips of each video ``(2B, M, …)``, first clips first, into one row ``(B, 2M, …)``."""
    return torch.cat(clips.chunk(2), dim=1)


def scene_contrast(tokens: Tensor, scenes: Tensor, temperature: float) -> Tensor:
    """Contrast the tokens ``(B, M, C)`` of each video: those of one scene attract each other (Khosla et al., 2020).

    ``scenes (B, M)`` are their labels. Returns the mean over the tokens that have others of their scene; videos of a
    single scene are left out, and the loss is 0 if no token remains.
    """
    unit = normalize(tokens.float(), dim=-1)
    itself = torch.eye(tokens.shape[1], dtype=torch.bool, device=tokens.device)
    logits = (unit @ unit.transpose(1, 2) / temperature).masked_fill(itself, -torch.inf)  # (B, M, M)
    same = (scenes[:, :, None] == scenes[:, None, :]) & ~itself
    count = same.sum(dim=-1)  # (B, M)
    wanted = (logits.log_softmax(dim=-1).masked_fill(~same, 0).sum(dim=-1)) / count.clamp(min=1)
    anchors = (count > 0) & (scenes != scenes[:, :1]).any(dim=1, keepdim=True)
    return -(wanted * anchors).sum() / anchors.sum().clamp(min=1)
