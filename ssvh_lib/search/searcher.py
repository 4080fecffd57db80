"""An index of a run's database, and the neighbours of a video in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, cast

import numpy as np
from tqdm import tqdm

from ..data import Dataset, VideoFeatures, load_dataset
from ..data.raw_video.backbones import load_backbone
from ..data.raw_video.frame_features import read_pictures
from ..errors import SSVHError, unknown
from ..evaluation.codes import Codes, encode, load_codes
from ..training.runs import Run
from ..utils.devices import choose_device
from ..utils.files import data_root, digest, read_json
from .index import HammingIndex
from .index_kinds import KINDS
from .page import Hit, Video

if TYPE_CHECKING:
    from ..methods.base import Method

BATCH = 512  # videos encoded between two steps of the progress bar


class Backbone(TypedDict):
    """The network that made the features of a dataset: its name or full path, and the fingerprint of its weights."""

    name: str
    weights: str


class Source(TypedDict):
    """The origin of an index of a run; folders by their full path, files and data by their fingerprint."""

    run: str
    weights: str
    dataset: str
    root: str
    data_fingerprint: str
    backbone: Backbone | None  # None if `ssvh extract` did not make the dataset


def index_run(
    folder: str | Path,
    dataset: str | None = None,
    root: str | Path | None = None,
    *,
    kind: str = "flat",
    device: str = "auto",
) -> HammingIndex:
    """Index a dataset's database, encoded by the run in ``folder``; by default that of the run's own dataset.

    The index remembers its ``Source``, which ``Searcher`` needs. Raises SSVHError if the run is not finished, or if the
    dataset is not there or of another shape than the run's.
    """
    if kind not in KINDS:  # otherwise the error would come only after the encoding
        raise unknown("kind of index", kind, KINDS)
    run = Run(Path(folder))
    if not run.finished:
        raise SSVHError(f"{run.folder} holds no finished run. `ssvh train` prints the folder of a run it has finished.")
    name, base = dataset or run.config["dataset"], Path(root) if root is not None else data_root()
    loaded = load_dataset(name, base, progress=True)
    own = run.config["data_fingerprint"] == loaded.fingerprint and (run.folder / "codes.npz").is_file()
    codes = load_codes(run.folder / "codes.npz")["database"] if own else _encoded(run, loaded.database, device)
    source: Source = {
        "run": str(run.folder.resolve()),
        "weights": digest(run.folder / "model.safetensors"),
        "dataset": name,
        "root": str(base.resolve()),
        "data_fingerprint": loaded.fingerprint,
        "backbone": _backbone(loaded),
    }
    return HammingIndex(codes, loaded.database.ids, kind=kind, source=source)


def _encoded(run: Run, videos: VideoFeatures, device: str) -> Codes:
    model = run.model().to(choose_device(device))
    steps = tqdm(videos.batches(BATCH), total=-(-len(videos) // BATCH), desc="Encoding the database", leave=False)
    return Codes(np.concatenate([encode(model, frames).packed for frames in steps]))


def _backbone(dataset: Dataset) -> Backbone | None:
    path = dataset.root / "extract.json"
    if not path.is_file():
        return None
    made = read_json(path)
    if not all(isinstance(made.get(key), str) for key in ("backbone", "weights")):
        raise SSVHError(f"{path} does not name a backbone and its weights. Extract the dataset again.")
    return {"name": made["backbone"], "weights": made["weights"]}


@dataclass(frozen=True)
class Query:
    """A video to search for, its code, and, if it is a query of the dataset, its labels and its row in the database."""

    video: Video
    codes: Codes
    labels: np.ndarray | None = None  # (L,)
    itself: int | None = None  # its own row in the database, which is never a hit


@dataclass(frozen=True)
class Searcher:
    """An index opened for search, with the run and the dataset behind it; ``Searcher.open`` makes one."""

    index: HammingIndex
    run: Run
    dataset: Dataset
    device: str = "auto"

    @classmethod
    def open(
        cls, path: str | Path, *, run: str | Path | None = None, root: str | Path | None = None, device: str = "auto"
    ) -> Searcher:
        """Open the index of a file; ``run`` and ``root`` name run and datasets if they were moved since it was made.

        Raises SSVHError if the file is not a whole index, or if the run or the dataset is missing or has changed.
        """
        index = HammingIndex.load(path)
        if not index.source.keys() >= Source.__required_keys__:
            raise SSVHError(f"{path} does not say which run made its codes. `ssvh index RUN` makes one that does.")
        source = cast(Source, index.source)  # as index_run wrote it
        done = Run(Path(run or source["run"]))
        if not done.finished:
            raise SSVHError(f"There is no finished run in {done.folder}, where {path} has it. Name it: --run FOLDER.")
        if digest(done.folder / "model.safetensors") != source["weights"]:
            raise SSVHError(f"The run in {done.folder} is not the one that made {path}. Make the index again.")
        dataset = load_dataset(source["dataset"], root or source["root"], progress=True)
        if dataset.fingerprint != source["data_fingerprint"] or len(index) != len(dataset.database):
            raise SSVHError(f"{dataset.root} is not what {path} was made of. Make the index again.")
        return cls(index, done, dataset, device)

    def query(self, row: int) -> Query:
        """Encode a query of the dataset by its number; SSVHError if there is no such query."""
        videos = self.dataset.query
        if not 0 <= row < len(videos):
            raise SSVHError(f"{self.dataset.name} has queries 0 to {len(videos) - 1}, but no query {row}.")
        codes = encode(self._model, videos.part(np.array([row])))
        video = self._video(videos, row, _bits(codes, 0))
        return Query(video, codes, videos.labels[row], row if self.dataset.query_in_database else None)

    def video(self, path: str | Path) -> Query:
        """Encode a video file, or a folder of frames, described by the backbone that described the dataset.

        Raises SSVHError if it cannot be read, or if the dataset was not made of videos by ``ssvh extract``.
        """
        backbone, file = cast(Source, self.index.source)["backbone"], Path(path)
        if backbone is None:
            raise SSVHError(
                f"{self.dataset.name} does not say how a video becomes features; only a dataset that `ssvh extract` "
                "made does. Search for one of its own queries: --query 0."
            )
        if not file.exists():
            raise SSVHError(f"There is no video {file}.")
        network = load_backbone(backbone["name"], self.device)
        if network.fingerprint() != backbone["weights"]:
            raise SSVHError(f"The backbone {backbone['name']} has other weights now. Extract the dataset again.")
        pictures = read_pictures(file, self.dataset.database.frames, network)
        codes = encode(self._model, pictures.features(network)[None])
        return Query(Video(file.name, (), _bits(codes, 0), pictures.thumbnails), codes)

    def nearest(self, query: Query, k: int = 10) -> list[Hit]:
        """Find the ``k`` nearest videos of the database, leaving out the query itself."""
        found = self.index.search(query.codes, k + (query.itself is not None))
        pairs = zip(found.rows[0].tolist(), found.distances[0].tolist(), strict=True)
        videos, known = self.dataset.database, query.labels is not None and query.labels.any()
        return [
            Hit(
                self._video(videos, row, _bits(self.index.codes, row)),
                distance,
                bool((videos.labels[row] & query.labels).any()) if known else None,
            )
            for row, distance in pairs
            if row not in (-1, query.itself)
        ][:k]

    def facts(self) -> list[str]:
        """Describe how the hits are found, in a few short lines."""
        wanted, how = self.run.config, "exactly" if self.index.exact else "approximately"
        return [
            f"{len(self.index):,} videos of {self.dataset.name}, searched {how} (index: {self.index.kind})",
            f"Codes of {self.index.bits} bits by {wanted['method']}, variant {wanted['config']['variant']}",
        ]

    @cached_property
    def _model(self) -> Method:
        return self.run.model().to(choose_device(self.device))

    def _video(self, videos: VideoFeatures, row: int, code: np.ndarray) -> Video:
        labels = self.dataset.class_names(videos.labels[row])
        frames = None if videos.thumbnails is None else videos.thumbnails[np.array([row])][0]
        return Video(videos.ids[row], labels, code, frames)


def _bits(codes: Codes, row: int) -> np.ndarray:
    return np.unpackbits(codes.packed[row]).astype(bool)
