"""What CONTRIBUTING.md says of adding a method, a sampler, a target and a dataset is short, and it works."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ssvh_lib

PACKAGE = Path(ssvh_lib.__file__).parent
GUIDE = PACKAGE.parent / "CONTRIBUTING.md"

TOY = '''
"""Toy: the signs of a learned linear map, taught to keep the order of distances."""

from dataclasses import dataclass

import torch
from torch import nn

from .base import TrainedConfig, TrainedMethod


class Toy(TrainedMethod):
    TITLE = "Toy †"

    @dataclass(frozen=True, kw_only=True)
    class Config(TrainedConfig):
        epochs: int = 1
        batch_size: int = 64
        peak_learning_rate: float = 0.1
        max_gradient_norm: float | None = 1.0

    def __init__(self, config):
        super().__init__(config)
        self.project = nn.Linear(config.features, config.bits)

    def loss(self, batch, rng):
        codes = torch.tanh(self.encode(batch.frames))
        kept = torch.cdist(codes, codes) / codes.shape[1] ** 0.5
        true = torch.cdist(batch.frames.mean(1), batch.frames.mean(1))
        return {"loss": (kept - true / true.max()).square().mean()}

    def encode(self, frames):
        return self.project(frames.mean(dim=1))

    def optimiser(self):
        return torch.optim.SGD(self.parameters(), lr=self.config.peak_learning_rate)

    def learning_rate(self, epoch):
        return self.config.peak_learning_rate
'''

SAMPLER = '''

class Middle(Sampler):
    """Drop the frames in the middle of a video."""

    def scores(self, tokens, encoder):
        place = torch.arange(self.frames, device=tokens.device)
        return -(place - self.frames / 2).abs().expand(len(tokens), -1)


SAMPLERS["middle"] = Middle
'''

TARGET = """

TARGETS["toys"] = Target(
    "Two toys.", rows=(Row("toy"), *ablations("autossvh", {"middle frames": {"sampler": "middle"}})), bits=(8,), seeds=1
)
"""

PRESENTATION = """

PRESENTATIONS["toys"] = _ROWS
"""


@pytest.fixture
def checkout(tmp_path):
    """Copy the package to a place where it can be edited."""
    for source in (*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.csv")):
        target = tmp_path / "ssvh_lib" / source.relative_to(PACKAGE)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(source.read_text())
    (tmp_path / "ssvh_lib" / "methods" / "toy.py").write_text(TOY)
    return tmp_path


def ssvh(checkout, data, *words):
    places = {"SSVH_DATA": str(data), "SSVH_RUNS": str(checkout / "runs"), "PYTHONPATH": str(checkout)}
    command = [sys.executable, "-m", "ssvh_lib", *words]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | places, cwd=checkout)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_new_method_is_one_file(smoke, checkout):
    """A file dropped into methods/ is listed, trained from the command line, and in the table by its printed name.

    Nothing else is edited.
    """
    assert "toy" in ssvh(checkout, smoke.root.parent, "methods")
    out = checkout / "out"
    words = ["--preset", "smoke", "--bits", "16", "--seeds", "1", "--jobs", "1", "--out", str(out)]
    printed = ssvh(checkout, smoke.root.parent, "reproduce", "main", *words)
    assert "Toy †" in printed
    assert "| Toy † |" in (out / "tables" / "main.md").read_text()
    methods = {record["method"] for record in json.loads((out / "data" / "main.json").read_text())["records"]}
    assert methods == {*ssvh_lib.available(), "toy"}


@pytest.mark.slow
def test_a_new_sampler_target_and_dataset(checkout, make_dataset):
    """A class, an entry and a folder are enough to train with the sampler and to draw what the target shows."""
    for name, addition in (
        ("samplers.py", SAMPLER), ("experiments/targets.py", TARGET), ("report/figures.py", PRESENTATION),
    ):  # fmt: skip
        file = checkout / "ssvh_lib" / name
        file.write_text(file.read_text() + addition)
    data, out = checkout / "data", checkout / "out"
    make_dataset(data / "my-videos", train=40, query=8)
    words = ["--dataset", "my-videos", "--preset", "smoke", "--jobs", "1", "--out", str(out)]
    assert "Two toys." in ssvh(checkout, data, "reproduce", "--list", *words)
    ssvh(checkout, data, "reproduce", "toys", *words)
    table = (out / "tables" / "toys.md").read_text()
    assert "| middle frames |" in table
    assert "| Toy † |" in table
    assert (out / "toys.svg").is_file()


def guides():
    """Heading -> the lines below it, of each section about adding something."""
    sections = re.split(r"^## ", GUIDE.read_text(), flags=re.M)[1:]
    return {text.splitlines()[0]: list(filter(None, text.splitlines()[1:])) for text in sections if "Adding " in text}


@pytest.mark.parametrize("what", ["method", "sampler", "target", "dataset"])
def test_a_guide_has_at_most_ten_lines_and_names_what_is_there(what):
    lines = guides()[f"Adding a {what}"]
    assert 0 < len(lines) <= 10
    for path in re.findall(r"`(\w+/[\w/]*(?:\.\w+)?)`", "\n".join(lines)):
        assert (PACKAGE / path.removeprefix("ssvh_lib/")).exists() or (PACKAGE.parent / path).exists(), path


def test_the_guide_names_every_package():
    table = GUIDE.read_text().partition("| package | holds |")[2].partition("\n\n")[0]
    named = set(
        re.findall(r"`([\w.]+)/?`", "\n".join(line.split("|")[1] for line in table.splitlines() if "|" in line))
    )
    there = {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert there <= named
