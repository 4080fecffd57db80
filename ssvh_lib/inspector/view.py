"""``explain``: all that the inspector shows of one video, computed at once as plain arrays."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor

from ..errors import SSVHError
from ..losses import frame_errors
from ..methods.autossvh import AutoSSVH
from ..nn.layers import frame_index, take_frames
from ..samplers import SAMPLERS, agreement, drop_highest, gumbel
from .subject import SHOWN, Subject, model_of

DRAWS = 4  # that are shown
NAMES = {"random": "random", "attmask": "AttMask", "adamae": "AdaMAE", "adios": "ADIOS"}
LEARNS = ("adamae", "adios")  # samplers that mean nothing without training


@dataclass(frozen=True)
class Rival:
    """The choice of another sampler: its first view ``visible (T,)``, or None with a ``note`` that says why."""

    name: str
    visible: np.ndarray | None
    note: str = ""


@dataclass(frozen=True)
class View:
    """One video under a Grade-Net, with T frames of which M are dropped; arrays are read-only."""

    title: str
    classes: tuple[str, ...]
    frames: np.ndarray | None  # (T, H, W) or (T, H, W, 3) uint8
    informative: np.ndarray | None  # (T,) bool, the truth where it is known
    scores: np.ndarray  # (T,), the higher, the sooner a frame is dropped
    soft: np.ndarray  # (T,), the softmax of the first draw's noisy scores, along which the gradient flows
    visible: np.ndarray  # (DRAWS, T) bool, True = the encoder sees the frame
    errors: np.ndarray  # (T,), mean squared error of each frame if it is hidden among random others
    rivals: tuple[Rival, ...]
    values: np.ndarray  # (K,), whose signs are the code; all frames are seen
    noise: float
    temperature: float
    budget: int  # M
    epoch: int
    seed: int

    def __post_init__(self) -> None:
        for array in [*vars(self).values(), *(rival.visible for rival in self.rivals)]:
            if isinstance(array, np.ndarray):
                array.setflags(write=False)

    @property
    def agreement(self) -> float | None:
        """Return how often an informative frame scores above another one; None where the truth is not known."""
        return None if self.informative is None else agreement(self.scores[None], self.informative[None])

    @cached_property
    def follows_error(self) -> float:
        """Return the rank correlation of scores and errors; 0 where all are equal."""
        if np.ptp(self.scores) == 0 or np.ptp(self.errors) == 0:
            return 0.0
        return float(spearmanr(self.scores, self.errors).statistic)


@torch.inference_mode()
def explain(
    run: Subject,
    video: int,
    noise: float | None = None,
    temperature: float | None = None,
    budget: int | None = None,
    epoch: int | None = None,
    seed: int = 0,
) -> View:
    """Compute what the Grade-Net of ``run`` does with a query of its dataset.

    ``noise`` scales the Gumbel noise on the scores, ``temperature`` is that of the soft choice, ``budget`` is M, how
    many frames are dropped, ``epoch`` one of ``run.epochs``; by default those of training and the last. ``seed`` draws
    the noise. Raises SSVHError if one of them is out of range, or if there is no such video.
    """
    videos, config = run.dataset.query, run.model().config
    noise = config.noise if noise is None else noise
    temperature = config.sampler_temperature if temperature is None else temperature
    budget = int(config.mask_ratio * config.frames) if budget is None else budget
    epoch = run.epochs[-1] if epoch is None else epoch
    _check(len(videos), config.frames, video, noise, temperature, budget)
    model = run.model(epoch)
    one = videos.part(np.array([video]))
    frames = torch.from_numpy(one.features)  # (1, T, D)
    tokens, visible_count = model.tokens(frames), config.frames - budget

    scores = model.frame_scores(frames)  # (1, T)
    noisy = scores + noise * gumbel((DRAWS, config.frames), torch.Generator().manual_seed(seed))
    return View(
        title=one.ids[0],
        classes=run.dataset.class_names(one.labels[0]),
        frames=None if one.thumbnails is None else one.thumbnails[:1][0],
        informative=None if one.informative is None else one.informative[0],
        scores=scores[0].numpy(),
        soft=(noisy[0] / temperature).softmax(dim=-1).numpy(),
        visible=drop_highest(noisy, visible_count).numpy(),
        errors=hidden_errors(model, tokens, frames, budget, seed).numpy(),
        rivals=tuple(_rival(name, run, model, frames, budget, seed) for name in SAMPLERS if name != SHOWN),
        values=model.encode(frames)[0].numpy(),
        noise=noise,
        temperature=temperature,
        budget=budget,
        epoch=epoch,
        seed=seed,
    )


def hidden_errors(model: AutoSSVH, tokens: Tensor, frames: Tensor, budget: int, seed: int) -> Tensor:
    """Measure how badly each frame is rebuilt ``(T,)`` when it is hidden among random others, M = ``budget`` in all.

    ``tokens (1, T, C)`` and ``frames (1, T, D)`` are of one video. The frames are put into a random order, in which T
    views hide M neighbours each, every view one place further, so that each frame is hidden M times.
    """
    T = frames.shape[1]
    order = torch.randperm(T, generator=torch.Generator().manual_seed(seed))
    dropped = order[(torch.arange(T)[:, None] + torch.arange(budget)) % T]  # (T, M)
    visible = torch.ones(T, T, dtype=torch.bool).scatter(1, dropped, False)
    seen, unseen = frame_index(visible, T - budget), frame_index(~visible, budget)
    codes = model.hash(model.encoder(take_frames(tokens.expand(T, -1, -1), seen)))
    errors = frame_errors(model.decode(codes, seen, unseen), take_frames(frames.expand(T, -1, -1), unseen))  # (T, M)
    return torch.zeros(T).index_add(0, unseen.flatten(), errors.flatten()) / budget


def _rival(name: str, run: Subject, model: AutoSSVH, frames: Tensor, budget: int, seed: int) -> Rival:
    """Return another sampler's choice at the same budget: that of its run or, if it learns nothing, by ``model``."""
    theirs, config = run.rivals.get(name), model.config
    if theirs is None and name in LEARNS:
        return Rival(NAMES[name], None, f"no run of it: ssvh train autossvh --set sampler={name}")
    # The half keeps rounding from turning M / T · T into M − 1.
    ratio = (budget + 0.5) / config.frames
    if theirs is None:
        sampler = SAMPLERS[name](config.width, config.frames, ratio, noise=1.0, temperature=1.0, reverse=True)
    else:
        model = model_of(theirs)
        sampler = copy(model.sampler)  # shares everything but the attributes set here
        sampler.visible, sampler.mask_ratio = config.frames - budget, ratio
    views = sampler(model.tokens(frames), model.encoder, torch.Generator().manual_seed(seed))
    return Rival(NAMES[name], views.visible[0].numpy())


def _check(videos: int, frames: int, video: int, noise: float, temperature: float, budget: int) -> None:
    if video not in range(videos):
        raise SSVHError(f"The dataset has queries 0 to {videos - 1}, but no query {video}.")
    if not 0 <= noise < np.inf:
        raise SSVHError(f"noise, a factor on Gumbel noise, must be 0 or more, got {noise}.")
    if not 0 < temperature < np.inf:
        raise SSVHError(f"temperature, that of a softmax, must be more than 0, got {temperature}.")
    if budget not in range(1, frames):
        raise SSVHError(f"budget, how many of {frames} frames are dropped, must be 1 to {frames - 1}, got {budget}.")
