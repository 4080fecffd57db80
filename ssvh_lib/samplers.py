"""Which frames the encoder sees: masks ``visible (B, T)`` bool, True = the encoder sees the frame.

At random, as in ConMH, or by a ``Sampler``: AutoSSVH's Grade-Net and the three samplers that it is compared with.
Shapes: B videos, T frames, V visible and M = T − V dropped ones, C width.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from .errors import SSVHError
from .nn.layers import Attention, Block, frame_index, reverse_gradient, visible_count, xavier


def random_pair(videos: int, frames: int, mask_ratio: float, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two views ``visible (B, T)`` of one random order of the frames: its first V and its last V (ConMH, section 3.2).

    They share no frame when V <= T/2, and as few as possible otherwise. The masks lie on the device of ``rng``.
    """
    place = torch.rand(videos, frames, generator=rng, device=rng.device).argsort(dim=1).argsort(dim=1)
    count = visible_count(frames, mask_ratio)
    return place < count, place >= frames - count


def independent_pair(videos: int, frames: int, mask_ratio: float, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two views ``visible (B, T)`` drawn independently, unlike ``random_pair``'s; on the device of ``rng``."""
    count = visible_count(frames, mask_ratio)
    first, second = torch.rand(2, videos, frames, generator=rng, device=rng.device)
    return drop_highest(first, count), drop_highest(second, count)


def drop_highest(scores: Tensor, visible_count: int) -> Tensor:
    """``visible (…, T)``: False for the T − V highest of ``scores (…, T)``; of equal ones the earlier drop first."""
    dropped = scores.argsort(dim=-1, descending=True, stable=True)[..., : scores.shape[-1] - visible_count]
    return torch.ones_like(scores, dtype=torch.bool).scatter(-1, dropped, False)


def gumbel(shape: tuple[int, ...], rng: torch.Generator) -> Tensor:
    """Standard Gumbel noise in float32, always finite, on the device of ``rng``.

    Scores log p plus this noise rank frames as drawing without replacement does, each time in proportion to p
    (Kool et al., 2019).
    """
    uniform = torch.rand(shape, generator=rng, device=rng.device)  # may be 0, but not 1
    return -(-uniform.clamp(min=torch.finfo(uniform.dtype).tiny).log()).log()


def agreement(scores: np.ndarray, informative: np.ndarray) -> float:
    """How well ``scores (N, T)`` find the frames that are ``informative (N, T)``: mean over videos of the AUC.

    That is how often an informative frame of a video scores higher than another one of it; equal scores count half.
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
    # (2B, T), 1.0 where visible, 0.0 where dropped: the same choice as a number, which carries the gradient to a
    # sampler that learns from the loss; None for samplers that do not
    gate: Tensor | None
    scores: Tensor  # (2B, T), what was ranked, before noise, with its graph: the higher, the earlier a frame is dropped


class Sampler(nn.Module):
    """Chooses the visible frames of two views of each video; this base draws them by Gumbel noise on ``scores``.

    ``noise`` scales that noise, ``temperature`` is that of the soft choice, and ``reverse`` makes a sampler that
    learns through the gate climb the loss instead of descending it. A sampler ignores what it has no use for.
    """

    def __init__(self, width: int, frames: int, mask_ratio: float, *, noise: float, temperature: float, reverse: bool):
        super().__init__()
        self.visible = visible_count(frames, mask_ratio)  # V
        self.frames, self.mask_ratio = frames, mask_ratio
        self.noise, self.temperature, self.reverse = noise, temperature, reverse

    def forward(self, tokens: Tensor, encoder: nn.Sequential, rng: torch.Generator) -> Views:
        """Two views of embedded frames ``tokens (B, T, C)``; ``encoder`` is that of ``MaskedAutoencoder``."""
        scores = self.scores(tokens, encoder).repeat(2, 1)  # (2B, T)
        noisy = scores + self.noise * gumbel(scores.shape, rng)
        visible = drop_highest(noisy, self.visible)
        return Views(visible, self._gate(visible, noisy), scores)

    def scores(self, tokens: Tensor, encoder: nn.Sequential) -> Tensor:
        """``(B, T)`` float32 without noise: the higher, the earlier a frame is dropped."""
        raise NotImplementedError

    def penalty(self, views: Views, errors: Tensor) -> Tensor:
        """What the sampler adds to the loss, a scalar.

        ``errors (2B, M)`` is the mean squared error of each dropped frame, rebuilt, in temporal order.
        """
        return errors.new_zeros(())

    def _gate(self, visible: Tensor, noisy: Tensor) -> Tensor | None:
        """The gate of ``visible (2B, T)``, which were chosen by ``noisy (2B, T)``."""

    def _straight_through(self, visible: Tensor, soft: Tensor) -> Tensor:
        """``visible`` as numbers with the gradient of 1 − ``soft``, which says how far each frame is dropped."""
        gate = visible + (soft.detach() - soft)  # the bracket is exactly 0
        return reverse_gradient(gate) if self.reverse else gate


class GradeNet(Sampler):
    """AutoSSVH (CVPR 2025): a network grades every frame, and the frames with the highest grades are dropped.

    The grade sigmoid(w·(x + LN(W2 GELU(W1 x)))) of a token x is disturbed by Gumbel noise, once for each view. The
    gradient passes straight through to a softmax over the frames, and is reversed: grades rise for frames whose
    absence makes the loss larger. The softmax adds up to 1 although M frames are dropped, as in the released code.
    Ours: tokens are detached, so that the game is between this network and the rest only. The released code differs
    from the paper: its noise has a further normal part of deviation 10, beside which grades between 0 and 1 hardly
    count, the frames with the highest grades stay visible, and training never reaches it.
    """

    def __init__(self, width: int, frames: int, mask_ratio: float, **options: Any):
        super().__init__(width, frames, mask_ratio, **options)
        self.change = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width), nn.LayerNorm(width))
        self.grade = nn.Linear(width, 1)
        xavier(self)

    def scores(self, tokens: Tensor, encoder: nn.Sequential) -> Tensor:
        """Grades ``(B, T)`` between 0 and 1."""
        tokens = tokens.detach()
        return self.grade(tokens + self.change(tokens)).squeeze(-1).float().sigmoid()

    def _gate(self, visible: Tensor, noisy: Tensor) -> Tensor:
        return self._straight_through(visible, (noisy / self.temperature).softmax(dim=-1))


class Random(Sampler):
    """ConMH (AAAI 2023): ``random_pair``; nothing is learned, and all scores are 0."""

    def forward(self, tokens: Tensor, encoder: nn.Sequential, rng: torch.Generator) -> Views:
        """Two views that share as few frames as possible."""
        visible = torch.cat(random_pair(len(tokens), self.frames, self.mask_ratio, rng))
        return Views(visible, None, self.scores(tokens, encoder).repeat(2, 1))

    def scores(self, tokens: Tensor, encoder: nn.Sequential) -> Tensor:
        """Zeros ``(B, T)``."""
        return torch.zeros(tokens.shape[:2], device=tokens.device)


class AttMask(Sampler):
    """AttMask (Kakogeorgiou et al., ECCV 2022): the frames that receive most attention are dropped; nothing is learned.

    Ours, for frames: attention is that of the encoder itself, without gradient, where the original keeps an average
    of past weights as a teacher; for want of a class token, attention received is averaged over all queries; the
    number of dropped frames is fixed; and two views differ by Gumbel noise on the logarithm of attention, so that
    frames are dropped as if drawn without replacement, in proportion to it.
    """

    NOISE = 1.0  # [ours] the option is not used: 1 makes it a draw in proportion to attention

    def __init__(self, width: int, frames: int, mask_ratio: float, **options: Any):
        super().__init__(width, frames, mask_ratio, **options)
        self.noise = self.NOISE

    @torch.no_grad()
    def scores(self, tokens: Tensor, encoder: nn.Sequential) -> Tensor:
        """Logarithm of the attention that each frame receives in the last block, ``(B, T)``."""
        last = encoder[-3]  # LayerNorm and Linear follow
        if not isinstance(getattr(last, "attention", None), Attention):
            raise SSVHError(
                f"The sampler 'attmask' needs an encoder whose last block has attention, and this one's is "
                f"{type(last).__name__}; take a Transformer encoder or another sampler."
            )
        # Older autocasts would keep the copies of weights that they make here, without gradient, and use them again.
        with torch.autocast(tokens.device.type, enabled=False):
            tokens = encoder[:-3](tokens.float())
            weights = last.attention.weights(last.attention_norm(tokens))  # (B, heads, T, T)
        return weights.mean(dim=(1, 2)).clamp(min=torch.finfo(weights.dtype).tiny).log()


class AdaMAE(Sampler):
    """AdaMAE (Bandara et al., CVPR 2023): a Transformer block says how probable each frame is to be visible.

    Visible frames are drawn without replacement from the probabilities p. They learn from the penalty alone, which
    raises log p of dropped frames by their error: hard frames become visible, the opposite of a game. Scores are
    −log p. Ours: tokens stand for frames instead of cubes of pixels, two views are two draws from one p, and there
    is no dropout in the block. As in the original, the gradient goes on into the tokens.
    """

    NOISE = -1.0  # [paper] minus: −log p − Gumbel drops the lowest log p + Gumbel, so that a draw from p stays visible
    HEADS = 8  # [code] at most
    WEIGHT = 1e-4  # [code] of the penalty

    def __init__(self, width: int, frames: int, mask_ratio: float, **options: Any):
        super().__init__(width, frames, mask_ratio, **options)
        self.noise = self.NOISE
        self.positions = nn.Parameter(torch.zeros(frames, width))
        block = Block(width, _heads(width, self.HEADS))
        block.mlp[-1].bias = None  # the softmax over the frames would cancel this bias, and that of the next layer
        self.logit = nn.Sequential(block, nn.Linear(width, 1, bias=False))
        xavier(self)

    def scores(self, tokens: Tensor, encoder: nn.Sequential) -> Tensor:
        """Minus the logarithm of the probabilities of being visible, ``(B, T)``."""
        return -self.logit(tokens + self.positions).squeeze(-1).float().log_softmax(dim=-1)

    def penalty(self, views: Views, errors: Tensor) -> Tensor:
        """Mean over the dropped frames of −log p times their error, which is taken as given."""
        dropped = frame_index(~views.visible, errors.shape[1])  # (2B, M)
        return self.WEIGHT * (views.scores.gather(1, dropped) * errors.detach().float()).mean()


class ADIOS(Sampler):
    """ADIOS (Shi et al., ICML 2022): an occluder divides each video between two masks that make the task hard.

    A softmax over the masks says how far each hides a frame, and a penalty keeps either from hiding nothing or
    everything. View n drops the M frames that mask n hides most, without noise. Ours: a Transformer block in place
    of a U-Net; two masks, one for each view; hard choices with a straight-through gradient, where the original
    multiplies by 1 − mask; one step with reversed gradient, where the original alternates two optimisers; detached
    tokens. Scores are log-odds: mask n is their sigmoid, which is the softmax over two, and they never tie as it may.
    """

    HEADS = 8  # [ours] at most
    ALPHA = 0.5  # [ours] of the penalty; the released scripts have 0 to 0.95

    def __init__(self, width: int, frames: int, mask_ratio: float, **options: Any):
        super().__init__(width, frames, mask_ratio, **options)
        block = Block(width, _heads(width, self.HEADS))
        self.occluder = nn.Sequential(nn.Linear(width, width), block, nn.Linear(width, 2))
        xavier(self)

    def forward(self, tokens: Tensor, encoder: nn.Sequential, rng: torch.Generator) -> Views:
        """One view for each mask; ``rng`` is not used."""
        scores = self.scores(tokens, encoder)
        scores = torch.cat([scores, -scores])  # (2B, T)
        visible = drop_highest(scores, self.visible)
        return Views(visible, self._straight_through(visible, scores.sigmoid()), scores)

    def scores(self, tokens: Tensor, encoder: nn.Sequential) -> Tensor:
        """Log-odds ``(B, T)`` of being hidden by the first mask; those of the second are minus these.

        Which of the masks is the first is arbitrary: an agreement below one half says as much as one above.
        """
        first, second = self.occluder(tokens.detach()).float().unbind(dim=-1)
        return first - second

    def penalty(self, views: Views, errors: Tensor) -> Tensor:
        """Least where each mask hides half of a video, and huge where it hides next to nothing or everything."""
        share = views.scores.sigmoid().mean(dim=1)  # (2B,)
        share = torch.minimum(share, 1 - share)  # the same sine; that of π in float32 is negative
        return self.ALPHA * (1 / (torch.sin(math.pi * share) + 1e-10)).mean()


def _heads(width: int, most: int) -> int:
    """The largest number of heads, ``most`` or fewer, that divides ``width``."""
    return next(heads for heads in range(most, 0, -1) if width % heads == 0)


SAMPLERS: dict[str, type[Sampler]] = {
    "grade-net": GradeNet, "random": Random, "attmask": AttMask, "adamae": AdaMAE, "adios": ADIOS,
}  # fmt: skip
