"""The colours of figures, HTML pages and the inspector, all of them in one place."""

from __future__ import annotations

# Okabe and Ito's colours, which people with impaired colour vision can tell apart; without their yellow, which is too
# pale for lines.
BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
SKY, ORANGE, BLACK = "#56B4E9", "#E69F00", "#000000"

INFORMATIVE, FILLER = GREEN, "#999999"  # frames that show what a video is about, and others
QUIET = "#767676"  # explanations in figures: dark enough to be read on white

# The variables of style sheets by name. Text in them has a contrast of at least 4.5 with paper and card.
LIGHT = {
    "paper": "#fbfbf8", "card": "#fff", "band": "#f1f1ec", "ink": "#1c1e21", "quiet": "#5c6470", "line": "#dcdfe4",
    "link": "#0b5cad", "relevant": "#15803d", "one": "#7b8794", "zero": "#dfe3e8", "other": VERMILION,
}  # fmt: skip
DARK = {
    "paper": "#14161a", "card": "#1d2026", "band": "#1d2026", "ink": "#e8eaed", "quiet": "#a2abb8", "line": "#343943",
    "link": "#7ab7ff", "relevant": "#5fd38d", "one": "#8b95a5", "zero": "#39404b", "other": "#fb923c",
}  # fmt: skip
