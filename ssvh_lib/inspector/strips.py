"""What is drawn of a view, whoever draws it: strips with one cell per frame, and sentences that describe them.

Pure: a ``View`` in, plain values out. ``html`` and ``picture`` draw the same strips.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..utils.colours import BLUE, FILLER, INFORMATIVE, PURPLE, SKY, VERMILION
from .view import View

SEEN, DROPPED, ERROR = BLUE, "#d9dee5", VERMILION


@dataclass(frozen=True)
class Strip:
    """A row: a name, a cell for each frame, and what it says in a few words.

    ``heights (T,)`` from 0 to 1 are those of bars; of full cells they are 1. ``marks (T,)`` are colours of dots in
    the cells, or None where there is none. ``says (T,)`` are words about each cell.
    """

    name: str
    note: str
    heights: np.ndarray
    colours: tuple[str, ...]
    marks: tuple[str | None, ...]
    says: tuple[str, ...]
    tall: bool = False  # bars need room
    missing: bool = False  # nothing to draw but the note
    first: bool = False  # of a group, before which there is some space


def strips(view: View) -> list[Strip]:
    """Return the rows below the pictures, from top to bottom: truth, Grade-Net, errors, the other samplers."""
    draws = [_choice(f"draw {n + 1}", row, view, first=n == 0) for n, row in enumerate(view.visible)]
    rivals = [_choice(own.name, own.visible, view, why_not=own.note, first=n == 0) for n, own in enumerate(view.rivals)]
    return [*_truth(view), _grades(view), _soft(view), *draws, _errors(view), *rivals]


def keys(view: View) -> list[tuple[str, str]]:
    """Return the legend: what each colour of the cells means."""
    chosen = [("seen by the encoder", SEEN), ("dropped, to be rebuilt", DROPPED)]
    truth = [("shows what the video is about", INFORMATIVE), ("filler", FILLER)]
    return chosen if view.informative is None else chosen + truth


def sentence(view: View) -> str:
    """Describe the first draw in words."""
    T, M = len(view.scores), view.budget
    start = f"Draw 1 drops {M} of {T} frames"
    if view.informative is None:
        return f"{start}; this dataset does not say which frames are informative."
    found, chance = int((~view.visible[0] & view.informative).sum()), M * view.informative.mean()
    return f"{start}: {_verb(found, M)} what the video is about. A blind draw would drop {chance:.1f} such frames."


def _verb(count: int, of: int) -> str:
    return f"{count} of the {of} dropped {'frame' if of == 1 else 'frames'} {'shows' if count == 1 else 'show'}"


def _truth(view: View) -> Iterator[Strip]:
    if view.informative is not None:
        says = tuple("informative" if own else "filler" for own in view.informative)
        note = f"{int(view.informative.sum())} of {len(says)} informative"
        yield Strip("truth", note, np.full(len(says), 0.4), _kinds(view), _none(view), says)


def _grades(view: View) -> Strip:
    note = "0 to 1" if view.agreement is None else f"0 to 1; agreement {view.agreement:.2f}"
    says = tuple(f"grade {score:.3f}" for score in view.scores)
    return Strip("grade", note, view.scores, _kinds(view), _none(view), says, tall=True)


def _soft(view: View) -> Strip:
    note = f"of draw 1, up to {view.soft.max():.2f}"
    says = tuple(f"soft choice {share:.3f}" for share in view.soft)
    colours = (PURPLE,) * len(view.soft)
    return Strip("soft choice", note, view.soft / view.soft.max(), colours, _none(view), says, tall=True)


def _errors(view: View) -> Strip:
    note = f"up to {view.errors.max():.2f}; goes with grade {view.follows_error:+.2f}"
    says = tuple(f"error {error:.3f}" for error in view.errors)
    heights = view.errors / max(float(view.errors.max()), 1e-12)
    return Strip("error if hidden", note, heights, (ERROR,) * len(says), _none(view), says, tall=True, first=True)


def _choice(name: str, visible: np.ndarray | None, view: View, *, why_not: str = "", first: bool = False) -> Strip:
    """Show seen frames in blue, dropped ones pale, with a dot that says whether the frame is informative."""
    if visible is None:
        nothing = np.zeros(len(view.scores))
        return Strip(name, why_not, nothing, _none(view, ""), _none(view), _none(view, ""), missing=True, first=first)
    colours = tuple(SEEN if seen else DROPPED for seen in visible)
    says = tuple("seen" if seen else "dropped" for seen in visible)
    if view.informative is None:
        return Strip(name, "", np.ones(len(visible)), colours, _none(view), says, first=first)
    marks = tuple(None if seen else kind for seen, kind in zip(visible, _kinds(view), strict=True))
    found = int((~visible & view.informative).sum())
    note = f"drops {found} informative, {view.budget - found} filler"
    return Strip(name, note, np.ones(len(visible)), colours, marks, says, first=first)


def _kinds(view: View) -> tuple[str, ...]:
    """Return the colour of the truth of each frame; where it is not known, one colour for all."""
    if view.informative is None:
        return (SKY,) * len(view.scores)
    return tuple(INFORMATIVE if own else FILLER for own in view.informative)


def _none(view: View, value: str | None = None) -> tuple:
    return (value,) * len(view.scores)
