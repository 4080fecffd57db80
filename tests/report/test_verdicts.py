"""Verdicts: worked by hand, the same whatever the order of the records, and never a win inside the spread."""

import math
import statistics
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssvh_lib import SSVHError
from ssvh_lib.literature import lookup
from ssvh_lib.literature.claims import CLAIMS, RowName
from ssvh_lib.report.verdicts import MEANING, SPREAD, Kind, judge, judge_all, stated

WHOLE, RANDOM = RowName("autossvh", "IX AutoSSVH"), RowName("autossvh", "II random frames")


VALUE = CLAIMS["A6-IX"]  # 0.719 on UCF101 at 16 bits


ORDER = CLAIMS["A6-II"]  # 0.719 against 0.700 there


AS_PUBLISHED = {"dataset": "ucf101", "preset": "paper", "bits": 16}


@pytest.fixture
def runs(make_record):
    """Records of a row, one for each of the values of GMAP (L2), on moving-digits unless told otherwise."""

    def make(row, values, **changes):
        return [
            make_record(row.method, **{"label": row.label, "bits": 32, "seed": seed, "gmap_l2": value} | changes)
            for seed, value in enumerate(values)
        ]

    return make


def test_a_direction_that_shows_on_other_data(runs):
    """Means .21 and .18, every deviation .01, so the spread is .02."""
    found = judge(ORDER, runs(WHOLE, [0.20, 0.21, 0.22]) + runs(RANDOM, [0.17, 0.18, 0.19]))
    assert found.kind == Kind.DIRECTION
    assert found.ours.mean == pytest.approx(0.03)
    assert found.ours.std == pytest.approx(0.01)
    assert (found.ours.seeds, found.published, found.difference, found.numbers) == (3, None, None, ())
    assert "measured on moving-digits, published on ucf101, hmdb51" in found.text


@pytest.mark.parametrize("ours", [[0.19, 0.20, 0.21], [0.17, 0.18, 0.19], [0.15, 0.16, 0.17]])
def test_a_difference_of_no_more_than_the_spread_is_no_win(runs, ours):
    """Means .02 apart, equal, and .02 the other way; the spread is .02."""
    records = runs(WHOLE, ours) + runs(RANDOM, [0.17, 0.18, 0.19])
    margin = SPREAD * judge(ORDER, records).ours.std
    assert margin == pytest.approx(0.02)
    found = judge(ORDER, [record | {"gmap_l2": round(record["gmap_l2"] * 100) / 128} for record in records])  # exact
    assert found.kind == Kind.WITHIN


def test_the_other_way_is_not_reproduced(runs):
    found = judge(ORDER, runs(WHOLE, [0.14, 0.15, 0.16]) + runs(RANDOM, [0.17, 0.18, 0.19]))
    assert found.kind == Kind.NOT
    assert found.text == "the rows differ the other way"


def test_a_published_difference_inside_our_spread(runs):
    """Published .719 - .700 = .019; ours .722 - .703 = .019, deviations .002 and .001, hence .00158 of both."""
    records = runs(WHOLE, [0.720, 0.722, 0.724], **AS_PUBLISHED) + runs(RANDOM, [0.702, 0.703, 0.704], **AS_PUBLISHED)
    found = judge(ORDER, records)
    assert found.kind == Kind.REPRODUCED
    assert found.ours.std == pytest.approx(math.sqrt((0.002**2 + 0.001**2) / 2))
    assert found.published == pytest.approx(0.019)
    assert found.difference == pytest.approx(0.0, abs=1e-12)
    assert {key for number in found.numbers for key in number.warnings} == {
        "norm", "idle-sampler", "not-the-logs", "row-order",
    }  # fmt: skip


def test_a_published_difference_outside_our_spread(runs):
    """Ours .05, published .019, and the spread .00316 with rounding .001: the direction shows, not the value."""
    records = runs(WHOLE, [0.751, 0.753, 0.755], **AS_PUBLISHED) + runs(RANDOM, [0.702, 0.703, 0.704], **AS_PUBLISHED)
    found = judge(ORDER, records)
    assert found.kind == Kind.DIRECTION
    assert found.text == "the published difference is outside our spread"
    assert found.difference == pytest.approx(0.031)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0.700, 0.710, 0.720], Kind.REPRODUCED),  # .710 ± .010: the spread reaches .730
        ([0.690, 0.700, 0.710], Kind.REPRODUCED),  # .700 ± .010: .719 is inside .720
        ([0.680, 0.690, 0.700], Kind.NOT),  # .690 ± .010: .719 is outside .710
        ([0.7192, 0.7192], Kind.REPRODUCED),  # no spread, but .719 stands for .7185 to .7195
        ([0.7200, 0.7200], Kind.NOT),
    ],
)
def test_a_published_value(runs, values, kind):
    found = judge(VALUE, runs(WHOLE, values, **AS_PUBLISHED))
    assert found.kind == kind
    assert found.published == 0.719
    assert found.difference == pytest.approx(statistics.mean(values) - 0.719)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"dataset": "moving-digits"}, "measured on moving-digits, published on ucf101, hmdb51"),
        ({"preset": "small"}, "trained by the preset 'small', not at the published size"),
        ({"bits": 48}, "no GMAP (L2) of this is published for ucf101 at 48 bits"),
        ({"conventions": {"divide_by": "hits"}}, "divide_by is 'hits', published with 'k'"),
    ],
)
def test_values_measured_in_another_way_are_not_compared(runs, changes, reason):
    found = judge(VALUE, runs(WHOLE, [0.7, 0.71, 0.72], **AS_PUBLISHED | changes))
    assert found.kind == Kind.INCOMPARABLE
    assert found.text == reason
    assert found.ours.mean == pytest.approx(0.71)


@pytest.mark.parametrize(
    ("dataset", "name", "released"), [("fcvid", "self_match", "include"), ("activitynet", "zero_bits", "ternary")]
)
def test_two_datasets_have_conventions_of_their_own(make_record, dataset, name, released):
    claim, conventions = CLAIMS["A1-mAP@20"], {"divide_by": "k", "self_match": "exclude", "zero_bits": "negative"}
    published = lookup(dataset, "autossvh", 16, "mAP@20").value

    def verdict(conventions):
        return judge(claim, [
            make_record("autossvh", seed=seed, at20=published + shift, dataset=dataset, preset="paper",
                        conventions=conventions)
            for seed, shift in enumerate((-0.001, 0.001))
        ])  # fmt: skip

    assert verdict(conventions).kind == Kind.INCOMPARABLE
    assert f"{name} is '{conventions[name]}', published with '{released}'" in verdict(conventions).text
    assert verdict(conventions | {name: released}).kind == Kind.REPRODUCED


def test_one_seed_and_missing_rows_are_not_judged(runs):
    one = runs(WHOLE, [0.2]) + runs(RANDOM, [0.1, 0.1])
    assert judge(ORDER, one).kind == Kind.UNJUDGED
    assert judge(ORDER, one).text == "“IX AutoSSVH” has one seed, which shows no spread"
    assert judge(ORDER, runs(WHOLE, [0.2, 0.3])).text == "no runs of “II random frames”"
    assert judge(ORDER, []).text == "no runs of “IX AutoSSVH”"
    other = [record | {"variant": "released"} for record in runs(WHOLE, [0.2, 0.3])]
    assert judge(VALUE, other).kind == Kind.UNJUDGED


def test_less_can_be_better(runs):
    claim = CLAIMS["A7-speed"]
    fast, slow = ([record | {"epochs_to_level": e} for record, e in zip(runs(row, [0.1, 0.1]), epochs, strict=True)]
                  for row, epochs in ((WHOLE, (3, 4)), (RowName("autossvh", claim.over.label), (9, 10))))  # fmt: skip
    found = judge(claim, fast + slow)
    assert (found.kind, found.ours.mean) == (Kind.DIRECTION, -6.0)
    assert judge(replace(claim, row=claim.over, over=claim.row), fast + slow).kind == Kind.NOT
    assert judge(claim, runs(WHOLE, [0.1, 0.1])).text == "no epochs to the level of “IX AutoSSVH”"


def test_published_numbers_that_contradict_the_claim_are_named(make_record):
    """ActivityNet at 16 bits: .091 by AutoSSVH's README, .117 for S5VH in AutoSSVH's Figure 3."""
    records = [
        make_record(method, seed=seed, at20=at20 + seed / 1000, dataset="activitynet", preset="paper",
                    conventions={"divide_by": "k", "zero_bits": "ternary"})
        for method, at20 in (("autossvh", 0.130), ("s5vh", 0.110))
        for seed in range(3)
    ]  # fmt: skip
    found = judge(CLAIMS["A1-s5vh"], records)
    assert found.kind == Kind.DIRECTION
    assert found.published == pytest.approx(-0.026)
    assert found.text.endswith("; the published numbers differ the other way here")


def test_what_runs_do_not_decide():
    vote = judge(CLAIMS["A9"], [])
    assert vote.kind == Kind.TESTED
    file, name = vote.text.split("::")
    assert f"def {name}(" in (Path(__file__).resolve().parents[2] / file).read_text()
    assert judge(CLAIMS["S5"], []).text == "a picture, to be judged by eye"


def test_transfer_is_judged_by_transfers_only(make_record):
    within = [make_record(name, seed=seed, gmap=gmap + seed / 1000)
              for name, gmap in (("autossvh", 0.2), ("bth", 0.1)) for seed in range(2)]  # fmt: skip
    across = [record | {"dataset": "ucf101-to-hmdb51", "preset": "paper"} for record in within]
    assert judge(CLAIMS["A5-bth"], within).text == "no runs of AutoSSVH"
    assert judge(CLAIMS["A2-bth"], across).kind == Kind.UNJUDGED
    found = judge(CLAIMS["A5-bth"], within + across)
    assert found.kind == Kind.DIRECTION  # the table does not name its measure
    assert "no GMAP of this is published for ucf101-to-hmdb51 at 16 bits" in found.text


def test_mixed_or_contradictory_records_are_refused(runs):
    with pytest.raises(SSVHError, match="not on moving-digits, 32 bits, preset small; moving-digits, 64 bits"):
        judge(VALUE, runs(WHOLE, [0.1, 0.2]) + runs(WHOLE, [0.1, 0.2], bits=64))
    with pytest.raises(SSVHError, match=r"seed 0, has two results for GMAP \(L2\), 0.1 and 0.3. Give"):
        judge(VALUE, runs(WHOLE, [0.1, 0.2]) + runs(WHOLE, [0.3]))
    with pytest.raises(SSVHError, match=r"GMAP \(L2\) of IX AutoSSVH, seed 1, is nan: that run failed"):
        judge(VALUE, runs(WHOLE, [0.1, math.nan]))


@given(
    st.lists(st.floats(0.01, 1), min_size=2, max_size=5), st.lists(st.floats(0.01, 1), min_size=2, max_size=5),
    st.randoms(use_true_random=False),
)  # fmt: skip
def test_verdicts_by_the_naive_rule_in_any_order(better, worse, random):
    def records(row, values):
        return [
            {"dataset": "x", "method": row.method, "label": row.label, "variant": "paper", "preset": "small",
             "bits": 8, "seed": seed, "gmap_l2": value, "seconds": value}
            for seed, value in enumerate(values)
        ]  # fmt: skip

    both = records(WHOLE, better) + records(RANDOM, worse)
    found = judge(ORDER, both)
    gap = statistics.mean(better) - statistics.mean(worse)
    weighted = [(len(values) - 1) * statistics.variance(values) for values in (better, worse)]
    pooled = math.sqrt(sum(weighted) / (len(better) + len(worse) - 2))
    assert found.ours.mean == pytest.approx(gap, abs=1e-12)
    assert found.ours.std == pytest.approx(pooled, abs=1e-9)
    if abs(abs(gap) - 2 * pooled) > 1e-7:
        expected = Kind.WITHIN if abs(gap) < 2 * pooled else Kind.DIRECTION if gap > 0 else Kind.NOT
        assert found.kind == expected
        turned = judge(replace(ORDER, row=RANDOM, over=WHOLE, measure="seconds"), both)  # of which less is better
        assert turned.kind == expected
    shuffled = random.sample(both + both, 2 * len(both))  # each run twice
    again = judge(ORDER, shuffled)
    assert again.ours.mean == pytest.approx(found.ours.mean, abs=1e-12)
    assert again.ours.seeds == min(len(better), len(worse))


def test_a_table_of_verdicts_drops_nothing(runs, make_record):
    records = [make_record(method, 32, seed, at20=at20 + seed / 1000)
               for method, at20 in (("autossvh", 0.3), ("bth", 0.2)) for seed in range(3)]  # fmt: skip
    for bits in (16, 32):
        records += runs(WHOLE, [0.20, 0.21, 0.22], bits=bits) + runs(RANDOM, [0.17, 0.18, 0.19], bits=bits)
    table = judge_all(CLAIMS.values(), records)
    assert list(dict.fromkeys(table["claim"])) == list(CLAIMS)
    rows = table.set_index(["claim", "bits"])["verdict"]
    assert rows["A6-II"].to_dict() == {16: "direction only", 32: "direction only"}
    assert rows[("A1-bth", 32)] == "direction only"
    assert rows[("A1-mAP@20", 32)] == "not comparable"
    missing = table.set_index("claim").loc["A1-nph"]
    assert (missing["verdict"], missing["why"]) == ("cannot be judged", "no runs of NPH")
    assert (table["why"] != "").all()


def test_what_is_published_on_other_data_stands_beside(runs):
    """Table 3 at 32 bits: .959 and .945 on UCF101, .338 and .316 on HMDB51. On UCF101 itself nothing is elsewhere."""
    table = judge_all([ORDER], runs(WHOLE, [0.2, 0.21]) + runs(RANDOM, [0.1, 0.11]))
    assert table["elsewhere"].item() == pytest.approx({"ucf101": 0.014, "hmdb51": 0.022})
    assert (table["sources"].item(), table["published"].item()) == (("autossvh-paper",), None)
    assert "norm" in table["warnings"].item()
    own = judge_all([ORDER], runs(WHOLE, [0.9, 0.91], dataset="ucf101") + runs(RANDOM, [0.8, 0.81], dataset="ucf101"))
    assert (own["elsewhere"].item(), own["published"].item()) == ({}, pytest.approx(0.014))


def test_nothing_is_stated_unless_it_is_for_both_rows():
    assert stated(ORDER, "ucf101", 16).value == pytest.approx(0.019)
    assert stated(ORDER, "ucf101", 16).rounding == pytest.approx(0.001)
    assert stated(CLAIMS["A1-jtae"], "activitynet", 16) is not None
    assert stated(CLAIMS["A1-jtae"], "ucf101", 16) is None  # AutoSSVH has a number there, JTAE has none


def test_a_dataset_that_no_paper_used_is_said_to_be_one(make_record):
    """By directions alone; ConMH's claim names no dataset."""
    records = [make_record(name, seed=seed, at20=value + seed / 1000, dataset="clips")
               for name, value in (("conmh", 0.3), ("bth", 0.2)) for seed in range(2)]  # fmt: skip
    found = judge(CLAIMS["C4-mAP"], records)
    assert found.kind == Kind.DIRECTION
    assert found.text == "by how much cannot be compared, because nothing is published for clips"


def test_every_kind_has_a_meaning():
    assert set(MEANING) == set(Kind)
