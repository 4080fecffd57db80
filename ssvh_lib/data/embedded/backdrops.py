"""What glyphs move over: smooth noise, stripes and checks, or scenes of twenty kinds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .generator import bilinear


@dataclass(frozen=True)
class SmoothNoise:
    """Smooth noise, another one for every shot, of brightness 0.05 to 0.45."""

    def draw(self, label: np.ndarray, shots: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw a grid of brightness for every shot, ``(N, S, 14, 14)``; there is one kind."""
        return rng.uniform(0, 1, (len(label), shots, 14, 14)), np.zeros((len(label), shots), int)

    def render(self, texture: np.ndarray, column: np.ndarray, line: np.ndarray) -> np.ndarray:
        """Return the brightness at places ``(N, T, 32, 32)`` of grids ``texture (N, T, 14, 14)``."""
        return 0.05 + 0.4 * bilinear(texture, column / 6.0 + 3.0, line / 6.0 + 3.0)


@dataclass(frozen=True)
class Stripes:
    """Soft stripes or checks of any direction, another one for every shot, within ``depth`` of a brightness."""

    brightness: float
    depth: float

    def draw(self, label: np.ndarray, shots: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw five numbers for every shot, ``(N, S, 5)``; there is one kind."""
        return rng.uniform(0, 1, (len(label), shots, 5)), np.zeros((len(label), shots), int)

    def render(self, texture: np.ndarray, column: np.ndarray, line: np.ndarray) -> np.ndarray:
        """Return the brightness at places ``(N, T, 32, 32)`` of patterns ``texture (N, T, 5)``."""
        checks, turn, width, phase, contrast = np.moveaxis(texture, -1, 0)[..., None, None]
        cosine, sine = np.round(np.cos(np.pi * turn), 9), np.round(np.sin(np.pi * turn), 9)
        across = _bands(cosine * column + sine * line, width, phase)
        along = _bands(cosine * line - sine * column, width, phase)
        pattern = np.where(checks < 0.5, across * along, across)
        brightness: np.ndarray = self.brightness + self.depth * (0.2 + 0.8 * contrast) * pattern
        return brightness


def _bands(place: np.ndarray, width: np.ndarray, phase: np.ndarray) -> np.ndarray:
    """Return the brightness at ``place`` in bands 6 to 10 pixels wide, from -1 to 1 and back."""
    return _sine(place / (6 + 4 * width) + 2 * phase)


def _sine(half_turns: np.ndarray) -> np.ndarray:
    """Return sin(pi x), rounded, so that the last bit of a platform's sine cannot reach a pixel."""
    rounded: np.ndarray = np.round(np.sin(np.pi * half_turns), 9)
    return rounded


PATTERNS: tuple[Callable[[np.ndarray, np.ndarray], np.ndarray], ...] = (  # of places in half periods, to -1 ... 1
    lambda a, b: _sine(a),  # bands
    lambda a, b: _sine(a) * _sine(b),  # checks
    lambda a, b: _sine(a + 0.7 * _sine(0.5 * b)),  # waves
    lambda a, b: 2 * np.maximum(_sine(a), 0) * np.maximum(_sine(b), 0) - 1,  # dots
    lambda a, b: np.maximum(_sine(a), _sine(b)),  # a lattice
)
PERIODS, TURNS = (5.0, 9.0), (0.1, 0.6)  # half a period in pixels, and the direction in half turns, of a kind
KINDS = len(PATTERNS) * len(PERIODS) * len(TURNS)


@dataclass(frozen=True)
class Scenes:
    """Scenes of twenty kinds: a kind has a pattern, a coarseness and a direction, a scene its own of everything else.

    A video keeps to its scene. It is of the kind that belongs to the video's class, or of any.
    """

    kinship: float  # probability of the kind of the class

    def draw(self, label: np.ndarray, shots: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw the scene of every shot: its kind and eight numbers of its own, ``(N, S, 9)``."""
        scene = rng.integers(0, KINDS, (len(label), shots))
        scene[:, 0] = np.where(rng.random(len(label)) < self.kinship, label % KINDS, scene[:, 0])
        return np.concatenate([scene[..., None], rng.uniform(0, 1, (*scene.shape, 8))], axis=-1), scene

    def render(self, texture: np.ndarray, column: np.ndarray, line: np.ndarray) -> np.ndarray:
        """Return the brightness at places ``(N, T, 32, 32)`` of scenes ``texture (N, T, 9)``."""
        own = np.moveaxis(texture, -1, 0)[..., None, None]
        kind = own[0].astype(int)
        half = np.array(PERIODS)[kind // 2 % 2] * (0.85 + 0.3 * own[1])
        turn = np.array(TURNS)[kind % 2] + 0.16 * (own[2] - 0.5)
        cosine, sine = np.round(np.cos(np.pi * turn), 9), np.round(np.sin(np.pi * turn), 9)
        a = (cosine * column + sine * line) / half + 2 * own[3]
        b = (cosine * line - sine * column) / half + 2 * own[4]
        pattern = np.empty(np.broadcast_shapes(a.shape, b.shape))
        for number, draw in enumerate(PATTERNS):
            some = kind[..., 0, 0] // 4 == number
            pattern[some] = draw(a[some], b[some])
        shade = (column / 31 - 0.5) * (own[5] - 0.5) + (line / 31 - 0.5) * (own[6] - 0.5)  # light from one side
        brightness: np.ndarray = 0.22 + 0.06 * own[7] + 0.2 * shade + 0.03 * (0.6 + own[8]) * pattern
        return brightness
