"""The Grade-Net inspector: which frames of a video AutoSSVH hides, how sure it is, and what follows for retrieval.

``explain`` computes a ``View`` of one video, ``render_view`` and ``render_figure`` draw it, ``Inspector`` puts sliders
around it, and ``serve`` opens it in a browser.
"""

from __future__ import annotations

from ..utils.extras import requires_extra

with requires_extra("inspector", "The inspector"):
    import ipywidgets  # noqa: F401 - before the figures, which are an extra by themselves

    from .html import render_neighbours, render_view
    from .neighbours import Answer, flip, nearest
    from .picture import render_figure
    from .serve import serve
    from .strips import Strip, sentence, strips
    from .subject import Subject, inspected_datasets, subjects
    from .view import View, explain, hidden_errors
    from .widget import Inspector, choices

__all__ = [
    "Answer",
    "Inspector",
    "Strip",
    "Subject",
    "View",
    "choices",
    "explain",
    "flip",
    "hidden_errors",
    "inspected_datasets",
    "nearest",
    "render_figure",
    "render_neighbours",
    "render_view",
    "sentence",
    "serve",
    "strips",
    "subjects",
]
