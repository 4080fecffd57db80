"""The generator of the embedded videos: a ``Plan`` says what they show, and ``render`` turns it into pixels.

A video has T = 25 grey frames of 32 x 32 pixels. A frame shows a glyph (a digit, a shape) over a backdrop, the backdrop
alone, or filler, which is noise. Which of these is recorded for every frame, so that a sampler of frames can be scored
against the truth. ``worlds`` says what happens in the videos of each embedded dataset.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..features import Shown

FRAMES, SIDE, FEATURES = 25, 32, 256
GLYPH_SIDE = 14.0  # pixels that a glyph's image covers at scale 1
NOISE_GRID = 14  # places of a side of a filler frame with a brightness of their own
CHUNK = 500  # frames rendered at a time, to bound memory


class Backdrop(Protocol):
    """What the glyphs move over."""

    def draw(self, label: np.ndarray, shots: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw for each video, of class ``label (N,)``, the backdrops of S shots.

        Returns ``texture (N, S, ...)``, all that it takes to render them, and ``scene (N, S)``, the kind of each.
        """

    def render(self, texture: np.ndarray, column: np.ndarray, line: np.ndarray) -> np.ndarray:
        """Return the brightness, 0 to 1, at places ``(N, T, 32, 32)`` of the backdrops ``texture (N, T, ...)``."""


@dataclass(frozen=True)
class Plan:
    """The content of ``N`` videos; every array is indexed by video, and by frame where it says T."""

    label: np.ndarray  # (N,) int, index into the classes of the world
    kind: np.ndarray  # (N, J) int, kinds of the video's glyphs
    glyph: np.ndarray  # (N, J, G, G) float, their images, 0 to 1
    shows: np.ndarray  # (N, T) int, which of them is in the frame; -1 = none
    centre: np.ndarray  # (N, T, 2) float, x and y of the glyph in pixels
    scale: np.ndarray  # (N, T) float, size of the glyph relative to GLYPH_SIDE
    angle: np.ndarray  # (N, T) float, radians
    ink: np.ndarray  # (N,) float, how much brighter the glyph is than the backdrop; negative = darker
    shot: np.ndarray  # (N, T) int, index of the backdrop of the frame
    texture: np.ndarray  # (N, S, ...) float, from which the backdrops of S shots are made
    scene: np.ndarray  # (N, S) int, their kinds
    drift: np.ndarray  # (N, 2) float, pixels that the backdrop moves per frame
    filler: np.ndarray  # (N, T) bool, True = fresh noise covers the frame
    noise: np.ndarray  # (N,) int, seed of a video's noise

    def __len__(self) -> int:
        return len(self.label)

    def part(self, rows: slice) -> Plan:
        """Return the plan of some of the videos."""
        return Plan(**{name: values[rows] for name, values in vars(self).items()})

    def shown(self) -> Shown:
        """Return the truth of every frame: the kind of its glyph and that of its backdrop."""
        video = np.arange(len(self))[:, None]
        glyph = np.where(self.shows >= 0, self.kind[video, self.shows], -1)
        scene = np.where(self.filler, -1, self.scene[video, self.shot])
        return Shown(glyph.astype(np.int8), scene.astype(np.int8))


def render(plan: Plan, backdrop: Backdrop) -> np.ndarray:
    """Render the pixels of a plan, ``(N, T, 32, 32)`` uint8."""
    videos = max(1, CHUNK // plan.shot.shape[1])
    parts = [_render(plan.part(slice(start, start + videos)), backdrop) for start in range(0, len(plan), videos)]
    return np.concatenate(parts)


def _render(plan: Plan, backdrop: Backdrop) -> np.ndarray:
    y, x = np.mgrid[:SIDE, :SIDE].astype(float)
    shift = plan.drift[:, None, :] * np.arange(plan.shot.shape[1])[:, None]  # (N, T, 2)
    texture = plan.texture[np.arange(len(plan))[:, None], plan.shot]  # (N, T, ...)
    behind = backdrop.render(texture, x + shift[..., 0, None, None], y + shift[..., 1, None, None])
    picture = behind + plan.ink[:, None, None, None] * _glyph(plan, x, y)
    picture[plan.filler] = _noise(plan, x, y)
    pixels: np.ndarray = np.round(255 * np.clip(picture, 0, 1)).astype(np.uint8)
    return pixels


def _glyph(plan: Plan, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Render the moving glyphs alone, ``(N, T, 32, 32)``, 0 to 1; zero where there is none."""
    side = plan.glyph.shape[-1]
    cosine, sine = np.round(np.cos(plan.angle), 9), np.round(np.sin(plan.angle), 9)
    dx = x - plan.centre[..., 0, None, None]
    dy = y - plan.centre[..., 1, None, None]
    zoom = side / (GLYPH_SIDE * plan.scale)
    middle = (side + 1) / 2
    column = (cosine[..., None, None] * dx + sine[..., None, None] * dy) * zoom[..., None, None] + middle
    line = (cosine[..., None, None] * dy - sine[..., None, None] * dx) * zoom[..., None, None] + middle
    framed = np.pad(plan.glyph, ((0, 0), (0, 0), (1, 1), (1, 1)))  # a blank rim, so that edges fade out
    glyph = framed[np.arange(len(plan))[:, None], plan.shows]  # (N, T, G + 2, G + 2)
    moving: np.ndarray = bilinear(glyph, column, line) * (plan.shows >= 0)[..., None, None]
    return moving


def _noise(plan: Plan, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Render the filler frames of all videos, ``(n, 32, 32)``: smooth noise, drawn anew for each of them."""
    counts = plan.filler.sum(axis=1)
    grids = [
        np.random.default_rng(int(seed)).random((count, NOISE_GRID, NOISE_GRID))
        for seed, count in zip(plan.noise, counts, strict=True)
    ]
    frames = np.concatenate(grids)[None]  # (1, n, G, G)
    step = (NOISE_GRID - 1) / (SIDE - 1)
    column, line = (np.broadcast_to(step * place, (*frames.shape[:2], SIDE, SIDE)) for place in (x, y))
    rendered: np.ndarray = bilinear(frames, column, line)[0]
    return rendered


def bilinear(image: np.ndarray, column: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Interpolate ``image (N, T, G, G)`` at ``column``, ``line`` ``(N, T, H, W)``, clamped at the edge."""
    top = image.shape[-1] - 1
    column, line = np.clip(column, 0, top), np.clip(line, 0, top)
    left, upper = np.minimum(column.astype(int), top - 1), np.minimum(line.astype(int), top - 1)
    right_share, lower_share = column - left, line - upper
    flat = image.reshape(*image.shape[:2], image.shape[-2] * image.shape[-1])
    corner = (upper * (top + 1) + left).reshape(*flat.shape[:2], column.shape[-2] * column.shape[-1])

    def read(offset: int) -> np.ndarray:
        return np.take_along_axis(flat, corner + offset, axis=-1).reshape(column.shape)

    above = read(0) * (1 - right_share) + read(1) * right_share
    below = read(top + 1) * (1 - right_share) + read(top + 2) * right_share
    between: np.ndarray = above * (1 - lower_share) + below * lower_share
    return between
