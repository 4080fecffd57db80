"""The report as Markdown, every sentence of it generated: what held, what did not, and target by target why."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from .. import literature
from ..literature.measures import MeasureKind, in_words, measure_of
from .facts import counts, facts, rule
from .sections import Section
from .tables import MISSING, glance, judged_places, number, published_words, to_markdown
from .verdicts import Judged, Kind

_ABOVE = "In brackets: how far the one row is above the other at each of the code lengths"
_AGAINST = f"{_ABOVE}, or our value against the published one"
_CHAPTERS = {
    "What held": {
        Kind.REPRODUCED: f"The published value, or difference, is inside our spread. {_AGAINST}.",
        Kind.DIRECTION: f"The rows differ as claimed; by how much is another matter. {_ABOVE}.",
        Kind.TESTED: "It needs no runs; a test shows it.",
    },
    "What did not": {Kind.NOT: f"Claimed, but the rows differ the other way, or the value is another. {_AGAINST}."},
    "What lies within the spread": {
        Kind.WITHIN: f"Claimed, but no further apart than chance may put two rows. {_ABOVE}; its sign says nothing."
    },
}
_OPEN = (Kind.INCOMPARABLE, Kind.UNJUDGED)
_PLAIN = (Kind.REPRODUCED, Kind.WITHIN, Kind.NOT)  # whose reasons say no more than the verdict, unless they go on
_TITLE = """# What was published, and what comes out here

Every claim that could be read in the papers of AutoSSVH (CVPR 2025), S5VH (AAAI 2025) and ConMH (AAAI 2023), experiment
by experiment, compared with runs of this library by one rule for all of them. Every number and sentence below is
generated from the records in [data](data) and the published numbers that come with the library."""


def markdown(found: Sequence[Section], budget: dict) -> str:
    """Write the report of all sections; ``budget`` is what the runs took, or empty where that was not recorded."""
    judged = pd.DataFrame(
        [{"experiment": section.name} | row for section in found for row in section.judged.to_dict("records")]
    )
    notes = _Footnotes()
    parts = [_TITLE, facts(found, budget)]
    if len(judged):
        judged["place"] = _named(judged_places(judged))
        parts += ["## How far this can be trusted", rule(judged), "## How many claims", counts(judged)]
        for title, kinds in _CHAPTERS.items():
            told = [_told(judged[judged["verdict"] == kind], lead) for kind, lead in kinds.items()]
            parts += [f"## {title}", *(filter(None, told) if any(told) else ["Nothing."])]
        parts += ["## What cannot be said, and why", _reasons(judged[judged["verdict"].isin(_OPEN)])]
    parts += ["## Experiment by experiment", *(_section(section, notes) for section in found), notes.text()]
    return "\n\n".join(filter(None, parts)) + "\n"


class _Footnotes:
    """Sources and warnings, each once, in the order in which the text refers to them."""

    def __init__(self) -> None:
        self._words: dict[str, str] = {}

    def marks(self, claim: pd.DataFrame) -> str:
        """Return the marks of the sources and warnings behind a claim, for the text."""
        sources, warnings = (claim[name].explode().dropna() for name in ("sources", "warnings"))
        words = {key: f"{literature.cite(key)}." for key in sources} | literature.footnotes(warnings)
        self._words |= words
        return "".join(f" [^{key}]" for key in words)

    def text(self) -> str:
        """Write all footnotes."""
        return "\n".join(f"[^{key}]: {words}" for key, words in self._words.items())


def _named(places: pd.Series) -> pd.Series:
    """Say where each claim is judged; "" for the place where most are."""
    usual = places[places != ""].mode()
    return (" on " + places).where((places != "") & ~places.isin(usual[:1]), "")


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"


def _told(judged: pd.DataFrame, lead: str) -> str:
    """List the claims of one verdict by experiment, and by how much the rows differ; "" if there are none."""
    lines = [
        f"- **{_link(name)}** {rows['item'].iloc[0]}. {_sentences(rows, numbers=True)}"
        for name, rows in judged.groupby("experiment", sort=False)
    ]
    return "\n".join([lead, "", *lines]) if lines else ""


def _reasons(judged: pd.DataFrame) -> str:
    """List reasons, and the claims that each concerns."""
    lines = []
    for why, rows in judged.groupby("why", sort=False):
        told = [f"{_link(name)} {_sentences(some)}" for name, some in rows.groupby("experiment", sort=False)]
        lines.append(f"- **{why[0].upper()}{why[1:]}.** {' '.join(told)}")
    return "\n".join(lines) or "Nothing."


def _sentences(rows: pd.DataFrame, numbers: bool = False) -> str:
    """Tell the claims of one experiment, those that differ in their last words in one sentence."""
    stems = [_stem(text, last) for text, last in zip(rows["text"], rows["last"], strict=True)]
    families = rows.groupby(pd.Series(stems, rows.index), sort=False)
    return " ".join(_sentence(stem, family, numbers) for stem, family in families)


def _stem(text: str, last: str) -> str:
    return text.removesuffix(f"{last}.") if last else text.removesuffix(".")


def _sentence(stem: str, family: pd.DataFrame, numbers: bool) -> str:
    """Tell claims that begin alike: the last words of those that were judged at the same code lengths together."""
    endings: dict[str, list[str]] = {}
    for (_, last, _), claim in family.groupby(["claim", "last", "place"], sort=False):
        endings.setdefault(_where(claim), []).append(last + _amounts(claim) if numbers else last)
    return stem + "; ".join(", ".join(words) + where for where, words in endings.items()) + "."


def _where(claim: pd.DataFrame) -> str:
    """Name the code lengths, and the dataset if it is not the usual one."""
    lengths = _lengths(claim)
    return (f" at {lengths} bits" if lengths else "") + claim["place"].iloc[0]


def _lengths(judged: pd.DataFrame) -> str:
    return ", ".join(str(int(bits)) for bits in judged["bits"].dropna().unique())


def _amounts(claim: pd.DataFrame) -> str:
    """Tell what was measured, and for a value what is published; or which test shows it."""
    judged: list[Judged] = [row for row in claim.itertuples() if row.seeds]
    if not judged:
        return f" (`{claim['why'].iloc[0]}`)"
    measure = judged[0].measure
    unit = "" if measure_of(measure).kind is MeasureKind.RANKING else f" {in_words(measure)}"
    return f" ({', '.join(map(_amount, judged))}{unit})"


def _amount(row: Judged) -> str:
    return number(row.ours, signed=True) if row.over else f"{number(row.ours)} against {number(row.published)}"


def _section(section: Section, notes: _Footnotes) -> str:
    heading = f'### <a id="{section.name.lower()}"></a>{section.name}. {section.heading.removesuffix(".")}'
    picture = f"![{section.name}: {section.heading}]({section.figure})" if section.figure else ""
    return "\n\n".join(filter(None, [heading, _links(section), picture, _table(section, notes)]))


def _links(section: Section) -> str:
    claims = "" if section.judged.empty else f"claims/{section.name}.md"
    found = {"table": section.table, "claims": claims, "records": section.data}
    links = [f"[{name}]({path})" for name, path in found.items() if path]
    published = [f"Published as {section.item}."] if section.item else []
    return " ".join([*published, " · ".join(links)])


def _table(section: Section, notes: _Footnotes) -> str:
    """Write the claims and why they are judged so; where there are none, the rows at a glance."""
    judged = section.judged
    if judged.empty:
        return _glance(section)
    places = judged_places(judged)
    several = places.nunique() > 1
    rows = [
        _line(claim, {"data": place or MISSING} if several else {}, notes)
        for (_, place), claim in judged.groupby(["claim", places], sort=False)
    ]
    lines = to_markdown(pd.DataFrame(rows)).rstrip()
    waiting = "" if section.records or not judged["row"].any() else "Its own runs are still to be made."
    where = ", ".join(filter(None, places.unique()))
    judged_on = f"Judged on {where} at {_lengths(judged.sort_values('bits'))} bits." if where else ""
    return "\n\n".join(filter(None, [waiting, judged_on, lines, _notes(judged)]))


def _glance(section: Section) -> str:
    measured = [record for record in section.records if "map" in record]
    own = section.data == f"data/{section.name}.json"
    if not own or len({record["dataset"] for record in measured}) != 1:
        return ""
    return to_markdown(glance(measured, section.order), "mAP@20; costs are those of the longest codes.").rstrip()


def _line(claim: pd.DataFrame, data: dict[str, str], notes: _Footnotes) -> dict[str, str]:
    """Return the cells of a claim at all code lengths, on the ``data`` named."""
    rows: list[Judged] = list(claim.itertuples())
    first = rows[0]
    return {
        "claim": first.text,
        **data,
        "verdict": _by_bits(rows, lambda row: f"**{row.verdict}**"),
        "measure": in_words(first.measure) if first.row else MISSING,
        "ours": _by_bits(rows, lambda row: number(row.ours, row.std, signed=bool(row.over))),
        "seeds": _by_bits(rows, lambda row: str(row.seeds or MISSING)),
        "published": _by_bits(rows, published_words) + notes.marks(claim),
        "difference": _by_bits(rows, lambda row: number(row.difference, signed=True)),
    }


def _by_bits(rows: list[Judged], cell: Callable[[Judged], str]) -> str:
    """Write the cell of each code length on a separate line, or a single cell where all are the same."""
    cells = {row.bits: cell(row) for row in rows}
    if len(set(cells.values())) == 1:
        return next(iter(cells.values()))
    return "<br>".join(f"{int(bits or 0)}: {text}" for bits, text in cells.items())


def _notes(judged: pd.DataFrame) -> str:
    """List the reasons of verdicts, each once, where they say more than the verdict."""
    reasons = judged[["verdict", "why"]].drop_duplicates().itertuples(index=False)
    return "\n".join(f"- *{kind}*: {why}." for kind, why in reasons if kind not in _PLAIN or ";" in why)
