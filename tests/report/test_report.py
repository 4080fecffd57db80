"""The report: a pure function of records that drops no claim, links what is there, and needs nothing else."""

import base64
import json
import re
from collections import Counter
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ssvh_lib import SSVHError, literature
from ssvh_lib.experiments import results
from ssvh_lib.literature.claims import CLAIMS
from ssvh_lib.report import document, tables
from ssvh_lib.report.facts import facts
from ssvh_lib.report.markdown import markdown
from ssvh_lib.report.page import to_page
from ssvh_lib.report.sections import sections
from ssvh_lib.report.verdicts import Kind

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
BUDGET = {
    "dataset": "moving-digits", "preset": "small", "runs": 40, "kept": 4, "workers": 2, "wall_seconds": 1530,
    "cpu": "Some CPU", "cores": 2, "memory_peak_bytes": 3 * 2**30, "cuda": None, "commit": "0123456789abcdef",
    "versions": {"torch": "2.11.0"},
}  # fmt: skip


@dataclass(frozen=True)
class Target:
    """As much of a target as the report asks for."""

    heading: str
    item: str = ""
    data: str = ""
    rows: tuple[str, ...] = ()

    def order(self):
        return list(self.rows)


TARGETS = {
    "main": Target("Every method."),
    "A1": Target("mAP at 5 to 100.", "AutoSSVH, Figure 3", "main"),
    "A6": Target("AutoSSVH without its parts.", "AutoSSVH, Table 3"),
    "A9": Target("The majority vote is the nearest code.", "AutoSSVH, appendix"),
    "S7": Target("Other backbones.", "S5VH, backbones"),
}


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


def text_of(out: Path, targets=TARGETS) -> str:
    return markdown(sections(out, targets), {})


def chapter(text: str, title: str) -> str:
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def target_of(text: str, name: str) -> str:
    return text.split(f'<a id="{name.lower()}"></a>')[1].split("\n### ")[0]


def row_of(text: str, claim: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {claim} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


# What is written


def test_files_are_written_and_the_same_records_give_the_same_bytes(fill, tmp_path):
    first, second = fill(tmp_path / "a"), fill(tmp_path / "b")
    for name in ("main", "A6"):
        records = results.load(second / "data" / f"{name}.json")[::-1]
        (second / "data" / f"{name}.json").write_text(json.dumps({"records": records}))
    paths = document.write(first, TARGETS)
    names = {str(path.relative_to(first)) for path in paths}
    assert {"REPORT.md", "REPORT.html", "claims/A6.md", "claims/A6.csv", "claims/A6.tex", "claims/A9.md"} <= names
    assert "claims/main.md" not in names  # without claims
    assert all(path.is_file() for path in paths)
    again = {path.relative_to(second): path.read_bytes() for path in document.write(second, TARGETS)}
    assert again == {path.relative_to(first): path.read_bytes() for path in paths}


def test_no_claim_is_dropped(out):
    document.write(out, TARGETS)
    text = (out / "REPORT.md").read_text()
    for claim in CLAIMS.values():
        assert row_of(target_of(text, claim.name.partition("-")[0]), claim.text)
        file = (out / "claims" / f"{claim.name.partition('-')[0]}.csv").read_text()
        assert f"\n{claim.name}," in file


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


def test_code_lengths_share_a_row(out):
    """AutoSSVH .20, .21, .22 against ConMH .30, .31 at both lengths: .095 below, which is more than the spread."""
    row = row_of(target_of(text_of(out), "A1"), "Ranks better than ConMH.")
    assert row[1:5] == ["**not reproduced**", "mAP@20", "−.095 ± .009", "2"]
    assert row[5].startswith("16: activitynet +.010, fcvid +.004<br>32: activitynet +.012, fcvid +.004 [^")
    assert row[6] == "—"


def test_code_lengths_that_differ_are_told_apart(out, make_record):
    records = results.load(out / "data" / "main.json")
    records += [make_record("bth", 32, seed, at20=0.1) for seed in (1, 2)]
    results.save(out / "data" / "main.json", records)
    text = text_of(out)
    row = row_of(target_of(text, "A1"), "Ranks better than BTH.")
    assert row[1] == "16: **cannot be judged**<br>32: **direction only**"
    assert row[3] == "16: —<br>32: +.110 ± .007"
    assert "[A1](#a1)** AutoSSVH, Figure 3. Ranks better than BTH (+.110) at 32 bits." in chapter(text, "What held")
    assert "**BTH has one seed, which shows no spread.** [A1](#a1) Ranks better than BTH at 16 bits." in text


def test_chapters_say_each_thing_once_and_in_its_place(out):
    """A6: .41 against .31 and .40, deviations .01. The former differ, the latter do not by more than the spread."""
    text = text_of(out)
    held, failed, within = (
        chapter(text, name) for name in ("What held", "What did not", "What lies within the spread")
    )
    assert "AutoSSVH, Table 3. Its sampler is better than random frames (+.100) at 32 bits." in held
    assert "AutoSSVH, Table 3. Its sampler is better than ADIOS (+.010) at 32 bits." in within
    assert "Ranks better than ConMH (−.095, −.095) at 16, 32 bits." in failed
    assert "`tests/clustering/test_kmeans.py::test_the_vote_is_the_code_nearest_to_all_members`" in held
    missing = chapter(text, "What cannot be said, and why")
    assert "**Measured on moving-digits, published on ucf101, hmdb51.** [A6](#a6) The whole method has" in missing
    assert "**No runs of “III AttMask”.** [A6](#a6) Its sampler is better than AttMask at 32 bits." in missing


def test_a_reproduced_value_is_told_beside_the_published_one(tmp_path, make_record):
    values = (0.717, 0.720, 0.723)
    conventions = {"divide_by": "k", "ties": "stable", "self_match": "exclude"}
    results.save(tmp_path / "data" / "A6.json", [
        make_record("autossvh", 16, seed, label="IX AutoSSVH", gmap_l2=value, dataset="ucf101", preset="paper",
                    conventions=conventions)
        for seed, value in enumerate(values)
    ])  # fmt: skip
    text = text_of(tmp_path)
    assert "The whole method has the published value (.720 against .719) at 16 bits." in chapter(text, "What held")
    row = row_of(target_of(text, "A6"), "The whole method has the published value.")
    assert row[1:5] == ["**reproduced**", "GMAP (L2)", ".720 ± .003", "3"]
    assert row[5].startswith(".719 [^autossvh-paper]")
    assert row[6] == "+.001"
    assert f"\n[^norm]: {literature.warning('norm')}\n" in text
    assert f"\n[^autossvh-paper]: {literature.cite('autossvh-paper')}.\n" in text


def test_every_footnote_is_explained_once_and_used(out):
    text = text_of(out)
    explained = re.findall(r"^\[\^([\w-]+)\]: ", text, re.MULTILINE)
    assert len(explained) == len(set(explained)) > 5
    assert set(explained) == set(re.findall(r"\[\^([\w-]+)\](?!:)", text))


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


# Which runs count


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


def test_other_data_than_most_is_named(out, make_record):
    records = [
        make_record("s5vh", 32, seed, label=f"S5VH, {name}", at20=value + seed / 100, dataset="ucf101")
        for name, value in (("mamba", 0.3), ("lstm", 0.1))
        for seed in range(2)
    ]
    results.save(out / "data" / "S7.json", records)
    text = text_of(out)
    assert "- **Data**: moving-digits; where it is said, ucf101." in text
    assert "Mamba is better than LSTM (+.200) at 32 bits on ucf101 (preset small)." in text
    assert "Judged on ucf101 (preset small) at 32 bits." in target_of(text, "S7")


def test_a_target_without_claims_has_its_own_rows_at_a_glance(out):
    text = text_of(out, TARGETS | {"rejection": Target("Without the uncertain.", "BerVAE, uncertainty", "main")})
    assert row_of(target_of(text, "main"), "ConMH")[1:3] == ["**.305 ± .007**"] * 2
    assert "| ConMH |" not in target_of(text, "rejection")  # which are those of main


def test_a_target_without_runs_says_so(out):
    text = text_of(out)
    assert "Its own runs are still to be made." in target_of(text, "S7")
    assert "still to be made" not in target_of(text, "A9")  # which needs none
    assert "[records]" not in target_of(text, "S7")


def test_nothing_at_all_is_a_report_too(tmp_path):
    text = text_of(tmp_path)
    assert "There are no runs yet" in text
    assert chapter(text, "What did not").strip() == "Nothing."
    assert row_of(target_of(text, "A6"), "Contrast of two views helps.")[1] == "**cannot be judged**"


def test_records_that_contradict_each_other_are_named_with_their_file(out, make_record):
    records = results.load(out / "data" / "A6.json")
    records += [make_record("autossvh", 32, 0, label="IX AutoSSVH", gmap_l2=0.1)]
    results.save(out / "data" / "A6.json", records)
    with pytest.raises(SSVHError, match=r"A6.json: IX AutoSSVH, seed 0, has two results for GMAP \(L2\)"):
        document.write(out, TARGETS)
    assert not (out / "REPORT.md").exists()


# The head


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


def test_the_budget_is_read_from_the_data(out):
    (out / "data" / "budget.json").write_text(json.dumps(BUDGET))
    document.write(out, TARGETS)
    assert "in 26 min, on Some CPU" in (out / "REPORT.md").read_text()


def test_seeds_and_conventions_are_told(out):
    told = facts(sections(out, TARGETS), {})
    assert "- **Seeds**: 3 (5 rows), 2 (2 rows), 1 (2 rows).\n" in told
    assert "- **Conventions**: average precision divided by k; ties stable; self-matches: exclude.\n" in told


# Links and the page


@pytest.fixture
def illustrated(out):
    """With a figure and a table of A6."""
    (out / "A6.svg").write_bytes(SVG)
    tables.write(results.load(out / "data" / "A6.json"), out / "tables" / "A6")
    return out


def test_links_lead_to_files(illustrated):
    document.write(illustrated, TARGETS)
    text = (illustrated / "REPORT.md").read_text()
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert {"A6.svg", "tables/A6.md", "claims/A6.md", "data/A6.json", "data"} <= set(links)
    for link in links:
        assert f'<a id="{link[1:]}"></a>' in text if link.startswith("#") else (illustrated / link).exists(), link
    assert "A1.svg" not in text  # not drawn


class Tags(HTMLParser):
    """What is opened, with what; every tag must be closed in its turn."""

    EMPTY = frozenset({"meta", "br", "img", "hr", "!doctype", "input"})

    def __init__(self, text):
        super().__init__()
        self.found, self._open = [], []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag


def test_the_page_needs_nothing_else(illustrated):
    document.write(illustrated, TARGETS)
    html = (illustrated / "REPORT.html").read_text()
    found = Tags(html).found
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in found}
    sources = [attrs["src"] for tag, attrs in found if tag == "img"]
    assert sources == ["data:image/svg+xml;base64," + base64.b64encode(SVG).decode()]
    assert "default-src 'none'" in html
    assert "@import" not in html
    assert "url(" not in html


def test_the_page_says_what_the_markdown_says(illustrated):
    document.write(illustrated, TARGETS)
    text = (illustrated / "REPORT.md").read_text()
    html = (illustrated / "REPORT.html").read_text()
    assert html.count("<tr>") == len([line for line in text.splitlines() if line.startswith("| ")]) - text.count(
        "| --- |\n"
    )
    assert "<title>What was published, and what comes out here</title>" in html
    anchors = {attrs["id"] for _, attrs in Tags(html).found if "id" in attrs}
    inner = {
        attrs["href"][1:] for tag, attrs in Tags(html).found if tag == "a" and attrs.get("href", "").startswith("#")
    }
    assert inner <= anchors
    assert "[^" not in html


def test_odd_words_do_not_become_markup():
    assert "&lt;b&gt;" in to_page("# <b>\n", Path())  # in the title; the text itself is our own


# The terminal


def test_the_terminal_has_a_line_for_each_target(out, monkeypatch):
    monkeypatch.chdir(out)
    lines = dict(re.split(r"\s{2,}", line, maxsplit=1) for line in document.summary(out, TARGETS, TARGETS).splitlines())
    assert list(lines) == ["A1", "A6", "A9", "S7"]
    assert re.split(r"\s{2,}", lines["A6"]) == [
        "1 direction only, 1 within the spread, 1 not comparable, 6 cannot be judged", "claims/A6.md",
    ]  # fmt: skip
    assert document.summary(out, TARGETS, ["A6"]).startswith("A6 ")
    assert document.summary(out, TARGETS, ["main"]) == ""
