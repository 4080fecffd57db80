"""A course of three short notebooks, and how the pages of its site are read."""

import json
from pathlib import Path

import nbformat
from bs4 import BeautifulSoup
from nbformat.v4 import new_markdown_cell, new_notebook

DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="  # one pixel
README = """# A course

A *hash* is short.

![All of it](figures/all.png)

Begin with [the first](notebooks/00_start.ipynb), see [solutions](notebooks/solutions/), [the licence](LICENSE),
[below](#what-comes-out), [a paper](https://arxiv.org/abs/1).

## What comes out

| a | b |
| --- | --- |
| .120 ± .006 | 2 words |
"""
START = """# 00 · Start: here & now

**You will *count* bits.**

Next: [02 · Codes](02_codes.ipynb)"""
NEEDS = "**You need** nothing. **Time:** 5 minutes to read, seconds to run."
CODES = """# 02 · Codes of <b> & `x < y`

**You will see codes.**

Previous: [00](00_start.ipynb) · Next: [06 · ConMH](06_conmh.ipynb)

## By the end: Gumbel

The rate $a_t < b$ matters, and

$$\\bigl\\lVert x \\bigr\\rVert = \\sum_{i=1}^{K} x_i$$

as [the readme says](../README.md#what-comes-out), and [exercises](solutions/02_codes.ipynb)."""


def notebook(path: Path, *cells):
    path.parent.mkdir(parents=True, exist_ok=True)
    made = [new_markdown_cell(cell) if isinstance(cell, str) else cell for cell in cells]
    nbformat.write(new_notebook(cells=made, metadata={"language_info": {"name": "python"}}), path)


def page(folder: Path, name: str) -> BeautifulSoup:
    return BeautifulSoup((folder / name).read_text(encoding="utf-8"), "html.parser")


def links(tag) -> list[str]:
    return [link["href"] for link in tag.find_all("a", href=True)]


def index(folder: Path) -> list[dict]:
    text = (folder / "assets" / "search-index.js").read_text(encoding="utf-8")
    return json.loads(text.removeprefix("window.SSVH_INDEX = ").rstrip().removesuffix(";"))
