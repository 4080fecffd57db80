"""Statistics of a dataset, in bounded memory: ``ssvh data describe`` prints them."""

from __future__ import annotations

from tqdm import tqdm

from ..features import Dataset, VideoFeatures
from .frames import Blemishes, Cosines, Moments, Reader, Spectrum, first_labels
from .hardness import Hardness
from .measures import MEASURES, Measure, Statistics
from .neighbours import NEAR, Digests, Neighbours, draw_queries

__all__ = ["MEASURES", "NEAR", "Measure", "Statistics", "describe"]

_SLAB = 32 << 20  # bytes as float32 that are looked at together


def describe(dataset: Dataset, *, progress: bool = False) -> Statistics:
    """Compute the ``Statistics`` of a dataset.

    Every video is read once or twice, in order, a slab at a time. Of large sets a sample is asked or counted where the
    work grows with the square of their size, drawn with a fixed seed; ``Statistics.notes`` say so. Raises SSVHError if
    a value is NaN or infinite.
    """
    described = "train" if dataset.train.labels.any() or not dataset.database.labels.any() else "database"
    videos = dataset.parts()[described]
    with tqdm(desc=f"Describing {dataset.name}", unit=" videos", disable=not progress) as bar:
        return _describe(dataset, described, videos, bar)


def _describe(dataset: Dataset, described: str, videos: VideoFeatures, bar: tqdm) -> Statistics:
    database, query = dataset.database, dataset.query
    again = [] if database is videos else [database]
    asked_again = [] if query is database or query is videos else [query]
    bar.total = sum(map(len, [videos, videos, *again, *asked_again]))
    classes = first_labels(videos.labels)
    moments = Moments(classes, videos.labels.shape[1], videos.size)
    blemishes, digests = Blemishes(), Digests()
    spectrum = Spectrum(len(videos), videos.frames, videos.size)
    _read(videos, [moments, blemishes, digests, spectrum], bar)
    dimensions = spectrum.dimensions()
    sampled = spectrum.sampled
    del spectrum
    mean = moments.mean
    cosines = Cosines(mean)
    hard = Hardness(mean, moments.class_means(), moments.counts, classes, videos.labels, videos.informative)
    rows = draw_queries(query)
    neighbours = Neighbours(mean, query, rows, database.labels, in_database=dataset.query_in_database)
    _read(videos, [cosines, hard, *([neighbours] if database is videos else [])], bar)
    in_database = digests if database is videos else Digests()
    if database is not videos:
        _read(database, [neighbours, in_database], bar)
    asked = in_database if query is database else digests if query is videos else Digests()
    if query is not database and query is not videos:
        _read(query, [asked], bar)
    copies = asked.also_in(in_database, 2 if dataset.query_in_database else 1)
    shares, accuracies = moments.shares(), neighbours.accuracies()
    labelled = bool(videos.labels.any())
    found: dict[str, float | None] = {
        "class_share": shares.between_classes if shares and labelled else None,
        "video_share": shares.between_videos if shares and labelled else None,
        "within_share": shares.within_videos if shares else None,
        "neighbour_cosine": cosines.neighbours(),
        "same_video_cosine": cosines.same_video(),
        "other_video_cosine": cosines.other_videos(),
        **dict(
            zip(
                ("mean_accuracy", "frame_accuracy", "ordered_accuracy", "chance_accuracy"),
                accuracies or [None] * 4,
                strict=True,
            )
        ),
        "hardness_class": hard.with_class.mean(),
        "hardness_informative": hard.with_informative.mean(),
        "informative_share": None if videos.informative is None else float(videos.informative.mean()),
        "blank_frames": blemishes.blank(),
        "repeated_frames": blemishes.repeated(),
        "duplicate_videos": digests.repeated() / len(videos),
        "query_copies": copies / len(query),
        "near_duplicates": neighbours.near_duplicates(),
        "effective_dimensions": dimensions and dimensions[0],
        "dimensions_90": dimensions and float(dimensions[1]),
    }
    return Statistics(
        dataset.name,
        described,
        len(videos),
        videos.frames,
        videos.size,
        int((moments.counts > 0).sum()),
        len(rows),
        **found,
        notes=(f"{sampled:,} frames for dimensions", f"{len(rows):,} of {len(query):,} queries"),
    )


def _read(videos: VideoFeatures, readers: list[Reader], bar: tqdm) -> None:
    """Give all videos, in order, to each of the readers."""
    size, start = max(1, _SLAB * len(videos) // max(1, videos.nbytes)), 0
    for frames in videos.batches(size):
        for reader in readers:
            reader.add(start, frames)
        start += len(frames)
        bar.update(len(frames))
