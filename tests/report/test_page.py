"""The page: it needs nothing else, and says what the Markdown says."""

import base64
from html.parser import HTMLParser
from pathlib import Path

from small_report import SVG, TARGETS

from ssvh_lib.report import document
from ssvh_lib.report.page import to_page


class Tags(HTMLParser):
    """What is opened, with what; every tag must be closed in its turn."""

    EMPTY = frozenset({"meta", "br", "img", "hr", "!doctype", "input"})

    def __init__(self, text):
        super().__init__()
        self.found, self._open = [], []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag


def test_the_page_needs_nothing_else(illustrated):
    document.write(illustrated, TARGETS)
    html = (illustrated / "REPORT.html").read_text()
    found = Tags(html).found
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in found}
    sources = [attrs["src"] for tag, attrs in found if tag == "img"]
    assert sources == ["data:image/svg+xml;base64," + base64.b64encode(SVG).decode()]
    assert "default-src 'none'" in html
    assert "@import" not in html
    assert "url(" not in html


def test_the_page_says_what_the_markdown_says(illustrated):
    document.write(illustrated, TARGETS)
    text = (illustrated / "REPORT.md").read_text()
    html = (illustrated / "REPORT.html").read_text()
    assert html.count("<tr>") == len([line for line in text.splitlines() if line.startswith("| ")]) - text.count(
        "| --- |\n"
    )
    assert "<title>What was published, and what comes out here</title>" in html
    anchors = {attrs["id"] for _, attrs in Tags(html).found if "id" in attrs}
    inner = {
        attrs["href"][1:] for tag, attrs in Tags(html).found if tag == "a" and attrs.get("href", "").startswith("#")
    }
    assert inner <= anchors
    assert "[^" not in html


def test_odd_words_do_not_become_markup():
    assert "&lt;b&gt;" in to_page("# <b>\n", Path())  # in the title; the text itself is our own
