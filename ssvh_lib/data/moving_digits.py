"""The embedded dataset: real handwritten digits that move over textured backgrounds.

``render`` turns a ``Plan`` (which digit, which motion, where, when visible) into pixels; ``make_plan``
draws a plan from a seed. A video has T = 25 grey frames of 32 x 32 pixels and one of 50 classes, ten
digits times five motions. The digit shows in about 60 % of the frames; the others are cut-aways to some
other texture, and which is which is recorded, so that a frame sampler can be scored against the truth.
The digits are the 1,797 images of 8 x 8 pixels that scikit-learn ships (Alpaydin and Kaynak, 1998).
They are split into three disjoint pools: stills for pre-training the CNN (``still_cnn``), digits of the
training videos, digits of the query videos.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

FRAMES, SIDE, FEATURES = 25, 32, 256
MOTIONS = ("across", "down", "circle", "zoom", "spin")
CLASSES = tuple(f"{digit} {motion}" for digit in range(10) for motion in MOTIONS)
POOLS = {"stills": 0.35, "train": 0.40, "query": 0.25}  # shares of the digit images of each class
SIZES = {"small": (2500, 800), "smoke": (250, 80)}  # training (= database) and query videos
GLYPH_SIDE = 14.0  # pixels that an 8-pixel digit image covers at scale 1


@dataclass(frozen=True)
class Plan:
    """What ``N`` videos will show; every array is indexed by video, and by frame where it says T."""

    glyph: np.ndarray  # (N, 8, 8) float, the digit image, 0 to 1
    label: np.ndarray  # (N,) int, index into CLASSES
    centre: np.ndarray  # (N, T, 2) float, x and y of the digit in pixels
    scale: np.ndarray  # (N, T) float, size of the digit relative to GLYPH_SIDE
    angle: np.ndarray  # (N, T) float, radians
    ink: np.ndarray  # (N,) float, how much brighter the digit is than the background
    informative: np.ndarray  # (N, T) bool, True = the digit is in the frame
    shot: np.ndarray  # (N, T) int, which of the textures of the video is behind the frame (0 = the digit's)
    texture: np.ndarray  # (N, S, G, G) float, coarse noise of S shots, 0 to 1
    drift: np.ndarray  # (N, 2) float, pixels that the background moves per frame

    def __len__(self) -> int:
        return len(self.label)

    def part(self, rows: slice) -> Plan:
        """The plan of some of the videos."""
        return Plan(**{name: values[rows] for name, values in vars(self).items()})


@cache
def digit_pools() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The three disjoint pools: name -> (images ``(M, 8, 8)`` in 0..1, digits ``(M,)``)."""
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
    """Draw what ``videos`` videos show, classes as equal in number as they can be, in random order."""
    label = rng.permutation(np.arange(videos) % len(CLASSES))
    centre, scale, angle = _trajectories(label % len(MOTIONS), rng)
    informative, shot = _cuts(videos, rng)
    return _dress(pool, label, rng, centre=centre, scale=scale, angle=angle, informative=informative, shot=shot)


def make_stills(pictures: int, rng: np.random.Generator) -> Plan:
    """Draw ``pictures`` videos of a single frame: upright digits of the stills pool, anywhere in the picture."""
    one = (pictures, 1)
    return _dress(
        "stills",
        rng.integers(0, len(CLASSES), pictures),
        rng,
        centre=SIDE / 2 - 0.5 + rng.uniform(-10.0, 10.0, (*one, 2)),
        scale=rng.uniform(0.8, 1.3, one),
        angle=rng.uniform(-0.25, 0.25, one),
        informative=np.ones(one, bool),
        shot=np.zeros(one, int),
    )


def _dress(pool: str, label: np.ndarray, rng: np.random.Generator, **course: np.ndarray) -> Plan:
    """The plan of videos whose course is set, with digits of the pool, brightness and backgrounds drawn for them."""
    images, digits = digit_pools()[pool]
    videos = len(label)
    return Plan(
        glyph=np.stack([images[rng.choice(np.flatnonzero(digits == d))] for d in label // len(MOTIONS)]),
        label=label,
        ink=rng.uniform(0.5, 0.85, videos),
        texture=rng.uniform(0, 1, (videos, 1 + course["shot"].max(), 14, 14)),
        drift=rng.uniform(-0.5, 0.5, (videos, 2)),
        **course,
    )


def _trajectories(motion: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Centre ``(N, T, 2)``, scale ``(N, T)`` and angle ``(N, T)`` of each video's digit."""
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
    """Where a video cuts away, 8 to 12 frames in 1 to 3 runs: ``informative (N, T)`` and ``shot (N, T)``."""
    informative = np.ones((videos, FRAMES), bool)
    shot = np.zeros((videos, FRAMES), int)
    for video in range(videos):
        filler, runs = rng.integers(8, 13), rng.integers(1, 4)
        lengths = np.diff(np.r_[0, np.sort(rng.choice(np.arange(1, filler), runs - 1, replace=False)), filler])
        gaps = np.sort(rng.choice(FRAMES - filler + 1, runs, replace=False))  # digit frames before each run
        starts = gaps + np.r_[0, np.cumsum(lengths)[:-1]]
        for number, (start, length) in enumerate(zip(starts, lengths, strict=True), start=1):
            informative[video, start : start + length] = False
            shot[video, start : start + length] = number
    return informative, shot


def render(plan: Plan) -> np.ndarray:
    """The pixels of a plan, ``(N, T, 32, 32)`` uint8."""
    chunk = max(1, 1250 // plan.shot.shape[1])  # videos at a time, to bound memory
    parts = [_render(plan.part(slice(start, start + chunk))) for start in range(0, len(plan), chunk)]
    return np.concatenate(parts)


def _render(plan: Plan) -> np.ndarray:
    y, x = np.mgrid[:SIDE, :SIDE].astype(float)
    picture = _background(plan, x, y) + plan.ink[:, None, None, None] * _digit(plan, x, y)
    return np.round(255 * np.clip(picture, 0, 1)).astype(np.uint8)


def _background(plan: Plan, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Smooth noise that drifts slowly, ``(N, T, 32, 32)``, values 0.05 to 0.4."""
    video, frame = np.arange(len(plan))[:, None], np.arange(plan.shot.shape[1])
    coarse = plan.texture[video, plan.shot]  # (N, T, G, G)
    shift = plan.drift[:, None, :] * frame[:, None]  # (N, T, 2)
    column = x + shift[..., 0, None, None]
    line = y + shift[..., 1, None, None]
    return 0.05 + 0.4 * _bilinear(coarse, column / 6.0 + 3.0, line / 6.0 + 3.0)


def _digit(plan: Plan, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The moving digit alone, ``(N, T, 32, 32)``, 0 to 1; zero in filler frames."""
    cosine, sine = np.round(np.cos(plan.angle), 9), np.round(np.sin(plan.angle), 9)
    dx = x - plan.centre[..., 0, None, None]
    dy = y - plan.centre[..., 1, None, None]
    zoom = 8.0 / (GLYPH_SIDE * plan.scale)
    column = (cosine[..., None, None] * dx + sine[..., None, None] * dy) * zoom[..., None, None] + 4.5
    line = (cosine[..., None, None] * dy - sine[..., None, None] * dx) * zoom[..., None, None] + 4.5
    framed = np.pad(plan.glyph, ((0, 0), (1, 1), (1, 1)))[:, None]  # a blank rim, so that edges fade out
    glyph = np.broadcast_to(framed, (*plan.shot.shape, 10, 10))
    return _bilinear(glyph, column, line) * plan.informative[..., None, None]


def _bilinear(image: np.ndarray, column: np.ndarray, line: np.ndarray) -> np.ndarray:
    """``image (N, T, G, G)`` read between its pixels at ``column``, ``line`` ``(N, T, H, W)``, clamped at the rim."""
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
    return above * (1 - lower_share) + below * lower_share
