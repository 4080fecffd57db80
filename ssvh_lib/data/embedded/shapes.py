"""Drawn shapes, for a world of other glyphs than the CNN has seen.

No two shapes are alike: each is an outline with its own proportions, bent by smooth waves, stretched and slanted as if
drawn by hand. Those of the training videos and those of the query videos come from two generators; there are as many
as there are digits.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from .glyphs import Glyphs, Pools

POOLS = {"train": 72, "query": 45}  # shapes of each kind
GRID, FINE = 16, 4  # pixels of a shape's side; samples of a pixel's side, for smooth edges


def _circle(points: int) -> np.ndarray:
    """Return the corners ``(P, 2)`` of a regular polygon of radius 1, the first on top."""
    turn = 2 * np.pi * np.arange(points) / points
    return np.round(np.stack([np.sin(turn), -np.cos(turn)], axis=1), 9)  # the same on every platform


def _ring(rng: np.random.Generator) -> np.ndarray:
    outer = _circle(36)[np.r_[0:36, 0]]
    return np.concatenate([outer, rng.uniform(0.45, 0.65) * outer, outer[:1]])  # the seam between them has no width


def _cross(rng: np.random.Generator) -> np.ndarray:
    arm = rng.uniform(0.2, 0.38)
    corner = np.array([[-arm, -1], [arm, -1], [arm, -arm]])
    turned = [corner @ np.linalg.matrix_power(np.array([[0, 1], [-1, 0]]), quarter) for quarter in range(4)]
    return np.concatenate(turned)


def _star(rng: np.random.Generator) -> np.ndarray:
    return _circle(10) * np.where(np.arange(10) % 2, rng.uniform(0.36, 0.5), 1)[:, None]


def _arrow(rng: np.random.Generator) -> np.ndarray:
    shaft, head, wing = rng.uniform(0.16, 0.3), rng.uniform(-0.2, 0.15), rng.uniform(0.65, 0.85)
    right = np.array([[0, -1], [wing, head], [shaft, head], [shaft, 1]])
    return np.concatenate([right, right[::-1] * [-1, 1]])


def _crescent(rng: np.random.Generator) -> np.ndarray:
    circle = _circle(36)
    outer = circle[5:32]  # open at the top
    tip = outer[0]
    inner = circle[27:8:-1] * [tip[0], rng.uniform(0.9, 1.25)] + [0, tip[1]]  # half an ellipse, from tip to tip
    return np.concatenate([outer, inner])


def _heart(rng: np.random.Generator) -> np.ndarray:
    sine, up = _circle(48).T * [[1], [-1]]  # of the angle t
    twice = 2 * up**2 - 1  # cosine of 2t, and so on
    y = 13 * up - rng.uniform(4.5, 6.5) * twice - 2 * (2 * twice - 1) * up - (2 * twice**2 - 1)
    return np.stack([16 * sine**3, -y - 2], axis=1) / 17


OUTLINES: dict[str, Callable[[np.random.Generator], np.ndarray]] = {  # kind -> corners (P, 2) within about 1 of 0
    "disc": lambda rng: _circle(36) * [rng.uniform(0.75, 1), 1],
    "ring": _ring,
    "square": lambda rng: np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [rng.uniform(0.7, 0.85), 0.85],
    "triangle": lambda rng: _circle(3) * [1.1, rng.uniform(0.9, 1.1)] + [0, 0.2],
    "cross": _cross,
    "star": _star,
    "arrow": _arrow,
    "crescent": _crescent,
    "heart": _heart,
    "hourglass": lambda rng: np.array([[-1, -1], [1, -1], [-1, 1], [1, 1]]) * [rng.uniform(0.7, 0.9), 0.95],
}


@cache
def shape_pools() -> Pools:
    """Return the two pools: name -> (shapes ``(M, 16, 16)`` in 0..1, their kinds ``(M,)``)."""
    pools = {}
    for number, (name, count) in enumerate(POOLS.items()):
        rng = np.random.default_rng([2026, number])  # fixed, whatever the seed of the videos
        kinds = np.repeat(np.arange(len(OUTLINES)), count)
        outlines = list(OUTLINES.values())
        pools[name] = np.stack([_fill(_by_hand(outlines[kind](rng), rng)) for kind in kinds]), kinds
    return pools


def _by_hand(corners: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Deform an outline ``(P, 2)`` as if drawn by hand: edges bent by waves, the whole stretched and slanted."""
    edges = np.roll(corners, -1, axis=0) - corners
    outline = (corners[:, None] + np.arange(6)[:, None] / 6 * edges[:, None]).reshape(-1, 2)
    waves = np.sin(rng.uniform(2, 4) * outline[:, ::-1] + rng.uniform(0, 2 * np.pi, 2))
    shear = np.eye(2) + rng.uniform(-0.12, 0.12, (2, 2))
    bent: np.ndarray = np.round((outline + rng.uniform(0.03, 0.1) * waves) @ shear, 9)
    return bent


def _fill(outline: np.ndarray) -> np.ndarray:
    """Draw the picture ``(16, 16)`` of a closed outline ``(P, 2)``: the share of each pixel that is inside.

    A place is inside if a ray from it to the right crosses the outline an odd number of times.
    """
    samples = (np.arange(GRID * FINE) + 0.5) / (GRID * FINE) * 2.5 - 1.25
    x, y = outline[:, :1], outline[:, 1:]  # (P, 1) each
    next_x, next_y = np.roll(x, -1, axis=0), np.roll(y, -1, axis=0)
    crossed = (y > samples) != (next_y > samples)  # (P, lines)
    where = x + (samples - y) * (next_x - x) / np.where(next_y == y, 1, next_y - y)
    inside = np.logical_xor.reduce(crossed[..., None] & (samples < where[..., None]))  # (lines, columns)
    shares: np.ndarray = inside.reshape(GRID, FINE, GRID, FINE).mean(axis=(1, 3))
    return shares


SHAPES = Glyphs(tuple(OUTLINES), shape_pools)
