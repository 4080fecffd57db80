"""A dataset whose videos are stored one by one."""

from __future__ import annotations

import hashlib
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import cast

import h5py

from ...utils.files import digest_of
from ..layouts import FILES, Layout, PartTable, lists_of
from ..listing import printable
from ..released import save_labels
from ..rows import LazyRows
from ..sources import Extras, StoredSet
from .resampled import Survey, VideoRows, survey
from .sets import Sets, read_sets
from .stores import Store, open_store


class VideoSource:
    """A ``Source`` whose layout has the table ``[videos]``. Lists and shapes are read when they are first needed."""

    def __init__(self, folder: Path, layout: Layout, *, progress: bool = False):
        self.folder, self.layout, self.table, self.progress = folder, layout, layout["videos"], progress

    @cached_property
    def _store(self) -> Store:
        return open_store(self.folder / self.table["features"], self.table.get("key"))

    @cached_property
    def _sets(self) -> Sets:
        return read_sets(self.folder, self.layout, self._store)

    @cached_property
    def _survey(self) -> Survey:
        names = dict.fromkeys(chain.from_iterable(videos.names for videos in self._sets.by_part.values()))
        return survey(self._store, list(names), progress=self.progress)

    @property
    def _frames(self) -> int:
        return self.table.get("frames", self._survey.common_frames())

    @property
    def same(self) -> dict[str, str]:
        """Each set with the first one that is equal."""
        return self._sets.same()

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self._sets.classes

    @property
    def notes(self) -> list[str]:
        """Where the sets come from, and what was done to the videos."""
        lengths = self._survey.frames.values()
        notes = [f"Sets: {self._sets.origin}."]
        if {self._frames} != set(lengths):
            notes.append(f"Videos have {min(lengths)} to {max(lengths)} frames; each is resampled to {self._frames}.")
        if self._sets.left_out:
            notes.append(f"{self._sets.left_out:,} stored videos are in no set.")
        return notes

    def files(self) -> list[str]:
        """Return the features and the lists."""
        return [self.table["features"], *lists_of(self.table).values()]

    def open(self, part: str) -> StoredSet:
        """Open one of the sets in ``same``."""
        videos = self._sets.by_part[part]
        rows = VideoRows(self._store, videos.names, self._survey, self._frames)
        return StoredSet(rows, lambda: videos.labels, lambda: Extras(tuple(map(printable, videos.names))))

    def fingerprint(self) -> str:
        """Return 16 hex digits that change with features, frames, names, labels and the layout, but not with places."""
        sets = {
            part: [videos.names, hashlib.sha256(videos.labels.tobytes()).hexdigest()]
            for part, videos in self._sets.by_part.items()
        }
        layout = {key: value for key, value in self.layout.items() if key != "videos"}
        stored = self._store.digest(self._survey.frames)
        made = {"sets": sets, "classes": self.classes, "frames": self._frames, "key": self.table.get("key")}
        return digest_of({"layout": layout, "features": stored, **made})

    def feature_files(self) -> dict[str, LazyRows]:
        """Return a file for each set."""
        return {f"{part}_{FILES['features']}": self.open(part).features for part in dict.fromkeys(self.same.values())}

    def write_others(self, folder: Path) -> Layout:
        """Write labels and names of a copy, and return its layout."""
        tables: dict[str, PartTable] = {}
        for part in dict.fromkeys(self.same.values()):
            videos, names = self._sets.by_part[part], {key: f"{part}_{end}" for key, end in FILES.items()}
            save_labels(folder / names["labels"], videos.labels)
            with h5py.File(folder / names["extras"], "w") as file:
                file.create_dataset("ids", data=tuple(map(printable, videos.names)), dtype=h5py.string_dtype())
            tables[part] = {"features": [names["features"]], "labels": names["labels"], "extras": names["extras"]}
        kept = {key: value for key, value in self.layout.items() if key != "videos"}
        return cast(Layout, {**kept, "classes": list(self.classes), **tables})
