"""The basis of the embedded domains: a glyph that moves in one of five ways, and cut-aways to frames without it.

A domain, such as ``moving_digits``, draws a ``Plan`` from a seed (which glyph, which motion, where, when visible)
with its own glyphs and backgrounds; ``render`` turns it into pixels. A video has T = 25 grey frames of 32 x 32
pixels and one of 50 classes, ten kinds of glyph times five motions. The glyph shows in about 60 % of the frames;
the others are cut-aways to some other background, and which is which is recorded, so that a frame sampler can be
scored against the truth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

FRAMES, SIDE, FEATURES = 25, 32, 256
MOTIONS = ("across", "down", "circle", "zoom", "spin")
SIZES = {"small": (2500, 800), "smoke": (250, 80)}  # training (= database) and query videos
GLYPH_SIDE = 14.0  # pixels that a glyph's image covers at scale 1
Pools = dict[str, tuple[np.ndarray, np.ndarray]]  # disjoint: name -> (glyphs (M, G, G) in 0..1, their kinds (M,))


@dataclass(frozen=True)
class Plan:
    """The content of ``N`` videos; every array is indexed by video, and by frame where it says T."""

    glyph: np.ndarray  # (N, G, G) float, the image of the glyph (a digit, a shape), 0 to 1
    label: np.ndarray  # (N,) int, index into the domain's CLASSES
    centre: np.ndarray  # (N, T, 2) float, x and y of the glyph in pixels
    scale: np.ndarray  # (N, T) float, size of the glyph relative to GLYPH_SIDE
    angle: np.ndarray  # (N, T) float, radians
    ink: np.ndarray  # (N,) float, how much brighter the glyph is than the background; negative = darker
    informative: np.ndarray  # (N, T) bool, True = the glyph is in the frame
    shot: np.ndarray  # (N, T) int, index of the texture behind the frame (0 = the glyph's)
    texture: np.ndarray  # (N, S, ...) float, 0 to 1, from which the domain makes the backgrounds of S shots
    drift: np.ndarray  # (N, 2) float, pixels that the background moves per frame

    def __len__(self) -> int:
        return len(self.label)

    def part(self, rows: slice) -> Plan:
        """Return the plan of some of the videos."""
        return Plan(**{name: values[rows] for name, values in vars(self).items()})


class Domain(Protocol):
    """A kind of video: the interface of the modules ``moving_digits`` and ``moving_shapes``."""

    NAME: str  # the names of its files begin with it
    CLASSES: tuple[str, ...]  # of L = 50, kind by kind, in the order of MOTIONS
    STREAMS: dict[str, int]  # of random numbers, for its train and its query videos; stream 1 is the CNN's

    def make_plan(self, pool: str, videos: int, rng: np.random.Generator) -> Plan:
        """Plan ``videos`` videos, spread as evenly as possible over the classes, in random order."""

    def render(self, plan: Plan) -> np.ndarray:
        """Render the pixels of a plan, ``(N, T, 32, 32)`` uint8."""


def draw_course(videos: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw the fields of a Plan that all domains share: label, centre, scale, angle, informative and shot."""
    label = rng.permutation(np.arange(videos) % (10 * len(MOTIONS)))
    centre, scale, angle = _trajectories(label % len(MOTIONS), rng)
    informative, shot = _cuts(videos, rng)
    return {
        "label": label,
        "centre": centre,
        "scale": scale,
        "angle": angle,
        "informative": informative,
        "shot": shot,
    }


def draw_glyphs(pool: tuple[np.ndarray, np.ndarray], label: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw for each label one of the pool's glyphs of its kind, ``(N, G, G)``."""
    images, kinds = pool
    return np.stack([images[rng.choice(np.flatnonzero(kinds == kind))] for kind in label // len(MOTIONS)])


def _trajectories(motion: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw centre ``(N, T, 2)``, scale ``(N, T)`` and angle ``(N, T)`` of each video's glyph."""
    videos = len(motion)
    turns = rng.uniform(1.0, 1.6, (videos, 1))  # periods of the motion within a video
    phase = (rng.uniform(0, 1, (videos, 1)) + turns * np.linspace(0, 1, FRAMES)) % 1.0
    # Rounded, so that the last bit of a platform's sine cannot reach a pixel.
    sine, cosine = np.round(np.sin(2 * np.pi * phase), 9), np.round(np.cos(2 * np.pi * phase), 9)
    reach = rng.uniform(6.5, 9.0, (videos, 1))
    still = np.zeros_like(sine)
    path = {
        "across": (sine, still),
        "down": (still, sine),
        "circle": (sine, cosine),
        "zoom": (still, still),
        "spin": (still, still),
    }
    steps = np.stack([np.stack(path[name], axis=-1) for name in MOTIONS])  # (5, N, T, 2)
    row = np.arange(videos)
    home = SIDE / 2 - 0.5 + rng.uniform(-3.0, 3.0, (videos, 1, 2))
    centre = home + reach[:, :, None] * steps[motion, row]
    scale = rng.uniform(0.95, 1.15, (videos, 1)) + np.where((motion == MOTIONS.index("zoom"))[:, None], 0.45 * sine, 0)
    direction = rng.choice([-1.0, 1.0], (videos, 1))
    tilt = rng.uniform(-0.15, 0.15, (videos, 1))
    angle = tilt + np.where((motion == MOTIONS.index("spin"))[:, None], direction * 2 * np.pi * phase, 0)
    return centre, scale, angle


def _cuts(videos: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw the cut-aways of each video, 8 to 12 frames in 1 to 3 runs: ``informative (N, T)`` and ``shot (N, T)``."""
    informative = np.ones((videos, FRAMES), bool)
    shot = np.zeros((videos, FRAMES), int)
    for video in range(videos):
        filler, runs = rng.integers(8, 13), rng.integers(1, 4)
        lengths = np.diff(np.r_[0, np.sort(rng.choice(np.arange(1, filler), runs - 1, replace=False)), filler])
        gaps = np.sort(rng.choice(FRAMES - filler + 1, runs, replace=False))  # frames with the glyph before each run
        starts = gaps + np.r_[0, np.cumsum(lengths)[:-1]]
        for number, (start, length) in enumerate(zip(starts, lengths, strict=True), start=1):
            informative[video, start : start + length] = False
            shot[video, start : start + length] = number
    return informative, shot


def render(plan: Plan, background: Callable[[Plan, np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """Render the pixels of a plan, ``(N, T, 32, 32)`` uint8.

    ``background(plan, column, line)`` gives the brightness, 0 to 1, at places ``(N, T, 32, 32)`` of the videos'
    backgrounds, which drift slowly past the picture.
    """
    chunk = max(1, 1250 // plan.shot.shape[1])  # videos at a time, to bound memory
    parts = [_render(plan.part(slice(start, start + chunk)), background) for start in range(0, len(plan), chunk)]
    return np.concatenate(parts)


def _render(plan: Plan, background: Callable[[Plan, np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    y, x = np.mgrid[:SIDE, :SIDE].astype(float)
    shift = plan.drift[:, None, :] * np.arange(plan.shot.shape[1])[:, None]  # (N, T, 2)
    behind = background(plan, x + shift[..., 0, None, None], y + shift[..., 1, None, None])
    picture = behind + plan.ink[:, None, None, None] * _glyph(plan, x, y)
    pixels: np.ndarray = np.round(255 * np.clip(picture, 0, 1)).astype(np.uint8)
    return pixels


def _glyph(plan: Plan, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Render the moving glyph alone, ``(N, T, 32, 32)``, 0 to 1; zero in cut-aways."""
    side = plan.glyph.shape[-1]
    cosine, sine = np.round(np.cos(plan.angle), 9), np.round(np.sin(plan.angle), 9)
    dx = x - plan.centre[..., 0, None, None]
    dy = y - plan.centre[..., 1, None, None]
    zoom = side / (GLYPH_SIDE * plan.scale)
    middle = (side + 1) / 2
    column = (cosine[..., None, None] * dx + sine[..., None, None] * dy) * zoom[..., None, None] + middle
    line = (cosine[..., None, None] * dy - sine[..., None, None] * dx) * zoom[..., None, None] + middle
    framed = np.pad(plan.glyph, ((0, 0), (1, 1), (1, 1)))[:, None]  # a blank rim, so that edges fade out
    glyph = np.broadcast_to(framed, (*plan.shot.shape, side + 2, side + 2))
    moving: np.ndarray = bilinear(glyph, column, line) * plan.informative[..., None, None]
    return moving


def bilinear(image: np.ndarray, column: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Interpolate ``image (N, T, G, G)`` at ``column``, ``line`` ``(N, T, H, W)``, clamped at the edge."""
    top = image.shape[-1] - 1
    column, line = np.clip(column, 0, top), np.clip(line, 0, top)
    left, upper = np.minimum(column.astype(int), top - 1), np.minimum(line.astype(int), top - 1)
    right_share, lower_share = column - left, line - upper
    flat = image.reshape(*image.shape[:2], -1)
    corner = (upper * (top + 1) + left).reshape(*flat.shape[:2], -1)

    def read(offset: int) -> np.ndarray:
        return np.take_along_axis(flat, corner + offset, axis=-1).reshape(column.shape)

    above = read(0) * (1 - right_share) + read(1) * right_share
    below = read(top + 1) * (1 - right_share) + read(top + 2) * right_share
    between: np.ndarray = above * (1 - lower_share) + below * lower_share
    return between
