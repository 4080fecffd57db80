"""Formulas: drawn by the browser, with the signs they should have."""

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_markdown_cell, new_notebook
from small_course import page

from ssvh_lib.course.site.convert import Converter
from ssvh_lib.course.site.formulas import mathml
from ssvh_lib.utils.files import project_root


def test_formulas_are_drawn_by_the_browser(built):
    article = page(built, "notebooks/02_codes.html").find("article")
    inside, displayed = article.find_all("math")
    assert (inside["alttext"], inside["display"], displayed["display"]) == ("a_t < b", "inline", "block")
    assert "$" not in article.text
    assert "‖" in displayed.text
    assert "\\" not in displayed.text
    assert displayed.parent.name == "div"
    assert displayed.find_parent("p") is None


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"\frac{1}{2B}", "12B"),
        (r"\mathcal{L}_\text{global}", "ℒglobal"),
        (r"\bigl\{ k,\ K \bigr\}", "{k,\xa0K}"),
        (r"\langle h, c \rangle", "⟨h,c⟩"),
        (r"\operatorname{sign}(x) \in \{-1, 1\}", "sign(x)∈{−1,1}"),
        (r"\log \frac{p}{q}", "logpq"),
    ],
)
def test_formulas_have_the_signs_they_should(latex, text):
    assert BeautifulSoup(mathml(latex, displayed=False), "html.parser").text == text


def test_bars_of_a_norm_are_of_one_height():
    bars = BeautifulSoup(mathml(r"\sum_i \lVert x_i \rVert^2 + |u|", displayed=True), "html.parser").find_all("mo")
    shapes = [bar.attrs for bar in bars if bar.text in "‖|"]
    assert shapes == [{"stretchy": "false", "lspace": "0", "rspace": "0"}] * 4


@pytest.mark.parametrize(
    ("latex", "gaps"), [(r"\tanh", 0), (r"\log p", 1), (r"q_i \log p", 2), (r"2 \operatorname{sign}(x)", 1), ("ab", 0)]
)
def test_named_functions_stand_by_themselves(latex, gaps):
    assert len(BeautifulSoup(mathml(latex, displayed=False), "html.parser").find_all("mspace")) == gaps


@pytest.mark.parametrize("latex", [r"\unknowncommand{x} < 1", r"a_b_c"])
def test_a_formula_that_cannot_be_drawn_stays_its_source(latex):
    shown = BeautifulSoup(mathml(latex, displayed=True), "html.parser")
    assert (shown.code.text, shown.math) == (latex, None)


def test_every_formula_of_the_course_is_drawn():
    cells = [
        new_markdown_cell(cell.source)
        for path in sorted((project_root() / "notebooks").rglob("*.ipynb"))
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "markdown" and "$" in cell.source
    ]
    body = Converter().body(new_notebook(cells=cells))
    assert len(body.find_all("math")) > 100
    assert [code.text for code in body.find_all("code", class_="latex")] == []
