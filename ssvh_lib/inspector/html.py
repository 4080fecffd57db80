"""A view and its neighbours as HTML: pure functions that return text without scripts, with pictures embedded.

Trees are built and then written, so that no name of a video can become markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element

import numpy as np

from ..search.page import bits_picture, thumbnail
from ..utils.colours import LIGHT
from ..utils.html import css_class, css_variables, png_uri, style_tag, tag, to_html
from .neighbours import Answer
from .strips import Strip, keys, sentence, strips
from .view import View

LEFT, CELL, RIGHT = 112, 28, 232  # widths of the names, of a frame, of the notes
LOW, TALL, GAP = 18, 44, 6  # heights of cells and of bars, and the space between rows
FONT = 12.5
_RELEVANCE = {
    True: ("✓ relevant", "relevant"),
    False: ("not relevant", "irrelevant"),
    None: ("relevance unknown", "quiet"),
}

STYLE = (
    css_variables(".ssvh-inspector", LIGHT)
    + """
.ssvh-inspector { color: var(--jp-ui-font-color1, var(--ink)); font: 14px/1.45 system-ui, sans-serif; max-width: 76rem;
  box-sizing: border-box; padding-right: .75rem; }
.widget-html-content:has(> .ssvh-inspector) { min-width: 0; }
.ssvh-inspector .wide { overflow-x: auto; }
.ssvh-inspector .wide > svg { display: block; width: 100%; min-width: 46rem; height: auto; }
.ssvh-inspector p { margin: .3rem 0; }
.ssvh-inspector .quiet { opacity: .75; font-size: .92em; }
.ssvh-inspector .key { display: inline-block; width: .9em; height: .9em; margin: 0 .3em 0 .9em; vertical-align: -.1em; }
.ssvh-inspector ol { list-style: none; margin: .5rem 0; padding: 0; display: grid; gap: .6rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 13rem), 1fr)); }
.ssvh-inspector .card { border: 1px solid var(--jp-border-color2, var(--line)); border-radius: .4rem; padding: .5rem; }
.ssvh-inspector .card img, .ssvh-inspector .card svg { display: block; width: 100%; height: auto; margin: .3rem 0; }
.ssvh-inspector .small { image-rendering: pixelated; }
.ssvh-inspector h3, .ssvh-inspector h4 { margin: .2rem 0; font-size: 1em; }
.ssvh-inspector .relevant { color: var(--relevant); font-weight: 600; } .ssvh-inspector .irrelevant { opacity: .7; }
.ssvh-inspector .one { fill: var(--one); } .ssvh-inspector .zero { fill: var(--zero); }
.ssvh-inspector .other { fill: var(--other); }
.ssvh-inspector .code { max-width: 26rem; }
"""
)


def render_view(view: View) -> str:
    """Return pictures, truth, grades, draws, errors and rivals of one video, frame below frame."""
    rows = strips(view)
    title = f"{view.title}: {', '.join(view.classes) or 'no class known'}"
    chosen = (
        f"epoch {view.epoch} · noise {view.noise:g} · temperature {view.temperature:g} · "
        f"budget {view.budget} of {len(view.scores)} (mask ratio {view.budget / len(view.scores):.2f})"
    )
    body = tag(
        "div",
        tag("h3", title),
        tag("p", chosen, **css_class("quiet")),
        tag("p", sentence(view), **{"class": "reading", "aria-live": "polite"}),
        tag("div", _svg(view, rows), **css_class("wide")),
        _legend(view),
        **css_class("ssvh-inspector"),
    )
    return to_html(style_tag(STYLE)) + to_html(body)


def render_neighbours(answers: Sequence[Answer], code: np.ndarray, flipped: np.ndarray, bit: int) -> str:
    """Return the code ``(K,)`` bool with the bits of ``flipped (K,)`` flipped, and what is nearest to it then."""
    asked = code ^ flipped
    names = ", ".join(map(str, np.flatnonzero(flipped))) or "none"
    known = [answer.found.relevant for answer in answers if answer.found.relevant is not None]
    share = f" {sum(known)} of {len(known)} share a class with it." if known else ""
    picture = bits_picture(asked, code)
    picture.append(_outline(bit))
    body = tag(
        "div",
        tag("h3", f"The code of {len(code)} bits, and the videos of the database that are nearest to it"),
        tag("div", picture, **css_class("code")),
        tag("p", f"Flipped bits: {names}. Bit {bit} is outlined.{share}", **{"aria-live": "polite", "class": "found"}),
        tag("ol", *(_card(place, answer, asked) for place, answer in enumerate(answers, start=1))),
        **css_class("ssvh-inspector"),
    )
    return to_html(body)


def _svg(view: View, rows: list[Strip]) -> Element:
    pictures = [] if view.frames is None else [_pictures(view.frames)]
    top = CELL + GAP if pictures else 0
    parts = [*pictures]
    for row in rows:
        height = TALL if row.tall else LOW
        top += GAP if row.first else 0
        parts.append(_row(row, top, height))
        top += height + GAP
    parts += [_scale(len(view.scores), top + 9)]
    width = LEFT + CELL * len(view.scores) + RIGHT
    label = " ".join(f"{row.name}: {row.note}." for row in rows)
    return tag("svg", *parts, **{"viewBox": f"0 0 {width} {top + 14}", "role": "img", "aria-label": label})


def _pictures(frames: np.ndarray) -> Element:
    """Put all frames side by side, as one picture."""
    strip = np.concatenate(list(frames), axis=1)
    place = {"x": LEFT, "y": 0, "width": CELL * len(frames), "height": CELL}
    fixed = {"preserveAspectRatio": "none", "href": png_uri(strip)}
    return tag("image", **{name: str(value) for name, value in place.items()}, **fixed, **css_class("small"))


def _row(row: Strip, top: int, height: int) -> Element:
    """Draw a name to the left, cells or bars, a note to the right."""
    middle = str(top + height / 2 + FONT / 3)
    name = tag("text", row.name, x=str(LEFT - 8), y=middle, **_text("end"))
    if row.missing:
        return tag("g", name, tag("text", row.note, x=str(LEFT + 4), y=middle, opacity=".7", **_text("start")))
    note = tag("text", row.note, x=str(LEFT + CELL * len(row.heights) + 8), y=middle, **_text("start"))
    cells = [part for frame in range(len(row.heights)) for part in _cell(row, frame, top, height)]
    floor = [tag("path", d=f"M{LEFT} {top + height}h{CELL * len(row.heights)}", stroke="currentColor", opacity=".25")]
    return tag("g", name, note, *cells, *(floor if row.tall else []))


def _cell(row: Strip, frame: int, top: int, height: int) -> list[Element]:
    long = max(0.5, float(row.heights[frame]) * height)
    x, y = LEFT + CELL * frame + 1, top + height - long
    title = tag("title", f"frame {frame}: {row.says[frame]}")
    place = {"x": f"{x}", "y": f"{y:.1f}", "width": f"{CELL - 2}", "height": f"{long:.1f}"}
    cell = tag("rect", title, fill=row.colours[frame], **place)
    mark = row.marks[frame]
    dot = {"cx": f"{x + CELL / 2 - 1}", "cy": f"{top + height / 2}", "r": "4.5"}
    return [cell] if mark is None else [cell, tag("circle", fill=mark, **dot)]


def _scale(frames: int, y: float) -> Element:
    """Write the numbers of the frames, every fourth."""
    marks = [
        tag("text", str(frame), x=str(LEFT + CELL * (frame + 0.5)), y=str(y), opacity=".7", **_text("middle"))
        for frame in range(0, frames, 4)
    ]
    return tag("g", tag("text", "frame", x=str(LEFT - 8), y=str(y), opacity=".7", **_text("end")), *marks)


def _legend(view: View) -> Element:
    parts = [part for words, colour in keys(view) for part in (_key(colour), tag("span", words))]
    return tag("p", *parts, **css_class("quiet"))


def _key(colour: str) -> Element:
    return tag("span", style=f"background:{colour}", **css_class("key"))


def _card(place: int, answer: Answer, asked: np.ndarray) -> Element:
    video, found = answer.found.video, answer.found
    words, kind = _RELEVANCE[found.relevant]
    parts = [
        tag("h4", f"{place}. {', '.join(video.classes) or video.title}"),
        *thumbnail(video),
        tag("p", f"distance {found.distance} · {answer.moved(place)}"),
        tag("p", words, **css_class(kind)),
        bits_picture(video.code, asked),
    ]
    return tag("li", *parts, **css_class("card"))


def _outline(bit: int) -> Element:
    line, column = divmod(bit, 32)
    place = {"x": 10 * column - 0.5, "y": 10 * line + 0.3, "width": 9, "height": 9}
    look = {"fill": "none", "stroke": "#000", "stroke-width": "1.4"}
    return tag("rect", **{name: f"{value}" for name, value in place.items()}, **look)


def _text(anchor: str) -> dict[str, str]:
    return {"font-size": f"{FONT}", "text-anchor": anchor, "fill": "currentColor"}
