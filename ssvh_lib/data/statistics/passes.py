"""From a dataset to its statistics, reading every video once or twice."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

from tqdm import tqdm

from ..features import Dataset, VideoFeatures
from .frames import Blanks, Cosines, Found, Moments, Reader, Spectrum, check_range
from .hardness import Hardness
from .measures import ACCURACIES, COSINES, DIMENSIONS, MEASURES, SHARES, Statistics
from .neighbours import Digests, Neighbours

_SLAB = 32 << 20  # bytes as float32 that are looked at together


def describe(dataset: Dataset, *, progress: bool = False) -> Statistics:
    """Compute the ``Statistics`` of a dataset, in memory that hardly grows with the number of its videos.

    Of a large dataset samples are drawn with a fixed seed for what would take the square of its size: at most 2,000
    queries, or 512 MB of them, look for neighbours, and dimensions are counted in 256 MB of frames;
    ``Statistics.notes`` tell. Raises SSVHError if a value is NaN, infinite or too large to be squared.
    """
    part = "train" if dataset.train.labels.any() or not dataset.database.labels.any() else "database"
    videos = dataset.parts()[part]
    total = len(videos) + sum(map(len, _distinct(dataset, videos)))
    with tqdm(total=total, desc=f"Describing {dataset.name}", unit=" videos", disable=not progress) as bar:
        moments, of_frames, frames = _first_pass(videos, bar)
        of_videos, asked = _second_pass(dataset, videos, moments, bar)
    found: dict[str, Any] = of_frames | of_videos
    return Statistics(
        name=dataset.name,
        described=part,
        videos=len(videos),
        frames=videos.frames,
        size=videos.size,
        classes=int(videos.labels.any(axis=0).sum()),
        queries=len(dataset.query),
        **found,
        missing=_missing(videos, found),
        notes=_notes(dataset, videos, part, frames, asked),
    )


def _distinct(dataset: Dataset, videos: VideoFeatures) -> list[VideoFeatures]:
    """Return the sets of videos that are read the second time, each once: the database may be the training set."""
    return list({id(one): one for one in (videos, dataset.database, dataset.query)}.values())


def _first_pass(videos: VideoFeatures, bar: tqdm[NoReturn]) -> tuple[Moments, Found, int]:
    """Find the means, what needs no means, and the number of frames in which dimensions were counted."""
    moments, blanks, spectrum = Moments(videos), Blanks(), Spectrum(videos)
    _read(videos, [moments, blanks, spectrum], bar)
    return moments, moments.found() | blanks.found() | spectrum.found(), spectrum.count


def _second_pass(dataset: Dataset, videos: VideoFeatures, moments: Moments, bar: tqdm[NoReturn]) -> tuple[Found, int]:
    """Find what needs the means, what is between videos, and the number of queries that looked for neighbours."""
    query, database, within = dataset.query, dataset.database, dataset.query_in_database
    cosines, hardness = Cosines(moments.mean), Hardness(moments, videos)
    neighbours = Neighbours(moments.mean, query, database, query_in_database=within)
    digests = {id(one): Digests() for one in (videos, database, query)}
    for one in _distinct(dataset, videos):
        readers: list[Reader] = [digests[id(one)]]
        readers += [cosines, hardness] if one is videos else []
        readers += [neighbours] if one is database else []
        _read(one, readers, bar)
    copies = digests[id(query)].in_others(digests[id(database)], itself=within)
    found = cosines.found() | hardness.found() | neighbours.found() | digests[id(videos)].found()
    return found | {"query_copies": copies}, len(neighbours.rows)


def _read(videos: VideoFeatures, readers: Iterable[Reader], bar: tqdm[NoReturn]) -> None:
    """Give all videos, in order, to each of the readers."""
    step = max(1, _SLAB * len(videos) // max(1, videos.nbytes))
    for start, frames in zip(range(0, len(videos), step), videos.batches(step), strict=True):
        check_range(frames, videos)
        for reader in readers:
            reader.add(start, frames)
        bar.update(len(frames))


def _missing(videos: VideoFeatures, found: Found) -> dict[str, str]:
    """Say why each statistic that could not be computed is missing: the first reason that applies."""
    reasons = (
        (not videos.labels.any(), ("class_share", "video_share", "hardness_class"), "no video has a label"),
        (videos.informative is None, ("hardness_informative", "informative_share"), "the dataset does not record it"),
        (videos.frames == 1, ("neighbour_cosine", "same_video_cosine", "repeated_frames"), "videos have one frame"),
        (videos.frames == 1, ("hardness_class", "hardness_informative"), "videos have one frame"),
        ("within_share" not in found, _keys(SHARES, COSINES, DIMENSIONS), "all frames are equal"),
        (len(videos) == 1, ("other_video_cosine",), "there is one video"),
        (True, _keys(COSINES, DIMENSIONS), "nearly all frames are equal"),
        (True, _keys(ACCURACIES), "no query, or nothing that it could find, has a label"),
        (True, ("hardness_class",), "classes have one video each, or there is one class, or nothing varies"),
        (True, ("hardness_informative",), "in no video do both vary"),
    )
    absent = [measure.key for measure in MEASURES if found.get(measure.key) is None]
    return {key: next(reason for applies, keys, reason in reasons if applies and key in keys) for key in absent}


def _keys(*groups: str) -> tuple[str, ...]:
    return tuple(measure.key for measure in MEASURES if measure.group in groups)


def _notes(dataset: Dataset, videos: VideoFeatures, part: str, frames: int, asked: int) -> tuple[str, ...]:
    """Say what was described instead of the training set, and what was sampled."""
    total, queries = len(videos) * videos.frames, len(dataset.query)
    notes = {
        "The training set has no labels, so the database is described.": part == "database",
        f"Dimensions were counted in {frames:,} of {total:,} frames.": frames < total,
        f"Nearest neighbours were sought for {asked:,} of {queries:,} queries.": asked < queries,
    }
    return tuple(text for text, applies in notes.items() if applies)
