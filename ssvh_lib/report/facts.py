"""The head of the report: which data and conventions, at what cost, and how far its verdicts can be trusted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pandas as pd

from ..experiments.results import KEY
from ..utils.words import duration
from .sections import Section
from .spread import SPREAD, error_rates
from .tables import MISSING, to_markdown
from .verdicts import MEANING

_CONVENTIONS = {
    "divide_by": "average precision divided by {}",
    "ties": "ties {}",
    "self_match": "self-matches: {}",
    "zero_bits": "values of exactly 0: {}",
}
_BUDGET: dict[str, Callable[[Any], str]] = {
    "runs": "{} runs".format,
    "kept": "{} of them kept from before".format,
    "workers": "{} at a time".format,
    "wall_seconds": lambda seconds: f"in {duration(seconds)}",
    "where": "on {}".format,
    "cores": "{} cores".format,
    "memory_peak_bytes": lambda size: f"with {size / 2**30:.1f} GiB of memory at most",
}


def facts(found: Sequence[Section], budget: dict) -> str:
    """List data, conventions, seeds and budget; unknown ones are MISSING."""
    owned = {section.data: section.records for section in found if section.data}
    records = [record for some in owned.values() for record in some]
    if not records:
        return "There are no runs yet: `make reproduce` makes them."
    lines = {
        "Data": _data(records),
        "Preset": _listed(record["preset"] for record in records),
        "Seeds": _seeds(owned.values()),
        "Conventions": "; ".join(_conventions(records)) or MISSING,
        "Selection": "none: the last epoch counts, and no test query chooses anything",
        "Budget": _budget(budget) if budget else "not recorded",
        "Code": _code(budget) if budget else "not recorded",
    }
    return "\n".join(f"- **{name}**: {text}." for name, text in lines.items())


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(set(names))) or MISSING


def _data(records: Iterable[dict]) -> str:
    """Name the datasets, the one with most runs first."""
    counts = Counter(record["dataset"] for record in records)
    first, *rest = sorted(counts, key=lambda name: (-counts[name], name))
    return f"{first}; where it is said, {', '.join(rest)}" if rest else first


def _seeds(parts: Iterable[list[dict]]) -> str:
    """Count the seeds of rows."""
    seeds: dict[tuple, set] = {}
    for place, records in enumerate(parts):
        for record in records:
            seeds.setdefault((place, record["preset"], *(record[name] for name in KEY)), set()).add(record["seed"])
    counts = Counter(map(len, seeds.values()))
    return ", ".join(f"{count} ({rows} row{'s' * (rows > 1)})" for count, rows in sorted(counts.items(), reverse=True))


def _conventions(records: Iterable[dict]) -> list[str]:
    given = [record["conventions"] for record in records if "conventions" in record]
    values = {name: sorted({one[name] for one in given if name in one}) for name in _CONVENTIONS}
    return [_CONVENTIONS[name].format(" or ".join(map(str, some))) for name, some in values.items() if some]


def _budget(budget: dict) -> str:
    """Describe what is known of the budget."""
    known = budget | {"where": budget.get("cuda") or budget.get("cpu") or budget.get("device")}
    return ", ".join(words(known[name]) for name, words in _BUDGET.items() if known.get(name))


def _code(budget: dict) -> str:
    versions = [f"{name} {version}" for name, version in (budget.get("versions") or {}).items()]
    commit = f"commit {budget['commit'][:10]}" if budget.get("commit") else "not a checkout"
    return ", ".join([commit + (", with changes" if budget.get("dirty") else ""), *versions])


def rule(judged: pd.DataFrame) -> str:
    """State the rule, and how often it errs with as many seeds as there are."""
    compared = judged[(judged["over"] != "") & (judged["seeds"] > 1)]
    lines = [
        f"The spread is {SPREAD:.0f} times the standard deviation over seeds, that of two rows pooled. Two rows differ "
        "if their means are further apart than that; a published value is reproduced if it is that close to our mean. "
        "Values are compared with published ones only where data, size and conventions are theirs; elsewhere only "
        "directions can show. One seed shows no spread, so nothing is judged by it."
    ]
    for seeds in sorted(compared["seeds"].unique()):
        apart, outside = error_rates(int(seeds))
        lines.append(
            f"**With {seeds} seeds the rule errs**: of 100 pairs of rows that do not differ it tells {100 * apart:.0f} "
            f"apart, and of 100 published values that came from a run just like ours it puts {100 * outside:.0f} "
            "outside the spread."
        )
    expected = sum(error_rates(int(seeds))[0] for seeds in compared["seeds"])
    if len(compared):
        lines.append(
            f"If no row differed from any other, some {expected:.0f} of the {len(compared)} comparisons below would "
            "come out as different by chance. One verdict is weak evidence; more seeds (`SEEDS=5`) make it stronger."
        )
    return "\n\n".join(lines)


def counts(judged: pd.DataFrame) -> str:
    """Count the claims of each paper by verdict, and say what verdicts mean."""
    if judged.empty:
        return ""
    papers = judged["item"].str.partition(",")[0]
    found = pd.crosstab(judged["verdict"], papers)
    names = {paper: f"{paper} ({judged[papers == paper]['claim'].nunique()} claims)" for paper in papers.unique()}
    rows = [
        {
            "verdict": f"**{kind}**",
            **{title: str(found[paper].get(str(kind), 0) or MISSING) for paper, title in names.items()},
            "meaning": meaning,
        }
        for kind, meaning in MEANING.items()
    ]
    note = "A claim counts once for each code length, and each dataset, that it was judged at."
    return to_markdown(pd.DataFrame(rows), note).rstrip()
