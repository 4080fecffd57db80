"""What a check of a dataset's files found, and how it is printed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Contents:
    """The content of the feature files of one set of videos; ``digests (N,)`` are equal for equal videos."""

    shape: tuple[int, ...]
    dtype: str
    chunk: int  # videos that are stored, and so decoded, together
    bad_videos: tuple[int, ...]  # with NaN, infinity or a value beyond float32
    zero_frames: int
    constant_frames: int  # of one value other than 0
    digests: list[bytes] = field(repr=False)

    @property
    def duplicates(self) -> int:
        """The number of videos that equal an earlier one of the set bit for bit."""
        return len(self.digests) - len(set(self.digests))


@dataclass(frozen=True)
class Part:
    """One set of videos: its features, and its labels ``(N, L)`` unless they cannot be read or do not exist."""

    contents: Contents
    labels: np.ndarray | None = field(repr=False)
    ids: tuple[str, ...] | None = field(repr=False, default=None)

    def which(self, rows: Sequence[int]) -> str:
        """Name the first few of some videos, or say in which rows they are if they have no names."""
        more = ", …" if len(rows) > 5 else ""
        if self.ids is None:
            return f"in rows {', '.join(map(str, rows[:5]))}{more}"
        return ", ".join(f"'{self.ids[row]}'" for row in rows[:5]) + more

    def lines(self) -> list[str]:
        """Describe its content."""
        found = self.contents
        videos, frames, size = found.shape
        text = f"{videos:,} videos x {frames} frames x {size} values, {found.dtype}; {_describe_labels(self.labels)}"
        oddities = {
            "videos with NaN or infinity": len(found.bad_videos),
            "frames of zeros": found.zero_frames,
            "frames of one value": found.constant_frames,
            "videos that equal an earlier one": found.duplicates,
        }
        return [text, ", ".join(f"{count:,} {what}" for what, count in oddities.items())]


class Unreadable:
    """One set of videos whose features cannot be read; the problems of the report say why."""

    def lines(self) -> list[str]:
        """Say that they cannot be read."""
        return ["cannot be read"]


@dataclass(frozen=True)
class Report:
    """The content of the files of a dataset, and its ``problems``, a sentence each."""

    name: str
    folder: Path
    parts: dict[str, Part | Unreadable]
    shared: dict[tuple[str, str], int]  # number of videos of the first set that are in the second too, bit for bit
    problems: list[str]
    notes: tuple[str, ...] = ()
    taken_for: str = ""

    def text(self) -> str:
        """Return the report as it is printed."""
        lines = [f"{self.name} in {self.folder}", f"  Taken for {self.taken_for}."]
        for name, part in self.parts.items():
            twin = next(one for one, other in self.parts.items() if other is part)
            first, *others = part.lines() if twin == name else [f"the same videos as {twin}"]
            lines += [f"  {name:<9} {first}", *(f"            {line}" for line in others)]
        lines += [f"  {count:,} {one} videos are in {other} too" for (one, other), count in self.shared.items()]
        lines += [f"  Note: {note}" for note in self.notes]
        count = len(self.problems)
        lines.append(f"{count} problem{'s' if count > 1 else ''}:" if count else "No problems.")
        return "\n".join([*lines, *(f"  - {problem}" for problem in self.problems)])


def _describe_labels(labels: np.ndarray | None) -> str:
    if labels is None:
        return "no labels"
    each = labels.sum(axis=1)
    density = f"{each.mean():.2f} labels a video ({labels.mean():.2%} of the table)"
    return f"{labels.shape[1]} classes, {density}, {int((each == 0).sum()):,} videos without a label"
