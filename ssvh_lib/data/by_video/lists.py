"""Lists of videos with their labels, a text file for each set, as AVHash and its successors publish them.

A line is ``id,label[,label …]``; where the first label is field 3, something else (a frame count) stands between.
There is no header. Labels are numbers in all lists, or names in all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import MissingFileError, SSVHError, unknown
from ...utils.files import read_text

Labels = dict[str, tuple[str, ...]]  # by the name of the video


def read_list(path: Path, first_label: int = 2, stored: Callable[[str], str] = str) -> Labels:
    """Read the labels of a list's videos, in their order; ``stored`` says how a video is called elsewhere.

    Raises SSVHError, which names the line, if the list is wrong.
    """
    if not path.is_file():
        raise MissingFileError(f"{path} is missing. It should be a text file with a line 'id,label' for each video.")
    labels: Labels = {}
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        name, *fields = (field.strip() for field in line.split(","))
        given = fields[first_label - 2 :]
        if not line.strip():
            continue
        if not all([name, *given, given]):
            wanted = "id,label" if first_label == 2 else "id,frame count,label"
            raise SSVHError(
                f"{path}, line {number}: expected '{wanted}' and perhaps more labels, got '{line.strip()}'."
            )
        name = stored(name)
        if name in labels:
            raise SSVHError(f"{path}, line {number}: '{name}' is listed twice. Put several labels into one line.")
        labels[name] = tuple(dict.fromkeys(given))
    if not labels:
        raise SSVHError(f"{path} lists no video.")
    return labels


@dataclass(frozen=True)
class Classes:
    """The ``names`` of all classes, and the ``column`` in the table of labels that each label of a list means."""

    names: tuple[str, ...]
    column: dict[str, int]

    def multi_hot(self, labels: Collection[Sequence[str]]) -> np.ndarray:
        """Return the labels of some videos as ``(N, L)`` uint8."""
        table = np.zeros((len(labels), len(self.names)), np.uint8)
        for row, given in enumerate(labels):
            table[row, [self.column[label] for label in given]] = 1
        return table


def named(names: Sequence[str]) -> Classes:
    """Return classes that labels mean by name."""
    return Classes(tuple(names), {name: column for column, name in enumerate(names)})


def classes_of(lists: Mapping[Path, Labels], names: Sequence[str] | None, base: int | None) -> Classes:
    """Find out which classes the labels of all ``lists`` mean.

    If the ``names`` of all classes are known, labels are such names, or their numbers, counted from ``base``. If that
    is not stated, a label 0 or one as high as the number of classes tells it. Otherwise the classes are the labels
    that occur. Raises SSVHError if a label is none of the classes, or if it cannot be told from where they count.
    """
    held = sorted({label for labels in lists.values() for given in labels.values() for label in given})
    numbers = {label: int(label) for label in held if label.isdecimal()}
    if numbers and len(numbers) < len(held):
        name = next(label for label in held if label not in numbers)
        raise SSVHError(
            f"Labels must be numbers in all lists, or names in all: {_where(lists, min(numbers))}, "
            f"and {_where(lists, name)}."
        )
    if not numbers:
        return _named(lists, held, names)
    if names is None:
        order = sorted(set(numbers.values()))
        return Classes(tuple(map(str, order)), {label: order.index(number) for label, number in numbers.items()})
    return _numbered(lists, numbers, names, base)


def _named(lists: Mapping[Path, Labels], held: list[str], names: Sequence[str] | None) -> Classes:
    known = tuple(held if names is None else names)
    for label in held:
        if label not in known:
            raise SSVHError(f"{_where(lists, label)}. {unknown('class', label, known)}")
    return named(known)


def _numbered(lists: Mapping[Path, Labels], numbers: dict[str, int], names: Sequence[str], base: int | None) -> Classes:
    first = _base(lists, numbers, len(names)) if base is None else base
    for label, number in numbers.items():
        if not 0 <= number - first < len(names):
            raise SSVHError(
                f"{_where(lists, label)}, but {len(names)} classes that count from {first} are {first} to "
                f"{first + len(names) - 1}. Mend the list, or state the right label_base and classes in dataset.toml."
            )
    return Classes(tuple(names), {label: number - first for label, number in numbers.items()})


def _base(lists: Mapping[Path, Labels], numbers: dict[str, int], count: int) -> int:
    """Tell whether numbers count from 0 or from 1. Raises SSVHError if they may do either, or do both."""
    lowest, highest = min(numbers, key=numbers.__getitem__), max(numbers, key=numbers.__getitem__)
    from_0, from_1 = numbers[lowest] == 0, numbers[highest] == count
    if from_0 and from_1:
        raise SSVHError(
            f"{_where(lists, lowest)}, and {_where(lists, highest)}: with {count} classes, some lists "
            "count from 0 and some from 1. Make them agree."
        )
    if not from_0 and not from_1:
        raise SSVHError(
            f"The labels in {' and '.join(map(str, lists))} are numbers from {lowest} to {highest} of {count} "
            "classes: they may count from 0 or from 1. Say which in dataset.toml, as label_base in [videos]."
        )
    return int(from_1)


def _where(lists: Mapping[Path, Labels], label: str) -> str:
    """Say where a label occurs first."""
    path, name = next(
        (path, name) for path, labels in lists.items() for name, given in labels.items() if label in given
    )
    return f"{path}: '{name}' has the label {label}"
