"""One training loop for every method; it knows no method and no dataset by name.

All randomness of an epoch comes from (seed, epoch), and the state is saved after every epoch: an interrupted
and resumed run equals the uninterrupted one bit for bit on the CPU.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from ..data import Dataset, VideoFeatures
from ..data.loader import in_background, read_batches
from ..data.released import read_dataset
from ..errors import SSVHError, unknown
from ..methods import construct, method_class, method_name
from ..utils.devices import choose_device
from ..utils.fingerprint import code_digest
from .runs import Run, default_folder, epoch_seed, open_run

PRECISIONS = ("float32", "bfloat16")
CHECK_EVERY = 16  # steps between looks at the losses: each look makes a GPU wait


class Batch(NamedTuple):
    """What ``loss`` gets: features ``frames (B, T, D)`` and the ``rows (B,)`` of these videos in the training set."""

    frames: Tensor
    rows: Tensor


def fit(
    model: nn.Module,
    dataset: Dataset,
    out: str | Path | None = None,
    *,
    seed: int = 0,
    device: str = "auto",
    progress: bool = True,
    keep_epochs: bool = False,
) -> Run:
    """Train ``model`` in place on ``dataset.train`` and return the run, which lies in the folder ``out``.

    The outcome depends on the model's Config, the data and ``seed`` alone: initial weights are drawn anew
    from ``seed``. A run that is already in ``out`` is loaded if complete and resumed if not; without ``out``
    the folder follows from what is asked. With ``keep_epochs`` the weights after every epoch are kept for
    ``Run.model(epoch)``; a run that lacks them is trained again, with the same result. Raises SSVHError if
    ``out`` holds another configuration, if another process is at it, if the model does not fit the data (their shape,
    or fewer videos than groups of them), or if a loss is NaN or infinite (the last whole epoch is kept).
    """
    _check_request(model, dataset)
    place = choose_device(device)
    description = describe(method_name(model), model.config, dataset, seed)
    run = open_run(Path(out) if out is not None else default_folder(description), description)
    with run.lock():
        solve = hasattr(model, "solve")
        if not run.finished or (keep_epochs and not solve and not run.keeps(model.config.epochs)):
            model.load_state_dict(construct(type(model), model.config, seed).state_dict())
            model.to(place)
            seconds = (
                _solve(model, dataset, seed) if solve else _train(model, dataset, run, seed, progress, keep_epochs)
            )
            run.finish(model, seconds, place)
        run.load_weights(model)
    model.to(place).eval()
    return run


def describe(method: str, config: Any, dataset: Dataset, seed: int) -> dict[str, Any]:
    """Return the content of ``config.json``: method and the code behind it, its whole Config, data, seed."""
    return {
        "method": method,
        "code": _code(method_class(method)),
        "config": {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(config).items()},
        "dataset": dataset.name,
        "data_fingerprint": dataset.fingerprint,
        "seed": seed,
    }


@cache
def _code(method: type[nn.Module]) -> str:
    """Return the fingerprint of the way from the files of a dataset to trained weights, kept in the files of a run."""
    return code_digest(method, construct, _train, _solve, Run.load_weights, read_dataset)


def _check_request(model: nn.Module, dataset: Dataset) -> None:
    """Whatever can be wrong is found before a folder is made."""
    precision = getattr(model.config, "precision", PRECISIONS[0])
    if precision not in PRECISIONS:
        raise unknown("precision", precision, PRECISIONS)
    for field in ("clusters", "anchors"):  # some are formed only after a warm-up of hours, which is late to find out
        groups = getattr(model.config, field, 1)
        if not all(1 <= count <= len(dataset.train) for count in (groups if isinstance(groups, tuple) else (groups,))):
            raise SSVHError(
                f"{field} = {groups} of {method_name(model)} must be from 1 to {len(dataset.train)}, the number of "
                f"training videos of {dataset.name}. Give fewer, as the preset smoke does, or add videos."
            )
    asked, given = (model.config.frames, model.config.features), (dataset.train.frames, dataset.train.size)
    if asked != given:
        raise SSVHError(
            f"The model reads {asked[0]} frames of size {asked[1]}, {dataset.name} has {given[0]} of {given[1]}. "
            f"Build it with dataset={dataset.name!r}."
        )


def _solve(model: nn.Module, dataset: Dataset, seed: int) -> float:
    start = time.perf_counter()
    model.solve(dataset.train, np.random.default_rng(seed))
    return time.perf_counter() - start


def _train(model: nn.Module, dataset: Dataset, run: Run, seed: int, progress: bool, keep_epochs: bool) -> float:
    """Run the epochs that ``run`` lacks; seconds spent, those before an interrupt included."""
    config = model.config
    optimiser = model.optimiser()
    history = _resume(model, optimiser, run, keep_epochs)
    if keep_epochs and not history:
        run.save_epoch(model, 0)
    spent = history[-1]["seconds"] if history else 0.0
    start = time.perf_counter()
    steps = -(-len(dataset.train) // config.batch_size)
    title = f"{method_name(model)} {config.bits} bits, seed {seed}"
    with tqdm(total=config.epochs * steps, initial=len(history) * steps, desc=title, disable=not progress) as bar:
        for epoch in range(len(history), config.epochs):
            stage = _stage(model, epoch)
            bar.set_description(", ".join(filter(None, (title, stage))))
            if epoch and stage != _stage(model, epoch - 1):
                optimiser = model.optimiser()
            rate = model.learning_rate(epoch)
            for group in optimiser.param_groups:
                group["lr"] = rate
            try:
                terms = _epoch(model, optimiser, dataset.train, epoch, epoch_seed(seed, epoch), bar)
            except KeyboardInterrupt:
                bar.close()
                raise KeyboardInterrupt(
                    f"Stopped in epoch {epoch + 1} of {config.epochs}; {epoch} are kept in {run.folder}. "
                    "Ask for the same run again to continue."
                ) from None
            except FloatingPointError as error:
                raise SSVHError(
                    f"Training of {title} stopped in epoch {epoch + 1}: {error}. The state after {epoch} epochs, which "
                    f"was good, is kept in {run.folder}. Try a lower learning rate, precision='float32', or a higher "
                    "temperature if the loss has one."
                ) from error
            seconds = round(spent + time.perf_counter() - start, 3)
            history.append({"epoch": epoch + 1, "seconds": seconds, "learning_rate": rate, **terms})
            bar.set_postfix(loss=f"{terms['loss']:.4g}")
            run.save_history(history)
            if keep_epochs:
                run.save_epoch(model, epoch + 1)
            states = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "memory": _memory(model)}
            run.save_state({**states, "history": history})
    return spent + time.perf_counter() - start


def _stage(model: nn.Module, epoch: int) -> str | None:
    """What is trained in an epoch, by a method that trains one thing after another."""
    return model.stage(epoch) if hasattr(model, "stage") else None


def _resume(model: nn.Module, optimiser: torch.optim.Optimizer, run: Run, keep_epochs: bool) -> list[dict[str, float]]:
    """Go back to the last whole epoch; the history up to it, empty if there is none or what should be kept is not."""
    state = run.load_state()
    if state is None or (keep_epochs and not run.keeps(len(state["history"]))):
        return []
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])  # moves to the parameters' device what belongs there
    for name, tensor in state["memory"].items():
        setattr(model, name, tensor.to(next(model.parameters()).device))
    return state["history"]


def _memory(model: nn.Module) -> dict[str, Tensor]:
    """What a method needs to go on training, but not to encode."""
    return {name: getattr(model, name) for name in getattr(model, "MEMORY", ())}


def _epoch(
    model: nn.Module, optimiser: torch.optim.Optimizer, train: VideoFeatures, epoch: int, seed: int, bar: tqdm
) -> dict[str, float]:
    """One pass over the training videos; the mean of every loss term, and what the method says of itself."""
    if hasattr(model, "begin_epoch"):
        bar.set_postfix_str("looking at the whole training set")
        model.begin_epoch(epoch, train, np.random.default_rng([seed, epoch]))
        bar.set_postfix_str("")
    terms = _pass(model, optimiser, train, seed, bar)
    return terms | (model.describe_epoch(train) if hasattr(model, "describe_epoch") else {})


def _pass(
    model: nn.Module, optimiser: torch.optim.Optimizer, train: VideoFeatures, seed: int, bar: tqdm
) -> dict[str, float]:
    device = next(model.parameters()).device
    rng = torch.Generator(device).manual_seed(seed)
    sums: dict[str, Tensor] = {}
    unchecked: list[Tensor] = []
    model.train()
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)  # for layers that draw from the global state, such as dropout
        steps = 0
        with closing(_batches(train, model.config.batch_size, seed, device)) as batches:  # also after an error
            for steps, batch in enumerate(batches, start=1):
                terms = _step(model, optimiser, batch, rng)
                sums = {name: sums.get(name, 0) + value for name, value in terms.items()}
                unchecked.append(terms["loss"])
                bar.update(1)
                if len(unchecked) == CHECK_EVERY:
                    _check(unchecked, steps)
        _check(unchecked, steps)
    return {name: round(float(value) / steps, 6) for name, value in sums.items()}


def _step(model: nn.Module, optimiser: torch.optim.Optimizer, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
    """One gradient step; the loss terms, detached."""
    config = model.config
    with torch.autocast(batch.frames.device.type, torch.bfloat16, enabled=config.precision == "bfloat16"):
        terms = model.loss(batch, rng)
    optimiser.zero_grad()
    terms["loss"].backward()
    if config.max_gradient_norm is not None:
        nn.utils.clip_grad_norm_(model.parameters(), config.max_gradient_norm)
    optimiser.step()
    return {name: value.detach() for name, value in terms.items()}


def _check(losses: list[Tensor], last_step: int) -> None:
    """FloatingPointError if one of the latest losses is not finite; empties the list."""
    if not losses:
        return
    finite = torch.stack(losses).isfinite().cpu()
    if not finite.all():
        step = last_step - len(losses) + 1 + int((~finite).int().argmax())
        raise FloatingPointError(f"the loss of step {step} is {losses[int((~finite).int().argmax())].item()}")
    losses.clear()


def _batches(train: VideoFeatures, size: int, seed: int, device: torch.device) -> Iterator[Batch]:
    """All training videos in random order; the last batch is smaller, unless it would be a single video."""
    cuda = device.type == "cuda"
    batches = (
        [values.pin_memory() if cuda else values for values in map(torch.from_numpy, batch)]
        for batch in read_batches(train, size, seed)
    )
    with closing(in_background(batches) if cuda or not train.held else batches) as ready:
        for rows, frames in ready:
            yield Batch(frames.to(device, non_blocking=True).float(), rows.to(device, non_blocking=True))
