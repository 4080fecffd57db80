"""The frozen image backbone of the embedded datasets: a small CNN taught to name what still pictures show.

It stands in for the ImageNet networks behind the published features: trained on other pictures than the
videos' (the "stills" pool), never on motion, then frozen; its last hidden layer, D = 256 values after a
ReLU, describes one frame. Weights are trained in float64 from a fixed seed: rounding differs between
processors and thread counts, and in float32 the optimiser would amplify that into other features.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from .digits import DIGITS
from .generator import FEATURES, render
from .worlds import Lesson

PICTURES, BATCH, LEARNING_RATE = 20_000, 128, 2e-3
SCENE_WEIGHT = 0.3  # of the loss of naming scenes; digits are seen in few pixels, and would be neglected


def network(outputs: int) -> nn.Sequential:
    """Make the CNN, from frames ``(B, 1, 32, 32)`` in 0..1 to logits ``(B, outputs)``.

    All layers but the last make features ``(B, 256)``.
    """
    return nn.Sequential(
        *_stage(1, 16, 5),  # (B, 16, 16, 16)
        *_stage(16, 32, 3),  # (B, 32, 8, 8)
        *_stage(32, 64, 3),  # (B, 64, 4, 4)
        nn.Flatten(),
        nn.Linear(1024, FEATURES),
        nn.ReLU(),
        nn.Linear(FEATURES, outputs),
    )


def _stage(inputs: int, outputs: int, kernel: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride=2, padding=kernel // 2, bias=False)
    return convolution, nn.BatchNorm2d(outputs), nn.ReLU()


def pretrain(lesson: Lesson, seed: int, step_done: Callable[[], object] = lambda: None) -> nn.Sequential:
    """Train a CNN to name the digits of the stills pool, and scenes; deterministic up to float64 rounding."""
    rng = np.random.default_rng([seed, 1])
    model = network(len(DIGITS.kinds) + lesson.scenes).double()
    _initialise(model, rng)
    optimiser = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, lesson.steps)
    pictures, digits, scenes = _stills(lesson, rng)
    for _ in range(lesson.steps):
        rows = rng.integers(0, len(digits), BATCH)
        logits = model(pictures[rows])
        loss = nn.functional.cross_entropy(logits[:, : len(DIGITS.kinds)], digits[rows])
        if lesson.scenes:
            loss = loss + SCENE_WEIGHT * nn.functional.cross_entropy(logits[:, len(DIGITS.kinds) :], scenes[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        step_done()
    return model.requires_grad_(False).eval()


def features(model: nn.Sequential, frames: np.ndarray) -> np.ndarray:
    """Compute features ``(N, T, 256)`` float32 of frames ``(N, T, 32, 32)`` uint8."""
    pixels = torch.from_numpy(frames.reshape(-1, 1, *frames.shape[-2:]))
    hidden = deepcopy(model[:-1]).float()
    with torch.inference_mode():
        parts = [hidden(part.float() / 255) for part in pixels.split(5000)]
    return torch.cat(parts).view(*frames.shape[:2], -1).numpy()


def save(model: nn.Sequential, path: Path) -> None:
    """Write the weights to a safetensors file, in float64 as they were trained."""
    save_file(model.state_dict(), path)


def load(path: Path) -> nn.Sequential:
    """Load the frozen CNN that ``save`` wrote, equal bit for bit."""
    weights = load_file(path)
    model = network(len(weights["12.bias"])).double()
    model.load_state_dict(weights)
    return model.requires_grad_(False).eval()


def _initialise(model: nn.Module, rng: np.random.Generator) -> None:
    """Draw He's initial weights from a NumPy generator, whose stream is fixed across versions and platforms."""
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            fan_in = layer.weight[0].numel()
            with torch.no_grad():
                layer.weight.copy_(torch.from_numpy(rng.standard_normal(layer.weight.shape) * (2 / fan_in) ** 0.5))
                if layer.bias is not None:
                    layer.bias.zero_()


def _stills(lesson: Lesson, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Render pictures ``(M, 1, 32, 32)``, with the digits ``(M,)`` and the kinds of scenes ``(M,)`` that they show."""
    plan = lesson.stills(PICTURES, rng)
    pictures = torch.from_numpy(render(plan, lesson.backdrop) / 255)
    return pictures, torch.from_numpy(plan.kind[:, 0]), torch.from_numpy(plan.scene[:, 0])
