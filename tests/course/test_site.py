"""The course as a static site, on a course of three short notebooks: what its pages say and where their links lead."""

import json
import re
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from ssvh_lib.course import site
from ssvh_lib.course.site.convert import Converter, inline
from ssvh_lib.course.site.formulas import mathml
from ssvh_lib.errors import SSVHError
from ssvh_lib.utils.files import project_root

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


def page(folder: Path, name: str) -> BeautifulSoup:
    return BeautifulSoup((folder / name).read_text(encoding="utf-8"), "html.parser")


def links(tag) -> list[str]:
    return [link["href"] for link in tag.find_all("a", href=True)]


def index(folder: Path) -> list[dict]:
    text = (folder / "assets" / "search-index.js").read_text(encoding="utf-8")
    return json.loads(text.removeprefix("window.SSVH_INDEX = ").rstrip().removesuffix(";"))


def test_has_a_page_for_everything_and_says_how_much_it_wrote(course, out):
    told = site.build(out, course)
    pages = {path.relative_to(out).as_posix() for path in out.rglob("*.html")}
    assert pages == {
        "index.html", "README.html", "figures/REPORT.html", "notebooks/00_start.html", "notebooks/02_codes.html",
        "notebooks/06_conmh.html", "notebooks/solutions/02_codes.html",
    }  # fmt: skip
    files = [path for path in out.rglob("*") if path.is_file()]
    assert (told.pages, told.files, told.landing) == (7, len(files), out / "index.html")
    assert told.size == sum(path.stat().st_size for path in files)
    assert told.largest == max(path.stat().st_size for path in out.rglob("*.html"))


def test_navigation_is_in_reading_order_and_marks_the_open_page(built):
    menu = page(built, "notebooks/02_codes.html").find(id="menu")
    assert links(menu) == [
        "../index.html", "00_start.html", "02_codes.html", "solutions/02_codes.html", "06_conmh.html",
        "../figures/REPORT.html", "../README.html",
    ]  # fmt: skip
    assert [link["href"] for link in menu.find_all("a", {"aria-current": "page"})] == ["02_codes.html"]
    assert [title.text for title in menu.find_all("h2")] == ["Begin here", "Methods", "The repository"]


def test_previous_and_next_follow_the_course_and_end_in_the_report(built):
    turns = [links(page(built, f"notebooks/{name}.html").find(class_="turn")) for name in ("00_start", "02_codes")]
    assert turns == [["02_codes.html"], ["00_start.html", "06_conmh.html"]]
    assert links(page(built, "notebooks/06_conmh.html").find(class_="turn")) == [
        "02_codes.html",
        "../figures/REPORT.html",
    ]
    assert links(page(built, "figures/REPORT.html").find(class_="turn")) == ["../notebooks/06_conmh.html"]
    assert page(built, "README.html").find(class_="turn") is None
    assert "Previous:" not in page(built, "notebooks/02_codes.html").find("article").text  # the notebook's own line


def test_solutions_and_their_notebook_lead_to_each_other(built):
    assert links(page(built, "notebooks/02_codes.html").find(class_="other")) == ["solutions/02_codes.html"]
    assert links(page(built, "notebooks/solutions/02_codes.html").find(class_="other")) == ["../02_codes.html"]
    assert page(built, "notebooks/06_conmh.html").find(class_="other") is None


def test_links_between_files_become_links_between_pages(built):
    article = page(built, "README.html").find("article")
    assert links(article) == ["notebooks/00_start.html", "LICENSE", "#what-comes-out", "https://arxiv.org/abs/1"]
    assert (built / "LICENSE").read_text() == "MIT"  # no page, so copied
    assert (built / "figures" / "all.png").read_bytes() == b"png"
    assert "solutions" in article.text  # a folder: its name stays, the link does not
    inside = links(page(built, "notebooks/02_codes.html").find("article"))
    assert inside == ["../README.html#what-comes-out", "solutions/02_codes.html"]


def test_numbers_in_tables_are_not_broken_into_lines(built):
    number, words = page(built, "README.html").find(class_="table").find_all("td")
    assert (number.get("class"), words.get("class")) == (["numeric"], None)


def test_every_link_of_every_page_leads_somewhere_and_nothing_is_loaded_from_elsewhere(built):
    for path in built.rglob("*.html"):
        soup = BeautifulSoup(path.read_text(), "html.parser")
        for href in links(soup):
            address, _, place = href.partition("#")
            target = (path.parent / address).resolve() if address else path
            assert href.startswith("https://") or target.is_file(), (path, href)
            if place:
                assert BeautifulSoup(target.read_text(), "html.parser").find(id=place), (path, href)
        loaded = [tag["src"] for tag in soup.find_all(src=True)] + [tag["href"] for tag in soup.find_all("link")]
        assert [link for link in loaded if not link.startswith("data:") and not (path.parent / link).is_file()] == []
    for path in (built / "assets").glob("*.*s"):
        assert not re.search(r"https?:|@import|url\(", path.read_text()), path


def test_on_this_page_lists_its_headings(built):
    contents = page(built, "README.html").find("aside", class_="contents")
    assert contents is None  # one heading needs no list
    (heading,) = page(built, "notebooks/02_codes.html").find("article").find_all("h2")
    assert (heading["id"], heading.text) == ("by-the-end-gumbel", "By the end: Gumbel")


def test_headings_are_named_as_on_github_and_none_twice():
    cells = [new_markdown_cell("## Your own `videos`\n\n## Codes, and *why*\n\n## Codes, and why\n\n## Größe 2–3")]
    body = Converter().body(new_notebook(cells=cells))
    names = ["your-own-videos", "codes-and-why", "codes-and-why-1", "größe-23"]
    assert [heading["id"] for heading in body.find_all("h2")] == names


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


def test_search_knows_titles_headings_prose_and_code_but_no_outputs_nor_long_formulas(built):
    found = {entry["address"]: entry for entry in index(built)}
    assert list(found)[:3] == ["notebooks/00_start.html", "notebooks/02_codes.html", "notebooks/06_conmh.html"]
    opening, second = found["notebooks/02_codes.html"]["sections"]
    assert opening[2] == "You will see codes."
    assert second[:2] == ["By the end: Gumbel", "by-the-end-gumbel"]
    for words in ("The rate a_t < b matters", "distance = (a != b).sum()"):
        assert words in second[2]
    for words in ("printed", r"\sum_{i=1}^{K}"):
        assert words not in second[2]
    assert [address for address, entry in found.items() if entry["solution"]] == ["notebooks/solutions/02_codes.html"]


def test_titles_are_texts_and_never_markup(built):
    soup = page(built, "notebooks/02_codes.html")
    assert soup.title.text.startswith("02 · Codes of <b> & `x < y`")
    assert soup.head.b is None
    assert soup.find(id="menu").b is None
    assert page(built, "index.html").find(class_="course").b is None


def test_the_first_page_shows_promises_times_and_where_to_begin(built):
    soup = page(built, "index.html")
    first, second = soup.find(class_="course").find_all("li")
    assert first.find("a")["href"] == "notebooks/00_start.html"
    assert first.p.decode_contents() == "You will <em>count</em> bits."
    assert first.find(class_="facts").text == "5 minutes to read, seconds to run"
    assert second.find(class_="facts").a["href"] == "notebooks/solutions/02_codes.html"
    assert soup.find(class_="lead").decode_contents() == "A <em>hash</em> is short."
    assert soup.figure.img["src"] == "figures/all.png"
    assert links(soup.find(class_="ways")) == ["notebooks/00_start.html", "figures/REPORT.html"]
    assert links(soup.find(class_="begin")) == ["notebooks/00_start.html", "notebooks/06_conmh.html"]


def test_without_a_report_and_a_picture_the_rest_is_there(course, out):
    (course / "figures" / "REPORT.md").unlink()
    (course / "README.md").write_text("# A course\n\nA hash.\n\n## What comes out\n")
    site.build(out, course)
    soup = page(out, "index.html")
    assert soup.figure is None
    assert links(soup.find(class_="ways")) == ["notebooks/00_start.html"]


def test_a_text_without_a_title_is_called_as_its_file(course, out):
    (course / "figures" / "tables").mkdir()
    (course / "figures" / "tables" / "main.md").write_text("| a |\n| --- |\n| 1 |\n")
    site.build(out, course)
    assert page(out, "figures/tables/main.html").h1.text == "main"


def test_notebooks_of_one_name_are_told_apart(course, out):
    for name in ("09_ablation_sampler", "10_ablation_losses"):
        notebook(course / "notebooks" / f"{name}.ipynb", f"# {name[:2]} · Ablation: something")
    site.build(out, course)
    menu = page(out, "index.html").find(id="menu").text
    assert "Ablation sampler" in menu
    assert "Ablation losses" in menu


def test_the_same_course_gives_the_same_bytes(course, tmp_path):
    places = [tmp_path / "one", tmp_path / "two"]
    for place in places:
        site.build(place, course)
    one, two = ({path.relative_to(place): path.read_bytes() for path in place.rglob("*.*")} for place in places)
    assert one == two


@pytest.mark.parametrize(
    ("link", "complaint"),
    [
        ("[x](07_gone.ipynb)", "notebooks/06_conmh.ipynb links to 07_gone.ipynb, which is not in the repository"),
        ("[x](02_codes.ipynb#no)", "notebooks/06_conmh.ipynb links to 02_codes.ipynb#no, but notebooks/02_codes.ipynb"),
        ("[x](#nowhere)", "notebooks/06_conmh.ipynb links to #nowhere, but"),
        ("[x](../../secret.txt)", "links to ../../secret.txt, which is not in the repository"),
        ("[x](/etc/hosts)", "links to /etc/hosts, which is not in the repository"),
        ("[x](ftp://host/file)", "links to ftp://host/file"),
        ("![x](gone.png)", "shows gone.png, which is not in the repository"),
        ("![x](https://host/x.png)", "shows https://host/x.png, which is not in the repository"),
        ('<script src="//host/x.js"></script>', "shows //host/x.js, which is not in the repository"),
    ],
)
def test_a_broken_link_stops_the_build_before_anything_is_written(course, out, link, complaint):
    (course.parent / "secret.txt").write_text("outside")
    notebook(course / "notebooks" / "06_conmh.ipynb", f"# 06 · ConMH\n\n{link}")
    with pytest.raises(SSVHError, match=re.escape(complaint)):
        site.build(out, course)
    assert not out.exists()


def test_all_broken_links_are_told_at_once(course, out):
    notebook(course / "notebooks" / "06_conmh.ipynb", "# 06 · ConMH\n\n[x](one.md) [y](two.md)")
    with pytest.raises(SSVHError, match=r"(?s)one\.md.*two\.md.*no site was written"):
        site.build(out, course)


def test_an_old_site_is_replaced_and_nothing_else_is(course, out, built):
    (built / "notebooks" / "old.html").write_text("old")
    site.build(out, course)
    assert not (out / "notebooks" / "old.html").exists()
    for place in (course / "notebooks", course / "README.md"):
        before = sorted(course.rglob("*"))
        with pytest.raises(SSVHError, match=re.escape(str(place))):
            site.build(place, course)
        assert sorted(course.rglob("*")) == before


def test_a_failed_build_keeps_the_old_site(course, out, built):
    (course / "README.md").write_text("[x](gone.md)")
    with pytest.raises(SSVHError, match=r"gone\.md"):
        site.build(out, course)
    assert page(out, "index.html").find(class_="lead").text == "A hash is short."


def test_what_cannot_be_read_is_named(course, out):
    broken = course / "notebooks" / "03_broken.ipynb"
    broken.write_text("{")
    with pytest.raises(SSVHError, match=r"03_broken\.ipynb is not a readable"):
        site.build(out, course)
    notebook(broken, "No title")
    with pytest.raises(SSVHError, match=r"03_broken\.ipynb has no title"):
        site.build(out, course)


def test_a_folder_without_a_course_is_refused(tmp_path, out):
    with pytest.raises(SSVHError, match="holds no course"):
        site.build(out, tmp_path)


def test_a_line_of_markdown_is_not_a_paragraph():
    assert inline("a *b* `c`") == "a <em>b</em> <code>c</code>"
