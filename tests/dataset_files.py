"""Makers of datasets on disk, damage to their files, and the message with which it is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

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


# Videos that are stored one by one

Videos = dict[str, np.ndarray]  # features (n, D) by name

CLASSES = ("cooking", "dancing", "running")


def some_videos(rng: np.random.Generator, *, each: int = 6, lengths: tuple[int, int] = (3, 9), size: int = 8) -> Videos:
    """Random features of ``each`` videos of three classes, which are the folders in their names."""
    names = [f"{label}/v{number}" for label in CLASSES for number in range(each)]
    return {name: rng.standard_normal((rng.integers(*lengths), size)).astype(np.float32) for name in names}


def write_videos(folder: Path, suffix: str, videos: Videos) -> Path:
    """Write a file for each video: .npy, .npz (as ``feats``) or .pt."""
    writers = {
        ".npy": np.save,
        ".npz": lambda path, values: np.savez(path, feats=values),
        ".pt": lambda path, values: torch.save(torch.from_numpy(values), path),
    }
    for name, values in videos.items():
        path = folder / f"{name}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        writers[suffix](path, values)
    return folder


def write_groups(path: Path, videos: Videos, key: str = "vectors") -> Path:
    """Write one HDF5 file with a group for each video, whose name has "-" for "/"."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, values in videos.items():
            file[f"{name.replace('/', '-')}/{key}"] = values
    return path


def write_toml(folder: Path, **keys: object) -> Path:
    """Write a ``dataset.toml`` with the table [videos]; ``top`` is what stands above it."""
    folder.mkdir(parents=True, exist_ok=True)
    top = {"preset": "smoke"} | keys.pop("top", {})
    lines = [f"{key} = {json.dumps(value)}" for key, value in top.items()]
    lines += ["[videos]", *(f"{key} = {json.dumps(value)}" for key, value in keys.items())]
    (folder / "dataset.toml").write_text("\n".join(lines) + "\n")
    return folder


def write_avhash(folder: Path, like: str = "fcvid", **changes: object) -> Path:
    """Write a dataset as AVHash does: eight training videos, which are the database, and four queries, in four classes.

    Values of ``changes`` are keys of the JSON file; None leaves one out.
    """
    names = [f"--v{number}" for number in range(12)]
    rng = np.random.default_rng(0)
    write_groups(folder / "image.h5", {name: rng.standard_normal((3, 8)).astype(np.float32) for name in names})
    middle, base = {"fcvid": ("", 1), "actnet": ("250,", 0)}[like]
    lines = [f"{name},{middle}{number % 4 + base}\n" for number, name in enumerate(names)]
    for name, chosen in (("train", lines[:8]), ("retrieval", lines[:8]), ("test", lines[8:]), ("val", lines[8:])):
        (folder / f"{name}.txt").write_text("".join(chosen))
    content = {
        "dataset": like,
        "Image": "/home/authors/features/image.h5",
        "Audio": "/home/authors/features/audio.h5",
        "num_class": 4,
        "train_list": "train.txt",
        "val_list": "val.txt",
        "test_list": "lists/test.txt",
        "retrieval_list": "retrieval.txt",
    } | changes
    kept = {key: value for key, value in content.items() if value is not None}
    (folder / f"{like}.json").write_text(json.dumps(kept))
    return folder
