"""Samplers choose the frames that the encoder sees: masks ``visible (B, T)`` bool, True = the encoder sees the frame.

Frames are chosen at random, as in ConMH, or by a ``Sampler``: AutoSSVH's Grade-Net or one of the three samplers that it
is compared with. Shapes: B videos, T frames, V visible and M = T − V dropped ones, C width.
"""

from __future__ import annotations

import math
from typing import ClassVar, NamedTuple, TypedDict, Unpack

import numpy as np
import torch
from torch import Tensor, nn

from .errors import SSVHError
from .nn.layers import Block, frame_index, reverse_gradient, visible_count, xavier


def random_pair(videos: int, frames: int, mask_ratio: float, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw two views ``visible (B, T)`` from one random order of the frames: its first and its last V (ConMH, 3.2).

    They share no frame when V <= T/2, and as few as possible otherwise. The masks lie on the device of ``rng``.
    """
    rank = torch.rand(videos, frames, generator=rng, device=rng.device).argsort(dim=1).argsort(dim=1)
    count = visible_count(frames, mask_ratio)
    return rank < count, rank >= frames - count


def independent_pair(videos: int, frames: int, mask_ratio: float, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw two views ``visible (B, T)`` independently, unlike ``random_pair``; on the device of ``rng``."""
    count = visible_count(frames, mask_ratio)
    first, second = torch.rand(2, videos, frames, generator=rng, device=rng.device)
    return drop_highest(first, count), drop_highest(second, count)


def drop_highest(scores: Tensor, visible_count: int) -> Tensor:
    """Return ``visible (…, T)``, False at the T − V highest ``scores (…, T)``; of equal scores, the earliest drop."""
    dropped = scores.argsort(dim=-1, descending=True, stable=True)[..., : scores.shape[-1] - visible_count]
    return torch.ones_like(scores, dtype=torch.bool).scatter(-1, dropped, False)


def gumbel(shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
    """Draw standard Gumbel noise in float32, always finite, on the device of ``rng``.

    Ranking by log p plus this noise draws without replacement, each time in proportion to p (Kool et al., 2019).
    """
    uniform = torch.rand(shape, generator=rng, device=rng.device)  # may be 0, but not 1
    return -(-uniform.clamp(min=torch.finfo(uniform.dtype).tiny).log()).log()


def agreement(scores: np.ndarray, informative: np.ndarray) -> float:
    """Average over videos the ROC AUC of ``scores (N, T)`` as predictors of the frames that are ``informative (N, T)``.

    It is how often an informative frame of a video scores higher than an uninformative one; equal scores count half.
    Videos whose frames are all of one kind are left out; NaN if no video remains.
    """
    later, earlier = scores[:, :, None], scores[:, None, :]
    higher = (later > earlier) + 0.5 * (later == earlier)  # (N, T, T)
    pairs = informative[:, :, None] & ~informative[:, None, :]
    count = pairs.sum(axis=(1, 2))  # (N,)
    found = (higher * pairs).sum(axis=(1, 2))
    return float(np.mean(found[count > 0] / count[count > 0])) if count.any() else math.nan


class Views(NamedTuple):
    """Two views of B videos: rows 0 … B−1 are the first views, rows B … 2B−1 the second ones."""

    visible: Tensor  # (2B, T) bool, True = the encoder sees the frame; every row has exactly V of them
    # (2B, T), 1.0 where visible, 0.0 where dropped: the same choice as a number, which carries the gradient of the loss
    # to the sampler; None if the sampler does not learn from the loss
    gate: Tensor | None
    scores: Tensor  # (2B, T), without noise, with their graph: frames are dropped in descending order of noisy scores


class Options(TypedDict):
    """Options that every sampler takes, though not every sampler has a use for each."""

    noise: float  # factor of the Gumbel noise on the scores
    temperature: float  # of the softmax that stands for the hard choice in the backward pass
    reverse: bool  # whether a sampler that learns through the gate ascends the loss instead of descending it


class Sampler(nn.Module):
    """Chooses the visible frames of two views of each video.

    A sampler defines ``scores``. Unless it overrides ``forward``, the frames of highest score are dropped, after Gumbel
    noise that is drawn for each view; unless it overrides ``_gate`` and ``penalty``, it does not learn.
    """

    FIXED_NOISE: ClassVar[float | None] = None  # replaces the option ``noise`` where the method prescribes it

    def __init__(self, width: int, frames: int, mask_ratio: float, *, noise: float, temperature: float, reverse: bool):
        super().__init__()
        self.visible = visible_count(frames, mask_ratio)  # V
        self.frames, self.mask_ratio = frames, mask_ratio
        self.noise = noise if self.FIXED_NOISE is None else self.FIXED_NOISE
        self.temperature, self.reverse = temperature, reverse

    def forward(self, tokens: Tensor, encoder: nn.Sequential, rng: torch.Generator) -> Views:
        """Choose two views of embedded frames ``tokens (B, T, C)``; ``encoder`` is that of ``MaskedAutoencoder``."""
        scores = self.scores(tokens, encoder).repeat(2, 1)  # (2B, T)
        noisy = scores + self.noise * gumbel(scores.shape, rng)
        visible = drop_highest(noisy, self.visible)
        return Views(visible, self._gate(visible, noisy), scores)

    def scores(self, tokens: Tensor, encoder: nn.Sequential) -> Tensor:
        """Score the frames, without noise, ``(B, T)`` float32: the higher, the earlier a frame is dropped."""
        raise NotImplementedError

    def penalty(self, views: Views, errors: Tensor) -> Tensor:
        """Return the sampler's own term of the loss, a scalar: by default 0.

        ``errors (2B, M)`` is the mean squared error of each dropped frame's reconstruction, in temporal order.
        """
        return errors.new_zeros(())

    def _gate(self, visible: Tensor, noisy: Tensor) -> Tensor | None:
        """Return the gate of ``visible (2B, T)``, which follows from the scores ``noisy (2B, T)``: by default none."""

    def _straight_through(self, visible: Tensor, soft: Tensor) -> Tensor:
        """Return ``visible`` as numbers with the gradient of 1 − ``soft``, which says how far each frame is dropped."""
        gate = visible + (soft.detach() - soft)  # the bracket is exactly 0
        return reverse_gradient(gate) if self.reverse else gate


class GradeNet(Sampler):
    """AutoSSVH (CVPR 2025): a network grades every frame, and the frames with the highest grades are dropped.

    The grade of a token x is sigmoid(w·(x + LN(W2 GELU(W1 x)))), plus Gumbel noise that is drawn for each view. The
    gradient passes straight through to a softmax over the frames, and is reversed: grades rise for frames whose
    absence makes the loss larger. The softmax adds up to 1 although M frames are dropped, as in the released code.
    Ours: tokens are detached, so that the game is only between this network and the rest. The released code differs
    from the paper: its noise has a further normal component of standard deviation 10, beside which grades between 0
    and 1 hardly count, the frames with the highest grades stay visible, and training never uses the sampler.
    """

    def __init__(self, width: int, frames: int, mask_ratio: float, **options: Unpack[Options]):
        super().__init__(width, frames, mask_ratio, **options)
        self.change = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width), nn.LayerNorm(width))
        self.grade = nn.Linear(width, 1)
        xavier(self)

    def scores(self, tokens: Tensor, encoder: nn.Sequential) -> Tensor:
        """Grade the frames, ``(B, T)`` between 0 and 1."""
        tokens = tokens.detach()
        logits: Tensor = self.grade(tokens + self.change(tokens))
        return logits.squeeze(-1).float().sigmoid()

    def _gate(self, visible: Tensor, noisy: Tensor) -> Tensor:
        return self._straight_through(visible, (noisy / self.temperature).softmax(dim=-1))


class Random(Sampler):
    """ConMH (AAAI 2023): ``random_pair``; nothing is learned, and all scores are 0."""

    def forward(self, tokens: Tensor, encoder: nn.Sequential, rng: torch.Generator) -> Views:
        """Draw two views that share as few frames as possible."""
        visible = torch.cat(random_pair(len(tokens), self.frames, self.mask_ratio, rng))
        return Views(visible, None, self.scores(tokens, encoder).repeat(2, 1))

    def scores(self, tokens: Tensor, encoder: nn.Sequential) -> Tensor:
        """Return zeros ``(B, T)``."""
        return torch.zeros(tokens.shape[:2], device=tokens.device)


class AttMask(Sampler):
    """AttMask (Kakogeorgiou et al., ECCV 2022): the frames that receive most attention are dropped; nothing is learned.

    Ours, for frames: attention is that of the encoder itself, without gradient, where the original keeps an average
    of past weights as a teacher; for want of a class token, attention received is averaged over all queries; the
    number of dropped frames is fixed; and two views differ by Gumbel noise on the logarithm of attention, so that
    frames are dropped as if drawn without replacement, in proportion to it.
    """

    FIXED_NOISE = 1.0  # [ours] makes it a draw in proportion to attention

    @torch.no_grad()
    def scores(self, tokens: Tensor, encoder: nn.Sequential) -> Tensor:
        """Return the logarithm of the attention that each frame receives in the last block, ``(B, T)``."""
        last = encoder[-3]  # LayerNorm and Linear follow
        if not isinstance(last, Block):
            raise SSVHError(
                f"The sampler 'attmask' needs an encoder whose last block has attention, but this one's is "
                f"{type(last).__name__}; use a Transformer encoder or another sampler."
            )
        # Older versions of autocast would cache the weights that they cast here, without gradient, and reuse them.
        with torch.autocast(tokens.device.type, enabled=False):
            tokens = encoder[:-3](tokens.float())
            weights = last.attention.weights(last.attention_norm(tokens))  # (B, heads, T, T)
        return weights.mean(dim=(1, 2)).clamp(min=torch.finfo(weights.dtype).tiny).log()


class AdaMAE(Sampler):
    """AdaMAE (Bandara et al., CVPR 2023): a Transformer block predicts each frame's probability of being visible.

    Visible frames are drawn without replacement from the probabilities p. These learn from the penalty alone, which
    raises log p of dropped frames by their error: hard frames become visible, the opposite of an adversarial game.
    Scores are −log p. Ours: tokens stand for frames instead of cubes of pixels, two views are two draws from one p,
    and there is no dropout in the block. As in the original, the gradient continues into the tokens.
    """

    FIXED_NOISE = -1.0  # [paper] −log p − Gumbel drops the lowest log p + Gumbel: a draw from p stays visible
    HEADS = 8  # [code] at most
    WEIGHT = 1e-4  # [code] of the penalty

    def __init__(self, width: int, frames: int, mask_ratio: float, **options: Unpack[Options]):
        super().__init__(width, frames, mask_ratio, **options)
        self.positions = nn.Parameter(torch.zeros(frames, width))
        block = Block(width, _head_count(width, self.HEADS))
        # The softmax over the frames would cancel this bias, and that of the next layer.
        block.mlp[-1].register_parameter("bias", None)
        self.logit = nn.Sequential(block, nn.Linear(width, 1, bias=False))
        xavier(self)

    def scores(self, tokens: Tensor, encoder: nn.Sequential) -> Tensor:
        """Return minus the logarithm of the probability of being visible, ``(B, T)``."""
        logits: Tensor = self.logit(tokens + self.positions)
        return -logits.squeeze(-1).float().log_softmax(dim=-1)

    def penalty(self, views: Views, errors: Tensor) -> Tensor:
        """Average −log p times the error, which gets no gradient, over the dropped frames."""
        dropped = frame_index(~views.visible, errors.shape[1])  # (2B, M)
        return self.WEIGHT * (views.scores.gather(1, dropped) * errors.detach().float()).mean()


class ADIOS(Sampler):
    """ADIOS (Shi et al., ICML 2022): an occlusion network divides each video between two masks that make the task hard.

    A softmax over the masks says how strongly each hides a frame, and a penalty keeps both from hiding nothing or
    everything. View n drops the M frames that mask n hides most, without noise. Ours: a Transformer block in place
    of a U-Net; two masks, one for each view; hard choices with a straight-through gradient, where the original
    multiplies by 1 − mask; one step with reversed gradient, where the original alternates two optimisers; detached
    tokens. Scores are log-odds, whose sigmoid is the softmax over two masks; where it saturates, they do not tie.
    """

    HEADS = 8  # [ours] at most
    ALPHA = 0.5  # [ours] weight of the penalty; the released scripts use 0 to 0.95

    def __init__(self, width: int, frames: int, mask_ratio: float, **options: Unpack[Options]):
        super().__init__(width, frames, mask_ratio, **options)
        block = Block(width, _head_count(width, self.HEADS))
        self.occluder = nn.Sequential(nn.Linear(width, width), block, nn.Linear(width, 2))
        xavier(self)

    def forward(self, tokens: Tensor, encoder: nn.Sequential, rng: torch.Generator) -> Views:
        """Choose one view for each mask; ``rng`` is not used."""
        scores = self.scores(tokens, encoder)
        scores = torch.cat([scores, -scores])  # (2B, T)
        visible = drop_highest(scores, self.visible)
        return Views(visible, self._straight_through(visible, scores.sigmoid()), scores)

    def scores(self, tokens: Tensor, encoder: nn.Sequential) -> Tensor:
        """Return the log-odds ``(B, T)`` of being hidden by the first mask; those of the second are minus these.

        Which of the masks is the first is arbitrary: an agreement below one half says as much as one above.
        """
        logits: Tensor = self.occluder(tokens.detach())  # (B, T, 2)
        first, second = logits.float().unbind(dim=-1)
        return first - second

    def penalty(self, views: Views, errors: Tensor) -> Tensor:
        """Penalise masks that hide almost nothing or everything; least where each hides half of a video."""
        share = views.scores.sigmoid().mean(dim=1)  # (2B,)
        share = torch.minimum(share, 1 - share)  # has the same sine; in float32 the sine of π is negative
        return self.ALPHA * (1 / (torch.sin(math.pi * share) + 1e-10)).mean()


def _head_count(width: int, most: int) -> int:
    """Return the largest number of heads, ``most`` or fewer, that divides ``width``."""
    return next(heads for heads in range(most, 0, -1) if width % heads == 0)


SAMPLERS: dict[str, type[Sampler]] = {
    "grade-net": GradeNet, "random": Random, "attmask": AttMask, "adamae": AdaMAE, "adios": ADIOS,
}  # fmt: skip
