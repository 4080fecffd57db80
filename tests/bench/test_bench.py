"""The command ``ssvh bench``: every topic has figures, their tables are whole, old results are kept. No speed."""

import math
import re
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ssvh_lib import bench
from ssvh_lib.bench import centres, neighbours, scan
from ssvh_lib.cli import app
from ssvh_lib.utils import measured_process
from ssvh_lib.utils.files import read_json

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SHAPES = ((2, 5, 8, 4),)
HASH_CENTRES = (("synthetic", 12, 16), ("nowhere", 100, 64))
SIZES = ((400, 20, 8),)


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """``ssvh bench`` on little: what it printed, and the folder it wrote."""
    folder = tmp_path_factory.mktemp("figures")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "SHAPES", SHAPES)
        patch.setattr(centres, "CENTRES", HASH_CENTRES)
        patch.setattr(neighbours, "SIZES", SIZES)
        patch.setattr(scan.torch.cuda, "is_available", lambda: False)
        done = CliRunner().invoke(app, ["bench", "scan", "centres", "neighbours", "--out", str(folder)])
    assert done.exit_code == 0, done.output
    return done.output, folder


def test_every_case_has_positive_figures(measured):
    results = read_json(measured[1] / "data" / "bench.json")
    asked = {(*shape, passes, name) for shape in SHAPES for passes in scan.PASSES for name in scan.SCANS}
    assert {(*case["shape"], case["passes"], case["scan"]) for case in results["scan"]["records"]} == asked
    for case in results["scan"]["records"]:
        times = [value for name, value in case["figures"].items() if name.startswith("ms, ")]
        assert len(times) == len({1, results["scan"]["environment"]["cores"]})
        assert all(math.isfinite(value) and value > 0 for value in times)
        assert case["figures"]["MB"] >= 0  # so little may fit into what was there


def test_every_kind_of_hash_centres_has_a_merit(measured):
    records = read_json(measured[1] / "data" / "bench.json")["centres"]["records"]
    assert [record["codes"] for record in records] == ["optimised", "Hadamard", "random"]
    for record in records:
        assert record["seconds"] >= 0
        assert record["bound"] == 6  # within 4 bits of a code are 2,517 and within 5 bits 6,885; 2^16 / 12 is 5,461
        assert 0 <= record["minimum"] <= record["mean"] <= record["bits"] == 16
    assert records[0]["correlation"] > 0


def test_neighbours_are_measured_at_every_number_of_threads(measured):
    found = read_json(measured[1] / "data" / "bench.json")["neighbours"]
    threads = sorted({1, found["environment"]["cores"]})
    assert [(record["videos"], record["anchors"], record["threads"]) for record in found["records"]] == [
        (400, 20, count) for count in threads
    ]
    assert all(record["graph, s"] >= 0 and record["pairs, ms"] > 0 for record in found["records"])


def test_a_topic_measured_alone_leaves_the_others_as_they_were(measured, tmp_path):
    before = read_json(measured[1] / "data" / "bench.json")
    bench.save(before, tmp_path)
    bench.save({"centres": before["centres"] | {"records": before["centres"]["records"][:1]}}, tmp_path)
    after = read_json(tmp_path / "data" / "bench.json")
    assert list(after) == list(before)
    assert after["scan"] == before["scan"]
    assert len(after["centres"]["records"]) == 1


def test_an_unknown_topic_is_refused_before_anything_is_measured(tmp_path):
    done = CliRunner().invoke(app, ["bench", "scann", "--out", str(tmp_path)])
    assert done.exit_code == 1
    assert "Did you mean 'scan'" in done.output


def test_tables_are_printed_and_written_and_nothing_else(measured):
    printed, folder = measured
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*.*")} == {
        "data/bench.json", "tables/bench.md",
    }  # fmt: skip
    text = (folder / "tables" / "bench.md").read_text()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]
    assert sum(row[0] == "2 × 5" for row in rows) == 6
    assert sum(row[:3] == ["synthetic", "12", "16"] for row in rows) == 3
    assert all("(1.00×)" in cell for row in rows if row[2] == "ours" for cell in row[3:-1])
    assert all(
        title in printed
        for title in ("Selective scan (", "Hash centres (", "Pseudo-neighbours (", "parallel", "optimised")
    )
    assert "left out" in printed  # the dataset that is not there


def test_results_can_be_read_again_and_give_the_same_tables(measured, tmp_path):
    bench.save(read_json(measured[1] / "data" / "bench.json"), tmp_path)
    for name in ("data/bench.json", "tables/bench.md"):
        assert (tmp_path / name).read_text() == (measured[1] / name).read_text()


def test_an_interrupt_while_writing_leaves_the_old_file(measured, tmp_path, monkeypatch):
    results = read_json(measured[1] / "data" / "bench.json")
    path = bench.save(results, tmp_path)[0]
    before = path.read_text()

    def stop(self, text, **_):
        self.write_bytes(text[:10].encode())
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_text", stop)
    with pytest.raises(KeyboardInterrupt):
        bench.save({"centres": results["scan"]}, tmp_path)
    assert path.read_text() == before
    assert [file.name for file in path.parent.iterdir()] == ["bench.json"]


def test_an_interrupt_while_measuring_says_that_nothing_was_written(tmp_path, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(measured_process.subprocess, "run", stop)
    done = CliRunner().invoke(app, ["bench", "--out", str(tmp_path)])
    assert done.exit_code == 130
    assert "Nothing was written" in done.output
    assert list(tmp_path.rglob("*.*")) == []


def test_make_bench_is_there():
    text = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.search(r"^  bench ", text, flags=re.M)
    plan = subprocess.run(["make", "-n", "-o", ".venv/.installed", "bench"], cwd=ROOT, capture_output=True, text=True)
    assert "ssvh bench" in plan.stdout
