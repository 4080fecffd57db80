"""Notebooks and Markdown files as HTML, by nbconvert: a Markdown file is a notebook of a single cell."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from html import escape
from itertools import count
from pathlib import Path

import mistune
import nbformat
from bs4 import BeautifulSoup, Tag
from nbconvert.exporters import TemplateExporter
from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from traitlets.config import Config

from ...errors import SSVHError
from .formulas import mathml

TEMPLATES = Path(__file__).parent / "templates"
_PLUGINS = ("strikethrough", "table", "url", "footnotes")
# The first that an output has is shown; of a widget, the picture or the words stored beside it.
_SHOWN = ["text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg", "text/latex", "text/plain"]
_NUMBER = re.compile(r"[\s\d.,:±×%()+−–—-]+")  # also .120 ± .006
HEADINGS = ["h1", "h2", "h3", "h4"]


def read(path: Path) -> nbformat.NotebookNode:
    """Read a notebook, or a Markdown file as one. Raises SSVHError if it cannot be read."""
    try:
        if path.suffix == ".ipynb":
            return nbformat.read(path, as_version=4)
        cells = [nbformat.v4.new_markdown_cell(path.read_text(encoding="utf-8"))]
    except (OSError, UnicodeDecodeError, AttributeError, nbformat.reader.NotJSONError) as error:
        raise SSVHError(f"{path} is not a readable {path.suffix[1:]} file ({error}). Restore it and repeat.") from error
    return nbformat.v4.new_notebook(cells=cells)


class Converter:
    """Makes the bodies of pages; reading the templates takes a while, so one converter serves all pages."""

    def __init__(self) -> None:
        priority = Config({"NbConvertBase": {"display_data_priority": _SHOWN}})
        basedirs = [str(TEMPLATES)]
        self._exporter = _Exporter(priority, template_name="course", extra_template_basedirs=basedirs)

    def body(self, notebook: nbformat.NotebookNode) -> BeautifulSoup:
        """Return the HTML of all cells, with headings that have the ids that GitHub gives them."""
        html, _ = self._exporter.from_notebook_node(notebook)
        body = BeautifulSoup(html, "html.parser")
        for style in body.find_all("style"):
            style.decompose()  # pandas adds one to every table; the site has its own
        for table in body.find_all("table"):
            table.attrs = {}
            table.wrap(body.new_tag("div", attrs={"class": "table", "tabindex": "0"}))
        for cell in body.find_all("td"):
            if _NUMBER.fullmatch(cell.get_text()):
                cell["class"] = "numeric"
        taken = {str(place["id"]) for place in body.find_all(id=True)}
        for heading in body.find_all(HEADINGS):
            _name(heading, taken)
        return body


def inline(markdown: str) -> str:
    """Render one paragraph of Markdown as HTML without the paragraph's tag."""
    html = _markdown().render(markdown).strip()
    return html.removeprefix("<p>").removesuffix("</p>")


class _Exporter(TemplateExporter):
    """nbconvert's template exporter. Its HTML exporter would needlessly parse every page once more."""

    output_mimetype = "text/html"
    file_extension = ".html"

    def default_filters(self) -> Iterator[tuple[str, Callable[..., str]]]:
        """Yield the filters of nbconvert, and ours for Markdown with footnotes and formulas, and for code."""
        yield from super().default_filters()
        yield "markdown2html", _markdown().render
        yield "highlight_code", Highlight2HTML(pygments_lexer="ipython3")


class _Renderer(IPythonRenderer):
    def inline_math(self, body: str) -> str:
        return mathml(body, displayed=False)

    def block_math(self, body: str) -> str:
        return mathml(body, displayed=True)

    def latex_environment(self, name: str, body: str) -> str:
        return mathml(rf"\begin{{{name}}}{body}\end{{{name}}}", displayed=True)

    def paragraph(self, text: str) -> str:
        """Render a paragraph; a displayed formula is a separate block, not part of one."""
        parts = re.split(r'(<div class="formula">.*?</div>)', text, flags=re.S)
        return "\n".join(
            part if part.startswith('<div class="formula">') else super(_Renderer, self).paragraph(part)
            for part in parts
            if part.strip()
        )

    def block_code(self, code: str, info: str | None = None) -> str:
        """Render code in colours, or plain if it names no language."""
        if not info:
            return f'<div class="highlight"><pre>{escape(code, quote=False)}</pre></div>\n'
        return super().block_code(code, info)


@cache
def _markdown() -> MarkdownWithMath:
    renderer = _Renderer(escape=False, exclude_anchor_links=True)
    return MarkdownWithMath(renderer, plugins=[mistune.plugins.import_plugin(name) for name in _PLUGINS])


def _name(heading: Tag, taken: set[str]) -> None:
    """Give a heading its id: its words in lower case, joined by hyphens, with a number if they repeat."""
    words = re.sub(r"[^\w\- ]", "", heading.get_text().strip().lower()).replace(" ", "-")
    name = next(name for name in _numbered(words or "section") if name not in taken)
    taken.add(name)
    heading["id"] = name


def _numbered(words: str) -> Iterator[str]:
    yield words
    yield from (f"{words}-{number}" for number in count(1))
