"""A run is a folder that can be audited: what was asked for, what happened, and what came out.

``config.json`` holds everything needed to repeat the run, ``history.csv`` a row an epoch, ``state.pt`` the
last whole epoch (until the run is done), ``model.safetensors`` the result, ``env.json`` where and when it
was made, ``epochs/`` the weights after each epoch if they were asked for. Evaluation adds ``codes.npz`` and
``metrics.json``, and ``error.log`` says why a run failed. All files are written atomically.
"""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypedDict, cast

import numpy as np
import pandas as pd
import torch
from filelock import FileLock, Timeout
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ..errors import SSVHError
from ..methods import Method, construct, method_class
from ..utils.files import digest_of, make_folder, project_root, read_json, runs_root, write_file, write_json
from ..utils.measured_process import peak_bytes

LOCK_PATIENCE = 5.0  # seconds; a worker whose command was killed takes about one to end
_PACKAGES = ("torch", "numpy", "scipy", "faiss-cpu")
_CODE = (":/ssvh_lib", ":/pyproject.toml", ":/.constraints.txt")  # what results depend on, from the top of the checkout

HistoryRow = dict[str, float]  # epoch, seconds since the start, learning_rate, mean of every loss term


class RunDescription(TypedDict):
    """The content of ``config.json``."""

    method: str
    code: str  # fingerprint of the code behind the method
    config: dict[str, Any]  # every field of its Config
    dataset: str
    data_fingerprint: str
    seed: int


class TrainingState(TypedDict):
    """The content of ``state.pt``: all that is needed to go on after the last whole epoch."""

    model: dict[str, Tensor]
    optimiser: dict[str, Any]  # its state_dict
    memory: dict[str, Tensor]  # the tensors that the method names in REMEMBERED
    history: list[HistoryRow]


def default_folder(description: RunDescription) -> Path:
    """Return ``runs/<dataset>/<method>-<variant>-<bits>-seed<seed>-<hash>``; equal descriptions share a folder."""
    config = description["config"]
    name = f"{description['method']}-{config['variant']}-{config['bits']}-seed{description['seed']}"
    return runs_root() / description["dataset"] / f"{name}-{digest_of(description)[:8]}"


@dataclass(frozen=True)
class Run:
    """A run's folder and what lies in it."""

    folder: Path

    @property
    def config(self) -> RunDescription:
        """Return the description of the run that was asked for."""
        return cast(RunDescription, read_json(self.folder / "config.json"))  # as `open_run` wrote it

    @property
    def history(self) -> pd.DataFrame:
        """Return one row an epoch: epoch, seconds since the start, learning rate, mean of every loss term."""
        path = self.folder / "history.csv"
        return pd.read_csv(path) if path.is_file() else pd.DataFrame({"epoch": [], "seconds": []})

    @property
    def seconds(self) -> float:
        """Return the time spent training, in seconds, over all resumptions."""
        return float(read_json(self.folder / "env.json")["seconds"])

    @property
    def finished(self) -> bool:
        """Tell whether training is complete."""
        return (self.folder / "env.json").is_file() and (self.folder / "model.safetensors").is_file()

    def model(self, epoch: int | None = None) -> Method:
        """Return the trained method, on the CPU; or as it was after ``epoch`` epochs, 0 as initialised, if kept."""
        wanted = self.config
        method = method_class(wanted["method"])
        model = construct(method, method.Config(**wanted["config"]), wanted["seed"])
        self.load_weights(model, epoch)
        return model.eval()

    def keeps(self, epoch: int) -> bool:
        """Tell whether the weights after every epoch from 0 to ``epoch`` are kept."""
        return all(self._weights(one).is_file() for one in range(epoch + 1))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes from training this run; SSVHError if one already is. The lock ends with the process."""
        lock = FileLock(self.folder.with_name(f".{self.folder.name}.lock"))
        try:
            with lock.acquire(timeout=LOCK_PATIENCE):
                yield
        except Timeout as error:
            raise SSVHError(f"Another process is training {self.folder}. Wait for it, or stop it.") from error

    def load_weights(self, model: nn.Module, epoch: int | None = None) -> None:
        """Load the result of this run into ``model``, or its state after ``epoch`` epochs.

        Raises SSVHError if the file is damaged or of another shape, or if that epoch was not kept.
        """
        path = self._weights(epoch)
        if epoch is not None and not path.is_file():
            raise SSVHError(self._not_kept(epoch))
        try:
            model.load_state_dict(load_file(path))
        except Exception as error:  # safetensors and torch raise many types here
            raise SSVHError(
                f"{path} does not hold the weights of this run ({error}). Delete the folder and run it again."
            ) from error

    def finish(self, model: nn.Module, seconds: float, device: torch.device) -> None:
        """Write the result, unless it is there already; from now on the run is complete."""
        if not self.finished:
            self._save_weights(model, None)
            write_json(self.folder / "env.json", {**environment(device), "seconds": round(seconds, 3)})
        (self.folder / "state.pt").unlink(missing_ok=True)

    def save_epoch(self, model: nn.Module, epoch: int) -> None:
        """Keep the weights after ``epoch`` epochs."""
        (self.folder / "epochs").mkdir(exist_ok=True)
        self._save_weights(model, epoch)

    def save_history(self, rows: list[HistoryRow]) -> None:
        """Write the whole of ``history.csv``, unless the run is complete."""
        if not self.finished:
            write_file(self.folder / "history.csv", lambda path: pd.DataFrame(rows).to_csv(path, index=False))

    def save_state(self, state: TrainingState) -> None:
        """Write ``state.pt``."""
        write_file(self.folder / "state.pt", lambda path: torch.save(state, path))

    def load_state(self) -> TrainingState | None:
        """Return the last whole epoch, on the CPU, or None if there is none; SSVHError if the file is damaged."""
        path = self.folder / "state.pt"
        if not path.is_file():
            return None
        try:
            state: TrainingState = torch.load(path, map_location="cpu", weights_only=True)
            return state
        except Exception as error:  # zip, pickle and torch errors alike
            raise SSVHError(f"{path} is damaged ({error}). Delete it to train this run from the start.") from error

    def _weights(self, epoch: int | None) -> Path:
        return self.folder / ("model.safetensors" if epoch is None else f"epochs/{epoch:03}.safetensors")

    def _save_weights(self, model: nn.Module, epoch: int | None) -> None:
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
        write_file(self._weights(epoch), lambda path: save_file(tensors, path))

    def _not_kept(self, epoch: int) -> str:
        last = self.config["config"].get("epochs")
        if last is None:
            return f"{self.folder} was not trained in epochs. Ask for its model() without one."
        if not 0 <= epoch <= last:
            return f"{self.folder} has {last} epochs; ask for one from 0 (as initialised) to {last}, not {epoch}."
        return (
            f"{self.folder} does not keep the weights after epoch {epoch}. Ask for the same run again with "
            "fit(..., keep_epochs=True), which keeps those of every epoch."
        )


def open_run(folder: Path, description: RunDescription) -> Run:
    """Return the run in ``folder``, new or old; SSVHError if the folder belongs to a run of another configuration."""
    make_folder(folder)
    path = folder / "config.json"
    if not path.is_file():
        if any(path.name != "error.log" for path in folder.iterdir()):
            raise SSVHError(f"{folder} is not empty and not a run (no config.json). Choose another folder.")
        write_json(path, description)
    there = read_json(path)
    if there != description:
        raise SSVHError(
            f"{folder} holds a run of another configuration: {_difference(there, {**description})}. "
            "Nothing was changed. Choose another folder, or delete this one."
        )
    return Run(folder)


def environment(device: torch.device) -> dict[str, object]:
    """Describe where a run was made: commit, versions, device, threads, peak memory in MiB."""
    on_gpu = device.type == "cuda"
    return {
        "commit": _git("rev-parse", "HEAD"),
        "dirty": bool(_git("status", "--porcelain", "--", *_CODE)),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in _PACKAGES},
        "device": torch.cuda.get_device_name(device) if on_gpu else platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "peak_memory_mib": round(peak_bytes() / 2**20),
        "peak_gpu_memory_mib": round(torch.cuda.max_memory_allocated(device) / 2**20) if on_gpu else None,
    }


def _git(*words: str) -> str | None:
    command = ["git", "-C", str(project_root()), *words]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None  # not a checkout, or no git


def _difference(there: dict[str, Any], asked: dict[str, Any]) -> str:
    flat = [{**values, **values.get("config", {})} for values in (there, asked)]
    names = sorted(name for name in flat[0].keys() | flat[1].keys() if name != "config")
    changed = [name for name in names if flat[0].get(name) != flat[1].get(name)]
    return ", ".join(f"{name} is {flat[0].get(name)!r} there and {flat[1].get(name)!r} here" for name in changed)


def epoch_seed(seed: int, epoch: int) -> int:
    """Return the seed of everything random in an epoch, so that a resumed run draws what an uninterrupted one does."""
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> 1)
