"""From the records of all targets to one section for each: its figure, its tables, and its claims, judged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd

from ..errors import SSVHError
from ..experiments import results
from ..literature.claims import CLAIMS, Claim
from .verdicts import judge_all

_RUN = ("dataset", "preset", "method", "variant", "label", "bits", "seed")


class Reported(Protocol):
    """The facts about a target that the report needs."""

    @property
    def heading(self) -> str:
        """Say what it shows, in a sentence."""

    @property
    def item(self) -> str:
        """Say where it is published."""

    @property
    def data(self) -> str:
        """Name the target whose records it shares, or ""."""

    def order(self) -> list[str]:
        """Return the printed names of its rows, top first, or none."""


@dataclass(frozen=True)
class Section:
    """One target; paths are relative to the report, and missing where there is no such file."""

    name: str
    heading: str
    item: str
    records: list[dict]
    order: list[str]
    judged: pd.DataFrame  # as ``verdicts.judge_all`` makes it
    data: str = ""
    table: str = ""
    figure: str = ""


def sections(out: Path, targets: Mapping[str, Reported]) -> list[Section]:
    """Make a section for each target, in their order, and one for each experiment with claims but without a target.

    Claims are judged by the records of their target. Rows or seeds that these lack are taken from other targets, where
    dataset and preset are the same.
    """
    owners = {name: target.data or name for name, target in targets.items()}
    loaded = {owner: _load(out / "data" / f"{owner}.json") for owner in dict.fromkeys(owners.values())}
    runs = _merged(record for records in loaded.values() for record in records)
    claims: dict[str, list[Claim]] = {}
    for claim in CLAIMS.values():
        claims.setdefault(claim.name.partition("-")[0], []).append(claim)
    found = []
    for name, target in targets.items():
        owner, records = owners[name], loaded[owners[name]]
        judged = _judged(claims.pop(name, []), records, runs, out / "data" / f"{owner}.json")
        files = {"data": f"data/{owner}.json", "table": f"tables/{owner}.md", "figure": f"{name}.svg"}
        there = {kind: path for kind, path in files.items() if (out / path).is_file()}
        found.append(Section(name, target.heading, target.item, records, target.order(), judged, **there))
    for name, rest in claims.items():
        found.append(Section(name, f"{rest[0].item}.", "", [], [], _judged(rest, [], runs, out / "data")))
    return found


def _load(path: Path) -> list[dict]:
    return results.load(path) if path.is_file() else []


def _merged(records: Iterable[dict]) -> dict[tuple, dict]:
    """Merge the records of each run, which may hold different measures; of equal ones, the first counts."""
    runs: dict[tuple, dict] = {}
    for record in records:
        key = _run(record)
        runs[key] = record | runs.get(key, {})
    return runs


def _run(record: dict) -> tuple:
    return tuple(record[name] for name in _RUN)


def _judged(claims: list[Claim], records: list[dict], runs: dict[tuple, dict], path: Path) -> pd.DataFrame:
    own = set(map(_run, records))
    places = {(record["dataset"], record["preset"]) for record in records} or {key[:2] for key in runs}
    borrowed = [record for key, record in runs.items() if key not in own and key[:2] in places]
    try:
        return judge_all(claims, records + borrowed)
    except SSVHError as error:
        raise SSVHError(f"{path}: {error}") from error
