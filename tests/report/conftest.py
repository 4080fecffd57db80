"""Records on disk of which the tests make reports; figures are closed after each test."""

from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from small_report import SVG

from ssvh_lib.experiments import results
from ssvh_lib.report import tables


@pytest.fixture
def fill(make_record):
    """Writes records into a folder: three seeds of AutoSSVH and one of BTH at two lengths, and two rows of A6."""

    def make(out: Path, **changes) -> Path:
        main = [
            make_record("autossvh", bits, seed, at20=0.2 + seed / 100, **changes)
            for bits in (16, 32)
            for seed in range(3)
        ]
        main += [make_record("bth", bits, at20=0.1, **changes) for bits in (16, 32)]
        main += [
            make_record("conmh", bits, seed, at20=0.3 + seed / 100, **changes) for bits in (16, 32) for seed in (0, 1)
        ]
        parts = [
            make_record("autossvh", 32, seed, label=label, gmap_l2=value + seed / 100, **changes)
            for label, value in (("IX AutoSSVH", 0.4), ("II random frames", 0.3), ("V ADIOS", 0.39))
            for seed in range(3)
        ]
        for name, records in (("main", main), ("A6", parts)):
            results.save(out / "data" / f"{name}.json", records)
        return out

    return make


@pytest.fixture
def out(fill, tmp_path):
    return fill(tmp_path / "out")


@pytest.fixture
def illustrated(out):
    """With a figure and a table of A6."""
    (out / "A6.svg").write_bytes(SVG)
    tables.write(results.load(out / "data" / "A6.json"), out / "tables" / "A6")
    return out


@pytest.fixture(autouse=True)
def _no_figure_is_left_open():
    yield
    plt.close("all")
