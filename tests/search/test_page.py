"""The page: what was found, in order, and nothing else is loaded."""

import base64
import hashlib
import re
from io import BytesIO

import numpy as np
import pytest
from matplotlib.image import imread
from seen_page import Page

from ssvh_lib.search.page import Hit, Video, render


def shown(title="a video", classes=("cooking",), code=(1, 0, 1, 1, 0, 0, 1, 0), frames=None):
    return Video(title, classes, np.array(code, bool), frames)


def flipped(code, *places):
    code = np.array(code, bool)
    code[list(places)] ^= True
    return code


def test_the_page_tells_what_was_found_in_order():
    query = shown("the query")
    found = [
        Hit(shown("first", ("cooking", "indoors")), 0, True),
        Hit(shown("second", ("diving",), flipped(query.code, 1, 5)), 2, False),
    ]
    page = Page(render(query, found, ["2 videos", "Codes of 8 bits"]))
    assert page.open == []
    assert page.said("h3") == ["the query", "1. first", "2. second"]
    assert page.said("title") == ["Neighbours of the query"]
    text = page.said("p")
    assert text[:2] == ["2 videos", "Codes of 8 bits"]
    assert "1 of 2 share a class with the query." in text
    places = [text.index(wanted) for wanted in ("cooking, indoors", "Distance 0 of 8 bits", "Distance 2 of 8 bits")]
    assert places == sorted(places)
    assert text.count("✓ shares a class with the query") == 1
    assert [svg["aria-label"] for svg in page.all("svg")] == [
        "8 bits, the query's", "8 bits, the query's", "8 bits, 2 unlike the query's",
    ]  # fmt: skip


def test_squares_are_the_bits_and_those_that_differ():
    query = shown()
    page = Page(render(query, [Hit(shown(code=flipped(query.code, 0, 4)), 2)], []))
    squares = [(path["class"], re.findall(r"M(\d+) 0h", path["d"])) for path in page.all("path")]
    assert squares == [
        ("zero", ["10", "40", "50", "70"]), ("one", ["0", "20", "30", "60"]), ("other", []),
        ("zero", ["10", "50", "70"]), ("one", ["20", "30", "60"]), ("other", ["0", "40"]),
    ]  # fmt: skip


def test_nothing_is_said_of_classes_where_none_is_known():
    text = render(shown(classes=()), [Hit(shown(classes=()), 3)], [])
    assert "share a class" not in text
    assert "✓" not in text


def pixels_of(image):
    kind, data = image["src"].split(",")
    assert kind == "data:image/png;base64"
    return np.round(255 * imread(BytesIO(base64.b64decode(data)))).astype(int)


@pytest.mark.parametrize("colour", [False, True])
def test_pictures_are_the_frames_in_the_middle_of_five_stretches(colour, rng):
    frames = rng.integers(0, 256, (25, 40, 32) + (3,) * colour, dtype=np.uint8)
    page = Page(render(shown("ball", frames=frames), [], []))
    (image,) = page.all("img")
    assert image["alt"] == "Frames of ball, from first to last"
    assert (image["width"], image["height"]) == (str(5 * 32 + 4), "40")
    strip = pixels_of(image)
    for place, frame in enumerate((2, 7, 12, 17, 22)):
        part = strip[:, 33 * place : 33 * place + 32]
        wanted = frames[frame] if colour else np.repeat(frames[frame][..., None], 3, 2)
        np.testing.assert_array_equal(part[..., :3], wanted)
        assert (part[..., 3] == 255).all()


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_video_of_few_frames_shows_those(count):
    page = Page(render(shown(frames=np.zeros((count, 8, 8), np.uint8)), [], []))
    widths = [image["width"] for image in page.all("img")]
    assert widths == ([str(8 * count + count - 1)] if count else [])


def test_the_page_needs_nothing_else_and_may_load_nothing_else(rng):
    frames = rng.integers(0, 256, (5, 8, 8), dtype=np.uint8)
    text = render(shown(frames=frames), [Hit(shown(frames=frames), 0)], [])
    page = Page(text)
    assert {tag for tag, _ in page.elements}.isdisjoint({"script", "link", "iframe", "object", "a", "form", "base"})
    policy = next(meta["content"] for meta in page.all("meta") if meta.get("http-equiv"))
    (style,) = re.findall(r"<style>(.*?)</style>", text, flags=re.S)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    for _, attributes in page.elements:
        assert not {name for name in attributes if name == "style" or name.startswith("on")}
        assert all(value.startswith("data:image/png;base64,") for name, value in attributes.items() if name == "src")
    assert "url(" not in style
    assert "http:" not in text
    assert "https:" not in text
    assert all(image["alt"] for image in page.all("img"))
    assert all(svg["role"] == "img" and svg["aria-label"] for svg in page.all("svg"))
    assert page.all("html") == [{"lang": "en"}]
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.all("meta")


ODD = [
    "<script>alert(1)</script>",
    "</title><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "&lt;b&gt; &amp;",
    "]]><!-- --></style>",
    "{{7*7}} ${x} %s {0}",
]


@pytest.mark.parametrize("title", ODD)
def test_whatever_a_title_says_it_stays_a_title(title):
    frames = np.zeros((1, 8, 8), np.uint8)
    plain, odd = (
        Page(render(shown(name, (name,), frames=frames), [Hit(shown(name, (name,), frames=frames), 0, True)], [name]))
        for name in ("name", title)
    )
    assert [tag for tag, _ in odd.elements] == [tag for tag, _ in plain.elements]
    assert [set(attributes) for _, attributes in odd.elements] == [set(attributes) for _, attributes in plain.elements]
    assert odd.said("h3") == [title, f"1. {title}"]
    assert odd.said("title") == [f"Neighbours of {title}"]
    assert odd.all("img")[0]["alt"] == f"Frames of {title}, from first to last"


def test_what_cannot_be_printed_is_replaced():
    page = Page(render(shown("a\0b\x1bc\ud800d\u202ee\nf"), [], []))
    assert page.said("h3") == ["a�b�c�d�e�f"]
    assert page.said("title")[0].encode("utf-8")


def test_equal_answers_are_equal_pages(rng):
    frames = rng.integers(0, 256, (5, 8, 8), dtype=np.uint8)
    assert render(shown(frames=frames), [], []) == render(shown(frames=frames), [], [])
