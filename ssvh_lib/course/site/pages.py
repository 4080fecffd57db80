"""The pages of the site, in reading order, with title, promise and reading time from their files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from nbformat import NotebookNode

from ...errors import SSVHError
from .convert import read

# The parts of the course, each with its last notebook.
PARTS = {"Begin here": "02", "Methods": "08", "Experiments": "15", "Look inside, and go on": "99"}
_NOTEBOOKS = "notebooks/[0-9][0-9]_*.ipynb"
_SOLUTIONS = "notebooks/solutions/[0-9][0-9]_*.ipynb"
_REPORT = "figures/REPORT.md"
# Files beside the course that are pages, and their names in the navigation. Those of _LINKED are reached by links only.
_SHELF = {_REPORT: "What held, what did not", "README.md": "Readme", "CONTRIBUTING.md": "Contributing"}
_LINKED = ("figures/tables/*.md", "figures/claims/*.md", "CHANGELOG.md")


@dataclass(frozen=True, eq=False)
class Page:
    """A page: the file it is made from, as a path in the repository, and what its opening says."""

    source: str
    notebook: NotebookNode
    title: str
    name: str  # short, for the navigation
    promise: str = ""  # Markdown, of notebooks
    time: str = ""

    @property
    def address(self) -> str:
        """The address in the site: the path of its source in the repository, as HTML."""
        return str(PurePosixPath(self.source).with_suffix(".html"))

    @property
    def number(self) -> str:
        """Two digits for notebooks and solutions; "" for others."""
        return PurePosixPath(self.source).name[:2] if self.source.endswith(".ipynb") else ""

    @property
    def heading(self) -> str:
        """The title without the number."""
        return self.title.partition(" · ")[2] or self.title

    @property
    def part(self) -> str:
        """The part of the course that a notebook belongs to."""
        return next(name for name, last in PARTS.items() if self.number <= last)

    @property
    def is_solution(self) -> bool:
        """True for the solutions of a notebook's exercises."""
        return "/solutions/" in self.source

    @property
    def is_notebook(self) -> bool:
        """True for a notebook of the course, not one with solutions."""
        return bool(self.number) and not self.is_solution


def find(root: Path) -> list[Page]:
    """Find the pages of the checkout ``root``: notebooks, solutions, then the texts beside them.

    Raises SSVHError if there are no notebooks, or one cannot be read or has no title.
    """
    patterns = [_NOTEBOOKS, _SOLUTIONS, *_SHELF, *_LINKED]
    found = _with_distinct_names([_page(root, path) for pattern in patterns for path in sorted(root.glob(pattern))])
    if not any(page.is_notebook for page in found) or not any(page.source == "README.md" for page in found):
        raise SSVHError(
            f"{root} holds no course: README.md and notebooks/00_….ipynb are expected there. "
            "Start this in a checkout of the project."
        )
    return found


def readme(pages: list[Page]) -> Page:
    """Return the page whose beginning the first page shows."""
    return next(page for page in pages if page.source == "README.md")


def report(pages: list[Page]) -> Page | None:
    """Return the report on what was reproduced, if there is one."""
    return next((page for page in pages if page.source == _REPORT), None)


def shelf(pages: list[Page]) -> list[Page]:
    """Return the pages that the navigation shows below the course."""
    return [page for page in pages if page.source in _SHELF]


def solutions_of(pages: list[Page], notebook: Page) -> Page | None:
    """Return the solutions of a notebook's exercises, if there are any."""
    return next((page for page in pages if page.is_solution and page.number == notebook.number), None)


def _page(root: Path, path: Path) -> Page:
    source, notebook = path.relative_to(root).as_posix(), read(path)
    opening = "\n".join(_opening(notebook))
    title = re.search(r"^# (.+)$", opening, flags=re.M)
    if title is None and path.suffix == ".ipynb":
        raise SSVHError(f"{path} has no title: its first cell should begin with a line such as '# 03 · Hashing'.")
    promise = re.search(r"^\*\*(.+)\*\*$", opening, flags=re.M)
    time = re.search(r"\*\*Time:?\*\*:? *(.+?)\.?$", opening, flags=re.M)
    words = title[1] if title else path.stem
    return Page(source, notebook, words, _SHELF.get(source) or _short(words), _first(promise), _first(time))


def _short(title: str) -> str:
    """Return the title up to a colon, without the number."""
    before = title.partition(":")[0]
    return before.partition(" · ")[2] or before


def _with_distinct_names(pages: list[Page]) -> list[Page]:
    """Rename pages that share a name after their files, and return all pages."""
    times = Counter(page.name for page in pages)
    named = {page: PurePosixPath(page.source).stem[3:].replace("_", " ").capitalize() for page in pages if page.number}
    return [replace(page, name=named[page]) if times[page.name] > 1 and page.number else page for page in pages]


def _opening(notebook: NotebookNode) -> Iterator[str]:
    """Yield the prose before the first line of code."""
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            return
        yield cell.source


def _first(match: re.Match[str] | None) -> str:
    return match[1] if match else ""
