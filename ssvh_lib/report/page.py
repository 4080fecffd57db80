"""The report as one HTML file that needs nothing else: no script, no network, figures and style inside."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape
from pathlib import Path

from ..utils.extras import requires_extra

with requires_extra("plots", "Writing the report"):
    import mistune

STYLE = """
:root { color-scheme: light dark; --paper: #fbfbf8; --ink: #1c1e21; --quiet: #5c6470; --line: #dcdfe4; --band: #f1f1ec;
  --link: #0b5cad; }
@media (prefers-color-scheme: dark) { :root { --paper: #14161a; --ink: #e8eaed; --quiet: #a2abb8; --line: #343943;
  --band: #1d2026; --link: #7ab7ff; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0 auto; padding: 1.25rem; max-width: 76rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
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


def page(markdown: str, folder: Path) -> str:
    """The page; pictures are read from ``folder``, to which their paths in the Markdown are relative."""
    render = mistune.create_markdown(renderer=_Renderer(folder), plugins=["table", "footnotes"])
    digest = b64encode(sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    title = markdown.partition("\n")[0].removeprefix("# ")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{render(markdown)}</body>\n</html>\n"
    )


class _Renderer(mistune.HTMLRenderer):
    """HTML with pictures inside, and tables that scroll by themselves."""

    def __init__(self, folder: Path) -> None:
        super().__init__(escape=False)  # line breaks in cells and anchors of headings are our own HTML
        self._folder = folder

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """A PNG as part of the page."""
        content = b64encode((self._folder / url).read_bytes()).decode()
        return f'<img alt="{escape(text)}" src="data:image/png;base64,{content}">'

    def table(self, text: str) -> str:
        """A table in a box of its own."""
        return f'<div class="table"><table>\n{text}</table></div>\n'
