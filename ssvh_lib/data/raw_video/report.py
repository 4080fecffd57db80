"""What an extraction made of each video: ``report.csv``, and its summary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ...utils.files import write_file
from ..layouts import PARTS
from ..listing import Listing, printable
from .gather import load

FILE = "report.csv"


@dataclass(frozen=True)
class Report:
    """The result of an extraction: the number of videos in each set, and those with a remark, by their path."""

    folder: Path
    sets: dict[str, int]
    skipped: dict[str, str]  # could not be read, and why
    noted: dict[str, str]  # are in the dataset, but something is wrong with them
    left_out: int  # lie in the folder of videos, but are in no list

    def __str__(self) -> str:
        lines = [f"{self.folder}: " + ", ".join(f"{count:,} {part}" for part, count in self.sets.items())]
        for title, videos in (("skipped", self.skipped), ("used with a remark", self.noted)):
            if videos:
                some = [f"  {video}: {remark}" for video, remark in list(videos.items())[:5]]
                lines += [f"{len(videos)} {title}, see {FILE}:", *some, *(["  …"] if len(videos) > 5 else [])]
        if self.left_out:
            lines.append(f"{self.left_out} videos of the folder are in no list and were left out.")
        return "\n".join(lines)


def write_report(folder: Path, listing: Listing, stored: Mapping[str, Path], problems: Mapping[str, str]) -> None:
    """Write a line for each video: its set, labels, length in seconds if that is known, status and remark."""
    records = []
    for video in listing.videos:
        known = {"video": printable(video.path), "set": video.part, "labels": ";".join(video.labels)}
        if (problem := problems.get(video.path)) is not None:
            records.append(known | {"seconds": "", "status": "skipped", "remark": problem})
            continue
        seconds, note = float(load(stored[video.path], "seconds")), str(load(stored[video.path], "note"))
        length = "" if seconds != seconds else f"{seconds:.3f}"  # NaN: a folder of frames
        records.append(known | {"seconds": length, "status": "used", "remark": note})
    write_file(folder / FILE, lambda partial: pd.DataFrame(records).to_csv(partial, index=False))


def read_report(folder: Path, left_out: int) -> Report:
    """Read the report in the folder of a dataset."""
    table = pd.read_csv(folder / FILE, dtype=str, keep_default_na=False)
    skipped = table["status"] == "skipped"
    counts = table[~skipped]["set"].value_counts()
    sets = {part: int(counts[part]) for part in PARTS if part in counts}
    noted = ~skipped & (table["remark"] != "")
    return Report(folder, sets, _remarks(table[skipped]), _remarks(table[noted]), left_out)


def _remarks(rows: pd.DataFrame) -> dict[str, str]:
    return dict(zip(rows["video"], rows["remark"], strict=True))
