"""The frame around the text of a page (course, search, contents, previous and next), and the first page."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from bs4 import BeautifulSoup
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from .convert import HEADINGS, TEMPLATES, inline
from .links import relative
from .pages import PARTS, Page, report, shelf, solutions_of

LANDING = "index.html"
# Notebooks to begin with, and for whom.
_BEGIN = {
    "00": "You are new here",
    "06": "You know hashing and want today’s methods",
    "11": "You want to see what came out",
    "18": "You have videos of your own",
}


@dataclass(frozen=True)
class Place:
    """A link to a page, from the one at ``address``."""

    page: Page
    address: str
    here: bool


class Frame:
    """Puts pages into the frame that they share."""

    def __init__(self, pages: list[Page]) -> None:
        self._pages = pages
        self._course = [page for page in pages if page.is_notebook]
        self._report = report(pages)
        loader = FileSystemLoader(TEMPLATES)
        self._templates = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)

    def page(self, page: Page, body: BeautifulSoup) -> str:
        """Return a page of the site, made from its body."""
        before, after = self._neighbours(page)
        contents = [
            (heading.name, str(heading["id"]), heading.get_text(" ", strip=True))
            for heading in body.find_all(HEADINGS)
            if heading.name in ("h2", "h3")
        ]
        parts: dict[str, object] = {
            "body": _html(str(body)),
            "contents": contents,
            "titled": body.h1 is not None,
            "page_name": page.name,
            "other": _optional_place(self._other(page), page.address),
        }
        parts |= {"before": _optional_place(before, page.address), "after": _optional_place(after, page.address)}
        return self._render("page.html.j2", page.address, page.title, page.promise, parts)

    def landing(self, readme: BeautifulSoup) -> str:
        """Return the first page: paragraph and picture of the readme, where to begin, the course with its promises."""
        said, picture = readme.find("p"), readme.find("img")
        courses = {part: [self._card(page) for page in self._course if page.part == part] for part in self._parts()}
        begin = [(reader, self._numbered(number)) for number, reader in _BEGIN.items()]
        parts: dict[str, object] = {
            "said": _html(said.decode_contents() if said else ""),
            "picture": picture.attrs if picture else None,
            "begin": [(reader, _place(page, LANDING)) for reader, page in begin if page],
            "courses": courses,
            "report": _optional_place(self._report, LANDING),
        }
        return self._render("landing.html.j2", LANDING, "Self-supervised video hashing", "", parts)

    def _render(self, template: str, address: str, title: str, description: str, parts: dict[str, object]) -> str:
        open_page = next((page for page in self._pages if page.address == address), None)
        text = self._templates.get_template(template).render(
            root="../" * address.count("/"),
            title=title,
            description=description,
            home=address == LANDING,
            navigation={part: self._entries(part, open_page, address) for part in self._parts()},
            shelf=[_place(page, address) for page in shelf(self._pages)],
            **parts,
        )
        return text + "\n"

    def _parts(self) -> list[str]:
        return [part for part in PARTS if any(page.part == part for page in self._course)]

    def _entries(self, part: str, open_page: Page | None, address: str) -> list[tuple[Place, Place | None]]:
        """Return the notebooks of a part, and beside the one that is open, or whose solutions are, its solutions."""
        entries: list[tuple[Place, Place | None]] = []
        for page in self._course:
            if page.part == part:
                opened = open_page is not None and open_page.number == page.number
                below = solutions_of(self._pages, page) if opened else None
                entries.append((_place(page, address), _optional_place(below, address)))
        return entries

    def _neighbours(self, page: Page) -> tuple[Page | None, Page | None]:
        """Return the pages before and after a page of the course; after its last notebook comes the report."""
        order = [*self._course, *([self._report] if self._report else [])]
        before = next((one for one, other in pairwise(order) if other is page), None)
        after = next((other for one, other in pairwise(order) if one is page), None)
        return before, after

    def _other(self, page: Page) -> Page | None:
        """Return the solutions of a notebook, or the notebook of solutions."""
        return self._numbered(page.number) if page.is_solution else solutions_of(self._pages, page)

    def _numbered(self, number: str) -> Page | None:
        return next((page for page in self._course if page.number == number), None)

    def _card(self, page: Page) -> tuple[Place, Markup, Place | None]:
        solutions = _optional_place(solutions_of(self._pages, page), LANDING)
        return _place(page, LANDING), _html(inline(page.promise)), solutions


def _place(page: Page, address: str) -> Place:
    """Make a link from ``address`` to a page."""
    return Place(page, relative(address, page.address), page.address == address)


def _optional_place(page: Page | None, address: str) -> Place | None:
    return _place(page, address) if page else None


def _html(text: str) -> Markup:
    """Mark HTML that was made from files of the repository, so that it is not escaped again."""
    return Markup(text)
