"""A report on the files of a dataset, compared with what they should hold: ``ssvh data check`` prints it.

Every value is read once, a slab at a time, whatever the size of the files; nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from itertools import combinations
from pathlib import Path

import numpy as np
from tqdm import tqdm

from ..errors import MissingFileError, SSVHError
from . import published
from .check_report import Contents, Part, Report, Unreadable
from .find import Found, find
from .layouts import PARTS
from .loader import BLOCK
from .read import open_source
from .rows import LazyRows
from .sources import Source

_SLAB = 32 << 20  # bytes as float32 that are checked together


def check_dataset(name: str, root: str | Path | None = None, *, progress: bool = False) -> Report:
    """Read all files of the dataset ``name`` in ``root`` (default ``data/``) and report their content and problems.

    Missing and damaged files are problems of the report. Raises SSVHError if there is no such dataset, or if its
    ``dataset.toml`` cannot be read.
    """
    found = find(name, root, progress=progress)
    source = open_source(found.folder, found.layout, progress=progress)
    problems = _missing(found, source.files())
    parts = _read_parts(source, problems, progress)
    readable = _readable(parts)
    problems += [text for part, videos in readable.items() for text in _oddities(part, videos)]
    problems += _differences_from_published(found, readable)
    problems += _between_parts(found, parts["query"], parts["database"])
    notes = [found.published.remark] if found.published and found.published.remark else []
    notes += source.notes if readable else []
    name = found.layout.get("name", name)
    return Report(name, found.folder, parts, _shared(readable), problems, tuple(notes), found.taken_for)


def _missing(found: Found, files: list[str]) -> list[str]:
    absent = [file for file in files if not (found.folder / file).exists()]
    if found.published is None:
        return [f"{found.folder / file} is missing." for file in absent]
    holds = found.published.files()
    lines = [f"{found.folder / file} is missing. It should hold {holds[file]}." for file in absent]
    return [*lines, published.where_from(found.layout["name"])] if absent else []


def _read_parts(source: Source, problems: list[str], progress: bool) -> dict[str, Part | Unreadable]:
    """Read each set of videos, once where two are the same; add what cannot be read to ``problems``."""
    read: dict[str, Part | Unreadable] = {}
    with _noted(problems):
        for name, same in source.same.items():
            read[name] = read.get(same) or _read_part(source, name, problems, progress)
    return {name: read.get(name, Unreadable()) for name in PARTS}


@contextmanager
def _noted(problems: list[str]) -> Iterator[None]:
    """Make a problem of an error, unless it is known already, as that of a missing file."""
    try:
        yield
    except MissingFileError:
        pass
    except SSVHError as error:
        if str(error) not in problems:
            problems.append(str(error))


def _readable(parts: dict[str, Part | Unreadable]) -> dict[str, Part]:
    """Return each set of videos that can be read, once, by the first of its names."""
    first = {id(part): name for name, part in reversed(parts.items())}
    return {name: part for name, part in parts.items() if isinstance(part, Part) and first[id(part)] == name}


def _read_part(source: Source, name: str, problems: list[str], progress: bool) -> Part | Unreadable:
    """Read one set of videos, as much of it as can be read."""
    contents = labels = ids = None
    with _noted(problems):
        stored = source.open(name)
        if len(stored.features.shape) != 3:
            shape = stored.features.shape
            raise SSVHError(f"{name}: features must have three axes (videos, frames, size), got {shape}.")
        contents = _contents(stored.features, name, progress)
        with _noted(problems):
            ids = stored.read_extras().ids
        labels = stored.read_labels()
        if labels is not None and len(labels) != stored.features.shape[0]:
            problems.append(f"{name}: {stored.features.shape[0]:,} videos have features, {len(labels):,} have labels.")
            labels = None
    return Part(contents, labels, ids) if contents else Unreadable()


def _contents(features: LazyRows, name: str, progress: bool) -> Contents:
    bad: list[int] = []
    digests: list[bytes] = []
    zero = constant = 0
    for start, values in _slabs(features, name, progress):
        finite = np.isfinite(values).all(axis=(1, 2))
        bad += (start + np.flatnonzero(~finite)).tolist()
        low, high = values.min(axis=2), values.max(axis=2)
        zero += int(((low == 0) & (high == 0)).sum())
        constant += int(((low == high) & (low != 0)).sum())
        digests += [blake2b(video, digest_size=16).digest() for video in values]
    return Contents(features.shape, str(features.dtype), features.chunk, tuple(bad), zero, constant, digests)


def _slabs(features: LazyRows, name: str, progress: bool) -> Iterator[tuple[int, np.ndarray]]:
    """Yield all videos as float32, a slab at a time, with the number of the first one."""
    count, step = features.shape[0], max(1, _SLAB // _bytes(features.shape), features.chunk)
    with tqdm(total=count, desc=f"Checking {name}", unit=" videos", disable=not progress) as bar:
        for start in range(0, count, step):
            rows = np.arange(start, min(start + step, count))
            with np.errstate(over="ignore", invalid="ignore"):
                yield start, np.ascontiguousarray(features.unchecked(rows), dtype=np.float32)
            bar.update(len(rows))


def _bytes(shape: tuple[int, ...]) -> int:
    """Return the bytes of a video as float32."""
    return max(1, 4 * int(np.prod(shape[1:])))


def _oddities(name: str, part: Part) -> list[str]:
    """List what is wrong with one set of videos by itself."""
    found = part.contents
    problems: list[str] = []
    if found.bad_videos:
        problems.append(
            f"{name}: {len(found.bad_videos):,} videos hold NaN or infinity, {part.which(found.bad_videos)}. "
            "Extract their features again, or remove them."
        )
    if found.zero_frames + found.constant_frames:
        blank = found.zero_frames + found.constant_frames
        problems.append(f"{name}: {blank:,} frames are all of one value, as if blank.")
    if found.chunk * _bytes(found.shape) > 2 * BLOCK:
        problems.append(
            f"{name}: the file is stored in chunks that span {found.chunk:,} videos, so that reading a few decodes "
            "many. Convert it once (ssvh_lib.data.halve), or write it anew without chunks."
        )
    if part.labels is not None:
        bare = int((part.labels.sum(axis=1) == 0).sum())
        problems += [f"{name}: {bare:,} videos have no label, so that nothing is relevant to them."] if bare else []
    return problems


def _differences_from_published(found: Found, parts: dict[str, Part]) -> list[str]:
    """List where the numbers are not those of the published dataset."""
    problems: list[str] = []
    of_copy = published.PUBLISHED.get(found.layout.get("name", "")) if "halved_from" in found.layout else None
    authors = found.published or of_copy
    if authors is None:
        return problems
    for name, part in parts.items():
        shape = (authors.parts()[name].videos, authors.frames, authors.size)
        if part.contents.shape != shape:
            problems.append(f"{name}: expected {_times(shape)} as published, found {_times(part.contents.shape)}.")
        if part.labels is not None and authors.classes and part.labels.shape[1] != authors.classes:
            problems.append(f"{name}: expected {authors.classes} classes as published, found {part.labels.shape[1]}.")
    return problems


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{length:,}" for length in shape)


def _between_parts(found: Found, query: Part | Unreadable, database: Part | Unreadable) -> list[str]:
    """List what is wrong between the queries and the database."""
    if isinstance(query, Unreadable) or isinstance(database, Unreadable):
        return []
    problems = []
    queries, items = query.contents.digests, database.contents.digests
    if found.layout.get("query_in_database", False):
        if queries != items[: len(queries)]:
            problems.append("query: query_in_database is set, but query i is not database item i for every i.")
    elif copies := len(set(queries) & set(items)):
        problems.append(f"query: {copies:,} of them lie in the database too, bit for bit, and would find themselves.")
    if query.labels is not None and database.labels is not None and query.labels.shape[1] == database.labels.shape[1]:
        alone = int((query.labels[:, database.labels.any(axis=0)].sum(axis=1) == 0).sum())
        problems += [f"query: nothing in the database is relevant to {alone:,} of them."] if alone else []
    return problems


def _shared(parts: dict[str, Part]) -> dict[tuple[str, str], int]:
    """Count for each pair of sets the videos of the first that are in the second too."""
    sets = {name: set(part.contents.digests) for name, part in parts.items()}
    pairs = combinations(sets, 2)
    return {(one, other): sum(digest in sets[other] for digest in parts[one].contents.digests) for one, other in pairs}
