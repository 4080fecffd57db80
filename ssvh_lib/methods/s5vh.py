"""S5VH: state-space self-supervised video hashing (Wang et al., AAAI 2025), with self, local and global signals.

A bidirectional Mamba encoder hashes the visible frames of two views. The frame codes have to reconstruct the hidden
frames (self), the pooled codes of two views have to find each other (local), and they are drawn to the hash centre of
the video's cluster (global). The centres are ±1 codes, made before training, that are far from each other and keep the
clusters' similarities.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ..clustering.hash_centres import hadamard_centres, optimise_centres, random_centres, semantic_centres
from ..clustering.reduction import mean_pooled
from ..data import Dataset
from ..data.batch import Batch, Videos
from ..errors import unknown
from ..losses import centre_alignment, debiased_contrastive, masked_reconstruction
from ..nn.backbones import BACKBONES, KEEPS_OWN_INIT
from ..nn.layers import sign_ste, take_frames
from ..nn.schedules import cosine
from ..samplers import random_pair
from .base import Presets, evaluating
from .base.masked_autoencoder import MaskedAutoencoder


class S5VH(MaskedAutoencoder):
    """Selective state-space hashing; the defaults are the paper's method with the released settings for FCVID.

    ``centres (M, K)`` are the hash centres, and ``labels (N, M)`` says how far each training video belongs to each.
    """

    TITLE = "S5VH"

    @dataclass(frozen=True, kw_only=True)
    class Config(MaskedAutoencoder.Config):
        """``[code]``: read in the authors' released code (github.com/gimpong/AAAI25-S5VH); ``[text]``: in the paper.

        Only the abstract and captions of the paper could be read. The switches say where the code departs from them.
        """

        backbone: str = "mamba"  # [text]; or transformer, lstm, retnet, rwkv
        width: int = 256  # [code] of the encoder
        layers: int = 6  # [code] "small" model
        decoder_width: int = 192  # [code]
        decoder_layers: int = 1  # [code]
        drop_path: float = 0.0  # ours: the text has none; [code] grows to .5 in the last layer of the encoder
        tied_directions: bool = False  # [text] two scans; [code] each forward pass makes them one
        own_start: bool = True  # Mamba's own initial values; [code] overwrites them, the step sizes' bias too
        soft_codes: bool = True  # [text] frame codes in (-1, 1); ours: by tanh; [code] ±1
        temporal_decoder: bool = True  # masked tokens in their place in time; [code] behind all visible ones
        mask_ratio: float = 0.75  # [code] FCVID
        reconstruction_weight: float = 1.0  # [code]; 0 is an ablation, as for the next two
        contrast_weight: float = 2.5  # [code] FCVID; alpha
        centre_weight: float = 0.01  # [code] FCVID; a_cluster
        temperature: float = 0.5  # [code] tau of the contrast
        positive_prior: float = 0.1  # [code] tau+ of the contrast
        centre_temperature: float = 0.5  # [code] tau of the alignment
        clusters: int = 450  # [code] FCVID; M
        dimensions: int = 512  # [code] of the PCA before k-means
        hadamard_start: bool = True  # [code] centres start at Hadamard's codes; False: at random ones, an ablation
        optimised_centres: bool = True  # [text]; False leaves them where they start, an ablation
        fixed_centres: bool = True  # [text]; [code] loads no centres: a linear classifier is trained in their place
        warm_up: int = 50  # [code] epochs before labels soften
        smoothing: float = 0.01  # [code] share of the prediction in a label, each epoch
        consistent_prediction: bool = True  # as in training; [code] no LayerNorm, no scale, drop-path on
        epochs: int = 500  # [code] FCVID
        batch_size: int = 512  # [code] FCVID
        peak_learning_rate: float = 5e-4  # [code] AdamW
        least_learning_rate: float = 1e-5  # [code] end of a cosine
        weight_decay: float = 1e-4  # [code] on all parameters

    config: Config
    centres: Tensor

    PRESETS: ClassVar[Presets] = {
        "released": {  # what the code computes, whatever the dataset
            "drop_path": 0.5, "tied_directions": True, "own_start": False, "soft_codes": False,
            "temporal_decoder": False, "fixed_centres": False, "consistent_prediction": False,
        },
        "activitynet": {  # [code]
            "mask_ratio": 0.5, "contrast_weight": 0.2, "centre_weight": 0.001, "positive_prior": 0.05,
            "clusters": 100, "epochs": 350, "batch_size": 128,
        },
        "ucf101": {  # [code]
            "mask_ratio": 0.5, "contrast_weight": 1.0, "centre_weight": 0.1, "clusters": 101, "epochs": 350,
            "batch_size": 128,
        },
        "hmdb51": {  # [code]
            "mask_ratio": 0.5, "contrast_weight": 1.0, "centre_weight": 0.1, "positive_prior": 0.05, "clusters": 100,
            "dimensions": 1024, "epochs": 350, "batch_size": 128,
        },
        # Ours, for two cores, as large as ConMH's (a layer holds two Mambas); weights and clusters as for HMDB51, the
        # shortest warm-up, and the learning rate chosen as ConMH's.
        "small": {
            "width": 64, "layers": 1, "decoder_width": 48, "mask_ratio": 0.5, "contrast_weight": 1.0,
            "centre_weight": 0.1, "clusters": 100, "dimensions": 128, "warm_up": 1, "epochs": 4, "batch_size": 32,
            "peak_learning_rate": 2e-3,
        },
        "smoke": {  # ours: seconds
            "width": 32, "layers": 1, "decoder_width": 24, "mask_ratio": 0.5, "contrast_weight": 1.0,
            "centre_weight": 0.1, "clusters": 4, "dimensions": 8, "warm_up": 1, "epochs": 2, "batch_size": 64,
            "peak_learning_rate": 1e-3,
        },
    }  # fmt: skip
    VARIANTS = ("paper", "released")
    REMEMBERED = ("labels",)

    def __init__(self, config: Config):
        if config.backbone not in BACKBONES:
            raise unknown("backbone", config.backbone, BACKBONES)
        block = BACKBONES[config.backbone]
        steps = max(1, config.layers - 1)
        super().__init__(
            config,
            encoder_block=lambda width, layer: block(width, config.drop_path * layer / steps, config.tied_directions),
            decoder_block=lambda width, _: block(width, 0.0, config.tied_directions),
            squash=torch.tanh if config.soft_codes else sign_ste,
            keeps_own_init=KEEPS_OWN_INIT if config.own_start else (),
        )
        if config.fixed_centres:
            self.register_buffer("centres", torch.zeros(config.clusters, config.bits))
        else:
            self.centres = nn.Parameter(nn.Linear(config.bits, config.clusters, bias=False).weight)
        self.labels = torch.zeros(0, config.clusters)
        self.softening = False

    def check(self, dataset: Dataset) -> None:
        """Raise SSVHError if there are more clusters than training videos, or another reason not to train."""
        self.check_groups(dataset, clusters=self.config.clusters)
        super().check(dataset)

    def begin_epoch(self, epoch: int, videos: Videos, rng: np.random.Generator) -> None:
        """Before the first epoch, cluster the videos: once, for labels and centres. After warm-up, soften labels."""
        config, device = self.config, self.device
        self.softening = epoch >= config.warm_up
        if epoch > 0:
            return
        semantic, labels = semantic_centres(mean_pooled(videos), config.clusters, config.dimensions, rng)
        self.labels = one_hot(torch.from_numpy(labels).long(), config.clusters).float().to(device)
        if config.fixed_centres:
            first = hadamard_centres if config.hadamard_start else random_centres
            start = first(config.clusters, config.bits, rng)
            codes = optimise_centres(semantic, start) if config.optimised_centres else start
            self.centres.copy_(torch.from_numpy(codes))

    def loss(self, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Add up self, local and global learning on two views of ``batch.frames (B, T, D)``."""
        config, frames = self.config, batch.frames
        views = torch.cat(random_pair(len(frames), config.frames, config.mask_ratio, rng))  # (2B, T)
        tokens = self.tokens(frames).repeat(2, 1, 1)
        codes, predicted, true = self.reconstruct_masked(tokens, frames.repeat(2, 1, 1), views)
        pooled = codes.mean(dim=1)  # (2B, K)
        first, second = pooled.chunk(2)

        reconstruction = 2 * masked_reconstruction(predicted, true)  # self: of two views
        contrast = debiased_contrastive(first, second, config.temperature, config.positive_prior)  # local
        labels = self.soft_labels(batch).repeat(2, 1)  # (2B, M)
        alignment = centre_alignment(pooled, self.centres, labels, config.centre_temperature)  # global
        total = (
            config.reconstruction_weight * reconstruction
            + config.contrast_weight * contrast
            + config.centre_weight * alignment
        )
        return {"loss": total, "reconstruction": reconstruction, "contrast": contrast, "alignment": alignment}

    @torch.no_grad()
    def soft_labels(self, batch: Batch) -> Tensor:
        """Return how far the videos belong to each centre ``(B, M)``; after warm-up, mix in the model's prediction."""
        if self.softening:
            share = self.config.smoothing
            self.labels[batch.rows] = (1 - share) * self.labels[batch.rows] + share * self.predict(batch.frames)
        return self.labels[batch.rows]

    def predict(self, frames: Tensor) -> Tensor:
        """Predict the labels ``(B, M)`` of ``frames (B, T, D)``: the softmax of the alignment, all frames seen."""
        config = self.config
        if not config.consistent_prediction:
            codes = sign_ste(self.hash.linear(self.encoder(self.tokens(frames)))).mean(dim=1)
            return (codes @ self.centres.T).float().softmax(dim=1)
        with evaluating(self):
            logits = self.encode(frames) @ self.centres.T / (config.bits * config.centre_temperature)
        return logits.float().softmax(dim=1)

    def decode(self, codes: Tensor, seen: Tensor, unseen: Tensor) -> Tensor:
        """Decode as ``MaskedAutoencoder`` or, like the released code, with masked tokens after the visible ones."""
        if self.config.temporal_decoder:
            return super().decode(codes, seen, unseen)
        place = self.decoder_positions.expand(len(codes), -1, -1)
        visible = self.decoder_embed(codes) + take_frames(place, seen)
        masked = self.mask_token + take_frames(place, unseen)
        predicted: Tensor = self.reconstruct(self.decoder(torch.cat([visible, masked], dim=1))[:, seen.shape[1] :])
        return predicted

    def optimiser(self) -> torch.optim.Optimizer:
        """Make AdamW."""
        config = self.config
        return torch.optim.AdamW(self.parameters(), lr=config.peak_learning_rate, weight_decay=config.weight_decay)

    def learning_rate(self, epoch: int) -> float:
        """Let the rate fall along half a cosine wave from the peak to the least; ``epoch`` counts from 0."""
        config = self.config
        return cosine(epoch, config.epochs, config.peak_learning_rate, config.least_learning_rate)
