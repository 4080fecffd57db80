"""An experiment: one run that a table needs, where it lies, how it is carried out, and what its record says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from ..data import EMBEDDED, Dataset, load_dataset
from ..errors import SSVHError
from ..literature.names import printed_name
from ..methods import ClassicalMethod, MethodConfig, TrainedConfig, configure, construct, method_class
from ..training.loop import describe, fit
from ..training.runs import Run, default_folder
from ..utils.devices import claimed
from ..utils.files import read_json
from .measures import Maker, measure, measure_epochs, measure_on, up_to_date
from .results import Record


@dataclass(frozen=True)
class Row:
    """A row of a table: a method, perhaps with fields of its Config changed, under a label other than its name.

    ``seeds`` is its number of runs, if that is not the number of the others.
    """

    method: str
    label: str = ""
    variant: str = "paper"
    changes: tuple[tuple[str, object], ...] = ()
    seeds: int | None = None


@dataclass(frozen=True)
class Experiment:
    """One run: what to train, on which data, from which seed; and what to measure.

    With ``by_epoch`` it is also measured after every epoch, with ``tested_on`` on another dataset instead. Experiments
    that differ only in these share the run.
    """

    dataset: str
    method: str
    bits: int
    seed: int
    preset: str | None = None
    variant: str = "paper"
    root: str | None = None
    changes: tuple[tuple[str, object], ...] = ()
    label: str = ""
    by_epoch: bool = False
    tested_on: str = ""

    def __post_init__(self) -> None:
        if self.by_epoch and self.tested_on:
            raise SSVHError(f"{self} is asked for by epoch: choose either by_epoch or tested_on.")

    def __str__(self) -> str:
        where = f", on {self.tested_on}" if self.tested_on else ""
        return f"{self.label or printed_name(self.method, self.variant)}, {self.bits} bits, seed {self.seed}{where}"


class Request(NamedTuple):
    """The run and the measures of an experiment, which several, such as rows of different tables, may share."""

    folder: Path
    by_epoch: bool
    tested_on: str


def sized(dataset: str, preset: str | None) -> str:
    """Return the dataset of the size that a preset wants: an embedded one has a small sibling for "smoke"."""
    sibling = f"{dataset}-smoke"
    return sibling if preset == "smoke" and sibling in EMBEDDED else dataset


def grid(
    rows: Iterable[Row],
    dataset: str,
    preset: str,
    bits: Iterable[int],
    seeds: int,
    root: str | None = None,
    *,
    by_epoch: bool = False,
    tested_on: str = "",
) -> list[Experiment]:
    """Return each row at every code length from every seed; methods trained by gradient come first, being the slowest.

    ``tested_on`` is the full name of a dataset, "moving-shapes-smoke" for the preset "smoke".
    """
    name = sized(dataset, preset)
    return [
        Experiment(
            name, row.method, length, seed, preset, row.variant, root, row.changes, row.label, by_epoch, tested_on
        )
        for row in sorted(rows, key=lambda row: issubclass(method_class(row.method), ClassicalMethod))
        for length in bits
        for seed in range(seeds if row.seeds is None else row.seeds)
    ]


def folder_of(experiment: Experiment) -> Path:
    """Return the folder where the run of an experiment lies, or will lie."""
    dataset, config = _configured(experiment)
    return default_folder(describe(experiment.method, config, dataset, experiment.seed)).absolute()


def run(experiment: Experiment, device: str = "auto", progress: bool = False, folder: Path | None = None) -> Run:
    """Train, encode and evaluate one experiment, or the part of it that is still missing; by default in its folder."""
    dataset, config = _configured(experiment)
    model = construct(method_class(experiment.method), config, experiment.seed)
    folder = folder or folder_of(experiment)
    with claimed(device) as place:
        done = fit(
            model,
            dataset,
            folder,
            seed=experiment.seed,
            device=str(place),
            progress=progress,
            keep_epochs=experiment.by_epoch,
        )
        for path, (maker, tested) in measures_of(experiment, done.folder).items():
            if not up_to_date(path, maker, tested):
                maker(done, model, tested)
    (done.folder / "error.log").unlink(missing_ok=True)
    return done


def record(experiment: Experiment, folder: Path) -> Record:
    """Return what a table needs to know of a finished run, as plain JSON."""
    done, measures = Run(folder), [read_json(path) for path in measures_of(experiment, folder)]
    found = {
        "dataset": experiment.dataset + (f"-to-{experiment.tested_on}" if experiment.tested_on else ""),
        "method": experiment.method,
        "variant": experiment.variant,
        "label": experiment.label,
        "preset": experiment.preset,
        "bits": experiment.bits,
        "seed": experiment.seed,
        "seconds": done.seconds,
        **measures[0],
        "commit": read_json(folder / "env.json")["commit"],
    }
    if experiment.by_epoch:
        curves = {name: values for name, values in measures[1].items() if isinstance(values, list)}
        found |= {"by_epoch": curves, "warm_up": done.config["config"].get("warm_up")}
    return found


def request_of(experiment: Experiment) -> Request:
    """Return what an experiment asks for, apart from the label of its row."""
    return Request(folder_of(experiment), experiment.by_epoch, experiment.tested_on)


def in_cache(experiment: Experiment, folder: Path) -> bool:
    """Return whether the run in ``folder`` is finished and has all measures of an experiment, by today's code."""
    made = measures_of(experiment, folder)
    return Run(folder).finished and all(up_to_date(path, *origin) for path, origin in made.items())


def measures_of(experiment: Experiment, folder: Path) -> dict[Path, tuple[Maker, Dataset]]:
    """Return the files of measures that an experiment needs, what makes each, and the dataset it is about."""
    dataset, other = _dataset(experiment.dataset, experiment.root), experiment.tested_on
    files = (
        {folder / f"on-{other}.json": (measure_on, _dataset(other, experiment.root))}
        if other
        else {folder / "metrics.json": (measure, dataset)}
    )
    return files | ({folder / "by_epoch.json": (measure_epochs, dataset)} if experiment.by_epoch else {})


def epochs_of(experiment: Experiment) -> int:
    """Return the number of epochs that an experiment trains; a classical method counts as one."""
    config = _configured(experiment)[1]
    return config.epochs if isinstance(config, TrainedConfig) else 1


def _configured(experiment: Experiment) -> tuple[Dataset, MethodConfig]:
    """Return the dataset and the Config of an experiment; SSVHError if it cannot be trained or measured as asked."""
    dataset = _dataset(experiment.dataset, experiment.root)
    method, bits, changes = experiment.method, experiment.bits, dict(experiment.changes)
    config = configure(method, dataset, bits, variant=experiment.variant, preset=experiment.preset, **changes)
    if experiment.by_epoch and not isinstance(config, TrainedConfig):
        raise SSVHError(f"{experiment} is not trained in epochs, so it cannot be measured by epoch.")
    if experiment.tested_on:
        _check_alike(dataset, _dataset(experiment.tested_on, experiment.root))
    return dataset, config


def _check_alike(trained: Dataset, tested: Dataset) -> None:
    shapes = [(dataset.train.frames, dataset.train.size) for dataset in (trained, tested)]
    if shapes[0] != shapes[1]:
        raise SSVHError(
            f"A model trained on {trained.name} reads {shapes[0][0]} frames of size {shapes[0][1]}; {tested.name} has "
            f"{shapes[1][0]} of {shapes[1][1]}. Test on a dataset with frame features of the same kind."
        )


@lru_cache(maxsize=4)
def _dataset(name: str, root: str | None) -> Dataset:
    return load_dataset(name, root)
