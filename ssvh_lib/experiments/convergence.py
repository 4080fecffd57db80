"""Convergence: numbers derived from the curves of mAP by epoch.

Records have such a curve if they were made ``by_epoch``; epoch 0 is the untrained model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ..errors import SSVHError
from ..literature.names import printed_name
from .results import Record

LEVEL = 0.9  # share of the final mAP@5 of the row without the part
MEASURE = "mAP@5"
_CELL = ("dataset", "preset", "method", "variant", "bits", "seed")  # within which rows are compared


def with_levels(records: Sequence[Record], without: str) -> list[Record]:
    """Return the records with ``epochs_to_level``: finished epochs until mAP@5 first reaches a level, interpolated.

    The level is ``LEVEL`` times the final mAP@5 of the row labelled ``without``, from the same seed. Interpolation is
    linear. A record that never reaches the level has no such key. Raises SSVHError if that row lacks a seed, or a
    record its curve.
    """
    ends = {_cell(record): _curve(record)[1][-1] for record in records if record["label"] == without}
    return [record | _epochs_to_level(record, LEVEL * _end(record, ends, without)) for record in records]


def with_gains(records: Sequence[Record]) -> list[Record]:
    """Return the records with ``gain_after_warm_up``: mAP@5 of the last epoch less that after the warm-up.

    A record without a warm-up, or without an epoch after it, has no such key. Raises SSVHError if one has no curve.
    """
    return [record | _gain_after_warm_up(record) for record in records]


def collect_levels(without: str) -> Callable[[object, list[Record], str], list[Record]]:
    """Return ``with_levels`` as the hook of a target."""
    return lambda _experiments, records, _preset: with_levels(records, without)


def collect_gains(_experiments: object, records: list[Record], _preset: str) -> list[Record]:
    """Call ``with_gains`` as the hook of a target."""
    return with_gains(records)


def _epochs_to_level(record: Record, level: float) -> dict[str, float]:
    epochs, values = _curve(record)
    reached = np.flatnonzero(values >= level)
    if not len(reached):
        return {}
    after = reached[0]
    if after == 0:
        return {"epochs_to_level": float(epochs[0])}
    rise = slice(after - 1, after + 1)  # the first of the two is below the level, so they differ
    return {"epochs_to_level": float(np.interp(level, values[rise], epochs[rise]))}


def _gain_after_warm_up(record: Record) -> dict[str, float]:
    epochs, values = _curve(record)
    warm_up = record.get("warm_up")
    if not warm_up or warm_up >= epochs[-1]:
        return {}
    return {"gain_after_warm_up": float(values[-1] - np.interp(warm_up, epochs, values))}


def _curve(record: Record) -> tuple[np.ndarray, np.ndarray]:
    """Return the epochs and mAP@5 after each, both ``(E + 1,)``."""
    curve = record.get("by_epoch")
    if not curve:
        raise SSVHError(f"{_name(record)} was not measured by epoch. Make it again with by_epoch.")
    epochs, values = (np.array(curve[name], dtype=float) for name in ("epoch", MEASURE))
    if not len(epochs) or epochs.shape != values.shape or not np.isfinite(values).all():
        raise SSVHError(f"{_name(record)} has a damaged curve of {MEASURE} by epoch: {curve}. Make it again.")
    return epochs, values


def _end(record: Record, ends: dict[tuple, float], without: str) -> float:
    if _cell(record) not in ends:
        raise SSVHError(
            f"{_name(record)} is compared with the row '{without}' of the same seed, which is not there. "
            "Make both rows from the same seeds."
        )
    return ends[_cell(record)]


def _cell(record: Record) -> tuple:
    return tuple(record[name] for name in _CELL)


def _name(record: Record) -> str:
    return f"{printed_name(**record)}, {record['dataset']}, {record['bits']} bits, seed {record['seed']},"
