"""What our runs say about a published claim, by one rule for all of them (``spread``).

A claim that one row is above another holds or fails where the two differ by more than the spread. A published value is
reproduced if it lies within the spread of our mean, give or take its last printed digit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import NamedTuple

import numpy as np
import pandas as pd

from .. import literature
from ..literature import Published
from ..literature.claims import Claim, RowName
from ..literature.measures import in_words, value_of
from ..literature.names import printed_name
from .spread import SPREAD, Measured, by_seed, cell_of, check_one_cell, difference_of, error_rates

__all__ = [
    "MEANING",
    "SPREAD",
    "Judged",
    "Kind",
    "Stated",
    "Verdict",
    "error_rates",
    "judge",
    "judge_all",
    "stated",
    "value_of",
]

# How the papers measured. Conventions that are not listed for a dataset may differ without changing the mean there.
_CONVENTIONS = {"": {"divide_by": "k"}, "fcvid": {"self_match": "include"}, "activitynet": {"zero_bits": "ternary"}}


class Kind(StrEnum):
    """The possible verdicts; ``MEANING`` explains each."""

    REPRODUCED = "reproduced"
    DIRECTION = "direction only"
    TESTED = "shown by a test"
    WITHIN = "within the spread"
    NOT = "not reproduced"
    INCOMPARABLE = "not comparable"
    UNJUDGED = "cannot be judged"


MEANING = {
    Kind.REPRODUCED: "the published value, or difference, is inside our spread",
    Kind.DIRECTION: "the rows differ as claimed; by how much is another matter",
    Kind.TESTED: "needs no runs",
    Kind.WITHIN: "the rows differ by no more than the spread: neither a success nor a failure",
    Kind.NOT: "the rows differ the other way, or the published value is outside our spread",
    Kind.INCOMPARABLE: "measured on other data, at another size or by other conventions than published",
    Kind.UNJUDGED: "runs, seeds or readable numbers are missing",
}


@dataclass(frozen=True)
class Verdict:
    """The verdict, why, and the numbers: those of the row, or of the row minus the one that it is compared with."""

    kind: Kind
    text: str
    ours: Measured | None = None
    published: float | None = None
    difference: float | None = None  # ours minus the published one
    numbers: tuple[Published, ...] = ()  # the published ones behind it, with their sources and warnings


@dataclass(frozen=True)
class Stated:
    """What is published for a claim in one cell: of the row, or of the row minus the other."""

    value: float
    rounding: float
    numbers: tuple[Published, ...]


class Judged(NamedTuple):
    """A claim, what it was judged by, and the verdict; what is missing is NaN, None or empty."""

    claim: str
    item: str
    text: str
    last: str
    row: str  # as printed, like the next
    over: str  # the row that it is compared with
    measure: str
    dataset: str | None
    bits: int | None
    preset: str | None
    verdict: str
    why: str
    ours: float
    std: float
    seeds: int
    published: float | None
    difference: float | None
    elsewhere: dict[str, float]  # what is published on other datasets, where nothing is on this one
    sources: tuple[str, ...]  # keys of the published numbers
    warnings: tuple[str, ...]  # keys of their caveats


def judge(claim: Claim, records: Sequence[dict]) -> Verdict:
    """Judge a claim by runs on one dataset, at one code length and of one preset.

    ``records`` may hold other rows too, and the same run more than once. Raises SSVHError if those that the claim is
    about mix datasets, code lengths or presets, or have two results for one seed, or one that is not finite.
    """
    if claim.row is None:
        return Verdict(Kind.TESTED, claim.shown_by) if claim.shown_by else Verdict(Kind.UNJUDGED, claim.open)
    records = list(filter(claim.concerns, records))
    check_one_cell(records)
    rows = [row for row in (claim.row, claim.over) if row]
    values = [by_seed(filter(row.matches, records), claim.measure) for row in rows]
    if few := _too_few(rows, values, claim.measure, records):
        return Verdict(Kind.UNJUDGED, few)
    ours, found = difference_of(values), stated(claim, records[0]["dataset"], records[0]["bits"])
    reasons = _reasons(claim, records, found)
    inside = found is not None and abs(ours.mean - found.value) <= SPREAD * ours.std + found.rounding
    kind, text = _of_order(claim, ours, found, inside, reasons) if claim.over else _of_value(inside, reasons)
    if found is None:
        return Verdict(kind, text, ours)
    return Verdict(kind, text, ours, found.value, ours.mean - found.value, found.numbers)


def stated(claim: Claim, dataset: str, bits: int) -> Stated | None:
    """Return what is published for a claim on one dataset, at one code length; None unless all rows have a number."""
    numbers = [_published(row, claim, dataset, bits) for row in (claim.row, claim.over) if row]
    found = tuple(filter(None, numbers))
    if not found or len(found) < len(numbers):
        return None
    value = found[0].value - sum(number.value for number in found[1:])
    return Stated(value, sum(number.rounding for number in found), found)


def judge_all(claims: Iterable[Claim], records: Sequence[dict]) -> pd.DataFrame:
    """Return a ``Judged`` for every claim and every dataset, code length and preset that has runs of its rows.

    No claim is dropped. Raises SSVHError as ``judge`` does.
    """
    cells = [list(runs) for _, runs in groupby(sorted(records, key=cell_of), key=cell_of)]
    rows: list[Judged] = []
    for claim in claims:
        found = [runs for runs in cells if any(map(claim.concerns, runs))]
        rows += [_as_row(claim, runs, judge(claim, runs)) for runs in found or [[]]]
    return pd.DataFrame(rows)


def _as_row(claim: Claim, records: list[dict], verdict: Verdict) -> Judged:
    dataset, bits, preset = cell_of(records[0]) if records else (None, None, None)
    ours = verdict.ours or Measured(np.nan, np.nan, 0)
    elsewhere = _elsewhere(claim, *cell_of(records[0])[:2]) if records and verdict.published is None else {}
    numbers = [*verdict.numbers, *(number for found in elsewhere.values() for number in found.numbers)]
    return Judged(
        claim.name, claim.item, claim.text, claim.last, _title(claim.row), _title(claim.over), claim.measure,
        dataset, bits, preset, str(verdict.kind), verdict.text, ours.mean, ours.std, ours.seeds,
        verdict.published, verdict.difference,
        elsewhere={name: found.value for name, found in elsewhere.items()},
        sources=tuple(dict.fromkeys(number.key for number in numbers)),
        warnings=tuple(dict.fromkeys(key for number in numbers for key in number.warnings)),
    )  # fmt: skip


def _elsewhere(claim: Claim, dataset: str, bits: int) -> dict[str, Stated]:
    """Return what is published for a claim on the datasets that it was published on."""
    found = {name: stated(claim, name, bits) for name in claim.datasets if name != dataset}
    return {name: one for name, one in found.items() if one}


def _too_few(rows: list[RowName], values: list[dict[int, float]], measure: str, records: list[dict]) -> str:
    for row, seeds in zip(rows, values, strict=True):
        name = f"“{row.label}”" if row.label else _title(row)
        if not any(map(row.matches, records)):
            return f"no runs of {name}"
        if not seeds:
            return f"no {in_words(measure)} of {name}"
        if len(seeds) == 1:
            return f"{name} has one seed, which shows no spread"
    return ""


def _published(row: RowName, claim: Claim, dataset: str, bits: int) -> Published | None:
    label = row.label if row.published_label is None else row.published_label
    return literature.lookup(dataset, row.method, bits, claim.measure, label=label, prefer=claim.prefer)


def _reasons(claim: Claim, records: list[dict], found: Stated | None) -> list[str]:
    """List why values cannot be compared with the published ones."""
    dataset, bits, preset = cell_of(records[0])
    if claim.datasets and dataset not in claim.datasets:
        return [f"measured on {dataset}, published on {', '.join(claim.datasets)}"]
    if found is None:
        if dataset not in set(literature.numbers()["dataset"]):
            return [f"nothing is published for {dataset}"]
        return [f"no {claim.measure} of this is published for {dataset} at {bits} bits"]
    reasons = [] if preset == "paper" else [f"trained by the preset '{preset}', not at the published size"]
    for name, wanted in (_CONVENTIONS[""] | _CONVENTIONS.get(dataset, {})).items():
        given = {record["conventions"].get(name, "not recorded") for record in records if "conventions" in record}
        reasons += [f"{name} is '{value}', published with '{wanted}'" for value in sorted(given - {wanted})]
    return reasons


def _of_value(inside: bool, reasons: list[str]) -> tuple[Kind, str]:
    if reasons:
        return Kind.INCOMPARABLE, "; ".join(reasons)
    if inside:
        return Kind.REPRODUCED, "the published value is inside our spread"
    return Kind.NOT, "the published value is outside our spread"


def _of_order(claim: Claim, ours: Measured, found: Stated | None, inside: bool, reasons: list[str]) -> tuple[Kind, str]:
    sign = 1 if claim.higher else -1
    contrary = "; the published numbers differ the other way here" if found and sign * found.value < 0 else ""
    if ours.within_spread:
        return Kind.WITHIN, "the rows differ by no more than the spread" + contrary
    if sign * ours.mean < 0:
        return Kind.NOT, "the rows differ the other way" + contrary
    if reasons:
        return Kind.DIRECTION, f"by how much cannot be compared, because {'; '.join(reasons)}" + contrary
    if inside:
        return Kind.REPRODUCED, "the published difference is inside our spread" + contrary
    return Kind.DIRECTION, "the published difference is outside our spread" + contrary


def _title(row: RowName | None) -> str:
    return "" if row is None else printed_name(row.method, row.variant, row.label)
