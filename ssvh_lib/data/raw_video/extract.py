"""From a folder of videos to a dataset in the published layout: features of a frozen backbone, and thumbnails.

Each video is described by itself, so that a row never depends on its neighbours, and stored in ``partial/`` of the
output folder as soon as it is done. An interrupted extraction therefore continues where it stopped and produces the
same bytes. ``report.csv`` lists every video; one that cannot be read is skipped, with the reason. ``extract.json``
says how the features were made, so that another video can be described in the same way.
"""

from __future__ import annotations

import os
import shutil
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple, TypedDict

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout
from joblib import cpu_count
from tqdm import tqdm

from ...errors import SSVHError
from ...utils.files import digest_of, make_folder, read_json, write_file, write_json, write_text
from ..layouts import FILES, PARTS, PartTable, write_layout
from ..listing import QUERY_SHARE, Listed, Listing, printable
from .backbones import Backbone, load_backbone
from .frame_features import BATCH_SIZE, SIDE, Pictures, features_of, read_pictures
from .gather import is_stored, load, store, write_set
from .splits import list_videos

__all__ = ["Report", "extract", "features_of"]

_OURS = {"dataset.toml", "extract.json", "report.csv"} | {f"{part}_{name}" for part in PARTS for name in FILES.values()}


@dataclass(frozen=True)
class Report:
    """The result of an extraction: the number of videos in each set, and those with a remark, by their path."""

    folder: Path
    sets: dict[str, int]
    skipped: dict[str, str]  # could not be read, and why
    damaged: dict[str, str]  # are in the dataset, but something is wrong with the file
    left_out: int  # lie in the folder of videos, but are in no list

    def __str__(self) -> str:
        lines = [f"{self.folder}: " + ", ".join(f"{count:,} {part}" for part, count in self.sets.items())]
        for title, videos in (("skipped", self.skipped), ("damaged, but used", self.damaged)):
            if videos:
                some = [f"  {video}: {remark}" for video, remark in list(videos.items())[:5]]
                lines += [f"{len(videos)} {title}, see report.csv:", *some, *(["  …"] if len(videos) > 5 else [])]
        if self.left_out:
            lines.append(f"{self.left_out} videos of the folder are in no list and were left out.")
        return "\n".join(lines)


class Recipe(TypedDict):
    """How features were made, as ``extract.json`` records it."""

    backbone: str
    weights: str  # fingerprint of the backbone
    frames: int
    thumbnail: int  # pixels of a side


class _Plan(NamedTuple):
    """The videos to describe, how, and where each one is stored."""

    videos: Path
    out: Path
    listing: Listing
    stored: dict[str, Path]  # a file for each video, by the video's path; its name depends on video and recipe
    recipe: Recipe

    @property
    def inputs(self) -> str:
        """A fingerprint of everything that the result depends on."""
        return digest_of([asdict(self.listing), {path: stored.name for path, stored in self.stored.items()}])


def extract(
    videos: str | Path,
    out: str | Path,
    *,
    backbone: str | Path = "microsoft/resnet-50",
    frames: int = 25,
    batch_size: int = BATCH_SIZE,
    device: str = "auto",
    classes: str | Path | None = None,
    splits: str | Path | None = None,
    query_share: float = QUERY_SHARE,
    seed: int = 0,
    progress: bool = True,
) -> Report:
    """Describe every video below ``videos`` by ``frames`` features of ``backbone``; ``load_dataset`` reads ``out``.

    Classes are the first folders below ``videos``, or come from the CSV ``classes``; sets from its column
    ``split``, from the official lists of UCF101 or HMDB51 in ``splits``, or a ``query_share`` of each class is
    drawn with ``seed`` (see ``ssvh_lib.data.listing``). The same call continues an interrupted one, and returns
    at once when all is done. Raises SSVHError if an argument or a list is wrong, if ``out`` holds something
    else, or if no video of a set can be read.
    """
    if min(frames, batch_size) < 1:
        raise SSVHError(f"frames and batch_size must be 1 or more, got {frames} and {batch_size}.")
    lists = (Path(path) if path is not None else None for path in (classes, splits))
    listing = list_videos(Path(videos), *lists, query_share=query_share, seed=seed)
    network = load_backbone(backbone, device)
    name = str(Path(backbone).resolve() if Path(backbone).is_dir() else backbone)
    recipe: Recipe = {"backbone": name, "weights": network.fingerprint(), "frames": frames, "thumbnail": SIDE}
    stored = {video.path: Path(out) / "partial" / _file_name(Path(videos), video, recipe) for video in listing.videos}
    plan = _Plan(Path(videos), Path(out), listing, stored, recipe)
    with _locked(plan.out):
        if not _is_done(plan):
            make_folder(plan.out / "partial")
            _write(plan, _describe_all(plan, network, batch_size, progress))
        shutil.rmtree(plan.out / "partial", ignore_errors=True)
    return _read_report(plan)


def _file_name(folder: Path, video: Listed, recipe: Recipe) -> str:
    """Return a file name that changes with the video and with everything that its features depend on."""
    with suppress(OSError):
        stat = (folder / video.path).stat()
        made_of = {key: value for key, value in recipe.items() if key != "backbone"}
        return digest_of([video.path, stat.st_size, stat.st_mtime_ns, made_of]) + ".npz"
    return "missing.npz"


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Lock the folder ``out``. Raises SSVHError if another process has it locked."""
    make_folder(out.parent)
    try:
        with FileLock(out.with_name(f".{out.name}.lock"), timeout=0):
            yield
    except Timeout as error:
        raise SSVHError(f"Another process is extracting into {out}. Wait for it, or stop it.") from error


def _is_done(plan: _Plan) -> bool:
    """Tell whether ``out`` holds the result already. Raises SSVHError if other content would be overwritten."""
    out = plan.out
    if out.exists() and not out.is_dir():
        raise SSVHError(f"{out} is a file; the dataset needs a folder of this name.")
    if (out / "dataset.toml").is_file():
        if (out / "extract.json").is_file() and read_json(out / "extract.json").get("inputs") == plan.inputs:
            return True
        raise SSVHError(
            f"{out} holds a dataset that was made from other videos, lists or settings. Choose another folder, or "
            "delete this one."
        )
    ours = _OURS | {"partial"} if (out / "partial").is_dir() else set()
    foreign = sorted({path.name for path in out.glob("[!.]*")} - ours)
    if foreign:
        raise SSVHError(f"{out} holds other files ({', '.join(foreign[:5])}). Choose a folder that is new or empty.")
    return False


def _describe_all(plan: _Plan, network: Backbone, batch_size: int, progress: bool) -> dict[str, str]:
    """Describe the videos that are not stored yet; return why others could not be read, by path."""
    problems: dict[str, str] = {}
    todo = [path for path, stored in plan.stored.items() if not is_stored(stored)]
    with tqdm(
        total=len(plan.stored),
        initial=len(plan.stored) - len(todo),
        desc="Describing videos",
        disable=not progress,
        bar_format="{desc}: {bar} {n_fmt} of {total_fmt} · {remaining} left",
    ) as bar:
        for path, reading in _read_ahead(plan, todo, network):
            try:
                pictures = reading.result()
            except _Unreadable as error:
                problems[path] = str(error)
            else:
                features = network.describe(pictures.prepared, batch_size)
                store(plan.stored[path], features, pictures.thumbnails, pictures.seconds, pictures.note)
            bar.update()
    return problems


class _Unreadable(Exception):
    """The reason why one video cannot be read, which does not stop the others."""


def _read_ahead(plan: _Plan, todo: list[str], network: Backbone) -> Iterator[tuple[str, Future[Pictures]]]:
    """Decode the next videos while the backbone works: in one thread beside a CPU, in one per core beside a GPU."""
    workers = 1 if network.device.type == "cpu" else cpu_count()
    pool = ThreadPoolExecutor(workers)
    ahead: deque[tuple[str, Future[Pictures]]] = deque()
    try:
        for path in todo:
            ahead.append((path, pool.submit(_read, plan, path, network)))
            if len(ahead) > workers + 1:
                yield ahead.popleft()
        yield from ahead
    finally:
        pool.shutdown(cancel_futures=True)


def _read(plan: _Plan, path: str, network: Backbone) -> Pictures:
    try:
        return read_pictures(plan.videos / path, plan.recipe["frames"], network)
    except SSVHError as error:
        raise _Unreadable(str(error).removeprefix(f"{plan.videos / path} ")) from error


def _write(plan: _Plan, problems: dict[str, str]) -> None:
    """Write the report, then all other files into ``partial/``; move them out once complete, dataset.toml last."""
    write_file(plan.out / "report.csv", lambda partial: _report_table(plan, problems).to_csv(partial, index=False))
    draft = plan.out / "partial"
    tables: dict[str, PartTable] = {}
    for part in (part for part in PARTS if any(video.part == part for video in plan.listing.videos)):
        kept = [video for video in plan.listing.videos if video.part == part and video.path not in problems]
        if not kept:
            raise SSVHError(f"No video of the set '{part}' could be read; {plan.out / 'report.csv'} says why.")
        labels = np.array([[name in video.labels for name in plan.listing.classes] for video in kept], np.uint8)
        ids = [printable(video.path) for video in kept]
        tables[part] = write_set(draft, part, [plan.stored[video.path] for video in kept], labels, ids)
    write_json(draft / "extract.json", {**plan.recipe, "split": plan.listing.split, "inputs": plan.inputs})
    name, classes = printable(plan.out.resolve().name), list(plan.listing.classes)
    write_layout(draft, {"name": name, "preset": "small", "classes": classes, **tables})
    comment = f"# Sets: {printable(plan.listing.split)}. Made by `ssvh extract`; how is in extract.json.\n"
    write_text(draft / "dataset.toml", comment + (draft / "dataset.toml").read_text(encoding="utf-8"))
    for file in [*sorted(_OURS - {"dataset.toml"}), "dataset.toml"]:
        if (draft / file).is_file():
            os.replace(draft / file, plan.out / file)


def _report_table(plan: _Plan, problems: dict[str, str]) -> pd.DataFrame:
    records = []
    for video in plan.listing.videos:
        known = {"video": printable(video.path), "set": video.part, "labels": ";".join(video.labels)}
        stored, seconds, note = plan.stored[video.path], "", problems.get(video.path, "")
        if video.path not in problems:
            seconds, note = f"{load(stored, 'seconds'):.3f}", str(load(stored, "note"))
        status = "skipped" if not seconds else "damaged" if note else "used"
        records.append(known | {"seconds": seconds, "status": status, "remark": note})
    return pd.DataFrame(records)


def _read_report(plan: _Plan) -> Report:
    table = pd.read_csv(plan.out / "report.csv", dtype=str, keep_default_na=False)
    remarks = {
        status: dict(zip(rows["video"], rows["remark"], strict=True)) for status, rows in table.groupby("status")
    }
    counts = table[table["status"] != "skipped"]["set"].value_counts()
    sets = {part: int(counts[part]) for part in PARTS if part in counts}
    return Report(plan.out, sets, remarks.get("skipped", {}), remarks.get("damaged", {}), plan.listing.left_out)
