"""Maps of codes in the plane, by t-SNE and UMAP (S5VH's Figure 5), and how well maps and codes keep classes together.

The maps hold the database videos of ten classes that lie evenly in the list of all: the paper does not say which
videos its figure shows. Of moving-digits they are the ten digits in one motion.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from tqdm import tqdm

from ..data import Dataset, load_dataset
from ..errors import SSVHError
from ..evaluation.codes import Codes, load_codes
from ..evaluation.hamming import hamming_distances
from ..literature.names import printed_name
from ..utils.extras import requires_extra
from .experiment import Experiment, folder_of
from .results import Record

CLASSES, VIDEOS, NEIGHBOURS = 10, 1_000, 10
NOTE = (
    "How many of a video's ten nearest are of its class, in the mean: in the map, by the Hamming distance of the "
    "codes, and by chance."
)
SEED = 0  # of both projections, whose start is random
PERPLEXITY, UMAP_NEIGHBOURS = 30, 15  # the defaults of both; fewer for fewer videos


def collect(experiments: Sequence[Experiment], records: list[Record], _preset: str) -> list[Record]:
    """Return two records for each run, one for each projection: its videos' places in the plane and their classes.

    Needs the codes of the runs. Raises SSVHError if they are missing, or if fewer than four videos belong to one of the
    ten classes.
    """
    found = []
    layout = "{l_bar}{bar:30}| {remaining} left"
    for experiment, record in zip(tqdm(experiments, "maps of codes", bar_format=layout), records, strict=True):
        dataset = load_dataset(experiment.dataset, experiment.root)
        rows, classes, names = some_videos(dataset)
        codes = load_codes(folder_of(experiment) / "codes.npz")["database"]
        kept = {name: record[name] for name in ("dataset", "method", "variant", "label", "preset", "bits", "seed")}
        found += [kept | one for one in maps(Codes(codes.packed[rows]), classes, names)]
    return found


def some_videos(dataset: Dataset) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Return the rows, the classes and the names of the classes of at most ``VIDEOS`` database videos, evenly spread.

    Each is of exactly one of ten classes that lie evenly in the list of all. Raises SSVHError if there are fewer than
    four.
    """
    count = len(dataset.classes)
    chosen = np.arange(min(CLASSES, count)) * count // min(CLASSES, count)
    labels = dataset.database.labels[:, chosen] > 0
    rows = np.flatnonzero(labels.sum(axis=1) == 1)
    if len(rows) < 4:
        raise SSVHError(
            f"A map of codes needs four videos of {len(chosen)} classes, each of one of these only; "
            f"the database of {dataset.name} has {len(rows)}."
        )
    rows = rows[np.linspace(0, len(rows) - 1, min(VIDEOS, len(rows))).astype(int)]
    return rows, labels[rows].argmax(axis=1), tuple(dataset.classes[column] for column in chosen)


def maps(codes: Codes, classes: np.ndarray, names: Sequence[str]) -> list[Record]:
    """Return both projections of the codes of N videos of ``classes (N,)``, as plain JSON.

    Equal codes give equal maps. ``same_class_share`` of the codes comes with them, and its value if all were equal.
    """
    distances = hamming_distances(codes, codes)
    shared = {
        "class": classes.tolist(),
        "classes": list(names),
        "same_class_by_code": round(same_class_share(distances, classes), 4),
        "same_class_by_chance": round(same_class_share(np.zeros_like(distances), classes), 4),
    }
    places = {name: np.round(project(codes.signs()).astype(float), 2) for name, project in PROJECTIONS.items()}
    return [
        {"projection": name, "x": place[:, 0].tolist(), "y": place[:, 1].tolist(), **shared}
        for name, place in places.items()
    ]


def tsne(signs: np.ndarray) -> np.ndarray:
    """Project codes ±1 ``(N, K)`` by their Hamming distances with t-SNE (van der Maaten & Hinton, 2008): ``(N, 2)``."""
    from sklearn.manifold import TSNE

    perplexity = min(PERPLEXITY, (len(signs) - 1) / 3)
    return TSNE(metric="hamming", init="random", perplexity=perplexity, random_state=SEED).fit_transform(signs)


def umap(signs: np.ndarray) -> np.ndarray:
    """Project codes ±1 ``(N, K)`` by their Hamming distances with UMAP (McInnes et al., 2018): ``(N, 2)``."""
    with warnings.catch_warnings():  # about parts that are not used: TensorFlow, threads, the way back from the plane
        warnings.simplefilter("ignore")
        with requires_extra("plots", "A map by UMAP"):
            from umap import UMAP

        neighbours = min(UMAP_NEIGHBOURS, len(signs) - 1)
        reducer = UMAP(metric="hamming", n_neighbors=neighbours, random_state=SEED, n_jobs=1)
        return reducer.fit_transform(signs)


PROJECTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {"t-SNE": tsne, "UMAP": umap}


def same_class_share(distances: np.ndarray, classes: np.ndarray, k: int = NEIGHBOURS) -> float:
    """Return the mean share of the k nearest others that are of a video's own class, given ``distances (N, N)``.

    Those as far away as the k-th count in part, so that the share is its expectation over all orders of them. If there
    are fewer than k others, all count.
    """
    others = np.where(np.eye(len(classes), dtype=bool), np.inf, distances.astype(float))
    k = min(k, len(classes) - 1)
    furthest = np.partition(others, k - 1, axis=1)[:, k - 1, None]
    nearer, tied = others < furthest, others == furthest
    weights = nearer + tied * (k - nearer.sum(axis=1, keepdims=True)) / tied.sum(axis=1, keepdims=True)
    return float((weights * (classes[:, None] == classes)).sum(axis=1).mean() / k)


def table(records: list[Record], order: Sequence[str]) -> pd.DataFrame:
    """Return the share of a video's ten nearest that are of its class, for each method, code length and projection.

    Means over seeds: in the map, in Hamming space, and by chance. Rows are in the ``order`` of printed names.
    """
    rows = [
        {
            "method": printed_name(**record), "bits": record["bits"], "projection": record["projection"],
            "in the map": _share_in_map(record), "by code": record["same_class_by_code"],
            "by chance": record["same_class_by_chance"],
        }
        for record in records
    ]  # fmt: skip
    if not rows:
        return pd.DataFrame()
    means = pd.DataFrame(rows).groupby(["method", "bits", "projection"], as_index=False, sort=False).mean()
    place = {name: number for number, name in enumerate(order)}
    means = means.sort_values("method", key=lambda names: names.map(place).fillna(len(place)), kind="stable")
    shares = ["in the map", "by code", "by chance"]
    means[shares] = means[shares].map("{:.3f}".format)
    return means.reset_index(drop=True)


def _share_in_map(record: Record) -> float:
    place = np.stack([record["x"], record["y"]], axis=1)
    squares = ((place[:, None] - place) ** 2).sum(axis=2)
    return same_class_share(squares, np.array(record["class"]))
