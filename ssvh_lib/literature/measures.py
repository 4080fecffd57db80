"""The measures: the name of each, its key in the record of a run, and which way is better.

Names are those of claims, published numbers, tables and figures. A new measure is one entry of ``MEASURES``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from ..errors import unknown


class MeasureKind(Enum):
    """Where a measure is shown."""

    RANKING = "a column of every table"
    COST = "known of every run, and shown beside the ranking"
    SPECIAL = "known of the runs of some targets, and shown with their claims"


@dataclass(frozen=True)
class Measure:
    """A number, or one for each cutoff k; then ``name`` lacks the "@k" and records have a dict of cutoffs."""

    name: str
    kind: MeasureKind
    key: str = ""  # in records; by default the name
    words: str = ""  # in texts; by default the name
    higher: bool = True  # whether more is better

    def values(self, record: Mapping[str, object]) -> dict[str, float]:
        """Return a run's values of this measure by full name: {"mAP@5": .2, "mAP@20": .1}, {"GMAP": .1} or {}."""
        found = record.get(self.key or self.name)
        if isinstance(found, Mapping):
            return {f"{self.name}@{cutoff}": value for cutoff, value in found.items()}
        return {self.name: found} if isinstance(found, int | float) else {}


MEASURES = {
    measure.name: measure
    for measure in (
        Measure("mAP", MeasureKind.RANKING, "map"),
        Measure("GMAP", MeasureKind.RANKING, "gmap"),
        Measure("GMAP (L2)", MeasureKind.RANKING, "gmap_l2"),
        Measure("seconds", MeasureKind.COST, higher=False),  # of training
        Measure("encoded_per_second", MeasureKind.COST),
        Measure("parameters", MeasureKind.COST, higher=False),
        # Finished epochs until mAP@5 first reaches 90 % of the final value of the row without the part.
        Measure("epochs_to_level", MeasureKind.SPECIAL, words="epochs to the level", higher=False),
        # mAP@5 of the last epoch less that of the last one of the warm-up.
        Measure("gain_after_warm_up", MeasureKind.SPECIAL, words="mAP@5 gained after the warm-up"),
        # How often a sampler scores an informative frame above another one (``samplers.agreement``).
        Measure("agreement", MeasureKind.SPECIAL),
        # Peak memory and counted operations of encoding one video of 2,000 frames.
        Measure("peak_bytes_2000", MeasureKind.SPECIAL, words="peak bytes, 2,000 frames", higher=False),
        Measure("flops_2000", MeasureKind.SPECIAL, words="operations, 2,000 frames", higher=False),
    )
}


def measure_of(name: str) -> Measure:
    """Return the measure that a full name such as "mAP@20" or "GMAP" belongs to; SSVHError if there is none."""
    family = name.partition("@")[0]
    if family not in MEASURES:
        raise unknown("measure", name, MEASURES)
    return MEASURES[family]


def value_of(record: Mapping[str, object], name: str) -> float | None:
    """Return a measure of a run by its full name; None if the run does not have it, SSVHError for an unknown name."""
    return measure_of(name).values(record).get(name)


def in_words(name: str) -> str:
    """Return the name of a measure in texts, given its full name."""
    return measure_of(name).words or name


def of_kind(kind: MeasureKind, names: Iterable[str]) -> list[str]:
    """Return those of ``names``, such as the columns of a table, that are measures of a kind, in their order."""
    found = {name: MEASURES.get(name.partition("@")[0]) for name in names}
    return [name for name, measure in found.items() if measure and measure.kind is kind]
