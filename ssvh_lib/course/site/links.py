"""Links between files of the repository, turned into links between pages; broken ones are reported."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from bs4 import BeautifulSoup, Tag

from .pages import Page

_ELSEWHERE = ("http", "https", "mailto")
_OWN_TURNS = re.compile(r"\s*(Previous|Next): ")


class Links:
    """The links of pages, compared with the repository ``root``.

    ``copied`` are the files that pages link to or show, ``broken`` the complaints about links, a sentence each.
    """

    def __init__(self, root: Path, bodies: Mapping[Page, BeautifulSoup]) -> None:
        self._root = root
        self._bodies = bodies
        self._places = {page: {tag["id"] for tag in body.find_all(id=True)} for page, body in bodies.items()}
        self._pages = {page.source: page for page in bodies}
        self.copied: set[str] = set()
        self.broken: list[str] = []

    def settle(self, page: Page) -> None:
        """Rewrite the links of a page in place, and remove its own line of links to the previous and next page."""
        body = self._bodies[page]
        for link in body.find_all(href=True):
            self._follow(page, link)
        for shown in body.find_all(src=True):
            self._show(page, shown)
        for paragraph in body.find_all("p"):
            if _OWN_TURNS.match(paragraph.get_text()):
                paragraph.decompose()

    def _follow(self, page: Page, link: Tag) -> None:
        parts = urlsplit(str(link["href"]))
        if parts.scheme in _ELSEWHERE:
            return
        target = self._target(page, unquote(parts.path)) if not (parts.scheme or parts.netloc) else ""
        if target in self._pages:
            self._point(page, link, self._pages[target], unquote(parts.fragment))
        elif target and (self._root / target).is_dir():
            link.name, link.attrs = "span", {}  # a folder has no page
        elif target and (self._root / target).is_file():
            self.copied.add(target)
        else:
            self.broken.append(f"{page.source} links to {link['href']}, which is not in the repository.")

    def _show(self, page: Page, shown: Tag) -> None:
        """Check that what a page shows is part of it or a file of the repository: nothing comes from a network."""
        parts = urlsplit(str(shown["src"]))
        target = self._target(page, unquote(parts.path)) if not (parts.scheme or parts.netloc) else ""
        if target and (self._root / target).is_file():
            self.copied.add(target)
        elif parts.scheme != "data":
            self.broken.append(f"{page.source} shows {shown['src']}, which is not in the repository.")

    def _target(self, page: Page, path: str) -> str:
        """Return the path of a file in the repository; "" if it lies outside."""
        if not path:
            return page.source
        target = posixpath.normpath(posixpath.join(posixpath.dirname(page.source), path))
        return target if (self._root / target).resolve().is_relative_to(self._root.resolve()) else ""

    def _point(self, page: Page, link: Tag, target: Page, place: str) -> None:
        if place and place not in self._places[target]:
            self.broken.append(f"{page.source} links to {link['href']}, but {target.source} has no such heading.")
        address = "" if target is page and place else relative(page.address, target.address)
        link["href"] = address + (f"#{quote(place)}" if place else "")


def relative(page: str, target: str) -> str:
    """Return the relative link from one address of the site to another."""
    return quote(posixpath.relpath(target, posixpath.dirname(page) or "."))
