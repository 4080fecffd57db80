"""The report as one HTML file that needs nothing else: no script, no network, figures and style embedded."""

from __future__ import annotations

from pathlib import Path

from ..utils.extras import requires_extra

with requires_extra("plots", "Writing the report"):
    import mistune

from ..utils.html import data_uri, page, tag, to_html

STYLE = """
html { scroll-padding-top: 1rem; }
p, ul, ol, h1 { max-width: 52rem; }
h1 { margin: 0 0 .5rem; font-size: 1.6rem; line-height: 1.2; }
h2 { margin: 2.5rem 0 .5rem; font-size: 1.3rem; border-bottom: 1px solid var(--line); padding-bottom: .25rem; }
h3 { margin: 2.5rem 0 .5rem; font-size: 1.1rem; }
a { color: var(--link); }
ul, ol { padding-left: 1.25rem; }
li { margin: .3rem 0; }
li p { margin: 0; }
code { font-size: .9em; }
img { display: block; max-width: 100%; height: auto; margin: .75rem 0; padding: .5rem; background: #fff;
  border: 1px solid var(--line); border-radius: .5rem; }
.table { overflow-x: auto; margin: .75rem 0; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top;
  white-space: nowrap; overflow-wrap: normal; }
td:first-child { white-space: normal; min-width: 9rem; max-width: 20rem; }
td:last-child { white-space: normal; min-width: 5rem; }
th { color: var(--quiet); font-weight: 600; }
tbody tr:hover { background: var(--band); }
.footnotes { margin-top: 3rem; border-top: 1px solid var(--line); font-size: .9rem; color: var(--quiet); }
sup { line-height: 0; }
@media (max-width: 40rem) { body { padding: .9rem; } table { font-size: .85rem; } }
"""


def to_page(markdown: str, folder: Path) -> str:
    """Return the page; figures are read from ``folder``, to which their paths in the Markdown are relative."""
    render = mistune.create_markdown(renderer=_Renderer(folder), plugins=["table", "footnotes"])
    title = markdown.partition("\n")[0].removeprefix("# ")
    return page(title, STYLE, str(render(markdown)))


class _Renderer(mistune.HTMLRenderer):
    """HTML with embedded pictures, and tables that scroll by themselves."""

    def __init__(self, folder: Path) -> None:
        super().__init__(escape=False)  # line breaks in cells and anchors of headings are our own HTML
        self._folder = folder

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """Return an SVG as part of the page; as a picture it cannot run scripts."""
        return to_html(tag("img", alt=text, src=data_uri((self._folder / url).read_bytes(), "image/svg+xml")))

    def table(self, text: str) -> str:
        """Return a table in its own box, which scrolls."""
        return f'<div class="table"><table>\n{text}</table></div>\n'
