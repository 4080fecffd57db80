"""What is faster, smaller or better, and by how much: the measurements of ``make bench``.

Every topic is a module of this package with a ``TITLE``, ``measure(say)``, which returns plain records, and
``table(records)``, which makes a table and a note of them. What is compared is measured in one go.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pandas as pd
import torch

from ..errors import unknown
from ..report.tables import to_markdown
from ..training.runs import environment
from ..utils.files import make_folder, read_json, write_json, write_text
from ..utils.measured_process import machine

TOPICS = ("scan", "centres", "neighbours", "reading", "evaluation", "index")


def execute(topics: Iterable[str] = TOPICS, say: Callable[[str], object] = print) -> dict:
    """Measure some topics, say their tables, and return plain JSON: for each topic its ``records``, and the
    ``environment``, which is commit, versions and machine. SSVHError for a topic that is not one."""
    results = {}
    modules = {topic: _module(topic) for topic in topics}
    for topic, module in modules.items():
        try:
            results[topic] = {"environment": _environment(), "records": module.measure(say)}
        except KeyboardInterrupt:
            raise KeyboardInterrupt("Stopped. Nothing was written: what is compared is measured in one go.") from None
        for title, table, note in tables({topic: results[topic]}):
            say(f"\n{title}\n\n{table.to_string(index=False)}\n\n{note}\n")
    return results


def save(results: dict, folder: Path) -> list[Path]:
    """Write ``data/bench.json`` and ``tables/bench.md`` into ``folder``; topics not in ``results`` stay as they are."""
    data, text = make_folder(folder / "data") / "bench.json", make_folder(folder / "tables") / "bench.md"
    known = (read_json(data) if data.is_file() else {}) | results
    ordered = {topic: known[topic] for topic in TOPICS if topic in known}
    write_json(data, ordered)
    write_text(text, "\n".join(f"## {title}\n\n{to_markdown(table, note)}" for title, table, note in tables(ordered)))
    return [data, text]


def tables(results: dict) -> Iterator[tuple[str, pd.DataFrame, str]]:
    """Title, table and note of every topic measured."""
    for topic, found in results.items():
        module, machine = _module(topic), found["environment"]
        places = [machine["cpu"], *filter(None, [machine["cuda"]])]
        yield f"{module.TITLE} ({', '.join(places)}, {machine['cores']} cores)", *module.table(found["records"])


def _module(topic: str) -> ModuleType:
    if topic not in TOPICS:
        raise unknown("benchmark", topic, TOPICS)
    return importlib.import_module(f".{topic}", __name__)


def _environment() -> dict:
    return environment(torch.device("cpu")) | machine() | {"numba": version("numba")}
