"""From a folder of videos to a dataset in the published layout: features of a frozen backbone, and thumbnails.

Each video is described by itself, so that a row never depends on its neighbours, and stored in ``partial/`` of the
output folder as soon as it is done. An interrupted extraction therefore continues where it stopped and produces the
same bytes. ``report.csv`` lists every video; one that cannot be read is skipped, with the reason. ``extract.json``
says how the features were made, so that another video can be described in the same way.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Lock

import numpy as np
from filelock import FileLock, Timeout
from joblib import cpu_count
from tqdm import tqdm

from ...errors import SSVHError, unknown
from ...utils.extras import requires_extra
from ...utils.files import make_folder, read_json, write_json, write_text
from ..layouts import FILES, PARTS, PartTable, write_layout
from ..listing import QUERY_SHARE, printable
from .backbones import DEFAULT, Backbone, load_backbone
from .frame_features import SIDES, features_of, read_pictures
from .gather import store, write_set
from .plan import Plan, file_name, recipe_of
from .report import FILE, Report, read_report, write_report
from .splits import list_videos

__all__ = ["Report", "extract", "features_of"]

_OURS = {"dataset.toml", "extract.json", FILE} | {f"{part}_{name}" for part in PARTS for name in FILES.values()}


def extract(
    videos: str | Path,
    out: str | Path,
    *,
    backbone: str | Path = DEFAULT,
    frames: int = 25,
    float16: bool = False,
    thumbnails: str = "small",
    batch_size: int | None = None,
    device: str = "auto",
    classes: str | Path | None = None,
    splits: str | Path | None = None,
    query_share: float = QUERY_SHARE,
    seed: int = 0,
    progress: bool = True,
    say: Callable[[str], object] = print,
) -> Report:
    """Describe every video below ``videos`` by ``frames`` features of ``backbone``; ``load_dataset`` reads ``out``.

    Videos are files and folders of frames (see ``find``). Classes are the first folders below ``videos``, or come from
    the CSV ``classes``; sets from its column ``split``, from the official lists of UCF101 or HMDB51 in ``splits``, or a
    ``query_share`` of each class is drawn with ``seed`` (see ``listing``). Features are float32, or ``float16`` in half
    the space; ``thumbnails`` are "none", "small" or "full". ``batch_size``, by default what suits the device, changes
    no more than rounding.

    Before anything is described, ``say`` gets the size of the dataset on disk. The same call continues an interrupted
    one, and returns at once when all is done. Raises SSVHError if an argument or a list is wrong, if ``out`` holds
    something else or has no room, or if no video of a set can be read, and KeyboardInterrupt with what is kept.
    """
    if frames < 1 or (batch_size is not None and batch_size < 1):
        raise SSVHError(f"frames and batch_size must be 1 or more, got {frames} and {batch_size}.")
    if thumbnails not in SIDES:
        raise unknown("size of thumbnails", thumbnails, SIDES)
    with requires_extra("video", "Reading videos"):
        import av  # noqa: F401 - otherwise every single video would be found unreadable
    lists = (Path(path) if path is not None else None for path in (classes, splits))
    listing = list_videos(Path(videos), *lists, query_share=query_share, seed=seed)
    network = load_backbone(backbone, device)
    recipe = recipe_of(network, frames, SIDES[thumbnails], float16=float16)
    stored = {video.path: Path(out) / "partial" / file_name(Path(videos), video, recipe) for video in listing.videos}
    plan = Plan(Path(videos), Path(out), listing, stored, recipe)
    with _locked(plan.out):
        if not _is_done(plan):
            plan.check_size(network.size, say)
            make_folder(plan.out / "partial")
            with _kept_on_interrupt(plan):
                _write(plan, _describe_all(plan, network, batch_size, progress))
        shutil.rmtree(plan.out / "partial", ignore_errors=True)
    return read_report(plan.out, listing.left_out)


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Lock the folder ``out``. Raises SSVHError if another process has it locked."""
    make_folder(out.parent)
    try:
        with FileLock(out.with_name(f".{out.name}.lock"), timeout=0):
            yield
    except Timeout as error:
        raise SSVHError(f"Another process is extracting into {out}. Wait for it, or stop it.") from error


def _is_done(plan: Plan) -> bool:
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


@contextmanager
def _kept_on_interrupt(plan: Plan) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        total = len(plan.stored)
        raise KeyboardInterrupt(
            f"Interrupted: {total - len(plan.todo())} of {total} videos are kept in {plan.out}; the same command "
            "continues."
        ) from None


def _describe_all(plan: Plan, network: Backbone, batch_size: int | None, progress: bool) -> dict[str, str]:
    """Describe and store the videos that are not stored yet; return why others could not be read, by path."""
    problems: dict[str, str] = {}
    todo, describe = plan.todo(), _Describe(plan, network, batch_size)
    with tqdm(
        total=len(plan.stored),
        initial=len(plan.stored) - len(todo),
        desc="Describing videos",
        disable=not progress,
        bar_format="{desc}: {bar} {n_fmt} of {total_fmt} · {remaining} left",
    ) as bar, _side_by_side(network.device.type) as pool:  # fmt: skip
        futures = {pool.submit(describe, path): path for path in todo}
        for future in as_completed(futures):
            if (problem := future.result()) is not None:
                problems[futures[future]] = problem
            bar.update()
    return problems


@contextmanager
def _side_by_side(device: str) -> Iterator[ThreadPoolExecutor]:
    """Yield threads that describe videos, each one by itself; those that have not begun at the end are dropped.

    On a CPU there are as many as PyTorch would use for one video, and each gets one, so that none waits for another.
    Beside a GPU they are there to decode.
    """
    import torch

    threads = torch.get_num_threads()
    pool = ThreadPoolExecutor(min(threads, cpu_count()) if device == "cpu" else cpu_count())
    torch.set_num_threads(1)  # in threads that begin from now on
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)


class _Describe:
    """Describes and stores a video by its path; called by several threads."""

    def __init__(self, plan: Plan, network: Backbone, batch_size: int | None):
        self.plan, self.network, self.batch_size = plan, network, batch_size
        self.turn = nullcontext() if network.device.type == "cpu" else Lock()  # a GPU has one memory for all

    def __call__(self, path: str) -> str | None:
        """Return the reason if the video cannot be read. Raises SSVHError for errors that would stop every video."""
        recipe = self.plan.recipe
        try:
            pictures = read_pictures(self.plan.videos / path, recipe["frames"], self.network, recipe["thumbnail"])
        except SSVHError as error:
            return str(error).removeprefix(f"{self.plan.videos / path} ")
        with self.turn:
            features = pictures.features(self.network, self.batch_size)
        if "dtype" in recipe:
            features = _halved(features, path)
        store(self.plan.stored[path], features, pictures.thumbnails, pictures.seconds, pictures.note)
        return None


def _halved(features: np.ndarray, path: str) -> np.ndarray:
    with np.errstate(over="ignore"):
        halves = features.astype(np.float16)
    if not np.isfinite(halves).all():
        raise SSVHError(
            f"The features of {path} reach {np.abs(features).max():,.0f}, and float16 ends at 65,504. Extract them as "
            "float32, without --float16."
        )
    return halves


def _write(plan: Plan, problems: dict[str, str]) -> None:
    """Write the report, then all other files into ``partial/``; move them out once complete, dataset.toml last."""
    write_report(plan.out, plan.listing, plan.stored, problems)
    draft = plan.out / "partial"
    tables: dict[str, PartTable] = {}
    for part in (part for part in PARTS if any(video.part == part for video in plan.listing.videos)):
        kept = [video for video in plan.listing.videos if video.part == part and video.path not in problems]
        if not kept:
            raise SSVHError(f"No video of the set '{part}' could be read; {plan.out / FILE} says why.")
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
