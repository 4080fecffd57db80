"""Links between files become links between pages, and a broken one stops the build."""

import re

import pytest
from small_course import links, notebook, page

from ssvh_lib.course import site
from ssvh_lib.errors import SSVHError


def test_links_between_files_become_links_between_pages(built):
    article = page(built, "README.html").find("article")
    assert links(article) == ["notebooks/00_start.html", "LICENSE", "#what-comes-out", "https://arxiv.org/abs/1"]
    assert (built / "LICENSE").read_text() == "MIT"  # no page, so copied
    assert (built / "figures" / "all.png").read_bytes() == b"png"
    assert "solutions" in article.text  # a folder: its name stays, the link does not
    inside = links(page(built, "notebooks/02_codes.html").find("article"))
    assert inside == ["../README.html#what-comes-out", "solutions/02_codes.html"]


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
