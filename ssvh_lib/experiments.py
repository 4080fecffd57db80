"""Which runs a table needs, and how they are carried out: several at once, from the cache where possible."""

from __future__ import annotations

import os
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import joblib
import torch
from tqdm import tqdm

from .codes import encode, save_codes
from .data import EMBEDDED, Dataset, load_dataset
from .devices import choose_device
from .errors import SSVHError
from .files import read_json, write_json
from .methods import configure, construct, method_class
from .metrics import CUTOFFS, evaluate
from .rejection import rejection
from .results import printed_name
from .runs import Run, default_folder, describe
from .source import code_digest
from .training import fit

Record = dict  # one run and what came out, as plain JSON


@dataclass(frozen=True)
class Row:
    """A row of a table: a method, perhaps with fields of its Config changed, under a label other than its name."""

    method: str
    label: str = ""
    variant: str = "paper"
    changes: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class Experiment:
    """One run: what to train, on what, from which seed."""

    dataset: str
    method: str
    bits: int
    seed: int
    preset: str | None = None
    variant: str = "paper"
    root: str | None = None
    changes: tuple[tuple[str, Any], ...] = ()
    label: str = ""

    def __str__(self) -> str:
        return f"{self.label or printed_name(self.method, self.variant)}, {self.bits} bits, seed {self.seed}"


def sized(dataset: str, preset: str | None) -> str:
    """The dataset that a preset means: an embedded one has a small sibling for "smoke"."""
    sibling = f"{dataset}-smoke"
    return sibling if preset == "smoke" and sibling in EMBEDDED else dataset


def grid(
    rows: Iterable[Row], dataset: str, preset: str, bits: Iterable[int], seeds: int, root: str | None = None
) -> list[Experiment]:
    """Each row at every code length from every seed; methods trained by gradient come first, as they take longest."""
    name = sized(dataset, preset)
    return [
        Experiment(name, row.method, length, seed, preset, row.variant, root, row.changes, row.label)
        for row in sorted(rows, key=lambda row: hasattr(method_class(row.method), "solve"))
        for length in bits
        for seed in range(seeds)
    ]


def execute(
    experiments: list[Experiment],
    *,
    device: str = "auto",
    jobs: int | None = None,
    say: Callable[[str], object] = print,
) -> list[Record]:
    """Carry out what is not in the cache, one line a run, and return the records of all, in the order given.

    ``jobs`` runs go side by side in processes of one thread each (several threads in each would fight over the
    cores and be 20 times slower); by default one a core, or one on a GPU. A run that fails is reported at the
    end by an SSVHError; the others are finished first. An interrupt loses at most the epoch in progress.
    """
    choose_device(device)  # this and the next line find every mistake in the request before anything runs
    folders = {experiment: folder_of(experiment) for experiment in experiments}
    missing = list({folder: run for run, folder in folders.items() if not _measured(folder)}.values())  # each once
    workers = min(jobs or default_jobs(device), max(1, len(missing)))
    failures = {}
    if missing:
        kept = len(set(folders.values())) - len(missing)
        say(f"{len(missing)} runs to do, {kept} kept from before, {workers} at a time.")
        with _progress(missing, folders) as bar, joblib.parallel_config("loky", inner_max_num_threads=1):
            tasks = (joblib.delayed(_attempt)(experiment, device, os.getpid()) for experiment in missing)
            for experiment, error in joblib.Parallel(workers, return_as="generator_unordered")(tasks):
                if error:
                    failures[experiment] = error
                with bar.get_lock():
                    bar.write(_line(experiment, folders[experiment], error))
    if failures:
        details = "\n\n".join(f"{experiment}:\n{error}" for experiment, error in failures.items())
        raise SSVHError(f"{len(failures)} of {len(experiments)} runs failed; the others are kept.\n\n{details}")
    return [record(experiment, folders[experiment]) for experiment in experiments]


def run(experiment: Experiment, device: str = "auto", progress: bool = False) -> Run:
    """Train, encode and evaluate one experiment, or whatever of it is still missing."""
    dataset, config = _configured(experiment)
    model = construct(method_class(experiment.method), config, experiment.seed)
    done = fit(model, dataset, folder_of(experiment), seed=experiment.seed, device=device, progress=progress)
    measure(done, model, dataset)
    return done


def measure(done: Run, model: torch.nn.Module, dataset: Dataset) -> dict:
    """Encode and evaluate a trained model; writes ``codes.npz`` and ``metrics.json`` into its run."""
    start = time.perf_counter()
    database, query = encode(model, dataset.database), encode(model, dataset.query)
    seconds = time.perf_counter() - start
    save_codes(done.folder / "codes.npz", database=database, query=query)
    labels, own = (dataset.query.labels, dataset.database.labels), dataset.query_in_database
    cutoffs = tuple(k for k in CUTOFFS if k <= len(database) - own)  # a small database has fewer
    result = evaluate(query, database, *labels, k=cutoffs, query_in_database=own, progress=False)
    metrics = result.to_json() | {
        "code": measuring_code(),
        "encoded_per_second": round((len(database) + len(query)) / seconds),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
    }
    if hasattr(model, "uncertainty"):
        metrics["rejection"] = rejection(model, dataset, query, database)
    write_json(done.folder / "metrics.json", metrics)
    return metrics


@cache
def measuring_code() -> str:
    """The fingerprint of the code that makes codes and metrics of a trained model."""
    return code_digest(("experiments", "measure"))


def _measured(folder: Path) -> bool:
    """Whether a run is complete, and evaluated by the code as it is now."""
    path = folder / "metrics.json"
    return path.is_file() and read_json(path).get("code") == measuring_code()


def record(experiment: Experiment, folder: Path) -> Record:
    """What a table needs to know of a finished run, as plain JSON."""
    metrics, done = read_json(folder / "metrics.json"), Run(folder)
    return {
        "dataset": experiment.dataset,
        "method": experiment.method,
        "variant": experiment.variant,
        "label": experiment.label,
        "preset": experiment.preset,
        "bits": experiment.bits,
        "seed": experiment.seed,
        "seconds": done.seconds,
        **metrics,
        "commit": read_json(folder / "env.json")["commit"],
    }


def folder_of(experiment: Experiment) -> Path:
    """Where the run of an experiment lies, or will lie."""
    dataset, config = _configured(experiment)
    return default_folder(describe(experiment.method, config, dataset, experiment.seed))


def default_jobs(device: str) -> int:
    """Runs side by side: one a core on CPUs, one on a GPU."""
    return joblib.cpu_count() if choose_device(device).type == "cpu" else 1


def _configured(experiment: Experiment) -> tuple[Dataset, Any]:
    """The dataset and the Config of an experiment."""
    dataset = _dataset(experiment.dataset, experiment.root)
    choices = {"variant": experiment.variant, "preset": experiment.preset, **dict(experiment.changes)}
    return dataset, configure(experiment.method, dataset, experiment.bits, **choices)


@lru_cache(maxsize=4)
def _dataset(name: str, root: str | None) -> Dataset:
    return load_dataset(name, root)


def _attempt(experiment: Experiment, device: str, parent: int) -> tuple[Experiment, str | None]:
    """Run, perhaps in a worker process; an error comes back as text, so that the other runs go on."""
    if os.getpid() != parent:
        _watch(parent)
    try:
        run(experiment, device)
    except SSVHError as error:
        return experiment, str(error)
    except Exception:  # noqa: BLE001 - whatever it was, it is reported at the end
        return experiment, traceback.format_exc()
    return experiment, None


@cache
def _watch(parent: int) -> None:
    """Start ``_end_with`` beside the runs of this worker, once for all of them."""
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process when the one that started it has died, even by SIGKILL: a new one may start the run again."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _line(experiment: Experiment, folder: Path, error: str | None) -> str:
    if error:
        return f"  {experiment!s:<42} FAILED: {error.strip().splitlines()[-1]}"
    done = record(experiment, folder)
    return f"  {experiment!s:<42} mAP@20 {done['map']['20']:.3f}   {done['seconds']:6.1f} s"


@contextmanager
def _progress(missing: list[Experiment], folders: dict[Experiment, Path]) -> Iterator[tqdm]:
    """A bar over the epochs of all missing runs, read from their folders, so that it moves while they train."""
    epochs = {experiment: _epochs(experiment) for experiment in missing}
    stop = threading.Event()
    layout = "{percentage:3.0f}% |{bar:30}| {n:.0f}/{total:.0f} epochs, {remaining} left"
    bar = tqdm(total=sum(epochs.values()), bar_format=layout)

    def follow() -> None:
        while not stop.wait(0.5):
            done = sum(_epochs_done(folders[experiment], count) for experiment, count in epochs.items())
            with bar.get_lock():
                bar.update(done - bar.n)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    try:
        yield bar
        bar.update(bar.total - bar.n)
    finally:
        stop.set()
        thread.join()
        bar.close()


def _epochs(experiment: Experiment) -> int:
    """How many epochs an experiment trains; a classical method counts as one."""
    return getattr(_configured(experiment)[1], "epochs", 1)


def _epochs_done(folder: Path, total: int) -> int:
    if (folder / "metrics.json").is_file():
        return total
    try:
        return (folder / "history.csv").read_text().count("\n") - 1
    except OSError:
        return 0
