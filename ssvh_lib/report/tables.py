"""Tables for people: pure functions of results, as Markdown, CSV and LaTeX."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from .. import literature
from ..experiments.results import summary
from ..literature import Published
from ..literature.claims import published_label
from ..literature.measures import MeasureKind, in_words, of_kind
from ..literature.names import printed_name, title
from ..utils.files import make_folder, write_text
from .verdicts import Judged

MISSING = "—"
_WORDS = ("dataset", "method", "claim", "data", "verdict", "measure", "published", "because")  # from the left in LaTeX
_SCALES = ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k"))


def number(value: float | None, std: float | None = None, *, signed: bool = False) -> str:
    """Write a number for people: ".131 ± .012", "+.131" if ``signed``, "12.5", "1.20 G"; "—" if it is missing."""
    if value is None or pd.isna(value):
        return MISSING
    parts = [value] if std is None or pd.isna(std) else [value, std]
    size = max(map(abs, parts))
    scale, suffix = next((pair for pair in _SCALES if size >= pair[0]), (1.0, ""))
    digits = 2 if suffix else 3 if size < 10 else 1
    first, *rest = (re.sub(r"^0\.", ".", f"{abs(part) / scale:.{digits}f}") for part in parts)
    sign = "−" if value < 0 and float(first) else "+" if signed else ""
    return " ± ".join([sign + first, *rest]) + suffix


def main_table(records: list[dict], order: Sequence[str] = ()) -> pd.DataFrame:
    """List method, code length and "mean ± std" of every measure; the best mean of each length and measure in ``**``.

    Rows are sorted by dataset, which is named if there are several, by code length, and then in the ``order`` of
    printed names, or from the lowest to the highest mAP@20. A name in ``order`` without a run has a row of "—". If
    anything is published for these rows on these datasets, two more columns hold it and the difference from it.
    """
    results = summary(records)
    measures = of_kind(MeasureKind.RANKING, results.columns.get_level_values(0).unique())
    measure, published = _published(results)
    several = results.index.unique("dataset").size > 1
    rows = []
    for (dataset, bits), group in results.groupby(level=["dataset", "bits"]):
        best = {name: group[(name, "mean")].max() for name in measures}
        place = ({"dataset": dataset} if several else {}) | {"bits": bits}
        found = [(printed_name(*key[1:4]), key, row) for key, row in group.iterrows()]
        for name, key, row in sorted(found, key=lambda one: _place(one[0], one[2], order)):
            cells = {name: _cell(row[name], row[(name, "mean")] == best[name]) for name in measures}
            beside = _beside(row, measure, published.get(key)) if published else {}
            rows.append({**place, "method": name, **cells, **beside, **_costs(row)})
        rows += [{**place, "method": name} for name in _absent(order, found)]
    return _filled(rows)


def glance(records: list[dict], order: Sequence[str] = (), measure: str = "mAP@20") -> pd.DataFrame:
    """List one row per method, on one dataset: a measure at every code length, and the costs of the longest codes.

    Rows are in the ``order`` of printed names, or from the lowest to the highest measure of the longest codes.
    """
    results = summary(records).droplevel("dataset")
    best = results[(measure, "mean")].groupby(level="bits").max()
    found = []
    for key, group in results.groupby(level=["method", "variant", "label"]):
        group = group.droplevel(["method", "variant", "label"])
        cells = {
            f"{bits} bits": _cell(row[measure], row[(measure, "mean")] == best[bits]) for bits, row in group.iterrows()
        }
        last, name = group.iloc[-1], printed_name(*key)
        found.append((name, {"method": name, **cells, **_costs(last)}, last))
    lines = [line for _, line, _ in sorted(found, key=lambda one: _place(one[0], one[2], order))]
    return _filled([*lines, *({"method": name} for name in _absent(order, found))])


def _place(name: str, row: pd.Series, order: Sequence[str]) -> tuple[float, ...]:
    return order.index(name) if name in order else len(order), row[("mAP@20", "mean")]


def _absent(order: Sequence[str], found: list[tuple]) -> list[str]:
    there = {name for name, *_ in found}
    return [name for name in order if name not in there]


def _filled(rows: list[dict]) -> pd.DataFrame:
    table = pd.DataFrame(rows).astype(object)
    return table.where(table.notna(), MISSING)


def _cell(value: pd.Series, best: bool) -> str:
    text = number(value["mean"], value["std"])
    return f"**{text}**" if best else text


def _published(results: pd.DataFrame) -> tuple[str, dict[tuple, Published]]:
    """Return the measure by which rows are compared with published numbers, and these by the key of the row."""
    for measure in ("mAP@20", "GMAP (L2)"):  # the second is all that AutoSSVH's Table 3 has
        numbers = {
            key: literature.lookup(key[0], key[1], key[4], measure, label=published_label(key[1], key[3]))
            for key in results.index
        }
        if any(numbers.values()):
            return measure, {key: number for key, number in numbers.items() if number}
    return "", {}


def _beside(row: pd.Series, measure: str, published: Published | None) -> dict[str, str]:
    value = published.value if published else np.nan
    difference = number(row[(measure, "mean")] - value, signed=True)
    return {f"published {measure}": number(value), "difference": difference}


def _costs(row: pd.Series) -> dict[str, object]:
    parameters, speed = (row[(name, "mean")] for name in ("parameters", "encoded_per_second"))
    return {
        "seeds": int(row[("seeds", "count")]),
        "seconds": MISSING if pd.isna(row[("seconds", "mean")]) else f"{row[('seconds', 'mean')]:.1f}",
        "parameters": MISSING if pd.isna(parameters) or not parameters else f"{parameters:,.0f}",
        "videos/s": MISSING if pd.isna(speed) else f"{float(f'{speed:.2g}'):,.0f}",
    }


def caption(records: list[dict]) -> str:
    """Say what a reader must know to read the table: data, conventions, seeds, code version."""
    datasets = ", ".join(sorted({record["dataset"] for record in records}))
    conventions = records[0]["conventions"]
    marked = any("†" in title(record["method"]) for record in records)
    return (
        f"Mean ± standard deviation over seeds on {datasets}. Average precision is divided by "
        f"{conventions['divide_by']}, ties are {conventions['ties']}, self-matches: {conventions['self_match']}. "
        "Last epoch, no model selection. Bold: highest mean of a code length; read it with the spread. "
        "GMAP is the geometric mean of the six mAPs, GMAP (L2) their Euclidean norm. Seconds of training; parameters, "
        "those that gradients move; videos encoded per second, reading them included."
        + (" †: formulas recalled or adapted, as the method's file says." if marked else "")
    )


def provenance(sources: Iterable[str], warnings: Iterable[str]) -> str:
    """List where published numbers can be read, and their caveats, in Markdown; "" if there are none."""
    found = [f"Published in {literature.cite(key)}." for key in dict.fromkeys(sources)]
    found += [f"{key}: {words}" for key, words in literature.footnotes(warnings).items()]
    return "\n".join(f"- {line}" for line in found)


def to_markdown(table: pd.DataFrame, note: str = "") -> str:
    """Write a Markdown table, with a note below it."""
    rows = [list(table.columns), ["---"] * table.shape[1], *table.astype(str).to_numpy().tolist()]
    body = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    return body + (f"\n\n{note}\n" if note else "\n")


def to_latex(table: pd.DataFrame, note: str = "") -> str:
    """Write a LaTeX tabular in booktabs style; bold cells become ``\\textbf``."""
    plain = table.map(lambda cell: _latex_cell(str(cell)))
    alignment = "".join("l" if name in _WORDS else "r" for name in table.columns)
    body = plain.to_latex(index=False, escape=False, column_format=alignment)
    return "".join(f"% {line}\n" for line in note.splitlines() if line) + body


def _latex_cell(text: str) -> str:
    inner = re.sub(r"([_%&#])", r"\\\1", text.strip("*"))
    for sign, command in (("±", r"$\pm$"), ("−", "$-$"), ("†", r"$\dagger$")):
        inner = inner.replace(sign, command)
    return rf"\textbf{{{inner}}}" if text.startswith("**") else inner


def to_csv(records: list[dict]) -> str:
    """Write the full-precision means and deviations behind the table, and the published numbers if it has any."""
    results = summary(records)
    measure, published = _published(results)
    means = results[(measure, "mean")] if published else None
    results.columns = [name if kind in ("mean", "count") else f"{name} {kind}" for name, kind in results.columns]
    if means is not None:
        values = pd.Series({key: published[key].value if key in published else np.nan for key in results.index})
        results = results.assign(**{f"published {measure}": values, "difference": means - values})
    return results.reset_index().to_csv(index=False, float_format="%.6g")


def write(
    records: list[dict],
    path: Path,
    heading: str = "",
    order: Sequence[str] = (),
    tabulate: Callable[[list[dict], Sequence[str]], pd.DataFrame] = main_table,
) -> list[Path]:
    """Write a table as ``path`` with the suffixes md, csv and tex; ``heading`` opens the note below it.

    ``tabulate(records, order)`` makes the table. Unless that is the main one, the CSV holds the same table.
    """
    table = tabulate(records, order)
    if tabulate is not main_table:
        people = table.map(lambda cell: number(cell) if isinstance(cell, float) else cell)
        return _write(path, people, heading, table.to_csv(index=False, float_format="%.6g"))
    numbers = _published(summary(records))[1].values()
    warnings = [key for number in numbers for key in number.warnings]
    note = f"{heading} {caption(records)}".strip()
    return _write(path, table, note, to_csv(records), provenance((number.key for number in numbers), warnings))


def claims_table(judged: pd.DataFrame) -> pd.DataFrame:
    """List each claim and code length of ``verdicts.judge_all``, for people; the verdict in ``**``."""
    rows = []
    places = judged_places(judged)
    for row, place in zip(judged.itertuples(), places, strict=True):
        data = {"data": place or MISSING} if places.nunique() > 1 else {}
        rows.append({
            "claim": row.text, **data, "bits": MISSING if pd.isna(row.bits) else int(row.bits),
            "measure": in_words(row.measure) if row.row else MISSING,
            "ours": number(row.ours, row.std, signed=bool(row.over)), "seeds": row.seeds or MISSING,
            "published": published_words(row), "difference": number(row.difference, signed=True),
            "verdict": f"**{row.verdict}**", "because": row.why,
        })  # fmt: skip
    return pd.DataFrame(rows)


def judged_places(judged: pd.DataFrame) -> pd.Series:
    """Name the dataset and preset on which each row of ``verdicts.judge_all`` is judged; "" where there are no runs."""
    named = judged["dataset"].notna()
    return (judged["dataset"].fillna("") + " (preset " + judged["preset"].fillna("") + ")").where(named, "")


def published_words(row: Judged) -> str:
    """Write what is published for a judged claim: on its dataset, or else on others, which are named."""
    elsewhere = [f"{name} {number(value, signed=bool(row.over))}" for name, value in row.elsewhere.items()]
    return ", ".join(elsewhere) or number(row.published, signed=bool(row.over))


def write_claims(judged: pd.DataFrame, path: Path, heading: str = "") -> list[Path]:
    """Write claims judged by ``verdicts.judge_all`` as ``path`` with the suffixes md, csv and tex."""
    note = (
        f"{heading} Ours: mean ± standard deviation over seeds, of a row, or of a row less the one that it is held "
        "against; the deviation is that of single runs. Difference: ours less the published value. Two means differ if "
        "they are more than two standard deviations apart."
    )
    sources, warnings = (judged[name].explode().dropna() for name in ("sources", "warnings"))
    plain = judged.drop(columns="last").assign(
        elsewhere=["; ".join(f"{name} {value:.6g}" for name, value in found.items()) for found in judged["elsewhere"]],
        sources=judged["sources"].map(" ".join), warnings=judged["warnings"].map(" ".join),
    )  # fmt: skip
    full = plain.to_csv(index=False, float_format="%.6g")
    return _write(path, claims_table(judged), note.strip(), full, provenance(sources, warnings))


def _write(path: Path, table: pd.DataFrame, note: str, full: str, footnotes: str = "") -> list[Path]:
    """Write a table as Markdown and LaTeX, and ``full`` as CSV."""
    make_folder(path.parent)
    below = f"{note}\n\n{footnotes}" if footnotes else note
    texts = {"md": to_markdown(table, below), "csv": full, "tex": to_latex(table, below)}
    for suffix, text in texts.items():
        write_text(path.with_suffix(f".{suffix}"), text)
    return [path.with_suffix(f".{suffix}") for suffix in texts]
