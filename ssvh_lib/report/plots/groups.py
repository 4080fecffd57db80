"""The records that a figure, one of its panels, and one of its rows show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ...errors import SSVHError
from ...literature.measures import value_of
from ...literature.names import printed_name


def by_name(records: Iterable[dict], order: Sequence[str] = ()) -> dict[str, list[dict]]:
    """Group the records of each row by its printed name: in the ``order`` given, the others after them by method.

    Names of ``order`` without records are left out. Raises SSVHError if two rows have the same name.
    """
    rows: dict[str, list[dict]] = {}
    for record in sorted(records, key=_identity):
        rows.setdefault(printed_name(*_identity(record)), []).append(record)
    for name, runs in rows.items():
        if len({_identity(record)[:2] for record in runs}) > 1:
            methods = ", ".join(sorted({record["method"] for record in runs}))
            raise SSVHError(f"Two rows are called {name!r} ({methods}). Give them different labels.")
    return {name: rows[name] for name in [*(name for name in order if name in rows), *rows]}


def _identity(record: dict) -> tuple[str, str, str]:
    return record["method"], record["variant"], record["label"]


def lengths(records: Iterable[dict]) -> list[int]:
    """Return the code lengths, from short to long."""
    return sorted({record["bits"] for record in records})


def of_length(records: Iterable[dict], bits: int) -> list[dict]:
    """Return the records of one code length."""
    return [record for record in records if record["bits"] == bits]


def measured(records: Iterable[dict], measure: str) -> np.ndarray:
    """Return a measure by its printed name, such as "mAP@20", of each run that has it, by seed."""
    values = (value_of(record, measure) for record in sorted(records, key=lambda record: record["seed"]))
    return np.array([value for value in values if value is not None], dtype=float)


def check_one_dataset(records: Iterable[dict]) -> None:
    """Raise SSVHError if there are no records, or those of several datasets, which one figure must not mix."""
    names = sorted({record["dataset"] for record in records})
    if len(names) != 1:
        raise SSVHError(f"A figure shows one dataset; these records are of {', '.join(names) or 'none'}.")
