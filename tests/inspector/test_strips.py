"""Strips and sentence say what the arrays say."""

import dataclasses

import numpy as np

from ssvh_lib.inspector import sentence, strips
from ssvh_lib.inspector.view import DRAWS


def test_strips_say_what_the_arrays_say(view):
    rows = {row.name: row for row in strips(view)}
    assert list(rows)[:3] == ["truth", "grade", "soft choice"]
    for number, visible in enumerate(view.visible, start=1):
        row = rows[f"draw {number}"]
        assert [words == "seen" for words in row.says] == visible.tolist()
        assert [mark is None for mark in row.marks] == visible.tolist()
        found = (~visible & view.informative).sum()
        assert row.note == f"drops {found} informative, {view.budget - found} filler"
    assert np.allclose(rows["grade"].heights, view.scores)
    assert rows["error if hidden"].heights.max() == 1
    assert rows["ADIOS"].missing


def test_the_sentence_counts(view):
    visible = np.ones((DRAWS, 25), bool)
    visible[0, [0, 1, 2]] = False
    informative = np.arange(25) < 1
    made = dataclasses.replace(view, visible=visible, informative=informative, budget=3)
    assert sentence(made).startswith("Draw 1 drops 3 of 25 frames: 1 of the 3 dropped frames shows")
    assert "A blind draw would drop 0.1 such frames" in sentence(made)
    assert "does not say" in sentence(dataclasses.replace(view, informative=None))
