"""The drawing as HTML: a cell for each frame, and no name becomes markup."""

import dataclasses
import re

import numpy as np
from matplotlib import pyplot as plt

from ssvh_lib.inspector import flip, nearest, render_figure, render_neighbours, render_view, sentence, strips


def test_html_holds_a_cell_for_each_frame_and_the_sentence(view):
    page = render_view(view)
    shown = [row for row in strips(view) if not row.missing]
    assert page.count("<rect") == 25 * len(shown)
    assert page.count("<circle") == sum(mark is not None for row in shown for mark in row.marks)
    assert sentence(view) in page
    assert page.count("data:image/png;base64,") == 1
    assert render_view(view) == page


def test_no_name_becomes_markup(view):
    page = render_view(dataclasses.replace(view, title="<script>alert(1)</script>", classes=('"><img src=x>',)))
    assert "<script" not in page
    assert "<img src=x" not in page


def test_what_is_not_known_is_left_out(view):
    bare = dataclasses.replace(view, informative=None, frames=None)
    page = render_view(bare)
    assert bare.agreement is None
    assert "informative" not in re.sub(r"which frames are informative", "", page)
    assert "data:image" not in page
    figure = render_figure(bare, plt.figure())
    plt.close(figure)
    assert len(figure.axes) == 1 + len(strips(bare))


def test_flipped_bits_are_named_and_outlined(subject, view):
    code = view.values > 0
    flipped = flip(np.zeros(16, bool), [3, 8])
    page = render_neighbours(nearest(subject, 5, code, [3, 8], 2), code, flipped, 8)
    assert "Flipped bits: 3, 8. Bit 8 is outlined." in page
    assert "2 unlike the query" in page
