"""``make reproduce``: from the names of targets to runs, records, tables, figures and the report.

What is derived, all but ``data/``, is a pure function of ``data/``: ``draw``, ``tabulate`` and ``document.write``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

from .data import TRANSFER, load_dataset
from .errors import SSVHError
from .experiments import results, runner
from .experiments.experiment import different
from .experiments.runner import Experiment, RunsFailed, sized
from .experiments.targets import TARGETS, Target, target
from .report import document, plots, tables
from .report.figures import presentation
from .training.runs import environment
from .utils.devices import choose_device
from .utils.files import digest_of, make_folder, project_root, read_json, runs_root, write_json
from .utils.fingerprint import code_digest
from .utils.measured_process import machine

FIGURES = project_root() / "figures"
COMMITTED = ("moving-digits", "small")  # dataset and preset of the figures that are kept with the code


def folder_for(dataset: str, preset: str) -> Path:
    """Where tables and figures go by default: ``figures/`` for the embedded data, a folder in it for any other."""
    return FIGURES if (dataset, preset) == COMMITTED else FIGURES / f"{dataset}-{preset}"


def reproduce(
    names: Iterable[str],
    *,
    dataset: str,
    preset: str,
    out: Path,
    bits: Iterable[int] = (),
    seeds: int | None = None,
    root: Path | None = None,
    device: str = "auto",
    jobs: int | None = None,
    scheduler: str | None = None,
    say: Callable[[str], object] = print,
) -> list[str]:
    """Make what the targets need and the cache lacks, and write their records into ``out``/data.

    Without names these are all targets that the dataset can serve; returns those made. ``bits`` and ``seeds`` take the
    place of the targets' own. Raises RunsFailed if some runs failed, once the records of the others are written, and
    SSVHError for other mistakes, before anything runs.
    """
    start = time.perf_counter()
    wanted = {name: target(name) for name in names} or {n: t for n, t in TARGETS.items() if not t.lacks(dataset)}
    for name, asked in wanted.items():
        if asked.lacks(dataset):
            raise SSVHError(f"{name} cannot be made: {asked.lacks(dataset)}.")
    make_folder(out)
    for needed in [dataset, *(TRANSFER[dataset] for asked in wanted.values() if asked.transfer)]:
        load_dataset(sized(needed, preset), root, progress=True)  # built here, before worker processes ask for it
    owners = {asked.data or name: TARGETS[asked.data or name] for name, asked in wanted.items()}
    folder = str(root) if root else None
    runs = {name: owner.runs(dataset, preset, bits, seeds, folder) for name, owner in owners.items()}
    every = list(dict.fromkeys(run for some in runs.values() for run in some))
    lacking = {runner.folder_of(run) for run in runner.lacking(every)}
    options = {"device": device, "jobs": jobs, "scheduler": scheduler, "known": known(), "say": say}
    records, failed = _executed(every, **options)
    for name, owner in owners.items():
        made = [run for run in runs[name] if run in records]
        if len(made) == len(runs[name]) or (made and not owner.collect):  # what is collected, is of all of them
            found = _collected(name, owner, made, [records[run] for run in made], preset, say)
            results.save(out / "data" / f"{name}.json", found)
    if lacking:
        kept = len({runner.folder_of(run) for run in every} - lacking)
        _write_budget(out, dataset, preset, kept, len(lacking), time.perf_counter() - start, jobs, device)
    if failed:
        raise failed
    return list(wanted)


def _executed(every: list[Experiment], **options: Any) -> tuple[dict[Experiment, dict], RunsFailed | None]:
    """The records of all runs that did not fail, and what is to be said of those that did."""
    try:
        return dict(zip(every, runner.execute(every, **options), strict=True)), None
    except RunsFailed as failed:
        return failed.records, failed


def state(name: str, dataset: str, preset: str, root: Path | None = None) -> tuple[str, int, float | None]:
    """How far a target is, its runs, and the seconds of work that they still need, if they can be told."""
    asked = target(name)
    if asked.lacks(dataset):
        return asked.lacks(dataset), 0, 0.0
    try:
        runs = asked.runs(dataset, preset, root=str(root) if root else None)
        missing = runner.lacking(runs)
    except SSVHError:
        return "missing data", 0, None
    made = runs or (folder_for(dataset, preset) / "data" / f"{name}.json").is_file()
    word = "done" if made and not missing else "partial" if len(missing) < len(different(runs)) else "to do"
    return word, len(runs), runner.estimate(missing, known())


def known() -> list[dict]:
    """The records that come with the code, by which the time of runs is estimated."""
    paths = sorted((FIGURES / "data").glob("*.json"))
    loaded = [read_json(path).get("records", []) for path in paths]
    return [record for records in loaded for record in records if "seconds" in record and "map" in record]


def draw(out: Path) -> list[Path]:
    """Draw the figures of all targets that have records in ``out``/data; SSVHError if there are none at all."""
    _check(out)
    return [
        plots.save(draw(records, asked.order()), out / name)
        for name, asked in TARGETS.items()
        if (draw := presentation(name).draw) and (records := _records(out, name))
    ]


def tabulate(out: Path) -> list[Path]:
    """Write the tables of all targets that have records of their own in ``out``/data; SSVHError if none has."""
    _check(out)
    made = {name: _records(out, name) for name, asked in TARGETS.items() if not asked.data}
    return [path for name, records in made.items() if records for path in _tables_of(out, name, records)]


def write_report(out: Path) -> list[Path]:
    """Write the claims of all targets and the report from ``out``/data."""
    return document.write(out, TARGETS)


def summary(out: Path, names: Collection[str]) -> str:
    """For the terminal: what became of the claims of some targets, a line each."""
    return document.summary(out, TARGETS, names)


def _check(out: Path) -> None:
    if not any((out / "data" / f"{name}.json").is_file() for name in TARGETS):
        raise SSVHError(f"{out / 'data'} has no records. `make reproduce` makes them.")


def _tables_of(out: Path, name: str, records: list[dict]) -> list[Path]:
    asked, shown = TARGETS[name], presentation(name)
    heading = f"{asked.heading} {shown.note}".strip()
    return tables.write(records, out / "tables" / name, heading, asked.order(), shown.tabulate)


def _records(out: Path, name: str) -> list[dict]:
    """What a target shows: its own records, or those of its rows among another's."""
    asked = TARGETS[name]
    path = out / "data" / f"{asked.data or name}.json"
    loaded = results.load(path) if path.is_file() else []
    return list(filter(asked.shows, loaded)) if asked.data else loaded


def _collected(
    name: str, owner: Target, runs: list[Experiment], records: list[dict], preset: str, say: Callable[[str], object]
) -> list[dict]:
    """What the target makes of the records of its runs; kept, as some of it takes a minute."""
    if owner.collect is None:
        return records
    asked = digest_of([code_digest(owner.collect), preset, records])
    kept = runs_root() / "collected" / f"{name}-{asked[:8]}.json"
    if not kept.is_file():
        say(f"{name}: {owner.heading}")
        write_json(make_folder(kept.parent) / kept.name, {"records": owner.collect(runs, records, preset)})
    return read_json(kept)["records"]


def _write_budget(
    out: Path, dataset: str, preset: str, kept: int, made: int, seconds: float, jobs: int | None, device: str
) -> None:
    """What the latest call that trained anything has taken."""
    budget = {
        "dataset": dataset, "preset": preset, "runs": kept + made, "kept": kept, "wall_seconds": round(seconds),
        "workers": jobs or runner.default_jobs(device), **environment(choose_device(device)), **machine(),
    }  # fmt: skip
    write_json(out / "data" / "budget.json", budget)
