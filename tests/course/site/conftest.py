"""A course of three short notebooks, and its site."""

import pytest
from nbformat.v4 import new_code_cell, new_output
from small_course import CODES, DOT, NEEDS, README, START, notebook

from ssvh_lib.course import site


@pytest.fixture
def course(tmp_path):
    """A checkout with three notebooks, the solutions of one, a readme with a picture, and a report."""
    root = tmp_path / "checkout"
    outputs = [
        new_output("stream", name="stdout", text="printed & <shown>"),
        new_output("display_data", {"image/png": DOT, "text/plain": "<Figure>"}),
    ]
    notebook(root / "notebooks" / "00_start.ipynb", START, NEEDS)
    cell = new_code_cell("distance = (a != b).sum()", outputs=outputs, execution_count=3)
    notebook(root / "notebooks" / "02_codes.ipynb", CODES, cell)
    notebook(root / "notebooks" / "06_conmh.ipynb", "# 06 · ConMH: hide\n\n**You will hide.**")
    notebook(
        root / "notebooks" / "solutions" / "02_codes.ipynb", "# Solutions to notebook 02\n\n[02](../02_codes.ipynb)"
    )
    (root / "figures").mkdir()
    (root / "figures" / "all.png").write_bytes(b"png")
    (root / "figures" / "REPORT.md").write_text("# What held\n\nMuch.[^one]\n\n[^one]: A source.\n")
    (root / "README.md").write_text(README)
    (root / "LICENSE").write_text("MIT")
    return root


@pytest.fixture
def out(tmp_path):
    return tmp_path / "site"


@pytest.fixture
def built(course, out):
    site.build(out, course)
    return out
