"""The subject of inspection: a finished AutoSSVH run, its dataset, checkpoints, rivals, and index by epoch."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from statistics import mode

import numpy as np

from ..data import Dataset, load_dataset
from ..errors import SSVHError
from ..evaluation.codes import apply_in_batches, encode, load_codes
from ..methods.autossvh import AutoSSVH
from ..samplers import SAMPLERS, agreement
from ..search.index import HammingIndex
from ..training.runs import Run, RunDescription
from ..utils.files import digest, runs_root

SHOWN = "grade-net"  # the sampler whose scores are shown; the others are its rivals
AHEAD = 100_000  # videos that are encoded before anyone asks, some 20 s of one core


@dataclass(frozen=True, eq=False)
class Subject:
    """A run opened for inspection; ``Subject.open`` makes one.

    ``rivals`` are runs on the same dataset by other samplers, for comparison: sampler -> run.
    """

    run: Run
    dataset: Dataset
    rivals: dict[str, Run] = field(default_factory=dict)
    _indexes: dict[int, HammingIndex] = field(default_factory=dict, repr=False)

    @classmethod
    def open(
        cls,
        run: Run | str | Path,
        dataset: Dataset | None = None,
        *,
        root: str | Path | None = None,
        rivals: dict[str, Run] | None = None,
    ) -> Subject:
        """Open the run in a folder, by default with the dataset that it names, in ``root``, and rivals beside it.

        Raises SSVHError if there is no finished run of AutoSSVH with a Grade-Net, or if the dataset is not the run's.
        """
        run = run if isinstance(run, Run) else Run(Path(run))
        _check_run(run)
        wanted = run.config
        dataset = dataset or load_dataset(wanted["dataset"], root, progress=True)
        if wanted["data_fingerprint"] != dataset.fingerprint:
            raise SSVHError(
                f"{run.folder} was trained on {wanted['dataset']} as it was then; {dataset.root} holds other data. "
                "Train it again, or name the folder of the data that it was trained on."
            )
        return cls(run, dataset, _rivals(run) if rivals is None else rivals)

    @cached_property
    def epochs(self) -> list[int]:
        """List the epochs whose weights can be looked at, 0 being before training; the last only, if none were kept."""
        last = self.run.config["config"]["epochs"]
        return list(range(last + 1)) if self.run.keeps(last) else [last]

    def model(self, epoch: int | None = None) -> AutoSSVH:
        """Return the network after an epoch, by default the last; SSVHError if it was not kept."""
        return model_of(self.run, epoch)

    def index(self, epoch: int) -> HammingIndex:
        """Return the database's codes by the network after an epoch, ready for search; made when first asked for."""
        if epoch not in self._indexes:
            stored = self.run.folder / "codes.npz"
            last = epoch == self.epochs[-1] and stored.is_file()
            codes = load_codes(stored)["database"] if last else encode(self.model(epoch), self.dataset.database)
            self._indexes[epoch] = HammingIndex(codes)
        return self._indexes[epoch]

    def encode_ahead(self) -> None:
        """Make the index of every epoch, the latest first, so that moving the slider there takes no waiting.

        For large databases, make those of some epochs only, or none.
        """
        for epoch in self.epochs[::-1][: AHEAD // max(1, len(self.dataset.database))]:
            self.index(epoch)

    @cached_property
    def agreements(self) -> np.ndarray | None:
        """Tell how well the final scores find the informative frames of each query ``(Q,)``; None without truth."""
        videos, model = self.dataset.query, self.model()
        if videos.informative is None:
            return None
        scores = apply_in_batches(model, model.frame_scores, videos)  # (Q, T)
        pairs = zip(scores, videos.informative, strict=True)
        return np.array([agreement(own[None], truth[None]) for own, truth in pairs])


def subjects(folder: Path, dataset: Dataset | None = None) -> list[Run]:
    """List the finished runs in ``folder`` that can be inspected; those on ``dataset``, if it is named.

    Those that kept their epochs come first, as they have more to show; of these, those with the settings that most
    have, so that ablations come late; and of these, the latest.
    """
    found = [run for run in _runs(folder) if _sampler(run) == SHOWN]
    mine = [run for run in found if dataset is None or run.config["data_fingerprint"] == dataset.fingerprint]
    made = {run: (run.folder / "model.safetensors").stat().st_mtime for run in mine}
    unusual = _departures(mine)
    return sorted(mine, key=lambda run: (run.keeps(0), -unusual[run], made[run]), reverse=True)


def _departures(runs: list[Run]) -> dict[Run, int]:
    """Count the settings of each run, bits apart, that are not those of most of the ``runs``."""
    configs = {run: run.config["config"] for run in runs}
    names = {name for config in configs.values() for name in config} - {"bits"}
    usual = {name: mode(repr(config.get(name)) for config in configs.values()) for name in names}
    return {run: sum(repr(config.get(name)) != usual[name] for name in names) for run, config in configs.items()}


def inspected_datasets() -> list[str]:
    """Name the datasets for which the folder of runs has something to inspect."""
    return sorted(folder.name for folder in runs_root().glob("*/") if subjects(folder))


def _runs(folder: Path) -> list[Run]:
    return [Run(path.parent) for path in sorted(folder.glob("*/config.json"))]


def model_of(run: Run, epoch: int | None = None) -> AutoSSVH:
    """Return the network of a run after an epoch, by default the last; SSVHError if that epoch was not kept."""
    last = run.config["config"]["epochs"]
    return _model(run, None if epoch == last else epoch, digest(run.folder / "model.safetensors"))


@lru_cache(maxsize=16)
def _model(run: Run, epoch: int | None, _weights: str) -> AutoSSVH:
    """Keep models, which are needed again and again while sliders move; other weights are another model."""
    model = run.model(epoch)
    if not isinstance(model, AutoSSVH):
        raise TypeError(f"{run.folder} is a run of {run.config['method']}, not of AutoSSVH.")
    return model


def _check_run(run: Run) -> None:
    if not run.finished:
        raise SSVHError(f"There is no finished run in {run.folder}. `ssvh train autossvh` makes one and prints where.")
    sampler = _sampler(run)
    if sampler != SHOWN:
        what = f"frames are chosen by the sampler '{sampler}'" if sampler else f"the method is {run.config['method']}"
        raise SSVHError(
            f"The inspector shows what a Grade-Net does, but in {run.folder} {what}. `ssvh train autossvh` makes a run "
            "that has one."
        )


def _sampler(run: Run) -> str | None:
    """Return the sampler of a finished run of AutoSSVH; None for all else, and for what today's code cannot read."""
    try:
        wanted = run.config
        if wanted["method"] != "autossvh" or not run.finished:
            return None
        AutoSSVH.Config(**wanted["config"])
        return wanted["config"]["sampler"]
    except (SSVHError, KeyError, TypeError):  # another program's folder, or a Config of another version
        return None


def _rivals(run: Run) -> dict[str, Run]:
    """Find for each other sampler the run beside this one that is most like it: in bits, in seed, in the rest."""
    wanted = run.config

    def unlike(other: Run) -> tuple:
        theirs = other.config
        changed = sum(theirs["config"].get(name) != value for name, value in wanted["config"].items())
        bits = theirs["config"]["bits"] != wanted["config"]["bits"]
        return bits, theirs["seed"] != wanted["seed"], changed, other.folder.name

    found: dict[str, Run] = {}
    for other in sorted((one for one in _runs(run.folder.parent) if _rival_of(one, wanted)), key=unlike):
        found.setdefault(other.config["config"]["sampler"], other)
    return found


def _rival_of(other: Run, wanted: RunDescription) -> bool:
    return _sampler(other) in set(SAMPLERS) - {SHOWN} and other.config["data_fingerprint"] == wanted["data_fingerprint"]
