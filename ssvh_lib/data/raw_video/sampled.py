"""Moments of a video, evenly spaced, and what was seen at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

SINGLE = "shows a single picture"  # a note

T = TypeVar("T")


@dataclass(frozen=True)
class Sampled(Generic[T]):
    """The result of ``sample``: a value for each picture that was looked at, and facts about the video."""

    seen: list[T]  # of each picture, once, in order
    moments: list[int]  # which of them is on display at each of the T moments
    seconds: float  # from the first frame to the end of the last; NaN where there is no time
    note: str  # what is wrong with a video that could be read all the same; empty for a sound one

    @property
    def values(self) -> list[T]:
        """The value at each of the T moments; where a picture is on display at several, the same object."""
        return [self.seen[place] for place in self.moments]


def remarks(*texts: str | None) -> str:
    """Join what there is to remark."""
    return ", ".join(text for text in texts if text)
