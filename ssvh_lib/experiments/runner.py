"""Many experiments: carried out side by side, by processes or a cluster, or taken from the cache."""

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
from .experiment import (
    Experiment,
    Request,
    epochs_of,
    folder_of,
    in_cache,
    measures_of,
    record,
    request_of,
    run,
)
from .results import Record
from .workers import Lost, Processes, Workers, cluster, progress

EVALUATION = 0.6  # seconds to encode and evaluate one model, as an estimate: 2,500 + 800 videos, one core


class Job(NamedTuple):
    """A run's folder, and the experiments that share it, which one worker carries out one after another."""

    folder: Path
    experiments: list[Experiment]


class Failure(NamedTuple):
    """The reason why an experiment could not be carried out, in a sentence, and the traceback."""

    reason: str
    log: str


class RunsFailed(SSVHError):
    """Some runs failed; ``records`` are those of the others, and ``made`` the targets that were made of them."""

    def __init__(self, text: str, records: dict[Experiment, Record], made: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.records = records
        self.made = list(made)


def execute(
    experiments: list[Experiment],
    *,
    device: str = "auto",
    jobs: int | None = None,
    scheduler: str | None = None,
    known: Sequence[Record] = (),
    say: Callable[[str], object] = print,
) -> list[Record]:
    """Carry out what is not in the cache, with a line for each run, and return the records of all, in the order given.

    ``jobs`` runs go side by side in processes of this machine, by default one per core or per GPU; with ``scheduler``,
    the address of a Dask cluster, its workers carry them out instead. First ``say`` gets the time that it will take,
    estimated from the ``known`` records of earlier runs. A run that fails leaves an ``error.log`` in its folder, and
    RunsFailed reports it once the others are finished. An interrupt loses at most the epoch in progress.
    """
    located = [replace(one, root=str(Path(one.root or data_root()).absolute())) for one in experiments]
    choose_device(device)  # this and the next line find every mistake before anything runs
    requests = {experiment: request_of(experiment) for experiment in located}
    missing = _jobs(located)
    failures: dict[Experiment, Failure] = {}
    if missing:
        with _workers(scheduler, jobs or default_jobs(device), missing) as workers:
            kept = len({request.folder for request in requests.values()}) - len(missing)
            at_a_time = min(workers.size, len(missing))
            seconds = estimate(located, known)
            time_needed = "" if seconds is None else f", about {duration(seconds / at_a_time)}"
            say(f"{len(missing)} runs to do, {kept} kept from before, {at_a_time} at a time{time_needed}.")
            failures = _carry_out(missing, workers, device)
    failed = {requests[experiment] for experiment in failures}
    records = {
        wanted: record(one, requests[one].folder)
        for wanted, one in zip(experiments, located, strict=True)
        if requests[one] not in failed
    }
    if failures:
        text = f"{len(failures)} of {len(experiments)} runs failed; the others are kept.\n\n{_reported(failures)}"
        raise RunsFailed(text, records)
    return [records[experiment] for experiment in experiments]


def lacking(experiments: Iterable[Experiment]) -> list[Experiment]:
    """Return the experiments whose run or measures the cache lacks; of several with the same request, the first."""
    return [one for request, one in distinct(experiments).items() if not in_cache(one, request.folder)]


def distinct(experiments: Iterable[Experiment]) -> dict[Request, Experiment]:
    """Return the first experiment with each request, by request."""
    found: dict[Request, Experiment] = {}
    for one in experiments:
        found.setdefault(request_of(one), one)
    return found


def estimate(experiments: Iterable[Experiment], known: Sequence[Record]) -> float | None:
    """Estimate the seconds of work on one core that the cache lacks, from the ``known`` records of other runs.

    A run is expected to take the median time of its method, variant and label with this preset, or else of its method.
    None if nothing is known of one of them.
    """
    training, evaluations = 0.0, 0
    for job in _jobs(experiments):
        seconds = _training_seconds(job, known)
        if seconds is None:
            return None
        training += seconds
        evaluations += sum(1 + epochs_of(one) * one.by_epoch for one in job.experiments)
    return training + EVALUATION * evaluations


def default_jobs(device: str) -> int:
    """Return the number of runs side by side: one per core on CPUs, one per GPU if any of them may be used."""
    place = choose_device(device)
    if place.type == "cpu":
        return joblib.cpu_count()
    return torch.cuda.device_count() if place.type == "cuda" and place.index is None else 1


def _jobs(experiments: Iterable[Experiment]) -> list[Job]:
    """Group what the cache lacks by run; in each, those ``by_epoch`` come first, so that it is trained only once."""
    groups: dict[Path, list[Experiment]] = {}
    for one in lacking(experiments):
        groups.setdefault(folder_of(one), []).append(one)
    return [Job(folder, sorted(some, key=lambda one: not one.by_epoch)) for folder, some in groups.items()]


@contextmanager
def _workers(scheduler: str | None, jobs: int, missing: list[Job]) -> Iterator[Workers]:
    """Provide the workers for the jobs; SSVHError if they cannot carry them out."""
    if scheduler is None:
        yield Processes(min(jobs, len(missing)))
        return
    experiments = [one for job in missing for one in job.experiments]
    places = {of.root.absolute() for one in experiments for _, of in measures_of(one, Path()).values()}
    with cluster(scheduler) as workers:
        workers.check(runs_root().absolute(), sorted(places), partial(_run_names, experiments))
        yield workers


def _run_names(experiments: list[Experiment]) -> list[str]:
    """Return the names of the run folders, which differ wherever code or data do."""
    return [folder_of(one).name for one in experiments]


def _carry_out(missing: list[Job], workers: Workers, device: str) -> dict[Experiment, Failure]:
    """Let the workers do the jobs, printing a line for each experiment; return those that failed."""
    failures: dict[Experiment, Failure] = {}
    epochs = [epochs_of(job.experiments[0]) for job in missing]
    task = partial(_attempt, device=device)

    def epochs_done() -> int:
        return sum(map(_epochs_done, missing, epochs))

    with progress(sum(epochs), epochs_done, "epochs") as bar, closing(workers.results(task, missing)) as results:
        for job, outcome in results:
            if isinstance(outcome, Lost):
                outcome = dict.fromkeys(job.experiments, Failure(str(outcome), str(outcome)))
            for experiment in job.experiments:
                with bar.get_lock():
                    bar.write(_line(experiment, job.folder, outcome.get(experiment)))
            failures |= outcome
    return failures


def _attempt(job: Job, device: str) -> dict[Experiment, Failure]:
    """Do a job, perhaps in a worker process; errors are returned as text, so that the other runs continue."""
    failures = {}
    for experiment in job.experiments:
        try:
            run(experiment, device, folder=job.folder)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is reported at the end
            reason = str(error) if isinstance(error, SSVHError) else f"{type(error).__name__}: {error}"
            failures[experiment] = Failure(reason, traceback.format_exc())
    return failures


def _reported(failures: dict[Experiment, Failure]) -> str:
    """Return each reason once, with the run that it stopped first; write the full logs into the runs' folders."""
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
    """Return the epochs that a run has finished, as its folder shows while a worker trains."""
    if job.experiments[0].by_epoch:
        return max(0, len(list(job.folder.glob("epochs/[0-9]*.safetensors"))) - 1)
    if Run(job.folder).finished:
        return total
    try:
        return (job.folder / "history.csv").read_text().count("\n") - 1
    except OSError:
        return 0


def _training_seconds(job: Job, known: Sequence[Record]) -> float | None:
    """Estimate how long a run will still train, from similar runs with the same preset; None if there are none."""
    experiment, done = job.experiments[0], Run(job.folder)  # any that is by_epoch comes first
    if done.finished and (not experiment.by_epoch or done.keeps(epochs_of(experiment))):
        return 0.0
    of_method = [one for one in known if (one["method"], one["preset"]) == (experiment.method, experiment.preset)]
    row = (experiment.variant, experiment.label)
    of_row = [one for one in of_method if (one["variant"], one["label"]) == row]
    return median(one["seconds"] for one in of_row or of_method) if of_method else None
