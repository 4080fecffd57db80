"""The embedded dataset: real handwritten digits that move over textured backgrounds.

``generator`` says how they move and when they show; here are the digits, bright on dark, and the backgrounds,
smooth noise. The digits are the 1,797 images of 8 x 8 pixels that scikit-learn ships (Alpaydin and Kaynak, 1998).
They are split into three disjoint pools: stills for pre-training the CNN (``still_cnn``), digits of the
training videos, digits of the query videos.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from . import generator
from .generator import MOTIONS, SIDE, Plan, Pools

NAME = "digits"
CLASSES = tuple(f"{digit} {motion}" for digit in range(10) for motion in MOTIONS)
POOLS = {"stills": 0.35, "train": 0.40, "query": 0.25}  # shares of the digit images of each class
STREAMS = {"train": 2, "query": 3}


@cache
def digit_pools() -> Pools:
    """Return the three disjoint pools: name -> (images ``(M, 8, 8)`` in 0..1, digits ``(M,)``)."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    rng = np.random.default_rng(1998)  # one fixed split, whatever the seed of the videos
    rows: dict[str, list[np.ndarray]] = {name: [] for name in POOLS}
    for digit in range(10):
        members = rng.permutation(np.flatnonzero(bunch.target == digit))
        cuts = np.round(np.cumsum(list(POOLS.values()))[:-1] * len(members)).astype(int)
        for name, chosen in zip(POOLS, np.split(members, cuts), strict=True):
            rows[name].append(chosen)
    index = {name: np.concatenate(parts) for name, parts in rows.items()}
    return {name: (bunch.images[i] / 16.0, bunch.target[i]) for name, i in index.items()}


def make_plan(pool: str, videos: int, rng: np.random.Generator) -> Plan:
    """Plan ``videos`` videos, spread as evenly as possible over the classes, in random order."""
    return _complete(pool, rng, **generator.draw_course(videos, rng))


def make_stills(pictures: int, rng: np.random.Generator) -> Plan:
    """Plan ``pictures`` videos of a single frame: upright digits of the stills pool, anywhere in the picture."""
    one = (pictures, 1)
    return _complete(
        "stills",
        rng,
        label=rng.integers(0, len(CLASSES), pictures),
        centre=SIDE / 2 - 0.5 + rng.uniform(-10.0, 10.0, (*one, 2)),
        scale=rng.uniform(0.8, 1.3, one),
        angle=rng.uniform(-0.25, 0.25, one),
        informative=np.ones(one, bool),
        shot=np.zeros(one, int),
    )


def _complete(pool: str, rng: np.random.Generator, **course: np.ndarray) -> Plan:
    """Complete the plan of videos whose course is set: draw digits of the pool, brightness and backgrounds."""
    videos = len(course["label"])
    return Plan(
        glyph=generator.draw_glyphs(digit_pools()[pool], course["label"], rng),
        ink=rng.uniform(0.5, 0.85, videos),
        texture=rng.uniform(0, 1, (videos, 1 + course["shot"].max(), 14, 14)),
        drift=rng.uniform(-0.5, 0.5, (videos, 2)),
        **course,
    )


def render(plan: Plan) -> np.ndarray:
    """Render the pixels of a plan, ``(N, T, 32, 32)`` uint8."""
    return generator.render(plan, _background)


def _background(plan: Plan, column: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Render smooth noise ``(N, T, 32, 32)``, values 0.05 to 0.45."""
    coarse = plan.texture[np.arange(len(plan))[:, None], plan.shot]  # (N, T, G, G)
    return 0.05 + 0.4 * generator.bilinear(coarse, column / 6.0 + 3.0, line / 6.0 + 3.0)
