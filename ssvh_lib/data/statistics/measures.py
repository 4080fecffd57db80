"""The statistics of a dataset: what they are called, what they mean, and how they are printed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

SHARES, COSINES, ACCURACIES = "Shares of variance", "Cosines of centred frames", "1-NN accuracy"
HARDNESS, COPIES, DIMENSIONS = "Hardness of frames", "Blank frames and copies", "Dimensions"


def _decimal(value: float) -> str:
    return f"{value:.3f}".replace("0.", ".", 1).replace("-", "−")


def _signed(value: float) -> str:
    text = _decimal(value)
    return ".000" if text.endswith(".000") and abs(value) < 0.5 else text if text.startswith("−") else f"+{text}"


def _percent(value: float) -> str:
    return "< 0.1 %" if 0 < value < 0.0005 else f"{100 * value:.1f} %"


def _count(value: float) -> str:
    return f"{value:,.1f}" if value < 99.95 else f"{value:,.0f}"


def _whole(value: float) -> str:
    return f"{value:,.0f}"


class Measure(NamedTuple):
    """A statistic as it is printed: its name in ``Statistics``, the group of rows that it stands in, and its label."""

    key: str
    group: str
    label: str
    write: Callable[[float], str]


def _measure(group: str, label: str, write: Callable[[float], str]) -> Any:
    return field(default=None, metadata={"group": group, "label": label, "write": write})


@dataclass(frozen=True)
class Statistics:
    """What can be told of a dataset's features before any method is trained on them.

    T frames a video, D values a frame. Queries and database are those of the retrieval task; all else is of the
    training set, or of the database if only that has labels (``described`` says which). *Centred* means minus the mean
    frame of the described videos, as PCA and ITQ do it. The class of a video is its first label. A statistic that the
    dataset does not allow is None, and ``missing`` says why, by its name; ``notes`` say what was sampled.

    Shares of the variance of the frames, summed over the D values; an exact decomposition, whose sum is 1:

    - ``class_share``: between classes, the mean squared distance of a video's class mean to the mean frame. The mean
      of a class is that of its videos' mean frames. A video without a label contributes nothing.
    - ``video_share``: between videos of a class, the mean squared distance of a video's mean frame to its class mean;
      of a video without a label, to the mean frame of all.
    - ``within_share``: within a video, the mean squared distance of a frame to the mean frame of its video.

    Mean cosines of centred frames, over all pairs; a frame that equals the mean frame has none:

    - ``neighbour_cosine``: of successive frames of a video.
    - ``same_video_cosine``: of two different frames of a video.
    - ``other_video_cosine``: of frames of two different videos.

    Share of the queries whose nearest database video, by the cosine of centred features, shares a label with them. The
    first of equally near ones counts, and a query in the database does not find itself. Videos without a label are
    left out on both sides:

    - ``mean_accuracy``: by the mean frame.
    - ``frame_accuracy``: by the middle frame alone, number T // 2 from 0.
    - ``ordered_accuracy``: by the T frames, concatenated.
    - ``chance_accuracy``: expected of a database video drawn at random.

    The *hardness* of a frame is its Euclidean distance to the nearest other frame of its video: how hard it is to
    rebuild from the others. Spearman's rank correlations within a video, averaged over the videos:

    - ``hardness_class``: of hardness with class evidence, the squared distance of the frame to the nearest mean of
      another class minus that to the mean of its own, the video itself left out of that. Classes of a single video,
      and videos that are equally hard or evident in every frame, are left out.
    - ``hardness_informative``: of hardness with whether the frame is informative, where the dataset records it.
    - ``informative_share``: share of the informative frames.

    Blank frames and copies, as shares of frames or videos:

    - ``blank_frames``: frames of one value, such as 0, in all D places.
    - ``repeated_frames``: frames that equal the frame before, among those that have one.
    - ``duplicate_videos``: videos that equal an earlier one, bit for bit.
    - ``query_copies``: queries that equal a database video, other than themselves, bit for bit.
    - ``near_duplicates``: queries whose centred mean frame has a cosine above .99 with that of a database video
      other than themselves; copies included.

    Dimensions, from the eigenvalues λ of the covariance of the frames:

    - ``effective_dimensions``: the participation ratio (Σλ)² / Σλ², which is D if all λ are equal.
    - ``dimensions_90``: the number of principal components that hold 90 % of the variance.
    """

    name: str
    described: str  # "train" or "database"
    videos: int
    frames: int
    size: int
    classes: int
    queries: int
    class_share: float | None = _measure(SHARES, "between classes", _decimal)
    video_share: float | None = _measure(SHARES, "between videos of a class", _decimal)
    within_share: float | None = _measure(SHARES, "within a video", _decimal)
    neighbour_cosine: float | None = _measure(COSINES, "neighbouring frames", _decimal)
    same_video_cosine: float | None = _measure(COSINES, "two frames of a video", _decimal)
    other_video_cosine: float | None = _measure(COSINES, "frames of different videos", _signed)
    mean_accuracy: float | None = _measure(ACCURACIES, "by the mean frame", _decimal)
    frame_accuracy: float | None = _measure(ACCURACIES, "by the middle frame", _decimal)
    ordered_accuracy: float | None = _measure(ACCURACIES, "by the frames in order", _decimal)
    chance_accuracy: float | None = _measure(ACCURACIES, "by chance", _decimal)
    hardness_class: float | None = _measure(HARDNESS, "correlation with class evidence", _signed)
    hardness_informative: float | None = _measure(HARDNESS, "correlation with informative", _signed)
    informative_share: float | None = _measure(HARDNESS, "informative frames", _percent)
    blank_frames: float | None = _measure(COPIES, "blank frames", _percent)
    repeated_frames: float | None = _measure(COPIES, "repeated frames", _percent)
    duplicate_videos: float | None = _measure(COPIES, "duplicate videos", _percent)
    query_copies: float | None = _measure(COPIES, "queries in the database", _percent)
    near_duplicates: float | None = _measure(COPIES, "queries nearly in the database", _percent)
    effective_dimensions: float | None = _measure(DIMENSIONS, "participation ratio", _count)
    dimensions_90: float | None = _measure(DIMENSIONS, "for 90 % of the variance", _whole)
    missing: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    source: str = ""  # where its videos come from, which is known of real_sets()

    def heading(self) -> str:
        """Return a line with its sizes."""
        kind = {"train": "training", "database": "database"}[self.described]
        return (
            f"{self.name}: {self.videos:,} {kind} videos x {self.frames} frames x {self.size:,} values, "
            f"{self.classes:,} classes; {self.queries:,} queries"
        )


MEASURES = tuple(Measure(one.name, **one.metadata) for one in fields(Statistics) if one.metadata)
