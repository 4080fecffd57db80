"""Which runs a target is judged by: its own before those of others, and none on other data."""

import pytest
from small_report import TARGETS

from ssvh_lib.experiments import results
from ssvh_lib.report.sections import sections


def test_rows_and_seeds_that_a_target_lacks_are_taken_from_others(out, make_record):
    """S7 has RetNet, which A1 asks for, and two more seeds of BTH; those that A1 has itself are its own."""
    records = [make_record("s5vh", 32, seed, label="S5VH, retnet", at20=0.1 + seed / 100) for seed in range(2)]
    records += [make_record("bth", 32, seed, at20=0.12) for seed in (0, 1)]
    results.save(out / "data" / "S7.json", records)
    judged = {(row.claim, row.bits): row for section in sections(out, TARGETS) for row in section.judged.itertuples()}
    assert judged["A1-retnet", 32].verdict == "direction only"
    assert judged["A1-retnet", 16].why == "no runs of “S5VH, retnet”"
    assert judged["A1-bth", 32].ours == pytest.approx(0.21 - 0.11)  # seeds 0 of main and 1 of S7
    assert judged["A1-bth", 16].verdict == "cannot be judged"


def test_runs_on_other_data_are_not_taken(out, make_record):
    records = [make_record("s5vh", 32, seed, label="S5VH, retnet", dataset="ucf101") for seed in range(2)]
    results.save(out / "data" / "S7.json", records)
    judged = {section.name: section.judged for section in sections(out, TARGETS)}["A1"]
    assert set(judged["dataset"]) == {"moving-digits"}
    assert set(judged[judged["claim"] == "A1-retnet"]["verdict"]) == {"cannot be judged"}
