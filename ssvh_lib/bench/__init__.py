"""The measurements of ``make bench``: time, memory and quality, compared with other ways of doing the same.

Every topic is a module of this package with a ``TITLE``, ``measure(say)``, which returns plain records, and
``table(records)``, which makes a table and a note of them. What is compared is measured in one go.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Protocol, TypeAlias, cast

import pandas as pd
import torch

from ..errors import unknown
from ..report.tables import to_markdown
from ..training.runs import environment
from ..utils.files import make_folder, read_json, write_json, write_text
from ..utils.measured_process import machine

TOPICS = ("scan", "centres", "neighbours", "reading", "evaluation", "index")

Results: TypeAlias = dict[str, dict]  # topic -> its records and environment, plain JSON


class Topic(Protocol):
    """A module of this package that measures one thing."""

    TITLE: str

    def measure(self, say: Callable[[str], object]) -> list[dict]:
        """Measure every case, tell ``say`` about progress and return a record for each."""

    def table(self, records: list[dict]) -> tuple[pd.DataFrame, str]:
        """Return the records as a table, and a note on how they were measured."""


def execute(topics: Iterable[str] = TOPICS, say: Callable[[str], object] = print) -> Results:
    """Measure some topics, say their tables, and return plain JSON.

    Each topic has its ``records``, and the ``environment``: commit, versions and machine. Raises SSVHError for an
    unknown topic.
    """
    results: Results = {}
    modules = {topic: _module(topic) for topic in topics}
    for topic, module in modules.items():
        try:
            results[topic] = {"environment": _environment(), "records": module.measure(say)}
        except KeyboardInterrupt:
            raise KeyboardInterrupt("Stopped. Nothing was written: what is compared is measured in one go.") from None
        for title, table, note in tables({topic: results[topic]}):
            say(f"\n{title}\n\n{table.to_string(index=False)}\n\n{note}\n")
    return results


def save(results: Results, folder: Path) -> list[Path]:
    """Write ``data/bench.json`` and ``tables/bench.md`` into ``folder``; topics not in ``results`` stay as they are."""
    data, text = make_folder(folder / "data") / "bench.json", make_folder(folder / "tables") / "bench.md"
    known = (read_json(data) if data.is_file() else {}) | results
    ordered = {topic: known[topic] for topic in TOPICS if topic in known}
    write_json(data, ordered)
    write_text(text, "\n".join(f"## {title}\n\n{to_markdown(table, note)}" for title, table, note in tables(ordered)))
    return [data, text]


def tables(results: Results) -> Iterator[tuple[str, pd.DataFrame, str]]:
    """Yield title, table and note of every topic measured."""
    for topic, found in results.items():
        module, machine = _module(topic), found["environment"]
        places = [machine["cpu"], *filter(None, [machine["cuda"]])]
        yield f"{module.TITLE} ({', '.join(places)}, {machine['cores']} cores)", *module.table(found["records"])


def _module(topic: str) -> Topic:
    if topic not in TOPICS:
        raise unknown("benchmark", topic, TOPICS)
    return cast(Topic, importlib.import_module(f".{topic}", __name__))  # a module's type is known to the importer only


def _environment() -> dict[str, object]:
    return environment(torch.device("cpu")) | machine() | {"numba": version("numba")}
