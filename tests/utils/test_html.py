"""HTML that no text can break out of, and pages that may load nothing."""

import base64
import hashlib
import re
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from ssvh_lib.utils.colours import DARK, LIGHT
from ssvh_lib.utils.html import css_variables, data_uri, page, png_uri, tag, to_html


def test_texts_and_attributes_are_escaped():
    element = tag("p", tag("b", "<i>&"), title='"><script>')
    assert to_html(element) == '<p title="&quot;&gt;<script&gt;"><b>&lt;i&gt;&amp;</b></p>'


def test_what_cannot_be_printed_is_replaced():
    assert tag("p", "a\0b\u202ec").text == "a�b�c"
    assert tag("p", title="a\nb").attrib == {"title": "a�b"}


def test_a_page_may_use_its_own_style_and_no_other():
    text = page("<b>\0", "p { margin: 0; }", to_html(tag("p", "text")))
    assert "<title>&lt;b&gt;�</title>" in text
    assert text.endswith("<body>\n<p>text</p></body>\n</html>\n")
    (style,) = re.findall(r"<style>(.*?)</style>", text, flags=re.DOTALL)
    assert style.endswith("p { margin: 0; }")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'" in text


def test_light_and_dark_pages_have_the_same_variables():
    assert list(LIGHT) == list(DARK)
    assert css_variables("p", {"ink": "#000", "paper": "#fff"}) == "p { --ink: #000; --paper: #fff; }"


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 3), (4, 5, 4)])
def test_a_picture_is_the_pixels_it_was_made_of(shape, rng):
    pixels = rng.integers(0, 256, shape, dtype=np.uint8)
    kind, content = png_uri(pixels).split(",")
    assert kind == "data:image/png;base64"
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(base64.b64decode(content)))), pixels)


def test_data_becomes_an_address():
    assert data_uri(b"<svg/>", "image/svg+xml") == "data:image/svg+xml;base64,PHN2Zy8+"
