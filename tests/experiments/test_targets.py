"""The targets: every published experiment is one, and its rows are those that claims are about."""

import pytest

import ssvh_lib as ssvh
from ssvh_lib.data import WORLDS
from ssvh_lib.experiments.experiment import folder_of
from ssvh_lib.experiments.targets import SYSTEMS, TARGETS, target
from ssvh_lib.literature.claims import CLAIMS
from ssvh_lib.methods import available

ITEMS = [f"A{n}" for n in range(1, 10)] + [f"S{n}" for n in range(1, 11)] + [f"C{n}" for n in range(1, 6)]


def test_every_published_experiment_is_a_target_and_every_claim_belongs_to_one():
    assert set(ITEMS) <= set(TARGETS)
    assert {claim.partition("-")[0] for claim in CLAIMS} == set(ITEMS)
    assert all(wanted.item for name, wanted in TARGETS.items() if name in ITEMS)


@pytest.mark.parametrize("name", [name for name, wanted in TARGETS.items() if wanted.rows])
def test_the_rows_that_claims_are_about_are_run(name):
    """A claim whose rows its target does not have could never be judged."""
    rows = {(row.method, row.label, row.variant) for row in TARGETS[name].rows}
    unread = {"jtae", "nph"}  # of which numbers are published, but no method could be read
    for claim in CLAIMS.values():
        if claim.name.partition("-")[0] == name:
            for row in filter(None, (claim.row, claim.over)):
                known = row.method not in unread and not row.label.startswith("S5VH, r")
                assert not known or (row.method, row.label, row.variant) in rows, (claim.name, row)


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_can_be_configured_and_its_runs_differ(smoke, name):
    """No misspelt field, method or variant in a table that nobody asked for yet. Two sweeps may share a run."""
    runs = TARGETS[name].runs("moving-digits", "smoke")
    places = {(folder_of(run), run.tested_on, run.label.rstrip("0123456789.")) for run in runs}
    assert len(places) == len(runs)
    assert len(runs) >= len(TARGETS[name].rows) * len(TARGETS[name].bits)


def test_the_systems_and_their_ablations_have_three_seeds():
    for name in ("A6", "A7", "A8", "S3", "S7", "S8", "S9", "C2", "C3"):
        assert all(row.seeds is None for row in TARGETS[name].rows)
        assert TARGETS[name].seeds == 3
    main = {(run.method, run.bits, run.seed) for run in TARGETS["main"].runs("moving-digits", "small")}
    assert {(name, bits, seed) for name in SYSTEMS for bits in (16, 32, 64) for seed in range(3)} <= main
    assert {name for name, _, _ in main} == set(available())


def test_rows_with_changes_share_the_run_of_the_method_where_they_change_nothing(smoke):
    main = {folder_of(run) for run in TARGETS["main"].runs("moving-digits", "smoke")}
    for name, label in (("A6", "IX AutoSSVH"), ("S8", "S5VH"), ("S7", "S5VH, mamba"), ("C3", "ConMH")):
        whole = [run for run in TARGETS[name].runs("moving-digits", "smoke") if run.label == label]
        assert len(whole) == 3
        assert {folder_of(run) for run in whole} <= main


def test_transfer_asks_another_dataset_and_needs_one():
    runs = TARGETS["A5"].runs("moving-digits", "smoke")
    assert {run.tested_on for run in runs} == {"", "moving-shapes-smoke"}
    assert "no dataset to transfer to from hmdb51" in TARGETS["A5"].lacks("hmdb51")
    assert not TARGETS["A5"].lacks("ucf101")


def test_a_target_about_the_worlds_runs_on_all_of_them_and_on_nothing_else():
    runs = TARGETS["W2"].runs("moving-digits", "smoke")
    assert {run.dataset for run in runs} == {f"{world}-smoke" for world in WORLDS}
    assert len(runs) == len(WORLDS) * 2 * 3
    assert "embedded" in TARGETS["W2"].lacks("ucf101")
    assert not TARGETS["W2"].lacks("needle")


def test_an_unknown_target_is_refused_by_name():
    with pytest.raises(ssvh.SSVHError, match="Did you mean 'systems'"):
        target("system")
