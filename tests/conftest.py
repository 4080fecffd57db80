"""What the test files share: the smoke dataset, makers of small datasets on disk, and hand-made records of runs."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from hypothesis import settings
from scipy.io import savemat

import ssvh_lib as ssvh
from ssvh_lib.data.embedded import still_cnn, worlds

os.environ.setdefault("MPLBACKEND", "Agg")  # figures are drawn without a screen

# The same examples on every machine, whatever its speed; none is remembered from one run to the next.
settings.register_profile("suite", deadline=None, derandomize=True, database=None)
settings.load_profile("suite")


def pytest_collection_modifyitems(items):
    """Mark the cells of notebooks, which nbval makes tests of."""
    for item in items:
        if item.path.suffix == ".ipynb":
            item.add_marker("notebook")


@pytest.fixture(scope="session", autouse=True)
def _runs_elsewhere(tmp_path_factory):
    """No test writes into the runs/ of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSVH_RUNS", str(tmp_path_factory.mktemp("runs")))
        yield


@pytest.fixture(scope="session")
def smoke() -> ssvh.Dataset:
    """moving-digits-smoke, 250 + 80 videos; built on first use."""
    return ssvh.load_dataset("moving-digits-smoke")


@pytest.fixture
def tiny_worlds(monkeypatch) -> dict[str, worlds.World]:
    """The embedded worlds by name, to be built in size "tiny": 6 + 4 videos, and a CNN that is hardly trained."""
    monkeypatch.setitem(worlds.SIZES, "tiny", worlds.Size(6, 4, "smoke"))
    monkeypatch.setattr(still_cnn, "PICTURES", 40)
    return {name: replace(world, lesson=replace(world.lesson, steps=2)) for name, world in worlds.WORLDS.items()}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def make_part():
    """Features ``(N, T, D)`` and labels as ``<stem>_feats.h5`` and ``<stem>_labels.mat``, for a dataset.toml."""

    def make(folder: Path, stem: str, features: np.ndarray, labels: np.ndarray) -> str:
        with h5py.File(folder / f"{stem}_feats.h5", "w") as file:
            file["feats"] = features
        savemat(folder / f"{stem}_labels.mat", {"labels": labels})
        return f'[{stem}]\nfeatures = ["{stem}_feats.h5"]\nlabels = "{stem}_labels.mat"\n'

    return make


@pytest.fixture(scope="session")
def make_dataset(make_part):
    """A folder in the published layout with ``train`` and ``query``: random features, three classes in turn."""

    def make(folder: Path, *, train: int = 12, query: int = 6, frames: int = 4, size: int = 8, seed: int = 0) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(seed)
        tables = ['preset = "smoke"\n']
        for part, videos in (("train", train), ("query", query)):
            features = rng.standard_normal((videos, frames, size)).astype(np.float32)
            tables.append(make_part(folder, part, features, np.eye(3, dtype=np.uint8)[np.arange(videos) % 3]))
        (folder / "dataset.toml").write_text("\n".join(tables))
        return folder

    return make


@pytest.fixture(scope="session")
def make_record():
    """The record of one run, as ``experiments.record`` makes it; mAP@20 and any field can be chosen."""

    def make(method: str = "lsh", bits: int = 16, seed: int = 0, *, at20: float = 0.2, **changes) -> dict:
        maps = {str(k): at20 * factor for k, factor in zip(ssvh.CUTOFFS, (1.5, 1.0, 0.8, 0.7, 0.6, 0.5), strict=True)}
        values = np.array(list(maps.values()))
        return {
            "dataset": "moving-digits",
            "method": method,
            "variant": "paper",
            "label": "",
            "preset": "small",
            "bits": bits,
            "seed": seed,
            "seconds": 1.25,
            "map": maps,
            "gmap": float(np.exp(np.log(values).mean())),
            "gmap_l2": float(np.linalg.norm(values)),
            "precision": [None, *np.linspace(0.9, 0.02, bits)],
            "recall": list(np.linspace(0, 1, bits + 1)),
            "queries": 80,
            "queries_without_relevant": 0,
            "conventions": {"divide_by": "k", "ties": "stable", "self_match": "exclude"},
            "encoded_per_second": 5000,
            "parameters": 0,
            "commit": "0" * 40,
        } | changes

    return make


@pytest.fixture(scope="session")
def tree():
    """The content of a folder, path -> (sha256, time of last change): equal if and only if nothing was touched."""

    def listing(folder: Path) -> dict[str, tuple[str, int]]:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return {
            str(path.relative_to(folder)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
            for path in files
        }

    return listing


@pytest.fixture
def noise():
    """Makes normal noise of a given shape, the same in every test."""
    generator = torch.Generator().manual_seed(0)
    return lambda *shape: torch.randn(*shape, generator=generator)


@pytest.fixture
def records(make_record):
    """At 16 bits ConMH .3 ± .13 over three seeds, ITQ .35 and LSH .1 once; at 32 bits one run of each."""
    return [
        make_record("conmh", 16, seed=0, at20=0.2, seconds=20.0),
        make_record("conmh", 16, seed=1, at20=0.25, seconds=30.0),
        make_record("conmh", 16, seed=2, at20=0.45, seconds=25.0),
        make_record("itq", 16, at20=0.35),
        make_record("lsh", 16, at20=0.1),
        make_record("conmh", 32, at20=0.5),
        make_record("itq", 32, at20=0.45),
        make_record("lsh", 32, at20=0.25),
    ]


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory) -> Path:
    """Where browser tests leave what they see: $SSVH_SCREENSHOTS, or a temporary folder."""
    folder = Path(os.environ.get("SSVH_SCREENSHOTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
