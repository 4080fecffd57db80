"""Results as a table: from the records of runs to means and spreads over seeds, and to the small files in git.

``figures/data/<name>.json`` holds records; every committed table and figure is a pure function of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from ..errors import SSVHError
from ..literature.measures import MEASURES, MeasureKind, of_kind
from ..utils.files import make_folder, read_json, write_json

# A run and what was measured of it, as plain JSON, by the names that ``experiment.record`` gives:
# dataset ("a-to-b" if trained on a and measured on b), method, variant, label, preset, bits, seed, the keys of
# ``literature.measures``, the fields of ``evaluation.metrics.Evaluation.to_json`` and, if it was asked for, by_epoch.
# What ``Target.collect`` makes may have other measures beside the same names.
Record = dict[str, Any]
KEY = ["dataset", "method", "variant", "label", "bits"]


def save(path: Path, records: list[Record]) -> None:
    """Write records, in a fixed order, so that equal results are equal files."""
    make_folder(path.parent)
    ordered = sorted(records, key=lambda record: [*(record[key] for key in KEY), record["seed"]])
    write_json(path, {"records": ordered})


def load(path: Path) -> list[Record]:
    """Read records; SSVHError if the file is not there."""
    if not path.is_file():
        raise SSVHError(f"{path} is missing. `make reproduce` makes it.")
    return read_json(path)["records"]


def frame(records: list[Record]) -> pd.DataFrame:
    """Return a row for each run: ``mAP@k`` of each cutoff, keys, seed, GMAP, GMAP (L2), seconds and the rest."""
    rows = []
    for record in records:
        values = {name: value for measure in MEASURES.values() for name, value in measure.values(record).items()}
        by_cutoff = {name: value for name, value in values.items() if "@" in name}
        rows.append(by_cutoff | {name: value for name, value in record.items() if not isinstance(value, list | dict)})
    return pd.DataFrame(rows).rename(columns={measure.key or name: name for name, measure in MEASURES.items()})


def summary(records: list[Record]) -> pd.DataFrame:
    """Return mean and standard deviation over seeds, a row for each dataset, method, variant, label and code length.

    Columns are pairs (measure, "mean" | "std"), and ("seeds", "count"). The deviation of a single seed is NaN.
    """
    runs = frame(records)
    costs = [name for name, measure in MEASURES.items() if measure.kind is MeasureKind.COST]
    grouped = runs.groupby(KEY, sort=True)
    table = grouped[of_kind(MeasureKind.RANKING, runs) + costs].agg(["mean", "std"])
    table[("seeds", "count")] = grouped.size()
    return table
