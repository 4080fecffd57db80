"""Tables for people: pure functions of results, as Markdown, CSV and LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from .files import make_folder, write_text
from .results import printed_name, summary, title


def main_table(records: list[dict], order: Sequence[str] = ()) -> pd.DataFrame:
    """Method, code length and "mean ± std" of every measure; the best mean of each length and measure in ``**``.

    By dataset, which is named if there are several, by code length, and then in the ``order`` of printed names, or from
    the lowest to the highest mAP@20.
    """
    results = summary(records)
    measures = [name for name in results.columns.get_level_values(0).unique() if name.startswith(("mAP@", "GMAP"))]
    rows = []
    several = results.index.unique("dataset").size > 1
    for (dataset, bits), group in results.groupby(level=["dataset", "bits"]):
        best = {name: group[(name, "mean")].max() for name in measures}
        named = [(dict(zip(results.index.names, key, strict=True)), row) for key, row in group.iterrows()]
        for identity, row in sorted(named, key=lambda pair: _place(*pair, order)):
            cells = {name: _cell(row[name], row[(name, "mean")] == best[name]) for name in measures}
            place = {"dataset": dataset} if several else {}
            rows.append({**place, "bits": bits, "method": printed_name(**identity), **cells, **_costs(row)})
    return pd.DataFrame(rows)


def glance(records: list[dict], order: Sequence[str] = (), measure: str = "mAP@20") -> pd.DataFrame:
    """One row a method: one measure at every code length, and the costs of the longest codes. Of one dataset.

    In the ``order`` of printed names, or from the lowest to the highest measure of the longest codes.
    """
    results = summary(records).droplevel("dataset")
    best = results[(measure, "mean")].groupby(level="bits").max()
    rows = []
    for name, group in results.groupby(level=["method", "variant", "label"]):
        group = group.droplevel(["method", "variant", "label"])
        cells = {
            f"{bits} bits": _cell(row[measure], row[(measure, "mean")] == best[bits]) for bits, row in group.iterrows()
        }
        identity = dict(zip(("method", "variant", "label"), name, strict=True))
        place = _place(identity, group.iloc[-1], order)
        rows.append((place, {"method": printed_name(**identity), **cells, **_costs(group.iloc[-1])}))
    return pd.DataFrame([row for _, row in sorted(rows, key=lambda pair: pair[0])])


def _place(identity: dict, row: pd.Series, order: Sequence[str]) -> tuple[float, ...]:
    name = printed_name(**identity)
    return order.index(name) if name in order else len(order), row[("mAP@20", "mean")]


def _cell(value: pd.Series, best: bool) -> str:
    spread = "" if pd.isna(value["std"]) else f" ± {value['std']:.3f}"
    text = f"{value['mean']:.3f}{spread}".replace("0.", ".")
    return f"**{text}**" if best else text


def _costs(row: pd.Series) -> dict[str, object]:
    parameters, speed = (float(row[(name, "mean")]) for name in ("parameters", "encoded_per_second"))
    return {
        "seeds": int(row[("seeds", "count")]),
        "seconds": f"{row[('seconds', 'mean')]:.1f}",
        "parameters": f"{parameters:,.0f}" if parameters else "—",
        "videos/s": f"{float(f'{speed:.2g}'):,.0f}",
    }


def caption(records: list[dict]) -> str:
    """What a reader must know to read the table: data, conventions, seeds, code version."""
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


def to_markdown(table: pd.DataFrame, note: str = "") -> str:
    """A Markdown table, with a note below it."""
    rows = [list(table.columns), ["---"] * table.shape[1], *table.astype(str).to_numpy().tolist()]
    body = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    return body + (f"\n\n{note}\n" if note else "\n")


def to_latex(table: pd.DataFrame, note: str = "") -> str:
    """A LaTeX tabular in booktabs style; bold cells become ``\\textbf``."""
    plain = table.map(lambda cell: _latex_cell(str(cell)))
    alignment = "".join("l" if name in ("dataset", "method") else "r" for name in table.columns)
    body = plain.to_latex(index=False, escape=False, column_format=alignment)
    return (f"% {note}\n" if note else "") + body


def _latex_cell(text: str) -> str:
    inner = (
        text.strip("*")
        .replace("_", r"\_")
        .replace("%", r"\%")
        .replace("&", r"\&")
        .replace("±", r"$\pm$")
        .replace("†", r"$\dagger$")
    )
    return rf"\textbf{{{inner}}}" if text.startswith("**") else inner


def to_csv(records: list[dict]) -> str:
    """The full-precision means and deviations behind the table."""
    results = summary(records)
    results.columns = [name if kind in ("mean", "count") else f"{name} {kind}" for name, kind in results.columns]
    return results.reset_index().to_csv(index=False, float_format="%.6g")


def write(records: list[dict], path: Path, heading: str = "", order: Sequence[str] = ()) -> list[Path]:
    """Write a table as ``path`` with the suffixes md, csv and tex; ``heading`` opens the note below it."""
    make_folder(path.parent)
    table, note = main_table(records, order), f"{heading} {caption(records)}".strip()
    writers: dict[str, Callable[[], str]] = {
        "md": lambda: to_markdown(table, note),
        "csv": lambda: to_csv(records),
        "tex": lambda: to_latex(table, note),
    }
    paths = [path.with_suffix(f".{suffix}") for suffix in writers]
    for path, write in zip(paths, writers.values(), strict=True):
        write_text(path, write())
    return paths
