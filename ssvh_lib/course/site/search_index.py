"""What the search box looks through: the words of every section, in a script that pages load when they need it.

A script and not JSON, because a page opened from a folder may load the one but not the other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from bs4 import BeautifulSoup, NavigableString, Tag

from .convert import HEADINGS
from .pages import Page

_LEFT_OUT = {"table", "iframe", "script", "style"}


def script(bodies: Mapping[Page, BeautifulSoup]) -> str:
    """``SSVH_INDEX``: of every page its title, address and sections; of those heading, id and text."""
    index = [
        {"title": page.title, "address": page.address, "solution": page.is_solution, "sections": list(sections(body))}
        for page, body in bodies.items()
    ]
    return f"window.SSVH_INDEX = {json.dumps(index, ensure_ascii=False, separators=(',', ':'))};\n"


def sections(body: BeautifulSoup) -> Iterator[tuple[str, str, str]]:
    """Heading, id and text between one heading and the next: prose and code, no outputs."""
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
    """Headings and texts in the order of reading."""
    for child in tag.children:
        if isinstance(child, NavigableString):
            yield str(child)
        elif child.name in HEADINGS:
            yield child
        elif child.name == "math":
            yield _spoken(child)
        elif child.name not in _LEFT_OUT and "output" not in child.get("class", []):
            yield from _reading(child)


def _spoken(formula: Tag) -> str:
    """What an excerpt shows of a formula: one in the text as it reads, one of its own line only that it is there."""
    if formula["display"] == "block":
        return " … "
    return formula.get_text() if "\\" in formula["alttext"] else formula["alttext"]
