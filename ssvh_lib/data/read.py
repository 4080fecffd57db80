"""From the layout of a dataset to the dataset."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from ..errors import SSVHWarning
from .by_video.source import VideoSource
from .features import HELD_IN_MEMORY, Dataset, VideoFeatures
from .layouts import PARTS, Layout
from .released import ReleasedSource
from .sources import Source, StoredSet


def open_source(folder: Path, layout: Layout, *, progress: bool = False) -> Source:
    """Return the reader of a layout: that of videos stored one by one, or of the published files."""
    if "videos" in layout:
        return VideoSource(folder, layout, progress=progress)
    return ReleasedSource(folder, layout)


def read_dataset(folder: Path, layout: Layout, *, progress: bool = False) -> Dataset:
    """Read the files in ``folder`` that ``layout`` names. Raises SSVHError, which says what is missing or wrong."""
    source = open_source(folder, layout, progress=progress)
    same = source.same
    database = _read_set(source.open(same["database"]), 0, progress)
    read = {same["database"]: database}
    for name in PARTS:
        if same[name] not in read:
            read[same[name]] = _read_set(source.open(same[name]), database.labels.shape[1], progress)
    dataset = Dataset(
        name=layout.get("name", folder.name),
        train=read[same["train"]],
        database=database,
        query=read[same["query"]],
        query_in_database=layout.get("query_in_database", False),
        classes=source.classes or tuple(map(str, range(database.labels.shape[1]))),
        preset=layout.get("preset", "paper"),
        fingerprint=source.fingerprint(),
        root=folder,
    )
    _warn_of_queries_in_database(dataset)
    return dataset


def _read_set(stored: StoredSet, classes: int, progress: bool) -> VideoFeatures:
    """Read one set of videos; where no labels are published, they are rows of zeros in ``classes`` columns."""
    features, labels = stored.features, stored.read_labels()
    ids, informative, thumbnails, shown = stored.read_extras()
    if labels is None:
        labels = np.zeros((features.shape[0], classes), np.uint8)
    if ids is None:
        stem = features.paths[0].stem.removesuffix("_feats")
        ids = tuple(f"{stem}/{row}" for row in range(features.shape[0]))
    videos = VideoFeatures(features, labels, ids, informative, thumbnails, shown)
    return videos.in_memory(progress=progress) if videos.nbytes <= HELD_IN_MEMORY else videos


def _warn_of_queries_in_database(dataset: Dataset) -> None:
    shared = sorted(set(dataset.query.ids) & set(dataset.database.ids))
    if shared and dataset.query is not dataset.database and not dataset.query_in_database:
        first = ", ".join(shared[:3]) + (", …" if len(shared) > 3 else "")
        warnings.warn(
            f"{len(shared):,} of {len(dataset.query):,} queries of {dataset.name} are in its database too "
            f"({first}) and would find themselves. Take them off one of the lists, or set query_in_database if that is "
            "meant.",
            SSVHWarning,
            stacklevel=4,
        )
