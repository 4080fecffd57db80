"""The report's head: budget, seeds and conventions, how often the rule errs, and how many claims held."""

from collections import Counter

from small_report import BUDGET, TARGETS, chapter, row_of, text_of

from ssvh_lib.literature.claims import CLAIMS
from ssvh_lib.report.facts import facts
from ssvh_lib.report.sections import sections
from ssvh_lib.report.verdicts import Kind


def test_the_counts_are_those_of_all_judgements(out):
    text = text_of(out)
    expected = Counter()
    for section in sections(out, TARGETS):
        for row in section.judged.itertuples():
            expected[row.verdict, row.item.partition(",")[0]] += 1
    papers = [f"{paper} ({sum(claim.item.startswith(paper) for claim in CLAIMS.values())} claims)"
              for paper in ("AutoSSVH", "S5VH", "ConMH")]  # fmt: skip
    header = row_of(chapter(text, "How many claims"), "verdict")
    assert sorted(header) == sorted(["verdict", "meaning", *papers])
    for kind in Kind:
        cells = dict(zip(header, row_of(chapter(text, "How many claims"), f"**{kind}**"), strict=True))
        for paper in papers:
            assert cells[paper] == str(expected[kind, paper.partition(" ")[0]] or "—")


def test_how_often_the_rule_errs_is_said(out):
    """Three seeds for A6, two where ConMH takes part."""
    text = chapter(text_of(out), "How far this can be trusted")
    assert "**With 2 seeds the rule errs**: of 100 pairs of rows that do not differ it tells 18 apart" in text
    assert "**With 3 seeds the rule errs**: of 100 pairs of rows that do not differ it tells 7 apart" in text
    compared = [
        row for section in sections(out, TARGETS) for row in section.judged.itertuples() if row.over and row.seeds
    ]
    expected = sum({2: 0.1835, 3: 0.0705}[row.seeds] for row in compared)
    assert f"some {expected:.0f} of the {len(compared)} comparisons below would come out as different by chance" in text


def test_the_budget_is_told_as_far_as_it_is_known(out):
    found = sections(out, TARGETS)
    told = facts(found, BUDGET)
    assert (
        "- **Budget**: 40 runs, 4 of them kept from before, 2 at a time, in 26 min, on Some CPU, 2 cores, "
        "with 3.0 GiB of memory at most." in told
    )
    assert "- **Code**: commit 0123456789, torch 2.11.0." in told
    less = {name: value for name, value in BUDGET.items() if name not in ("memory_peak_bytes", "versions", "commit")}
    assert "2 cores.\n" in facts(found, less)
    assert "- **Budget**: not recorded.\n" in facts(found, {})
    gpu = facts(found, BUDGET | {"cuda": "Some GPU", "wall_seconds": 90_000})
    assert "in 25.0 h, on Some GPU" in gpu


def test_seeds_and_conventions_are_told(out):
    told = facts(sections(out, TARGETS), {})
    assert "- **Seeds**: 3 (5 rows), 2 (2 rows), 1 (2 rows).\n" in told
    assert "- **Conventions**: average precision divided by k; ties stable; self-matches: exclude.\n" in told
