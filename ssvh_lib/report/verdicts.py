"""What our runs say about a published claim, by one rule for all of them.

The spread of what we measure is ``SPREAD`` times the standard deviation over seeds, that of two rows pooled. Two rows
differ if their means are further apart than the spread; anything less is "within the spread", never a win. A published
value is reproduced if it lies within the spread of our mean, give or take its last printed digit. One seed shows no
spread, so nothing is judged by it; nor is that of another row put in its place, as methods differ tenfold in theirs.

How often the rule errs can be calculated (``error_rates``), if runs deviate normally. Two rows that do not differ are
told apart in 18 of 100 cases from two seeds each, in 7 from three and in 1 from five: a long table will contain some. A
published value that came from a single run just like ours is found inside the spread in 65 of 100 cases from two seeds,
in 77 from three and in 86 from five.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

import numpy as np
import pandas as pd
from scipy.stats import t as student

from .. import literature
from ..errors import SSVHError
from ..literature import Published
from ..literature.claims import Claim, RowName
from ..literature.measures import in_words, value_of
from ..literature.names import printed_name

SPREAD = 2.0
# How the papers measured; elsewhere our conventions may differ without a difference to the mean.
_CONVENTIONS = {"": {"divide_by": "k"}, "fcvid": {"self_match": "include"}, "activitynet": {"zero_bits": "ternary"}}


class Kind(StrEnum):
    """What can be said; ``MEANING`` explains each."""

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
class Measured:
    """The mean over seeds of a row, or of one row less another, and the standard deviation of a single run."""

    mean: float
    std: float
    seeds: int


@dataclass(frozen=True)
class Verdict:
    """What our runs say, why, and the numbers: those of the row, or of the row less the one that it is held against."""

    kind: Kind
    text: str
    ours: Measured | None = None
    published: float | None = None
    difference: float | None = None  # ours less the published one
    numbers: tuple[Published, ...] = ()  # the published ones behind it, with their sources and warnings


@dataclass(frozen=True)
class Stated:
    """What is published for a claim in one cell: of the row, or of the row less the other."""

    value: float
    rounding: float
    numbers: tuple[Published, ...]


def error_rates(seeds: int) -> tuple[float, float]:
    """How often two rows that do not differ are told apart, and a published run just like ours lies outside the spread.

    Both as shares of 1, for two or more ``seeds`` of each row that deviate normally.
    """
    apart = 2 * student.sf(SPREAD / np.sqrt(2 / seeds), 2 * seeds - 2)
    outside = 2 * student.sf(SPREAD / np.sqrt(1 + 1 / seeds), seeds - 1)
    return float(apart), float(outside)


def judge(claim: Claim, records: Sequence[dict]) -> Verdict:
    """What runs on one dataset, at one code length and of one preset, say about a claim.

    ``records`` may hold other rows too, and the same run more than once. Raises SSVHError if those that the claim is
    about mix datasets, code lengths or presets, or have two results for one seed, or one that is not finite.
    """
    if claim.row is None:
        return Verdict(Kind.TESTED, claim.shown_by) if claim.shown_by else Verdict(Kind.UNJUDGED, claim.open)
    records = list(filter(claim.concerns, records))
    _check_one_cell(records)
    rows = [row for row in (claim.row, claim.over) if row]
    values = [_by_seed(row, claim.measure, records) for row in rows]
    if few := _too_few(rows, values, claim.measure, records):
        return Verdict(Kind.UNJUDGED, few)
    ours, found = _difference(values), stated(claim, records[0]["dataset"], records[0]["bits"])
    reasons = _reasons(claim, records, found)
    inside = found is not None and abs(ours.mean - found.value) <= SPREAD * ours.std + found.rounding
    kind, text = _of_order(claim, ours, found, inside, reasons) if claim.over else _of_value(inside, reasons)
    if found is None:
        return Verdict(kind, text, ours)
    return Verdict(kind, text, ours, found.value, ours.mean - found.value, found.numbers)


def stated(claim: Claim, dataset: str, bits: int) -> Stated | None:
    """What is published for a claim on one dataset, at one code length; None unless all of its rows have a number."""
    numbers = [_published(row, claim, dataset, bits) for row in (claim.row, claim.over) if row]
    found = tuple(filter(None, numbers))
    if not found or len(found) < len(numbers):
        return None
    value = found[0].value - sum(number.value for number in found[1:])
    return Stated(value, sum(number.rounding for number in found), found)


def judge_all(claims: Iterable[Claim], records: Sequence[dict]) -> pd.DataFrame:
    """A row for every claim and every dataset, code length and preset that has runs of its rows; none is dropped.

    Columns: claim, item, text of the claim, the row and the one that it is held against as printed, measure, dataset,
    bits, preset, verdict, why, ours, std, seeds, published, difference, what is published elsewhere (by dataset, where
    nothing is for this one), and the keys of sources of and warnings about published numbers; what is missing is NaN,
    None or empty. Raises SSVHError as ``judge``.
    """
    cells = [list(runs) for _, runs in groupby(sorted(records, key=_cell), key=_cell)]
    rows = []
    for claim in claims:
        found = [runs for runs in cells if any(map(claim.concerns, runs))]
        rows += [_as_row(claim, runs, judge(claim, runs)) for runs in found or [[]]]
    return pd.DataFrame(rows)


def _as_row(claim: Claim, records: list[dict], verdict: Verdict) -> dict:
    dataset, bits, preset = _cell(records[0]) if records else (None, None, None)
    ours = verdict.ours or Measured(np.nan, np.nan, 0)
    elsewhere = {} if verdict.published is not None or bits is None else _elsewhere(claim, dataset, bits)
    numbers = [*verdict.numbers, *(number for found in elsewhere.values() for number in found.numbers)]
    return {
        "claim": claim.name, "item": claim.item, "text": claim.text, "last": claim.last,
        "row": _title(claim.row), "over": _title(claim.over), "measure": claim.measure,
        "dataset": dataset, "bits": bits, "preset": preset,
        "verdict": str(verdict.kind), "why": verdict.text, "ours": ours.mean, "std": ours.std, "seeds": ours.seeds,
        "published": verdict.published, "difference": verdict.difference,
        "elsewhere": {name: found.value for name, found in elsewhere.items()},
        "sources": tuple(dict.fromkeys(number.key for number in numbers)),
        "warnings": tuple(dict.fromkeys(key for number in numbers for key in number.warnings)),
    }  # fmt: skip


def _elsewhere(claim: Claim, dataset: str, bits: int) -> dict[str, Stated]:
    """What is published for a claim on the datasets that it was published on."""
    found = {name: stated(claim, name, bits) for name in claim.datasets if name != dataset}
    return {name: one for name, one in found.items() if one}


def _cell(record: dict) -> tuple[str, int, str]:
    return record["dataset"], record["bits"], record["preset"]


def _check_one_cell(records: Sequence[dict]) -> None:
    cells = sorted({_cell(record) for record in records})
    if len(cells) > 1:
        listed = "; ".join(f"{dataset}, {bits} bits, preset {preset}" for dataset, bits, preset in cells)
        raise SSVHError(f"A claim is judged on one dataset, at one code length and by one preset, not on {listed}.")


def _by_seed(row: RowName, measure: str, records: Iterable[dict]) -> dict[int, float]:
    """The measure of each seed of a row, where a run has it."""
    found: dict[int, float] = {}
    for record in filter(row.matches, records):
        value, seed = value_of(record, measure), record["seed"]
        if value is None:
            continue
        if not np.isfinite(value):
            raise SSVHError(f"{measure} of {_title(row)}, seed {seed}, is {value}: that run failed. Repeat it.")
        if found.setdefault(seed, value) != value:
            raise SSVHError(
                f"{_title(row)}, seed {seed}, has two results for {measure}, {found[seed]} and {value}. "
                "Give the records of one version of the code."
            )
    return found


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


def _difference(values: list[dict[int, float]]) -> Measured:
    """Of the means of one row, or of the first and the second; the deviation is that of all runs about their means."""
    samples = [np.array([seeds[seed] for seed in sorted(seeds)]) for seeds in values]  # in any order the same sum
    means = [sample.mean() for sample in samples]
    squares = sum(((sample - mean) ** 2).sum() for sample, mean in zip(samples, means, strict=True))
    freedom = sum(len(sample) - 1 for sample in samples)
    return Measured(float(means[0] - sum(means[1:])), float(np.sqrt(squares / freedom)), min(map(len, samples)))


def _published(row: RowName, claim: Claim, dataset: str, bits: int) -> Published | None:
    label = row.label if row.published_label is None else row.published_label
    return literature.lookup(dataset, row.method, bits, claim.measure, label=label, prefer=claim.prefer)


def _reasons(claim: Claim, records: list[dict], found: Stated | None) -> list[str]:
    """Why values cannot be held against the published ones."""
    dataset, bits, preset = _cell(records[0])
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
    if abs(ours.mean) <= SPREAD * ours.std:
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
