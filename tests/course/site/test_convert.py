"""From cells to HTML: headings, tables and outputs."""

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from small_course import DOT, notebook, page

from ssvh_lib.course import site
from ssvh_lib.course.site.convert import Converter, inline
from ssvh_lib.errors import SSVHError


def test_numbers_in_tables_are_not_broken_into_lines(built):
    number, words = page(built, "README.html").find(class_="table").find_all("td")
    assert (number.get("class"), words.get("class")) == (["numeric"], None)


def test_headings_are_named_as_on_github_and_none_twice():
    cells = [new_markdown_cell("## Your own `videos`\n\n## Codes, and *why*\n\n## Codes, and why\n\n## Größe 2–3")]
    body = Converter().body(new_notebook(cells=cells))
    names = ["your-own-videos", "codes-and-why", "codes-and-why-1", "größe-23"]
    assert [heading["id"] for heading in body.find_all("h2")] == names


def test_outputs_are_shown_as_stored():
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "image/png": DOT, "text/plain": "VBox()"}
    table = "<style scoped>td {}</style><table border='1' class='dataframe'><tr style='x'><td>1</td></tr></table>"
    outputs = [
        new_output("stream", name="stdout", text="a < b"),
        new_output("execute_result", {"text/html": table, "text/plain": "1"}, execution_count=1),
        new_output("display_data", widget),
        new_output("display_data", {name: widget[name] for name in widget if name != "image/png"}),
    ]
    cells = [new_code_cell("1 < 2", outputs=outputs, execution_count=7)]
    body = Converter().body(new_notebook(cells=cells, metadata={"language_info": {"name": "python"}}))
    assert body.find(class_="highlight").text.strip() == "1 < 2"
    printed, shown, picture, controls = body.find_all(class_="output")
    assert printed.pre.text == "a < b"
    assert shown.find(class_="table").table.attrs == {}
    assert shown.style is None
    assert "VBox" not in picture.text + controls.text
    assert "run the notebook" in controls.text
    assert picture.img["src"] == f"data:image/png;base64,{DOT}"
    assert "cell 7" in picture.img["alt"]


def test_what_cannot_be_read_is_named(course, out):
    broken = course / "notebooks" / "03_broken.ipynb"
    broken.write_text("{")
    with pytest.raises(SSVHError, match=r"03_broken\.ipynb is not a readable"):
        site.build(out, course)
    notebook(broken, "No title")
    with pytest.raises(SSVHError, match=r"03_broken\.ipynb has no title"):
        site.build(out, course)


def test_a_line_of_markdown_is_not_a_paragraph():
    assert inline("a *b* `c`") == "a <em>b</em> <code>c</code>"
