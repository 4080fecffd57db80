"""Neighbours of a video as one HTML page that needs nothing else: no script, no network, pictures inside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

import numpy as np

from ..utils.html import css_class, page, png_uri, tag, to_html

SHOWN = 5  # frames of a video
COLUMNS = 32  # bits in a line

STYLE = """
body { overflow-wrap: anywhere; }
h1 { margin: 0 0 .25rem; font-size: 1.5rem; line-height: 1.2; }
h2 { margin: 2rem 0 .5rem; font-size: 1.15rem; }
h3 { margin: 0; font-size: 1rem; }
p { margin: .2rem 0; }
.quiet { color: var(--quiet); font-size: .9rem; }
ol { list-style: none; margin: .75rem 0 0; padding: 0; display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr)); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem; }
.query { max-width: 42rem; }
img, svg { display: block; width: 100%; height: auto; margin-bottom: .5rem; border-radius: .25rem; }
svg { margin: .5rem 0 0; border-radius: 0; }
.small { image-rendering: pixelated; }
.relevant { color: var(--relevant); font-weight: 600; }
.one { fill: var(--one); } .zero { fill: var(--zero); } .other { fill: var(--other); }
footer { margin-top: 2rem; border-top: 1px solid var(--line); padding-top: .75rem; }
"""


QUIET = {"class": "quiet"}


@dataclass(frozen=True)
class Video:
    """A video on the page: its title, what it shows, its code ``(K,)`` bool, and ``frames (T, H, W[, 3])`` uint8."""

    title: str
    classes: tuple[str, ...]
    code: np.ndarray
    frames: np.ndarray | None = None


@dataclass(frozen=True)
class Hit:
    """A neighbour and its Hamming distance; ``relevant``: whether it shares a class with the query, if known."""

    video: Video
    distance: int
    relevant: bool | None = None


def render(query: Video, found: list[Hit], facts: list[str]) -> str:
    """Return the page: the query, what was found, in order, and ``facts`` on how, one per line."""
    body = "".join(f"{to_html(part)}\n" for part in _body(query, found, facts))
    return page(f"Neighbours of {query.title}", STYLE, body)


def _body(query: Video, found: list[Hit], facts: list[str]) -> Iterator[Element]:
    known = [hit.relevant for hit in found if hit.relevant is not None]
    count = [tag("p", f"{sum(known)} of {len(known)} share a class with the query.", **QUIET)] if known else []
    card = (*thumbnail(query), *_text(query, ""), bits_picture(query.code, query.code))
    yield tag("header", tag("h1", "Nearest videos"), *(tag("p", fact, **QUIET) for fact in facts))
    yield tag(
        "main",
        tag("h2", "Query"),
        tag("article", *card, **css_class("card query")),
        tag("h2", "Found, nearest first"),
        *count,
        tag("ol", *(_card(rank, hit, query.code) for rank, hit in enumerate(found, start=1))),
    )
    explained = (
        f"Each video is a code of {len(query.code)} bits, drawn as squares: full for 1, faint for 0, orange where it "
        "differs from the query's. Videos are ranked by the number of differing bits; equals stay in the order of the "
        "database."
    )
    yield tag("footer", tag("p", explained), **QUIET)


def _card(rank: int, hit: Hit, code: np.ndarray) -> Element:
    video, bits = hit.video, len(code)
    away = tag("p", f"Distance {hit.distance} of {bits} bits")
    mark = [tag("p", "✓ shares a class with the query", **css_class("relevant"))] if hit.relevant else []
    card = [*thumbnail(video), *_text(video, f"{rank}. "), away, *mark, bits_picture(video.code, code)]
    return tag("li", tag("article", *card, **css_class("card")))


def _text(video: Video, prefix: str) -> Iterator[Element]:
    yield tag("h3", prefix + video.title)
    if video.classes:
        yield tag("p", ", ".join(video.classes), **QUIET)


def thumbnail(video: Video) -> Iterator[Element]:
    """Yield some frames side by side, if there are any."""
    if video.frames is None or not len(video.frames):
        return
    strip = _strip(video.frames)
    height, width = strip.shape[:2]
    text = f"Frames of {video.title}, from first to last"
    shown = {"src": png_uri(strip), "alt": text, "width": str(width), "height": str(height)}
    yield tag("img", **shown, **(css_class("small") if height < 64 else {}))


def _strip(frames: np.ndarray) -> np.ndarray:
    """Put the frames in the middle of equal stretches side by side ``(H, …, 4)``, with transparent gaps."""
    count = min(SHOWN, len(frames))
    chosen = frames[[(2 * place + 1) * len(frames) // (2 * count) for place in range(count)]]
    colour = np.repeat(chosen[..., None], 3, axis=-1) if chosen.ndim == 3 else chosen
    opaque = np.pad(colour, ((0, 0), (0, 0), (0, 0), (0, 1)), constant_values=255)
    gap = max(1, frames.shape[2] // 32)
    spaced = np.pad(opaque, ((0, 0), (0, 0), (0, gap), (0, 0)))
    return np.concatenate(list(spaced), axis=1)[:, :-gap]


def bits_picture(code: np.ndarray, query: np.ndarray) -> Element:
    """Draw a code as rows of squares; those that differ from the query's are marked."""
    kinds = np.where(code != query, "other", np.where(code, "one", "zero"))
    paths = [
        tag("path", d=_squares(np.flatnonzero(kinds == name)), **css_class(name)) for name in ("zero", "one", "other")
    ]
    count = int((code != query).sum())
    label = f"{len(code)} bits, {count} unlike the query's" if count else f"{len(code)} bits, the query's"
    box = f"0 0 {10 * COLUMNS} {10 * -(-len(code) // COLUMNS)}"
    return tag("svg", *paths, **{"viewBox": box, "role": "img", "aria-label": label})


def _squares(places: np.ndarray) -> str:
    return "".join(f"M{10 * (place % COLUMNS)} {10 * (place // COLUMNS)}h8v8h-8z" for place in places.tolist())
