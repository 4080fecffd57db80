"""LaTeX as MathML, which browsers draw by themselves, without scripts or external fonts."""

from __future__ import annotations

import re
from html import escape

from latex2mathml.converter import convert

# What latex2mathml leaves as it is after \bigl and \Bigr.
_DELIMITERS = {r"\{": "{", r"\}": "}", r"\lVert": "‖", r"\rVert": "‖", r"\lvert": "|", r"\rvert": "|"}
_DELIMITERS |= {r"\langle": "⟨", r"\rangle": "⟩", r"\lfloor": "⌊", r"\rfloor": "⌋"}
_FUNCTION = "<mi>[A-Za-z]{2,}</mi>"
_GAP = '<mspace width="0.167em"/>'


def mathml(latex: str, *, displayed: bool) -> str:
    """Convert a formula, with its source as alternative text; one that cannot be converted stays LaTeX."""
    try:
        formula = _mend(convert(latex.strip(), display="block" if displayed else "inline"))
    except Exception:  # noqa: BLE001 - the converter raises its own errors and built-in ones alike
        formula = ""
    source = escape(latex.strip())
    if not formula or re.search(r">[^<]*\\", formula):
        return f'<code class="latex">{source}</code>'
    formula = formula.replace("<math ", f'<math alttext="{source}" ', 1)
    return f'<div class="formula">{formula}</div>' if displayed else formula


def _mend(formula: str) -> str:
    """Correct brackets, remove the gaps beside bars, and add gaps beside named functions where no bracket follows."""
    for name, sign in _DELIMITERS.items():
        formula = formula.replace(f">{name}<", f">{sign}<")
    formula = re.sub(r"<mi>(&#x027E[89];|&#x0230[A-F];)</mi>", r'<mo stretchy="false">\1</mo>', formula)
    bars = r'<mo(?: stretchy="false")?>(&#x0007C;|&#x02016;)</mo>'
    formula = re.sub(bars, r'<mo stretchy="false" lspace="0" rspace="0">\1</mo>', formula)
    formula = re.sub(r"<mo>([A-Za-z]{2,})</mo>", r"<mi>\1</mi>", formula)
    formula = re.sub(rf"({_FUNCTION})(?=<m(?!o))", rf"\1{_GAP}", formula)
    return re.sub(rf"(</m(?:i|n|row|frac|sub|sup|subsup)>)({_FUNCTION})", rf"\1{_GAP}\2", formula)
