"""AutoSSVH: automated frame sampling against the hash network (Lian et al., CVPR 2025).

A Grade-Net scores the frames of a video. The highest-scored are dropped and have to be reconstructed from the codes
of the others; the gradient of the scores is reversed, so that the sampler learns to drop what is hard to reconstruct
while the network learns to reconstruct it. After a warm-up, each video is also drawn to an anchor code of its cluster,
in which the members have voted on each bit (point-to-set).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import dropout

from ..clustering.kmeans import component_vote, kmeans, prototypes
from ..data import Dataset
from ..data.batch import Batch, Videos
from ..errors import unknown
from ..losses import debiased_contrastive, frame_errors, point_to_set, prototype_contrast
from ..nn.layers import Block, frame_index, sign_ste
from ..nn.schedules import step_decay
from ..samplers import SAMPLERS, Views, agreement
from .base import Presets, evaluating
from .base.masked_autoencoder import MaskedAutoencoder


class Clustering(NamedTuple):
    """The training videos in M clusters."""

    labels: Tensor  # (N,), the cluster of every video
    anchors: Tensor  # (M, K), a code for each cluster: ±1 by component voting, or a mean of length 1


class AutoSSVH(MaskedAutoencoder):
    """Adversarial frame sampling and hashing; the defaults are the paper's settings for FCVID.

    There is a clustering for each granularity; its anchors are voted, or else have ``concentrations (M,)``.
    """

    TITLE = "AutoSSVH"

    @dataclass(frozen=True, kw_only=True)
    class Config(MaskedAutoencoder.Config):
        """``[text]``: read in the paper; ``[code]``: in the released code (github.com/EliSpectre/CVPR25-AutoSSVH).

        The formulas of the paper could not be read. The switches say where the code departs from its text.
        """

        width: int = 256  # [code] of the encoder
        layers: int = 12  # [text], except ActivityNet
        heads: int = 6  # [code] 42 wide each
        decoder_width: int = 192  # [code]
        decoder_layers: int = 2  # [text], except ActivityNet
        decoder_heads: int = 3  # [code]
        learnable_positions: bool = False  # of the decoder, as in ConMH; [code] learned, from zeros
        sampler: str = "grade-net"  # [text]; or random, attmask, adamae, adios; [code] random: the Grade-Net is idle
        reversal: bool = True  # [text] of the sampler's gradient; False is an ablation
        noise: float = 1.0  # [text] factor on Gumbel noise; [code] adds deviation 10, which drowns scores in (0, 1)
        sampler_temperature: float = 0.5  # [code] of the softmax behind the straight-through choice
        mask_ratio: float = 0.75  # [code] FCVID; share of frames that are dropped
        input_dropout: float = 0.0  # [code] .2 on ActivityNet; the text has none
        soft_codes: bool = True  # [text] tanh; [code] ±1, straight-through
        signed_video_codes: bool = True  # [text] the losses see the sign of the mean; [code] the mean
        voting: bool = True  # [text] anchors by component voting; [code] k-means centres of codes, as in PCL
        reconstruction_weight: float = 1.0  # [text]; FR; 0 is an ablation, as for the next two
        contrast_weight: float = 0.2  # [text] FCVID; VC, alpha
        set_weight: float = 0.01  # [text] FCVID; P2Set, beta
        temperature: float = 0.5  # [code] tau of VC
        positive_prior: float = 0.1  # [code] tau+ of VC
        set_temperature: float = 0.2  # [code] of its prototypes; ours for P2Set: the text to be read names none
        clusters: tuple[int, ...] = (250, 400, 600)  # [text] three granularities
        warm_up: int = 100  # [text] FCVID; epochs without P2Set
        epochs: int = 805  # [code] FCVID
        batch_size: int = 512  # [code] FCVID
        peak_learning_rate: float = 1e-4  # [code] Adam
        decay: float = 0.9  # [code] factor on the learning rate …
        decay_every: int = 20  # [code] … and epochs between decays
        least_learning_rate: float = 1e-5  # [code] FCVID

    config: Config

    PRESETS: ClassVar[Presets] = {
        "released": {  # what the code computes, whatever the dataset
            "sampler": "random", "learnable_positions": True, "soft_codes": False, "signed_video_codes": False,
            "voting": False,
        },
        "fcvid, released": {"contrast_weight": 1.0, "clusters": (250, 500, 1000)},  # [code]
        "activitynet": {  # layers, weights, warm-up [text]; others [code]
            "layers": 6, "decoder_layers": 1, "mask_ratio": 0.5, "positive_prior": 0.05, "epochs": 800,
            "batch_size": 128, "least_learning_rate": 1e-6,
        },
        "activitynet, released": {"layers": 12, "decoder_layers": 2, "input_dropout": 0.2},  # [code]
        "ucf101": {  # weights, warm-up [text]; others [code]
            "mask_ratio": 0.5, "contrast_weight": 1.0, "set_weight": 0.2, "warm_up": 50, "epochs": 350,
            "batch_size": 128, "least_learning_rate": 1e-6,
        },
        "hmdb51": {  # weights, warm-up [text]; others [code]
            "mask_ratio": 0.7, "contrast_weight": 1.0, "set_weight": 0.2, "warm_up": 50, "epochs": 350,
            "batch_size": 128, "least_learning_rate": 1e-6,
        },
        # Ours, for two cores, as large as ConMH's, and the learning rate chosen as there; weights as for UCF101,
        # clusters in the same proportion, and the shortest warm-up.
        "small": {
            "width": 64, "layers": 2, "heads": 2, "decoder_width": 48, "decoder_layers": 1, "mask_ratio": 0.5,
            "contrast_weight": 1.0, "set_weight": 0.2, "clusters": (65, 105, 155), "warm_up": 1, "epochs": 4,
            "batch_size": 32, "peak_learning_rate": 1e-3, "decay_every": 1,
        },
        "smoke": {  # ours: seconds
            "width": 32, "layers": 1, "heads": 2, "decoder_width": 24, "decoder_layers": 1, "decoder_heads": 2,
            "mask_ratio": 0.5, "contrast_weight": 1.0, "set_weight": 0.2, "clusters": (3, 4, 5), "warm_up": 1,
            "epochs": 2, "batch_size": 64, "peak_learning_rate": 1e-3,
        },
    }  # fmt: skip
    VARIANTS = ("paper", "released")

    def __init__(self, config: Config):
        if config.sampler not in SAMPLERS:
            raise unknown("sampler", config.sampler, SAMPLERS)
        super().__init__(
            config,
            encoder_block=lambda width, _: Block(width, config.heads),
            decoder_block=lambda width, _: Block(width, config.decoder_heads),
            squash=torch.tanh if config.soft_codes else sign_ste,
            learnable_positions=config.learnable_positions,
        )
        self.sampler = SAMPLERS[config.sampler](
            config.width,
            config.frames,
            config.mask_ratio,
            noise=config.noise,
            temperature=config.sampler_temperature,
            reverse=config.reversal,
        )
        self.clusterings: list[Clustering] = []
        self.concentrations: list[Tensor] = []

    def check(self, dataset: Dataset) -> None:
        """Raise SSVHError if there are more clusters than training videos, or another reason not to train."""
        self.check_groups(dataset, clusters=self.config.clusters)
        super().check(dataset)

    def begin_epoch(self, epoch: int, videos: Videos, rng: np.random.Generator) -> None:
        """After warm-up, cluster the training videos at each granularity and find the anchors of the clusters."""
        self.clusterings, self.concentrations = [], []
        if epoch < self.config.warm_up:
            return
        embeddings, codes = self.embed_training_set(videos)
        for clusters in self.config.clusters:
            if self.config.voting:
                labels = kmeans(embeddings, clusters, rng)[1]
                self._add_clustering(labels, component_vote(np.where(codes > 0, 1, -1), labels, clusters))
            else:
                unit = codes / np.maximum(np.linalg.norm(codes, axis=1, keepdims=True), 1e-12)
                labels, means, concentration = prototypes(unit, clusters, rng, self.config.set_temperature)
                self._add_clustering(labels, means)
                self.concentrations.append(torch.from_numpy(concentration).to(self.device))

    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Add up frame reconstruction, alpha view contrast and beta point-to-set, for ``batch.frames (B, T, D)``."""
        config, frames = self.config, batch.frames
        tokens = self.tokens(frames)
        views = self.sampler(tokens, self.encoder, rng)  # two of each video
        inputs = self._inputs(tokens, frames) * (1.0 if views.gate is None else views.gate[..., None])  # (2B, T, C)
        codes, predicted, true = self.reconstruct_masked(inputs, frames.repeat(2, 1, 1), views.visible)
        errors = frame_errors(predicted, true)  # (2B, M)

        reconstruction = 2 * (errors * self._dropped(views)).mean()  # FR, of two views
        videos = self.video_codes(codes)  # (2B, K)
        first, second = videos.chunk(2)
        contrast = debiased_contrastive(first, second, config.temperature, config.positive_prior)  # VC
        total = config.reconstruction_weight * reconstruction + config.contrast_weight * contrast
        terms = {"reconstruction": reconstruction, "contrast": contrast}
        if self.clusterings:
            terms["point_to_set"] = self._point_to_set(videos, batch.rows.repeat(2), rng)  # P2Set
            total = total + config.set_weight * terms["point_to_set"]
        return {"loss": total + self.sampler.penalty(views, errors), **terms}

    def video_codes(self, codes: Tensor) -> Tensor:
        """Map codes of frames ``(B, V, K)`` to codes of videos ``(B, K)`` as the losses see them."""
        mean = codes.mean(dim=1)
        return sign_ste(mean) if self.config.signed_video_codes else mean

    def frame_scores(self, frames: Tensor) -> Tensor:
        """Return the sampler's scores ``(B, T)`` of ``frames (B, T, D)``: the higher, the sooner a frame is dropped."""
        return self.sampler.scores(self.tokens(frames), self.encoder)

    @torch.no_grad()
    def describe_epoch(self, videos: Videos) -> dict[str, float]:
        """Measure, if the truth is known, how often informative frames score above others; by chance it is .5."""
        if videos.informative is None:
            return {}
        with evaluating(self):
            scores = [self.frame_scores(frames).cpu().numpy() for frames in self._batches(videos)]
        return {"agreement": round(agreement(np.concatenate(scores), videos.informative), 6)}

    def learning_rate(self, epoch: int) -> float:
        """Let the rate fall by a factor every few epochs, down to a floor; ``epoch`` counts from 0."""
        return step_decay(self.config, epoch)

    def _inputs(self, tokens: Tensor, frames: Tensor) -> Tensor:
        """Return the tokens of both views ``(2B, T, C)``, each with its own dropout on the features if there is one."""
        if not self.config.input_dropout:
            return tokens.repeat(2, 1, 1)
        return self.tokens(dropout(frames.repeat(2, 1, 1), self.config.input_dropout, self.training))

    def _dropped(self, views: Views) -> Tensor | float:
        """Return 1 for each dropped frame ``(2B, M)``, with the gradient by which its error reaches its score."""
        if views.gate is None:
            return 1.0
        return 1 - views.gate.gather(1, frame_index(~views.visible, self.config.frames - self.visible))

    def _point_to_set(self, videos: Tensor, rows: Tensor, rng: torch.Generator) -> Tensor:
        if self.config.voting:
            return point_to_set(videos, self.clusterings, rows, self.config.set_temperature)
        terms = [
            prototype_contrast(view, labels[own], means, concentration, rng)
            for view, own in zip(videos.chunk(2), rows.chunk(2), strict=True)
            for (labels, means), concentration in zip(self.clusterings, self.concentrations, strict=True)
        ]
        return torch.stack(terms).mean()

    def _add_clustering(self, labels: np.ndarray, anchors: np.ndarray) -> None:
        self.clusterings.append(Clustering(*(torch.from_numpy(part).to(self.device) for part in (labels, anchors))))

    @torch.no_grad()
    def embed_training_set(self, videos: Videos) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean embedding ``(N, C)`` and the mean frame code ``(N, K)`` of every video, all frames seen."""
        with evaluating(self):
            embedded = (self.encoder(self.tokens(frames)) for frames in self._batches(videos))
            parts = [(tokens.mean(dim=1), self.hash(tokens).mean(dim=1)) for tokens in embedded]
        embeddings, codes = (torch.cat(part).cpu().numpy() for part in zip(*parts, strict=True))
        return embeddings, codes

    def _batches(self, videos: Videos) -> Iterator[Tensor]:
        return (torch.from_numpy(frames).to(self.device) for frames in videos.batches())
