"""What happens in a video: which glyphs it shows in which frames, how they move, and which class it has thereby."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import NamedTuple, Protocol

import numpy as np

from .generator import FRAMES, SIDE

MOTIONS = ("across", "down", "circle", "zoom", "spin")


class Course(NamedTuple):
    """The fields of a ``Plan`` that a story decides, for N videos."""

    label: np.ndarray
    kind: np.ndarray
    shows: np.ndarray
    centre: np.ndarray
    scale: np.ndarray
    angle: np.ndarray
    shot: np.ndarray


class Story(Protocol):
    """A kind of story, told of some kinds of glyphs."""

    def classes(self, kinds: tuple[str, ...]) -> tuple[str, ...]:
        """Name the classes, L of them, if glyphs are of these ``kinds``."""

    def draw(self, videos: int, kinds: int, rng: np.random.Generator) -> Course:
        """Draw what happens in ``videos`` videos, spread as evenly as possible over the classes, in random order."""


@dataclass(frozen=True)
class Pace:
    """How lively a motion is; every video draws its own from within these limits."""

    periods: tuple[float, float] = (1.0, 1.6)  # of the motion within a video
    reach: tuple[float, float] = (6.5, 9.0)  # pixels to either side


@dataclass(frozen=True)
class OneGlyph:
    """A single glyph that moves, with cut-aways to frames without it. Its kind and its motion are the class."""

    motions: tuple[str, ...]  # of MOTIONS; a single one is no part of the name of a class
    cutaways: tuple[int, int]  # frames without the glyph, from and to
    runs: tuple[int, int]  # into which these are divided, from and to
    pace: Pace = Pace()

    def classes(self, kinds: tuple[str, ...]) -> tuple[str, ...]:
        """Name the classes, kind by kind in the order of the motions."""
        return tuple(f"{kind} {motion}" if self.motions[1:] else kind for kind in kinds for motion in self.motions)

    def draw(self, videos: int, kinds: int, rng: np.random.Generator) -> Course:
        """Draw what happens in ``videos`` videos, spread as evenly as possible over the classes, in random order."""
        label = rng.permutation(np.arange(videos) % (kinds * len(self.motions)))
        motion = np.array([MOTIONS.index(name) for name in self.motions])[label % len(self.motions)]
        centre, scale, angle = _trajectories(motion, self.pace, rng)
        shows, shot = self._cut(videos, rng)
        return Course(label, label[:, None] // len(self.motions), shows, centre, scale, angle, shot)

    def _cut(self, videos: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw the cut-aways of each video: ``shows (N, T)`` and ``shot (N, T)``, one more for each run of them."""
        shows, shot = np.zeros((videos, FRAMES), int), np.zeros((videos, FRAMES), int)
        for video in range(videos):
            away = rng.integers(self.cutaways[0], self.cutaways[1] + 1)
            runs = min(away, rng.integers(self.runs[0], self.runs[1] + 1))
            lengths = np.diff(np.r_[0, np.sort(rng.choice(np.arange(1, away), runs - 1, replace=False)), away])
            gaps = np.sort(rng.choice(FRAMES - away + 1, runs, replace=False))  # frames with the glyph before each run
            starts = gaps + np.r_[0, np.cumsum(lengths)[:-1]]
            for number, (start, length) in enumerate(zip(starts, lengths, strict=True), start=1):
                shows[video, start : start + length] = -1
                shot[video, start : start + length] = number
        return shows, shot


@dataclass(frozen=True)
class Order:
    """Shots of some kinds of glyphs, the same in every video. Their order is the class, and nothing else is."""

    shots: int  # kinds of glyphs, each of which is shown in one shot
    jitter: int  # frames by which a cut may come early or late
    pace: Pace = Pace()

    def classes(self, kinds: tuple[str, ...]) -> tuple[str, ...]:
        """Name the classes, all orders of the first ``shots`` kinds."""
        return tuple(" ".join(order) for order in permutations(kinds[: self.shots]))

    def draw(self, videos: int, kinds: int, rng: np.random.Generator) -> Course:
        """Draw what happens in ``videos`` videos, spread as evenly as possible over the classes, in random order."""
        orders = np.array(list(permutations(range(self.shots))))
        label = rng.permutation(np.arange(videos) % len(orders))
        cuts = np.linspace(0, FRAMES, self.shots + 1)[1:-1].round().astype(int)
        moved = cuts + rng.integers(-self.jitter, self.jitter + 1, (videos, len(cuts)))
        shot = (np.arange(FRAMES)[None, :, None] >= moved[:, None]).sum(axis=2)
        centre, scale, angle = _trajectories(np.zeros(videos, int), self.pace, rng)
        return Course(label, orders[label], shot, centre, scale, angle, np.zeros_like(shot))


def _trajectories(
    motion: np.ndarray, pace: Pace, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw centre ``(N, T, 2)``, scale ``(N, T)`` and angle ``(N, T)`` of each video's glyph."""
    videos = len(motion)
    turns = rng.uniform(*pace.periods, (videos, 1))
    phase = (rng.uniform(0, 1, (videos, 1)) + turns * np.linspace(0, 1, FRAMES)) % 1.0
    # Rounded, so that the last bit of a platform's sine cannot reach a pixel.
    sine, cosine = np.round(np.sin(2 * np.pi * phase), 9), np.round(np.cos(2 * np.pi * phase), 9)
    reach = rng.uniform(*pace.reach, (videos, 1))
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
