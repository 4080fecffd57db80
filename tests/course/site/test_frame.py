"""What stands around a text: the menu, the ways on, and the first page."""

from small_course import links, page

from ssvh_lib.course import site


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


def test_on_this_page_lists_its_headings(built):
    contents = page(built, "README.html").find("aside", class_="contents")
    assert contents is None  # one heading needs no list
    (heading,) = page(built, "notebooks/02_codes.html").find("article").find_all("h2")
    assert (heading["id"], heading.text) == ("by-the-end-gumbel", "By the end: Gumbel")


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
