"""Experiments carried out: several at once, by processes or a cluster, from the cache where possible."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

import joblib
import torch

from ..errors import SSVHError
from ..training.runs import Run
from ..utils.devices import choose_device
from ..utils.files import data_root, make_folder, runs_root, write_text
from ..utils.words import duration
from .experiment import Experiment, Record, Row, epochs_of, folder_of, grid, lacking, measures_of, record, run, sized
from .measures import measure
from .workers import Lost, Processes, Workers, cluster, progress

__all__ = [
    "Experiment",
    "Record",
    "Row",
    "RunsFailed",
    "default_jobs",
    "estimate",
    "execute",
    "folder_of",
    "grid",
    "lacking",
    "measure",
    "record",
    "run",
    "sized",
]
EVALUATION = 0.6  # seconds that encoding and evaluating one model is taken to last: 2,500 + 800 videos, one core


class Job(NamedTuple):
    """A run's folder, and the experiments that share it: one after the other, by one worker."""

    folder: Path
    experiments: list[Experiment]


class Failure(NamedTuple):
    """Why an experiment could not be carried out, in a sentence, and all that is known."""

    reason: str
    log: str


class RunsFailed(SSVHError):
    """Some runs of a grid failed; ``records`` are those of the others."""

    def __init__(self, text: str, records: dict[Experiment, Record]) -> None:
        super().__init__(text)
        self.records = records


def execute(
    experiments: list[Experiment],
    *,
    device: str = "auto",
    jobs: int | None = None,
    scheduler: str | None = None,
    known: Sequence[Record] = (),
    say: Callable[[str], object] = print,
) -> list[Record]:
    """Carry out what is not in the cache, one line a run, and return the records of all, in the order given.

    ``jobs`` runs go side by side in processes of this machine; by default one a core, or one a GPU. ``scheduler`` is
    the address of a Dask cluster, which does them instead. The time that it will take is said before, from the
    ``known`` records of earlier runs. A run that fails leaves an ``error.log`` in its folder, and is reported by
    RunsFailed once the others are finished. An interrupt loses at most the epoch in progress.
    """
    experiments = [replace(one, root=str(Path(one.root or data_root()).absolute())) for one in experiments]
    choose_device(device)  # this and the next line find every mistake in the request before anything runs
    folders = {experiment: folder_of(experiment) for experiment in experiments}
    missing = _jobs(experiments)
    failures: dict[Experiment, Failure] = {}
    if missing:
        with _workers(scheduler, jobs or default_jobs(device), missing) as workers:
            kept, at_a_time = len(set(folders.values())) - len(missing), min(workers.size, len(missing))
            seconds = estimate(experiments, known)
            spoken = "" if seconds is None else f", about {duration(seconds / at_a_time)}"
            say(f"{len(missing)} runs to do, {kept} kept from before, {at_a_time} at a time{spoken}.")
            failures = _carry_out(missing, workers, device)
    if failures:
        done = {one: record(one, folder) for one, folder in folders.items() if not lacking([one])}
        text = f"{len(failures)} of {len(experiments)} runs failed; the others are kept.\n\n{_reported(failures)}"
        raise RunsFailed(text, done)
    return [record(experiment, folders[experiment]) for experiment in experiments]


def estimate(experiments: Iterable[Experiment], known: Sequence[Record]) -> float | None:
    """The seconds of work on one core that the cache lacks, from the ``known`` records of other runs.

    A run is taken to last as long as the median of its method, variant and label with this preset, or else of its
    method. None if nothing is known of one of them.
    """
    missing = _jobs(experiments)
    training = []
    for folder, (first, *_) in missing:  # whoever wants epochs comes first
        done = Run(folder)
        trained = done.finished and (not first.by_epoch or done.keeps(epochs_of(first)))
        training.append(0.0 if trained else _training_seconds(first, known))
    if None in training:
        return None
    return sum(training) + EVALUATION * sum(
        1 + epochs_of(one) * one.by_epoch for job in missing for one in job.experiments
    )


def default_jobs(device: str) -> int:
    """Runs side by side: one a core on CPUs, one a GPU if any of them may be used."""
    place = choose_device(device)
    if place.type == "cpu":
        return joblib.cpu_count()
    return torch.cuda.device_count() if place.type == "cuda" and place.index is None else 1


def _jobs(experiments: Iterable[Experiment]) -> list[Job]:
    """What the cache lacks, by run; whoever wants the weights of every epoch comes first in it, to train only once."""
    groups: dict[Path, list[Experiment]] = {}
    for one in lacking(experiments):
        groups.setdefault(folder_of(one), []).append(one)
    return [Job(folder, sorted(some, key=lambda one: not one.by_epoch)) for folder, some in groups.items()]


@contextmanager
def _workers(scheduler: str | None, jobs: int, missing: list[Job]) -> Iterator[Workers]:
    """Those who carry out the jobs, if they can."""
    if scheduler is None:
        yield Processes(min(jobs, len(missing)))
        return
    experiments = [one for job in missing for one in job.experiments]
    places = {of.root.absolute() for one in experiments for _, of in measures_of(one, Path()).values()}
    with cluster(scheduler) as workers:
        workers.check(runs_root().absolute(), sorted(places), partial(_names, experiments))
        yield workers


def _names(experiments: list[Experiment]) -> list[str]:
    """What tells code and data apart: the names of the run folders."""
    return [folder_of(one).name for one in experiments]


def _carry_out(missing: list[Job], workers: Workers, device: str) -> dict[Experiment, Failure]:
    """Let the workers do the jobs, one line an experiment; what became of those that failed."""
    failures: dict[Experiment, Failure] = {}
    epochs = [epochs_of(job.experiments[0]) for job in missing]
    task, done = partial(_attempt, device=device), lambda: sum(map(_epochs_done, missing, epochs))
    with progress(sum(epochs), done, "epochs") as bar, closing(workers.results(task, missing)) as results:
        for job, outcome in results:
            if isinstance(outcome, Lost):
                outcome = dict.fromkeys(job.experiments, Failure(str(outcome), str(outcome)))
            for experiment in job.experiments:
                with bar.get_lock():
                    bar.write(_line(experiment, job.folder, outcome.get(experiment)))
            failures |= outcome
    return failures


def _attempt(job: Job, device: str) -> dict[Experiment, Failure]:
    """Do a job, perhaps in a worker process; errors come back as text, so that the other runs go on."""
    failures = {}
    for experiment in job.experiments:
        try:
            run(experiment, device, folder=job.folder)
        except Exception as error:  # noqa: BLE001 - whatever it was, it is reported at the end
            reason = str(error) if isinstance(error, SSVHError) else f"{type(error).__name__}: {error}"
            failures[experiment] = Failure(reason, traceback.format_exc())
    return failures


def _reported(failures: dict[Experiment, Failure]) -> str:
    """Each reason once, with the run that it stopped first; all that is known of a failure lies in its run's folder."""
    alike: dict[str, list[tuple[Experiment, Path]]] = {}
    for experiment, failure in failures.items():
        path = make_folder(folder_of(experiment)) / "error.log"
        write_text(path, failure.log)
        alike.setdefault(failure.reason, []).append((experiment, path))
    text = []
    for reason, [(first, path), *others] in alike.items():
        text.append(f"{first}{f', and {len(others)} more' if others else ''}: {reason}\n  Log: {path}")
    return "\n\n".join(text)


def _line(experiment: Experiment, folder: Path, failure: Failure | None) -> str:
    if failure:
        return f"  {experiment!s:<42} FAILED: {failure.reason}"
    done = record(experiment, folder)
    return f"  {experiment!s:<42} mAP@20 {done['map']['20']:.3f}   {done['seconds']:6.1f} s"


def _epochs_done(job: Job, total: int) -> int:
    """How far a run is, from its folder; it moves while a worker trains."""
    if job.experiments[0].by_epoch:
        return max(0, len(list(job.folder.glob("epochs/[0-9]*.safetensors"))) - 1)
    if Run(job.folder).finished:
        return total
    try:
        return (job.folder / "history.csv").read_text().count("\n") - 1
    except OSError:
        return 0


def _training_seconds(experiment: Experiment, known: Sequence[Record]) -> float | None:
    """How long a run will train, as its like did with this preset."""
    of_method = [one for one in known if (one["method"], one["preset"]) == (experiment.method, experiment.preset)]
    row = (experiment.variant, experiment.label)
    of_row = [one for one in of_method if (one["variant"], one["label"]) == row]
    return median(one["seconds"] for one in of_row or of_method) if of_method else None
