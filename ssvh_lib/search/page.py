"""Neighbours of a video as one HTML page that needs nothing else: no script, no network, pictures inside.

The page is built as a tree and then written, so that no title, however odd, can become markup; and its content
security policy lets a browser load nothing but the pictures and the style that are in it.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from xml.etree.ElementTree import Element, tostring

import numpy as np

from ..utils.extras import requires_extra

SHOWN = 5  # frames of a video
COLUMNS = 32  # bits in a line

STYLE = """
:root { color-scheme: light dark; --paper: #fbfbf8; --card: #fff; --ink: #1c1e21; --quiet: #5c6470; --line: #dcdfe4;
  --one: #8a94a3; --zero: #e4e7ec; --other: #c2410c; --kin: #15703a; }
@media (prefers-color-scheme: dark) { :root { --paper: #14161a; --card: #1d2026; --ink: #e8eaed; --quiet: #a2abb8;
  --line: #343943; --one: #8b95a5; --zero: #39404b; --other: #fb923c; --kin: #5fd38d; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.25rem; max-width: 76rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.45 system-ui, sans-serif; overflow-wrap: anywhere; }
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
.kin { color: var(--kin); font-weight: 600; }
.one { fill: var(--one); } .zero { fill: var(--zero); } .other { fill: var(--other); }
footer { margin-top: 2rem; border-top: 1px solid var(--line); padding-top: .75rem; }
"""


QUIET = {"class": "quiet"}


@dataclass(frozen=True)
class Shown:
    """A video on the page: its title, what it shows, its code ``(K,)`` bool, and ``frames (T, H, W[, 3])`` uint8."""

    title: str
    classes: tuple[str, ...]
    code: np.ndarray
    frames: np.ndarray | None = None


@dataclass(frozen=True)
class Found:
    """A neighbour and its Hamming distance; ``kin`` says whether it shares a class with the query, if that is known."""

    video: Shown
    distance: int
    kin: bool | None = None


def render(query: Shown, found: list[Found], facts: list[str]) -> str:
    """The page: the query, what was found in its order, and ``facts`` on how, a line each."""
    page = tag("html", _head(f"Neighbours of {query.title}"), _body(query, found, facts), lang="en")
    return "<!DOCTYPE html>\n" + tostring(page, encoding="unicode", method="html") + "\n"


def _head(title: str) -> Element:
    digest = b64encode(sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    style = Element("style")
    style.text = STYLE
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", **{"http-equiv": "Content-Security-Policy", "content": policy}),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", title),
        style,
    )


def _body(query: Shown, found: list[Found], facts: list[str]) -> Element:
    bits = len(query.code)
    known = [one.kin for one in found if one.kin is not None]
    count = [tag("p", f"{sum(known)} of {len(known)} share a class with the query.", **QUIET)] if known else []
    return tag(
        "body",
        tag("header", tag("h1", "Nearest videos"), *(tag("p", fact, **QUIET) for fact in facts)),
        tag(
            "main",
            tag("h2", "Query"),
            tag(
                "article",
                *thumbnail(query),
                *_text(query, ""),
                bits_picture(query.code, query.code),
                **css_class("card query"),
            ),
            tag("h2", "Found, nearest first"),
            *count,
            tag("ol", *(_card(rank, one, query.code) for rank, one in enumerate(found, start=1))),
        ),
        tag(
            "footer",
            tag(
                "p",
                f"Each video is a code of {bits} bits, drawn as squares: full for 1, faint for 0, orange where it "
                "differs from the query's. Videos are ranked by the number of differing bits; equals stay in the order "
                "of the database.",
            ),
            **QUIET,
        ),
    )


def _card(rank: int, found: Found, code: np.ndarray) -> Element:
    video, bits = found.video, len(code)
    away = tag("p", f"Distance {found.distance} of {bits} bits")
    mark = [tag("p", "✓ shares a class with the query", **css_class("kin"))] if found.kin else []
    card = [*thumbnail(video), *_text(video, f"{rank}. "), away, *mark, bits_picture(video.code, code)]
    return tag("li", tag("article", *card, **css_class("card")))


def _text(video: Shown, prefix: str) -> Iterator[Element]:
    yield tag("h3", prefix + video.title)
    if video.classes:
        yield tag("p", ", ".join(video.classes), **QUIET)


def thumbnail(video: Shown) -> Iterator[Element]:
    """Some frames side by side, if there are any."""
    if video.frames is None or not len(video.frames):
        return
    strip = _strip(video.frames)
    height, width = strip.shape[:2]
    source = "data:image/png;base64," + b64encode(_png(strip)).decode()
    text = f"Frames of {video.title}, from first to last"
    shown = {"src": source, "alt": text, "width": str(width), "height": str(height)}
    yield tag("img", **shown, **(css_class("small") if height < 64 else {}))


def _strip(frames: np.ndarray) -> np.ndarray:
    """The frames in the middle of equal stretches, side by side ``(H, …, 4)``, with a transparent gap between them."""
    count = min(SHOWN, len(frames))
    chosen = frames[[(2 * place + 1) * len(frames) // (2 * count) for place in range(count)]]
    colour = np.repeat(chosen[..., None], 3, axis=-1) if chosen.ndim == 3 else chosen
    opaque = np.pad(colour, ((0, 0), (0, 0), (0, 0), (0, 1)), constant_values=255)
    gap = ((0, 0), (0, 0), (0, max(1, frames.shape[2] // 32)), (0, 0))
    return np.concatenate(list(np.pad(opaque, gap)), axis=1)[:, : -gap[2][1]]


def _png(pixels: np.ndarray) -> bytes:
    with requires_extra("plots", "A page with pictures"):
        from matplotlib.image import imsave

    buffer = BytesIO()
    imsave(buffer, np.ascontiguousarray(pixels), format="png", metadata={"Software": None})
    return buffer.getvalue()


def bits_picture(code: np.ndarray, query: np.ndarray) -> Element:
    """A code as rows of squares, with those marked that differ from the query's."""
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


def css_class(name: str) -> dict[str, str]:
    """The attribute ``class``, whose name is a word of Python."""
    return {"class": name}


def tag(name: str, /, *content: Element | str, **attributes: str) -> Element:
    """An element of elements or of one text. What cannot be printed, or turns the direction of a text, is replaced."""
    element = Element(name, {key: _clean(value) for key, value in attributes.items()})
    for part in content:
        if isinstance(part, str):
            element.text = _clean(part)
        else:
            element.append(part)
    return element


def _clean(text: str) -> str:
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
