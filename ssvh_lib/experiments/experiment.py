"""Experiments: which runs a table needs, where they lie, one carried out, and what its record says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..data import EMBEDDED, Dataset, load_dataset
from ..errors import SSVHError
from ..literature.names import printed_name
from ..methods import ClassicalMethod, MethodConfig, TrainedConfig, configure, construct, method_class
from ..training.loop import describe, fit
from ..training.runs import Run, default_folder
from ..utils.devices import claimed
from ..utils.files import read_json
from .measures import Maker, measure, measure_epochs, measure_on, up_to_date

Record = dict  # one run and what came out, as plain JSON


@dataclass(frozen=True)
class Row:
    """A row of a table: a method, perhaps with fields of its Config changed, under a label other than its name.

    ``seeds`` is how many runs it has, if not as many as the others.
    """

    method: str
    label: str = ""
    variant: str = "paper"
    changes: tuple[tuple[str, Any], ...] = ()
    seeds: int | None = None


@dataclass(frozen=True)
class Experiment:
    """One run: what to train, on what, from which seed; and what to measure.

    ``by_epoch`` measures it after every epoch, too, and ``tested_on`` on another dataset instead. Experiments that
    differ in these only share the run.
    """

    dataset: str
    method: str
    bits: int
    seed: int
    preset: str | None = None
    variant: str = "paper"
    root: str | None = None
    changes: tuple[tuple[str, Any], ...] = ()
    label: str = ""
    by_epoch: bool = False
    tested_on: str = ""

    def __post_init__(self) -> None:
        if self.by_epoch and self.tested_on:
            raise SSVHError(f"{self} is asked for by epoch: choose either, by_epoch or tested_on.")

    def __str__(self) -> str:
        where = f", on {self.tested_on}" if self.tested_on else ""
        return f"{self.label or printed_name(self.method, self.variant)}, {self.bits} bits, seed {self.seed}{where}"


def sized(dataset: str, preset: str | None) -> str:
    """The dataset that a preset means: an embedded one has a small sibling for "smoke"."""
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
    """Each row at every code length from every seed; methods trained by gradient come first, as they take longest.

    ``tested_on`` is the full name of a dataset, "moving-shapes-smoke" for the preset "smoke".
    """
    name = sized(dataset, preset)
    measured = {"by_epoch": by_epoch, "tested_on": tested_on}
    return [
        Experiment(name, row.method, length, seed, preset, row.variant, root, row.changes, row.label, **measured)
        for row in sorted(rows, key=lambda row: issubclass(method_class(row.method), ClassicalMethod))
        for length in bits
        for seed in range(seeds if row.seeds is None else row.seeds)
    ]


def folder_of(experiment: Experiment) -> Path:
    """Where the run of an experiment lies, or will lie."""
    dataset, config = _configured(experiment)
    return default_folder(describe(experiment.method, config, dataset, experiment.seed)).absolute()


def run(experiment: Experiment, device: str = "auto", progress: bool = False, folder: Path | None = None) -> Run:
    """Train, encode and evaluate one experiment, or whatever of it is still missing; in its own folder by default."""
    dataset, config = _configured(experiment)
    model = construct(method_class(experiment.method), config, experiment.seed)
    options = {"seed": experiment.seed, "progress": progress, "keep_epochs": experiment.by_epoch}
    with claimed(device) as place:
        done = fit(model, dataset, folder or folder_of(experiment), device=str(place), **options)
        for path, (maker, tested) in measures_of(experiment, done.folder).items():
            if not up_to_date(path, maker, tested):
                maker(done, model, tested)
    (done.folder / "error.log").unlink(missing_ok=True)
    return done


def record(experiment: Experiment, folder: Path) -> Record:
    """What a table needs to know of a finished run, as plain JSON."""
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


def lacking(experiments: Iterable[Experiment]) -> list[Experiment]:
    """Those of which the cache lacks the run or a measure; of several that ask for the same, one."""
    return [one for (folder, *_), one in different(experiments).items() if not _in_cache(one, folder)]


def different(experiments: Iterable[Experiment]) -> dict[tuple[Path, bool, str], Experiment]:
    """The first of all that ask for the same, by what they ask for: the folder of a run, and what is measured of it."""
    found: dict[tuple[Path, bool, str], Experiment] = {}
    for one in experiments:
        found.setdefault((folder_of(one), one.by_epoch, one.tested_on), one)
    return found


def measures_of(experiment: Experiment, folder: Path) -> dict[Path, tuple[Maker, Dataset]]:
    """The files of measures that an experiment needs, what makes each, and of which dataset."""
    dataset, other = _dataset(experiment.dataset, experiment.root), experiment.tested_on
    files = (
        {folder / f"on-{other}.json": (measure_on, _dataset(other, experiment.root))}
        if other
        else {folder / "metrics.json": (measure, dataset)}
    )
    return files | ({folder / "by_epoch.json": (measure_epochs, dataset)} if experiment.by_epoch else {})


def epochs_of(experiment: Experiment) -> int:
    """How many epochs an experiment trains; a classical method counts as one."""
    config = _configured(experiment)[1]
    return config.epochs if isinstance(config, TrainedConfig) else 1


def _in_cache(experiment: Experiment, folder: Path) -> bool:
    made = measures_of(experiment, folder)
    return Run(folder).finished and all(up_to_date(path, *origin) for path, origin in made.items())


def _configured(experiment: Experiment) -> tuple[Dataset, MethodConfig]:
    """The dataset and the Config of an experiment; SSVHError if it cannot be trained or measured as it is asked."""
    dataset = _dataset(experiment.dataset, experiment.root)
    choices = {"variant": experiment.variant, "preset": experiment.preset, **dict(experiment.changes)}
    config = configure(experiment.method, dataset, experiment.bits, **choices)
    if experiment.by_epoch and not isinstance(config, TrainedConfig):
        raise SSVHError(f"{experiment} is not trained in epochs, so it cannot be measured by epoch.")
    if experiment.tested_on:
        _check_alike(dataset, _dataset(experiment.tested_on, experiment.root))
    return dataset, config


def _check_alike(trained: Dataset, tested: Dataset) -> None:
    shapes = [(dataset.train.frames, dataset.train.size) for dataset in (trained, tested)]
    if shapes[0] != shapes[1]:
        raise SSVHError(
            f"What is trained on {trained.name} reads {shapes[0][0]} frames of size {shapes[0][1]}; {tested.name} has "
            f"{shapes[1][0]} of {shapes[1][1]}. Test on a dataset with frame features of the same kind."
        )


@lru_cache(maxsize=4)
def _dataset(name: str, root: str | None) -> Dataset:
    return load_dataset(name, root)
