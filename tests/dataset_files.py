"""Damage to the files of a dataset, and the message with which it is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

import ssvh_lib as ssvh


def change(path: Path, old: str, new: str) -> None:
    """Replace a piece of a text file, which must be there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def set_feature(path: Path, place: object, value: float) -> None:
    """Overwrite some values of the array ``feats``."""
    with h5py.File(path, "r+") as file:
        file["feats"][place] = value


def refusal(folder: Path, tree: Callable[[Path], dict], *parts: object) -> str:
    """The message with which the dataset in ``folder`` is refused; it names all ``parts`` and touches no file."""
    before = tree(folder)
    with pytest.raises(ssvh.SSVHError) as error:
        ssvh.load_dataset(folder.name, folder.parent)
    assert tree(folder) == before
    for part in parts:
        assert str(part) in str(error.value)
    return str(error.value)
