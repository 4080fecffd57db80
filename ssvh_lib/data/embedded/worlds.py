"""The embedded worlds: named sets of parameters of one generator, each made to show something about an idea.

They were fixed from their purpose and from the statistics of their features (``ssvh data describe``), before any
method of hashing was run on them, and are not changed afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from .backdrops import KINDS, Scenes, SmoothNoise, Stripes
from .digits import DIGITS
from .generator import SIDE, Backdrop, Plan, render
from .glyphs import Glyphs
from .shapes import SHAPES
from .stories import MOTIONS, OneGlyph, Order, Pace, Story


class Size(NamedTuple):
    """The number of videos of a dataset, and the preset that suits it."""

    train: int  # which are also the database
    query: int
    preset: str


SIZES = {"small": Size(2500, 800, "small"), "smoke": Size(250, 80, "smoke"), "large": Size(10_000, 800, "small")}


@dataclass(frozen=True)
class Lesson:
    """The still pictures on which a CNN learns to name digits and, if there are several, kinds of backdrops."""

    network: str  # folder of the CNN
    backdrop: Backdrop
    scenes: int  # kinds of backdrops to name; 0 = none
    steps: int  # of training

    def stills(self, pictures: int, rng: np.random.Generator) -> Plan:
        """Plan ``pictures`` videos of a single frame: upright digits of the stills pool, anywhere in the picture."""
        one = (pictures, 1)
        label = rng.integers(0, 50, pictures)  # and its digit is label // 5, as if there were motions
        course = {
            "centre": SIDE / 2 - 0.5 + rng.uniform(-10.0, 10.0, (*one, 2)),
            "scale": rng.uniform(0.8, 1.3, one),
            "angle": rng.uniform(-0.25, 0.25, one),
        }
        kind, first = label[:, None] // 5, np.zeros(one, int)
        glyph, ink = DIGITS.draw("stills", kind, rng), rng.uniform(0.5, 0.85, pictures)
        texture, scene = self.backdrop.draw(label, 1, rng)
        return Plan(
            label=label, kind=kind, glyph=glyph, shows=first, ink=ink, shot=first, texture=texture, scene=scene,
            drift=rng.uniform(-0.5, 0.5, (pictures, 2)), filler=first > 0, noise=np.zeros(pictures, int), **course,
        )  # fmt: skip


SMOOTH_NOISE = SmoothNoise()
DIGITS_ALONE = Lesson("still-cnn", SMOOTH_NOISE, scenes=0, steps=400)
DIGITS_AND_SCENES = Lesson("still-cnn-scenes", Scenes(kinship=0), scenes=KINDS, steps=800)


@dataclass(frozen=True)
class World:
    """A kind of video."""

    purpose: str = field(compare=False)  # in a sentence
    stem: str  # with which the names of its files begin
    streams: dict[str, int]  # of random numbers, for its train and its query videos; stream 1 is the CNN's
    story: Story
    glyphs: Glyphs = DIGITS
    ink: tuple[float, float] = (0.5, 0.85)  # how much brighter than the backdrop, from and to; negative = darker
    backdrop: Backdrop = SMOOTH_NOISE
    drift: float = 0.5  # pixels that the backdrop moves per frame, at most, in either direction
    noise: bool = False  # whether fresh noise covers the frames without a glyph
    lesson: Lesson = DIGITS_ALONE

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of its L classes."""
        return self.story.classes(self.glyphs.kinds)

    def plan(self, pool: str, videos: int, rng: np.random.Generator) -> Plan:
        """Plan ``videos`` videos of the pool "train" or "query", spread evenly over the classes, in random order."""
        course = self.story.draw(videos, len(self.glyphs.kinds), rng)
        glyph, ink = self.glyphs.draw(pool, course.kind, rng), rng.uniform(*self.ink, videos)
        texture, scene = self.backdrop.draw(course.label, 1 + course.shot.max(), rng)
        return Plan(
            **course._asdict(), glyph=glyph, ink=ink, texture=texture, scene=scene,
            drift=rng.uniform(-self.drift, self.drift, (videos, 2)), filler=(course.shows < 0) & self.noise,
            noise=rng.integers(0, 2**31, videos),
        )  # fmt: skip

    def render(self, plan: Plan) -> np.ndarray:
        """Render the pixels of a plan, ``(N, T, 32, 32)`` uint8."""
        return render(plan, self.backdrop)


WORLDS = {
    "moving-digits": World(
        purpose="Much varies within a video: the glyph never rests, and 40 % of the frames cut away from it.",
        stem="digits",
        streams={"train": 2, "query": 3},
        story=OneGlyph(MOTIONS, cutaways=(8, 12), runs=(1, 3)),
    ),
    "moving-scenes": World(
        purpose="Steady, with the statistics of real CNN features: the first place to ask whether a method beats ITQ.",
        stem="scenes",
        streams={"train": 6, "query": 7},
        story=OneGlyph(MOTIONS, cutaways=(1, 3), runs=(1, 3), pace=Pace(periods=(0.3, 0.6), reach=(2.5, 4.5))),
        backdrop=Scenes(kinship=0.4),
        drift=0.25,
        lesson=DIGITS_AND_SCENES,
    ),
    "needle": World(
        purpose="Three frames of 25 tell the class: who finds them, and does it help?",
        stem="needle",
        streams={"train": 8, "query": 9},
        story=OneGlyph(MOTIONS[:1], cutaways=(22, 22), runs=(2, 3)),
        backdrop=Scenes(kinship=0),
        drift=0.25,
        lesson=DIGITS_AND_SCENES,
    ),
    "order": World(
        purpose="Every class shows the same four digits in an order of its own: the mean of the frames tells nothing.",
        stem="order",
        streams={"train": 10, "query": 11},
        story=Order(shots=4, jitter=1),
        backdrop=Scenes(kinship=0),
        drift=0.25,
        lesson=DIGITS_AND_SCENES,
    ),
    "noisy-screen": World(
        purpose="Noise covers 40 % of the frames, hard to rebuild and irrelevant: should a method hide what is hard?",
        stem="noisy",
        streams={"train": 12, "query": 13},
        story=OneGlyph(MOTIONS, cutaways=(10, 10), runs=(1, 3)),
        backdrop=Scenes(kinship=0),
        drift=0.25,
        noise=True,
        lesson=DIGITS_AND_SCENES,
    ),
    "moving-shapes": World(
        purpose="Other glyphs, described by the CNN that knows digits: does a hash function carry over?",
        stem="shapes",
        streams={"train": 4, "query": 5},
        story=OneGlyph(MOTIONS, cutaways=(8, 12), runs=(1, 3)),
        glyphs=SHAPES,
        backdrop=Stripes(brightness=0.25, depth=0.1),
    ),
}
