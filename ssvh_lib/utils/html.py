"""Self-contained HTML: elements that no text can break out of, pictures as data, and pages that load nothing.

Elements are built as trees and then written, so that no title, however odd, can become markup. The content security
policy of a page lets a browser use nothing but the pictures and the style that are in it.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from io import BytesIO
from xml.etree.ElementTree import Element, tostring

import numpy as np

from .colours import DARK, LIGHT
from .extras import requires_extra


def css_variables(selector: str, colours: Mapping[str, str]) -> str:
    """Return a rule that sets ``--name`` to each of the colours for what ``selector`` finds."""
    return f"{selector} {{ {' '.join(f'--{name}: {colour};' for name, colour in colours.items())} }}"


STYLE = f"""
:root {{ color-scheme: light dark; }}
{css_variables(":root", LIGHT)}
@media (prefers-color-scheme: dark) {{ {css_variables(":root", DARK)} }}
* {{ box-sizing: border-box; }}
body {{ margin: 0 auto; padding: 1.25rem; max-width: 76rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }}
"""


def page(title: str, style: str, body: str) -> str:
    """Return a page of ``body``, which is HTML; ``style`` is CSS that follows what all pages share."""
    style = STYLE + style
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(printable(title))}</title>\n<style>{style}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )


def tag(name: str, /, *content: Element | str, **attributes: str) -> Element:
    """Make an element of other elements or of one text, both made ``printable``."""
    element = Element(name, {key: printable(value) for key, value in attributes.items()})
    for part in content:
        if isinstance(part, str):
            element.text = printable(part)
        else:
            element.append(part)
    return element


def css_class(name: str) -> dict[str, str]:
    """Return the attribute ``class``, a reserved word of Python, for ``tag``."""
    return {"class": name}


def style_tag(style: str) -> Element:
    """Make a style element, whose CSS is written as it is, line breaks included."""
    element = Element("style")
    element.text = style
    return element


def to_html(element: Element) -> str:
    """Write an element as HTML."""
    return tostring(element, encoding="unicode", method="html")


def printable(text: str) -> str:
    """Replace characters that cannot be printed or that change the direction of text."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def data_uri(content: bytes, media_type: str) -> str:
    """Return ``content`` as a data URI, which needs no file."""
    return f"data:{media_type};base64,{b64encode(content).decode()}"


def png_uri(pixels: np.ndarray) -> str:
    """Return a picture ``(H, W)``, ``(H, W, 3)`` or ``(H, W, 4)`` of uint8 as the data URI of a PNG."""
    with requires_extra("plots", "A page with pictures"):
        from PIL import Image  # installed with Matplotlib

    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return data_uri(buffer.getvalue(), "image/png")
