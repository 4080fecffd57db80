"""Retrieval by the features themselves, as a scale for codes: videos ranked by the cosine of their mean frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..data import Dataset, VideoFeatures, load_dataset
from ..evaluation.average_precision import average_precision
from ..evaluation.metrics import CUTOFFS
from .experiment import Experiment
from .results import Record

LABEL = "cosine of float features, centred"
QUERIES = 256  # ranked at a time


def collect(experiments: Sequence[Experiment], records: list[Record], preset: str) -> list[Record]:
    """Return the records, and one more for each dataset: mAP by the cosine, of 32 bits for each value of a frame."""
    places = dict.fromkeys((experiment.dataset, experiment.root) for experiment in experiments)
    found = []
    for name, root in places:
        dataset = load_dataset(name, root)
        row = {"method": "cosine", "variant": "paper", "label": LABEL, "bits": 32 * dataset.train.size, "seed": 0}
        maps = {str(k): value for k, value in cosine_map(dataset).items()}
        found.append({"dataset": name, "preset": preset, **row, "map": maps, "conventions": records[0]["conventions"]})
    return records + found


def cosine_map(dataset: Dataset, cutoffs: Sequence[int] = CUTOFFS) -> dict[int, float]:
    """Return mAP, divided by k, of ranking the database by the cosine of mean frames, minus the mean training frame.

    Equally near videos stay in the order of the database; a query that is in the database does not find itself.
    """
    mean = _mean_frames(dataset.train).mean(axis=0)
    database, query = (_unit(_mean_frames(part) - mean) for part in (dataset.database, dataset.query))
    cutoffs = [k for k in cutoffs if k <= len(database) - dataset.query_in_database]
    found = {k: np.empty(len(query)) for k in cutoffs}
    for start in range(0, len(query), QUERIES):
        rows = np.arange(start, min(start + QUERIES, len(query)))
        cosines = query[rows] @ database.T
        if dataset.query_in_database:
            cosines[np.arange(len(rows)), rows] = -np.inf
        nearest = np.argsort(-cosines, axis=1, kind="stable")[:, : max(cutoffs)]
        labels = dataset.query.labels[rows].astype(bool)
        hits = (labels[:, None] & dataset.database.labels[nearest].astype(bool)).any(axis=2).astype(float)
        precisions = hits * hits.cumsum(axis=1) / np.arange(1, hits.shape[1] + 1)
        for k in cutoffs:
            found[k][rows] = average_precision(hits[:, :k], precisions[:, :k], np.zeros(len(rows)), "k")
    return {k: float(values.mean()) for k, values in found.items()}


def _mean_frames(videos: VideoFeatures) -> np.ndarray:
    """Return the mean frame of each video, ``(N, D)``."""
    return np.concatenate([frames.mean(axis=1) for frames in videos.batches()])


def _unit(vectors: np.ndarray) -> np.ndarray:
    unit: np.ndarray = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return unit
