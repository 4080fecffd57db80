"""Tables for people: pure functions of results, as Markdown, CSV and LaTeX."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from .files import make_folder, write_text
from .results import summary

TITLES = {"lsh": "LSH", "itq": "ITQ", "conmh": "ConMH"}  # as the papers write them; others by their file's name


def title(method: str) -> str:
    """A method's name as printed."""
    return TITLES.get(method, method)


def printed_name(method: str, variant: str, **_: object) -> str:
    """A method's name as printed, with its variant where that is not the paper's."""
    return title(method) + ("" if variant == "paper" else f" ({variant})")


def main_table(records: list[dict]) -> pd.DataFrame:
    """Method, code length and "mean ± std" of every measure; the best mean of each length and measure in ``**``.

    The order is by dataset, which is named if there are several, by code length, and from the lowest to the
    highest mAP@20.
    """
    results = summary(records)
    measures = [name for name in results.columns.get_level_values(0).unique() if name.startswith(("mAP@", "GMAP"))]
    rows = []
    several = results.index.unique("dataset").size > 1
    for (dataset, bits), group in results.groupby(level=["dataset", "bits"]):
        best = {name: group[(name, "mean")].max() for name in measures}
        for key, row in group.sort_values(("mAP@20", "mean")).iterrows():
            identity = dict(zip(results.index.names, key, strict=True))
            cells = {name: _cell(row[name], row[(name, "mean")] == best[name]) for name in measures}
            place = {"dataset": dataset} if several else {}
            rows.append({**place, "bits": bits, "method": printed_name(**identity), **cells, **_costs(row)})
    return pd.DataFrame(rows)


def _cell(value: pd.Series, best: bool) -> str:
    spread = "" if pd.isna(value["std"]) else f" ± {value['std']:.3f}"
    text = f"{value['mean']:.3f}{spread}".replace("0.", ".")
    return f"**{text}**" if best else text


def _costs(row: pd.Series) -> dict[str, object]:
    return {"seeds": int(row[("seeds", "count")]), "seconds": f"{row[('seconds', 'mean')]:.1f}"}


def caption(records: list[dict]) -> str:
    """What a reader must know to read the table: data, conventions, seeds, code version."""
    datasets = ", ".join(sorted({record["dataset"] for record in records}))
    conventions = records[0]["conventions"]
    return (
        f"Mean ± standard deviation over seeds on {datasets}. Average precision is divided by "
        f"{conventions['divide_by']}, ties are {conventions['ties']}, self-matches: {conventions['self_match']}. "
        "Last epoch, no model selection. Bold: highest mean of a code length; read it with the spread. "
        "GMAP is the geometric mean of the six mAPs, GMAP (L2) their Euclidean norm."
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
    inner = text.strip("*").replace("_", r"\_").replace("%", r"\%").replace("&", r"\&").replace("±", r"$\pm$")
    return rf"\textbf{{{inner}}}" if text.startswith("**") else inner


def to_csv(records: list[dict]) -> str:
    """The full-precision means and deviations behind the table."""
    results = summary(records)
    results.columns = [name if kind in ("mean", "count") else f"{name} {kind}" for name, kind in results.columns]
    return results.reset_index().to_csv(index=False, float_format="%.6g")


def write_main(records: list[dict], folder: Path) -> list[Path]:
    """Write ``main.md``, ``main.csv`` and ``main.tex`` into ``folder``."""
    make_folder(folder)
    table, note = main_table(records), caption(records)
    writers: dict[str, Callable[[], str]] = {
        "md": lambda: to_markdown(table, note),
        "csv": lambda: to_csv(records),
        "tex": lambda: to_latex(table, note),
    }
    paths = [folder / f"main.{suffix}" for suffix in writers]
    for path, write in zip(paths, writers.values(), strict=True):
        write_text(path, write())
    return paths
