"""The index of the search box: the words of every section, in a script that pages load when they need it.

It is a script, not JSON, because a page opened from a folder may load the one but not the other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from bs4 import BeautifulSoup, Tag

from .convert import HEADINGS
from .pages import Page

_LEFT_OUT = {"table", "iframe", "script", "style"}


def script(bodies: Mapping[Page, BeautifulSoup]) -> str:
    """Return the script that sets ``SSVH_INDEX``: title, address and sections of every page."""
    index = [
        {"title": page.title, "address": page.address, "solution": page.is_solution, "sections": list(sections(body))}
        for page, body in bodies.items()
    ]
    return f"window.SSVH_INDEX = {json.dumps(index, ensure_ascii=False, separators=(',', ':'))};\n"


def sections(body: BeautifulSoup) -> Iterator[tuple[str, str, str]]:
    """Yield heading, id and text between one heading and the next: prose and code, no outputs."""
    heading, name, words = "", "", ""
    for node in [*_reading(body), None]:
        if isinstance(node, str):
            words += node
            continue
        if heading or words.strip():
            yield heading, name, " ".join(words.split())
        if node is not None:
            heading, name, words = node.get_text(" ", strip=True), str(node["id"]), ""


def _reading(tag: Tag) -> Iterator[Tag | str]:
    """Yield headings and texts in the order of reading."""
    for child in tag.children:
        if not isinstance(child, Tag):
            yield str(child)
        elif child.name in HEADINGS:
            yield child
        elif child.name == "math":
            yield _spoken(child)
        elif child.name not in _LEFT_OUT and "output" not in (child.get("class") or []):
            yield from _reading(child)


def _spoken(formula: Tag) -> str:
    """Return what an excerpt shows of a formula: one in the text as it reads, but "…" for a displayed one."""
    if formula["display"] == "block":
        return " … "
    source = str(formula["alttext"])
    return formula.get_text() if "\\" in source else source
