"""Building a site: whole, the same each time, and never in place of anything else."""

import re

import pytest
from bs4 import BeautifulSoup
from small_course import links, page

from ssvh_lib.course import site
from ssvh_lib.errors import SSVHError


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


def test_the_same_course_gives_the_same_bytes(course, tmp_path):
    places = [tmp_path / "one", tmp_path / "two"]
    for place in places:
        site.build(place, course)
    one, two = ({path.relative_to(place): path.read_bytes() for path in place.rglob("*.*")} for place in places)
    assert one == two


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


def test_a_folder_without_a_course_is_refused(tmp_path, out):
    with pytest.raises(SSVHError, match="holds no course"):
        site.build(out, tmp_path)
