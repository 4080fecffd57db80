"""``make reproduce``: from the names of targets to runs, records, tables, figures and the report.

Every output except ``data/`` is a pure function of ``data/``: see ``draw``, ``tabulate`` and ``write_report``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from .data import load_dataset
from .errors import SSVHError
from .experiments import results, runner
from .experiments.experiment import Experiment, folder_of, sized
from .experiments.results import Record
from .experiments.runner import RunsFailed
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


@dataclass(frozen=True)
class Plan:
    """Targets and the runs that they need on one dataset; ``runs`` maps each target with records to its runs."""

    dataset: str
    preset: str
    targets: dict[str, Target]
    runs: dict[str, list[Experiment]]

    def experiments(self) -> list[Experiment]:
        """Return all runs, each once."""
        return list(dict.fromkeys(run for some in self.runs.values() for run in some))

    def datasets(self) -> list[str]:
        """Return the names of the datasets that are needed: as asked for, and those the runs are about."""
        runs = self.experiments()
        names = [sized(self.dataset, self.preset), *(run.dataset for run in runs), *(run.tested_on for run in runs)]
        return [name for name in dict.fromkeys(names) if name]


class State(NamedTuple):
    """The progress of a target in one word, the number of its runs, and the seconds of work left if known."""

    word: str
    runs: int
    seconds: float | None


def folder_for(dataset: str, preset: str) -> Path:
    """Return the default folder of tables and figures: ``figures/`` for the embedded data, else a folder in it."""
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
    """Run what the targets need and the cache lacks, write their records into ``out``/data, and return the targets.

    Without names, these are all targets that the dataset can serve. ``bits`` and ``seeds`` replace the targets' own.
    Raises RunsFailed if some runs failed, once the records of the others are written, and SSVHError for other
    mistakes, before anything runs.
    """
    start = time.perf_counter()
    planned = plan(names, dataset, preset, bits, seeds, root)
    make_folder(out)
    for needed in planned.datasets():
        load_dataset(needed, root, progress=True)  # built here, before worker processes ask for it
    to_do = {folder_of(run) for run in runner.lacking(planned.experiments())}
    kept = len({folder_of(run) for run in planned.experiments()} - to_do)
    records, failure = execute(planned, device=device, jobs=jobs, scheduler=scheduler, say=say)
    made = write(planned, records, out, say)
    if to_do:
        _write_budget(planned, out, kept, len(to_do), time.perf_counter() - start, jobs, device)
    if failure:
        raise RunsFailed(str(failure), records, made)
    return made


def plan(
    names: Iterable[str],
    dataset: str,
    preset: str,
    bits: Iterable[int] = (),
    seeds: int | None = None,
    root: Path | None = None,
) -> Plan:
    """Find the runs that targets need; without names, those of all targets that the dataset can serve.

    Raises SSVHError for an unknown name, or a target that cannot be made of this dataset.
    """
    targets = {name: target(name) for name in names}
    if not targets:
        targets = {name: one for name, one in TARGETS.items() if not one.lacks(dataset)}
    for name, one in targets.items():
        if reason := one.lacks(dataset):
            raise SSVHError(f"{name} cannot be made: {reason}.")
    bits, folder = tuple(bits), str(root) if root else None
    owners = dict.fromkeys(one.data or name for name, one in targets.items())
    runs = {name: TARGETS[name].runs(dataset, preset, bits, seeds, folder) for name in owners}
    return Plan(dataset, preset, targets, runs)


def execute(
    planned: Plan, *, device: str, jobs: int | None, scheduler: str | None, say: Callable[[str], object]
) -> tuple[dict[Experiment, Record], RunsFailed | None]:
    """Carry out the runs of a plan; return the records of those that did not fail, and the error about the others."""
    experiments = planned.experiments()
    try:
        records = runner.execute(experiments, device=device, jobs=jobs, scheduler=scheduler, known=known(), say=say)
    except RunsFailed as failure:
        return failure.records, failure
    return dict(zip(experiments, records, strict=True)), None


def write(
    planned: Plan, records: Mapping[Experiment, Record], out: Path, say: Callable[[str], object] = print
) -> list[str]:
    """Write the records of a plan into ``out``/data, and return those of its targets that have some.

    Where a target collects something from its runs, it needs all of them.
    """
    written = set()
    for name, runs in planned.runs.items():
        made = [run for run in runs if run in records]
        if len(made) == len(runs) or (made and not TARGETS[name].collect):
            found = _collected(name, made, [records[run] for run in made], planned.preset, say)
            results.save(out / "data" / f"{name}.json", found)
            written.add(name)
    return [name for name, one in planned.targets.items() if (one.data or name) in written]


def state(name: str, dataset: str, preset: str, root: Path | None = None) -> State:
    """Return the progress of a target on a dataset, according to the cache of runs."""
    wanted = target(name)
    if reason := wanted.lacks(dataset):
        return State(reason, 0, 0.0)
    try:
        runs = wanted.runs(dataset, preset, root=str(root) if root else None)
        missing = runner.lacking(runs)
    except SSVHError:
        return State("missing data", 0, None)
    made = runs or (folder_for(dataset, preset) / "data" / f"{name}.json").is_file()
    word = "done" if made and not missing else "partial" if len(missing) < len(runner.distinct(runs)) else "to do"
    return State(word, len(runs), runner.estimate(missing, known()))


def known() -> list[Record]:
    """Return the records that come with the code, from which the time of runs is estimated."""
    paths = sorted((FIGURES / "data").glob("*.json"))
    loaded = [read_json(path).get("records", []) for path in paths]
    return [record for records in loaded for record in records if "seconds" in record and "map" in record]


def draw(out: Path) -> list[Path]:
    """Draw the figures of all targets that have records in ``out``/data; SSVHError if there are none at all."""
    return [
        plots.save(draw_figure(records, TARGETS[name].order()), out / name)
        for name, records in _shown_records(out).items()
        if (draw_figure := presentation(name).draw)
    ]


def tabulate(out: Path) -> list[Path]:
    """Write the tables of all targets that have records of their own in ``out``/data; SSVHError if none has."""
    paths = []
    for name, records in _shown_records(out).items():
        wanted, shown = TARGETS[name], presentation(name)
        if not wanted.data:
            heading = f"{wanted.heading} {shown.note}".strip()
            paths += tables.write(records, out / "tables" / name, heading, wanted.order(), shown.tabulate)
    return paths


def write_report(out: Path) -> list[Path]:
    """Write the claims of all targets and the report from ``out``/data."""
    return document.write(out, TARGETS)


def summary(out: Path, names: Collection[str]) -> str:
    """Summarise the verdicts on the claims of some targets for the terminal, a line for each target."""
    return document.summary(out, TARGETS, names)


def _shown_records(out: Path) -> dict[str, list[Record]]:
    """Read what each target shows: its own records, or those of its rows among another's; SSVHError if none has any."""
    paths = {name: out / "data" / f"{name}.json" for name in TARGETS}
    loaded = {name: results.load(path) for name, path in paths.items() if path.is_file()}
    if not loaded:
        raise SSVHError(f"{out / 'data'} has no records. `make reproduce` makes them.")
    shown = {
        name: [record for record in loaded.get(one.data or name, []) if not one.data or one.shows(record)]
        for name, one in TARGETS.items()
    }
    return {name: records for name, records in shown.items() if records}


def _collected(
    name: str, runs: list[Experiment], records: list[Record], preset: str, say: Callable[[str], object]
) -> list[Record]:
    """Return what a target makes of the records of its runs; cached, because it can take a minute."""
    collect = TARGETS[name].collect
    if collect is None:
        return records
    asked = digest_of([code_digest(collect), preset, records])
    path = runs_root() / "collected" / f"{name}-{asked[:8]}.json"
    if not path.is_file():
        say(f"{name}: {TARGETS[name].heading}")
        write_json(make_folder(path.parent) / path.name, {"records": collect(runs, records, preset)})
    return read_json(path)["records"]


def _write_budget(
    planned: Plan, out: Path, kept: int, made: int, seconds: float, jobs: int | None, device: str
) -> None:
    """Record the time and the machine of the latest call that trained anything."""
    budget = {
        "dataset": planned.dataset, "preset": planned.preset, "runs": kept + made, "kept": kept,
        "wall_seconds": round(seconds), "workers": jobs or runner.default_jobs(device),
        **environment(choose_device(device)), **machine(),
    }  # fmt: skip
    write_json(out / "data" / "budget.json", budget)
