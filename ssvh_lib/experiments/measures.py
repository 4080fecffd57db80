"""The measures of a run: files of numbers in its folder, each with the fingerprint of the code that made it.

``metrics.json`` (with ``codes.npz``) is about the dataset trained on, ``on-<dataset>.json`` about another one, and
``by_epoch.json`` about the weights after each epoch. What is there and made by today's code is kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from ..data import Dataset
from ..data.read import read_dataset
from ..errors import SSVHError
from ..evaluation.codes import Codes, encode, save_codes
from ..evaluation.conventions import SelfMatch
from ..evaluation.metrics import CUTOFFS, Evaluation, evaluate
from ..evaluation.rejection import rejection
from ..methods import Method, TrainedMethod, method_class
from ..training.runs import Run
from ..utils.files import read_json, write_json
from ..utils.fingerprint import code_digest

Maker = Callable[[Run, Method, Dataset], dict]  # of a file of measures
BY_EPOCH = (5, 20)  # cutoffs of mAP that are followed from epoch to epoch


def measure(done: Run, model: Method, dataset: Dataset) -> dict:
    """Encode and evaluate a trained model, and write ``codes.npz`` and ``metrics.json`` into its run."""
    codes, metrics = _measured(model, dataset)
    save_codes(done.folder / "codes.npz", **codes)
    return _write(done.folder / "metrics.json", metrics, measure, dataset)


def measure_on(done: Run, model: Method, dataset: Dataset) -> dict:
    """Encode and evaluate a dataset that the model was not trained on, and write ``on-<dataset>.json`` into its run."""
    _, metrics = _measured(model, dataset)
    return _write(done.folder / f"on-{dataset.name}.json", metrics, measure_on, dataset)


def measure_epochs(done: Run, model: Method, dataset: Dataset) -> dict:
    """Measure mAP@5 and mAP@20 before training and after every epoch, and write ``by_epoch.json`` into the run."""
    if not isinstance(model, TrainedMethod):
        raise SSVHError(f"{model.name()} is not trained in epochs, so it cannot be measured by epoch.")
    epochs = list(range(model.config.epochs + 1))
    maps = [_map_after(done.model(epoch).to(model.device), dataset) for epoch in epochs]
    curves = {f"mAP@{k}": [found[k] for found in maps] for k in maps[0]}
    return _write(done.folder / "by_epoch.json", {"epoch": epochs} | curves, measure_epochs, dataset)


def up_to_date(path: Path, maker: Maker, dataset: Dataset) -> bool:
    """Return whether a run has a file of measures that was made from the current dataset by the current code."""
    return path.is_file() and _origin(path, maker, dataset).items() <= read_json(path).items()


def _origin(path: Path, maker: Maker, dataset: Dataset) -> dict[str, str]:
    method = method_class(Run(path.parent).config["method"])
    return {"code": _code(maker, method), "data_fingerprint": dataset.fingerprint}


@cache
def _code(maker: Maker, method: type[Method]) -> str:
    """Return the fingerprint of the code that leads from weights and dataset files to measures."""
    return code_digest(maker, method, Run.load_weights, read_dataset)


def _measured(model: Method, dataset: Dataset) -> tuple[dict[str, Codes], dict]:
    start = time.perf_counter()
    codes = {"database": encode(model, dataset.database), "query": encode(model, dataset.query)}
    seconds = time.perf_counter() - start
    metrics = _evaluated(codes, dataset, CUTOFFS).to_json() | {
        "encoded_per_second": round(sum(map(len, codes.values())) / seconds),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
    }
    if model.uncertainty is not None:
        metrics["rejection"] = rejection(model, dataset, **codes)
    return codes, metrics


def _map_after(model: Method, dataset: Dataset) -> dict[int, float]:
    codes = {"database": encode(model, dataset.database), "query": encode(model, dataset.query)}
    return _evaluated(codes, dataset, BY_EPOCH).map


def _evaluated(codes: dict[str, Codes], dataset: Dataset, cutoffs: tuple[int, ...]) -> Evaluation:
    """Evaluate codes at the cutoffs for which the database is large enough."""
    labels, own = (dataset.query.labels, dataset.database.labels), dataset.query_in_database
    self_match: SelfMatch = "exclude" if own else "include"
    fitting = tuple(k for k in cutoffs if k <= len(codes["database"]) - own)
    return evaluate(codes["query"], codes["database"], *labels, k=fitting, self_match=self_match, progress=False)


def _write(path: Path, measures: dict, maker: Maker, dataset: Dataset) -> dict:
    content = measures | _origin(path, maker, dataset)
    write_json(path, content)
    return content
