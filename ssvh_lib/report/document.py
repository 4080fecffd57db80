"""The report: which published claims held here, on which data, and at what cost.

A pure function of ``<out>/data/*.json``, of the figures drawn from them, and of the published numbers. ``sections``
judges, ``markdown`` writes, and ``page`` turns that into one HTML file that needs nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

from ..utils.files import read_json, write_text
from . import tables
from .markdown import markdown
from .page import to_page
from .sections import Reported, Section, sections
from .verdicts import Kind

__all__ = ["Reported", "summary", "write"]


def write(out: Path, targets: Mapping[str, Reported]) -> list[Path]:
    """Write ``claims/<target>`` as Markdown, CSV and LaTeX, REPORT.md and REPORT.html into ``out``.

    The same records, budget and figures give the same bytes. Raises SSVHError if two records contradict each other.
    """
    found = sections(out, targets)
    judged = [section for section in found if not section.judged.empty]
    paths = [
        path
        for section in judged
        for path in tables.write_claims(section.judged, out / "claims" / section.name, section.heading)
    ]
    budget = out / "data" / "budget.json"
    text = markdown(found, read_json(budget) if budget.is_file() else {})
    for name, content in (("REPORT.md", text), ("REPORT.html", to_page(text, out))):
        write_text(out / name, content)
        paths.append(out / name)
    return paths


def summary(out: Path, targets: Mapping[str, Reported], names: Collection[str]) -> str:
    """Count verdicts for the terminal: a line for each target of ``names`` with claims, and where to read them."""
    judged = [section for section in sections(out, targets) if section.name in names and not section.judged.empty]
    if not judged:
        return ""
    lines = [(section.name, _counts(section), str(_place(out, section))) for section in judged]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = [[text.ljust(width) for text, width in zip(line, widths, strict=True)] for line in lines]
    return "\n".join("  ".join(line).rstrip() for line in padded)


def _counts(section: Section) -> str:
    counts = Counter(section.judged["verdict"])
    return ", ".join(f"{counts[kind]} {kind}" for kind in Kind if counts[kind])


def _place(out: Path, section: Section) -> Path:
    path = out / "claims" / f"{section.name}.md"
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
