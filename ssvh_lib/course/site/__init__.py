"""The course as a static site, read from a folder without a network and without running anything.

``pages`` finds the notebooks, their solutions and the texts beside them; ``convert`` makes HTML of them with nbconvert,
and ``formulas`` MathML of their LaTeX; ``links`` turns links between files into links between pages; ``search_index``
collects the words; and ``frame`` puts navigation around it all.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from ...errors import SSVHError
from ...utils.extras import requires_extra
from ...utils.files import make_folder, project_root, write_folder

if TYPE_CHECKING:
    from bs4 import BeautifulSoup

    from .convert import Converter
    from .pages import Page

CODE_STYLES = {"light": "friendly", "dark": "github-dark"}  # of pygments
ASSETS = ("style.css", "site.js", "code.css", "search-index.js")
_MARK = f"assets/{ASSETS[-1]}"  # the file by which a site is recognised


@dataclass(frozen=True)
class Built:
    """A site that was written: its first page, the number of its pages and of all its files, and its size in bytes."""

    landing: Path
    pages: int
    files: int
    size: int
    largest: int  # bytes of the largest page


def build(out: Path, root: Path | None = None) -> Built:
    """Write the site of the checkout ``root`` into the folder ``out``, which it replaces.

    The same files give the same bytes. Raises SSVHError, and writes nothing, if a link leads nowhere, a file cannot be
    read, or ``out`` holds something other than a site.
    """
    _check(out)
    with requires_extra("course", "Rendering the site"):  # imported here, as nbconvert takes a second or two to load
        from .convert import Converter
        from .frame import LANDING, Frame
        from .links import Links
        from .pages import find, readme

    root = root or project_root()
    pages = find(root)
    bodies = _bodies(pages, Converter())
    links = Links(root, bodies)
    for page in pages:
        links.settle(page)
    if links.broken:
        raise SSVHError(_complaint(links.broken))
    frame = Frame(pages)
    texts = {page.address: frame.page(page, body) for page, body in bodies.items()}
    texts[LANDING] = frame.landing(bodies[readme(pages)])
    largest = max(len(text.encode()) for text in texts.values())
    write_folder(out.resolve(), lambda partial: _fill(partial, root, texts | _assets(bodies), links.copied))
    sizes = [path.stat().st_size for path in out.rglob("*") if path.is_file()]
    return Built(out / LANDING, len(pages) + 1, len(sizes), sum(sizes), largest)


def _check(out: Path) -> None:
    """Raise SSVHError if ``out`` holds something other than a site."""
    if out.exists() and not out.is_dir():
        raise SSVHError(f"{out} is a file, but the site is a folder. Name another place with --out.")
    if out.is_dir() and any(out.iterdir()) and not (out / _MARK).is_file():
        raise SSVHError(
            f"{out} holds something other than a site (there is no {_MARK} in it), and would be replaced. "
            "Name an empty or new folder with --out."
        )
    make_folder(out.absolute().parent)


def _bodies(pages: list[Page], converter: Converter) -> dict[Page, BeautifulSoup]:
    steps = tqdm(pages, desc="Pages", unit="page", delay=2, leave=False)
    return {page: converter.body(page.notebook) for page in steps}


def _complaint(broken: list[str]) -> str:
    return "\n".join([*broken, "Mend the link, or restore what it leads to; no site was written."])


def _assets(bodies: Mapping[Page, BeautifulSoup]) -> dict[str, str]:
    """Return the texts of the style, the script, the colours of code, and the index of the search box."""
    from .convert import TEMPLATES
    from .search_index import script

    own = {name: (TEMPLATES / name).read_text(encoding="utf-8") for name in ASSETS[:2]}
    texts = own | {ASSETS[2]: _code_colours(), ASSETS[3]: script(bodies)}
    return {f"assets/{name}": text for name, text in texts.items()}


def _code_colours() -> str:
    from pygments.formatters import HtmlFormatter

    styles = {scheme: HtmlFormatter(style=name).get_style_defs(".highlight") for scheme, name in CODE_STYLES.items()}
    return "".join(f"@media (prefers-color-scheme: {scheme}) {{\n{style}\n}}\n" for scheme, style in styles.items())


def _fill(folder: Path, root: Path, texts: Mapping[str, str], copied: set[str]) -> None:
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name in copied:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, folder / name)
