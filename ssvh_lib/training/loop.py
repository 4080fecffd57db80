"""One training loop for every method; it knows no method and no dataset by name.

All randomness of an epoch comes from (seed, epoch), and the state is saved after every epoch: an interrupted
and resumed run equals the uninterrupted one bit for bit on the CPU.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import NoReturn

import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from ..data import Dataset, VideoFeatures
from ..data.batch import Batch
from ..data.loader import in_background, read_batches
from ..data.read import read_dataset
from ..errors import SSVHError
from ..methods import ClassicalMethod, Method, MethodConfig, TrainedMethod, construct, method_class
from ..utils.devices import choose_device
from ..utils.fingerprint import code_digest
from .runs import HistoryRow, Run, RunDescription, TrainingState, default_folder, epoch_seed, open_run

CHECK_EVERY = 16  # steps between checks of the losses, each of which makes a GPU wait


def fit(
    model: Method,
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
    ``out`` holds another configuration, if another process is working on it, if the model does not fit the data (their
    shape, or fewer videos than groups of them), or if a loss is NaN or infinite (the last whole epoch is kept).
    """
    model.check(dataset)
    place = choose_device(device)
    description = describe(model.name(), model.config, dataset, seed)
    run = open_run(Path(out) if out is not None else default_folder(description), description)
    with run.lock():
        if not _complete(run, model, keep_epochs):
            model.load_state_dict(construct(type(model), model.config, seed).state_dict())
            model.to(place)
            run.finish(model, _learn(model, dataset, run, seed, progress, keep_epochs), place)
        run.load_weights(model)
    model.to(place).eval()
    return run


def describe(method: str, config: MethodConfig, dataset: Dataset, seed: int) -> RunDescription:
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
def _code(method: type[Method]) -> str:
    """Return the fingerprint of the code that leads from dataset files to trained weights stored in a run."""
    return code_digest(method, construct, _train, _solve, Run.load_weights, read_dataset)


def _complete(run: Run, model: Method, keep_epochs: bool) -> bool:
    kept = not keep_epochs or not isinstance(model, TrainedMethod) or run.keeps(model.config.epochs)
    return run.finished and kept


def _learn(model: Method, dataset: Dataset, run: Run, seed: int, progress: bool, keep_epochs: bool) -> float:
    """Train or solve, as the model requires, and return the seconds spent."""
    if isinstance(model, TrainedMethod):
        return _train(model, dataset, run, seed, progress, keep_epochs)
    if isinstance(model, ClassicalMethod):
        return _solve(model, dataset, seed)
    raise SSVHError(f"{type(model).__name__} must be a ClassicalMethod or a TrainedMethod.")


def _solve(model: ClassicalMethod, dataset: Dataset, seed: int) -> float:
    start = time.perf_counter()
    model.solve(dataset.train, np.random.default_rng(seed))
    return time.perf_counter() - start


def _train(model: TrainedMethod, dataset: Dataset, run: Run, seed: int, progress: bool, keep_epochs: bool) -> float:
    """Train the epochs that ``run`` lacks and return the seconds spent, those before an interrupt included."""
    optimiser = model.optimiser()
    history = _resume(model, optimiser, run, keep_epochs)
    if keep_epochs and not history:
        run.save_epoch(model, 0)
    start = time.perf_counter() - (history[-1]["seconds"] if history else 0.0)
    title = f"{model.name()} {model.config.bits} bits, seed {seed}"
    with _progress_bar(model, dataset, title, len(history), progress) as bar:
        for epoch in range(len(history), model.config.epochs):
            bar.set_description(", ".join(filter(None, (title, model.stage(epoch)))))
            if epoch and model.stage(epoch) != model.stage(epoch - 1):
                optimiser = model.optimiser()
            rate = _set_learning_rate(model, optimiser, epoch)
            with _explained_errors(model, run, title, epoch):
                terms = _epoch(model, optimiser, dataset.train, epoch, epoch_seed(seed, epoch), bar)
            seconds = round(time.perf_counter() - start, 3)
            history.append({"epoch": epoch + 1, "seconds": seconds, "learning_rate": rate, **terms})
            bar.set_postfix(loss=f"{terms['loss']:.4g}")
            _save(model, optimiser, run, history, keep_epochs)
    return time.perf_counter() - start


def _resume(model: TrainedMethod, optimiser: torch.optim.Optimizer, run: Run, keep_epochs: bool) -> list[HistoryRow]:
    """Restore the state after the last whole epoch and return its history; empty if the run has to start anew."""
    state = run.load_state()
    if state is None or (keep_epochs and not run.keeps(len(state["history"]))):
        return []
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])  # moves its tensors to the parameters' device
    for name, tensor in state["memory"].items():
        setattr(model, name, tensor.to(model.device))
    return state["history"]


def _save(
    model: TrainedMethod, optimiser: torch.optim.Optimizer, run: Run, history: list[HistoryRow], keep_epochs: bool
) -> None:
    """Write all that is needed to go on after the last epoch of ``history``; the state comes last."""
    run.save_history(history)
    if keep_epochs:
        run.save_epoch(model, len(history))
    remembered = {name: getattr(model, name) for name in model.REMEMBERED}
    run.save_state(
        TrainingState(model=model.state_dict(), optimiser=optimiser.state_dict(), memory=remembered, history=history)
    )


def _progress_bar(model: TrainedMethod, dataset: Dataset, title: str, done: int, shown: bool) -> tqdm[NoReturn]:
    """Make a bar that counts the steps of all epochs, of which some are ``done``."""
    steps = -(-len(dataset.train) // model.config.batch_size)
    return tqdm(total=model.config.epochs * steps, initial=done * steps, desc=title, disable=not shown)


def _set_learning_rate(model: TrainedMethod, optimiser: torch.optim.Optimizer, epoch: int) -> float:
    rate = model.learning_rate(epoch)
    for group in optimiser.param_groups:
        group["lr"] = rate
    return rate


@contextmanager
def _explained_errors(model: TrainedMethod, run: Run, title: str, epoch: int) -> Iterator[None]:
    """Say how to continue after an interrupt, and what to try if a loss is not finite."""
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"Stopped in epoch {epoch + 1} of {model.config.epochs}; {epoch} are kept in {run.folder}. "
            "Ask for the same run again to continue."
        ) from None
    except FloatingPointError as error:
        raise SSVHError(
            f"Training of {title} stopped in epoch {epoch + 1}: {error}. The state after {epoch} epochs, which "
            f"was good, is kept in {run.folder}. Try a lower learning rate, precision='float32', or a higher "
            "temperature if the loss has one."
        ) from error


def _epoch(
    model: TrainedMethod,
    optimiser: torch.optim.Optimizer,
    train: VideoFeatures,
    epoch: int,
    seed: int,
    bar: tqdm[NoReturn],
) -> dict[str, float]:
    """Pass over the training videos once; return the mean of every loss term, and the method's own numbers."""
    bar.set_postfix_str("looking at the whole training set")
    model.begin_epoch(epoch, train, np.random.default_rng([seed, epoch]))
    bar.set_postfix_str("")
    terms = _pass(model, optimiser, train, seed, bar)
    return terms | model.describe_epoch(train)


def _pass(
    model: TrainedMethod, optimiser: torch.optim.Optimizer, train: VideoFeatures, seed: int, bar: tqdm[NoReturn]
) -> dict[str, float]:
    device = model.device
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
                    _check_finite(unchecked, steps)
        _check_finite(unchecked, steps)
    return {name: round(float(value) / steps, 6) for name, value in sums.items()}


def _step(
    model: TrainedMethod, optimiser: torch.optim.Optimizer, batch: Batch, rng: torch.Generator
) -> dict[str, Tensor]:
    """Take one gradient step and return the loss terms, detached."""
    config = model.config
    with torch.autocast(batch.frames.device.type, torch.bfloat16, enabled=config.precision == "bfloat16"):
        terms = model.loss(batch, rng)
    optimiser.zero_grad()
    terms["loss"].backward()
    if config.max_gradient_norm is not None:
        nn.utils.clip_grad_norm_(model.parameters(), config.max_gradient_norm)
    optimiser.step()
    return {name: value.detach() for name, value in terms.items()}


def _check_finite(losses: list[Tensor], last_step: int) -> None:
    """Raise FloatingPointError if one of the latest losses is not finite; empty the list."""
    if not losses:
        return
    finite = torch.stack(losses).isfinite().cpu()
    if not finite.all():
        step = last_step - len(losses) + 1 + int((~finite).int().argmax())
        raise FloatingPointError(f"the loss of step {step} is {losses[int((~finite).int().argmax())].item()}")
    losses.clear()


def _batches(train: VideoFeatures, size: int, seed: int, device: torch.device) -> Generator[Batch, None, None]:
    """Yield all training videos in random order; the last batch is smaller, unless it would be a single video."""
    cuda = device.type == "cuda"
    batches = (
        [values.pin_memory() if cuda else values for values in map(torch.from_numpy, batch)]
        for batch in read_batches(train, size, seed)
    )
    with closing(in_background(batches) if cuda or not train.held else batches) as ready:
        for rows, frames in ready:
            yield Batch(frames.to(device, non_blocking=True).float(), rows.to(device, non_blocking=True))
