"""Results as a table: from the records of runs to means and spreads over seeds, and to the small files in git.

``figures/data/<name>.json`` holds records; every committed table and figure is a pure function of them.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from ..errors import SSVHError
from ..utils.files import make_folder, read_json, write_json

KEY = ["dataset", "method", "variant", "label", "bits"]


def duration(seconds: float) -> str:
    """Seconds in words, in the unit in which they have two figures or so: 100 s, 25 min, 2.9 h."""
    if seconds < 2 * 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 2 * 3600 else f"{seconds / 3600:.1f} h"


def save(path: Path, records: list[dict]) -> None:
    """Write records, in a fixed order, so that equal results are equal files."""
    make_folder(path.parent)
    ordered = sorted(records, key=lambda record: [*(record[key] for key in KEY), record["seed"]])
    write_json(path, {"records": ordered})


def load(path: Path) -> list[dict]:
    """Read records; SSVHError if the file is not there."""
    if not path.is_file():
        raise SSVHError(f"{path} is missing. `make reproduce` makes it.")
    return read_json(path)["records"]


def frame(records: list[dict]) -> pd.DataFrame:
    """One row a run: the key columns, seed, ``mAP@k`` for every cutoff, GMAP, GMAP (L2), seconds and the rest."""
    rows = []
    for record in records:
        maps = {f"mAP@{k}": value for k, value in record["map"].items()}
        plain = {name: value for name, value in record.items() if not isinstance(value, list | dict)}
        rows.append(maps | plain)
    return pd.DataFrame(rows).rename(columns={"gmap": "GMAP", "gmap_l2": "GMAP (L2)"})


def summary(records: list[dict]) -> pd.DataFrame:
    """Mean and standard deviation over seeds: one row for each dataset, method, variant, label and code length.

    Columns are pairs (measure, "mean" | "std"), and ("seeds", "count"). The deviation of a single seed is NaN.
    """
    runs = frame(records)
    measures = [name for name in runs if name.startswith(("mAP@", "GMAP"))] + [
        "seconds",
        "encoded_per_second",
        "parameters",
    ]
    grouped = runs.groupby(KEY, sort=True)
    table = grouped[measures].agg(["mean", "std"])
    table[("seeds", "count")] = grouped.size()
    return table
