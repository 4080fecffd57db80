"""The report's files: equal records give equal bytes, no claim is dropped, and links lead somewhere."""

import json
import re

import pytest
from small_report import BUDGET, TARGETS, row_of, target_of

from ssvh_lib import SSVHError
from ssvh_lib.experiments import results
from ssvh_lib.literature.claims import CLAIMS
from ssvh_lib.report import document


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


def test_records_that_contradict_each_other_are_named_with_their_file(out, make_record):
    records = results.load(out / "data" / "A6.json")
    records += [make_record("autossvh", 32, 0, label="IX AutoSSVH", gmap_l2=0.1)]
    results.save(out / "data" / "A6.json", records)
    with pytest.raises(SSVHError, match=r"A6.json: IX AutoSSVH, seed 0, has two results for GMAP \(L2\)"):
        document.write(out, TARGETS)
    assert not (out / "REPORT.md").exists()


def test_the_budget_is_read_from_the_data(out):
    (out / "data" / "budget.json").write_text(json.dumps(BUDGET))
    document.write(out, TARGETS)
    assert "in 26 min, on Some CPU" in (out / "REPORT.md").read_text()


def test_links_lead_to_files(illustrated):
    document.write(illustrated, TARGETS)
    text = (illustrated / "REPORT.md").read_text()
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert {"A6.svg", "tables/A6.md", "claims/A6.md", "data/A6.json", "data"} <= set(links)
    for link in links:
        assert f'<a id="{link[1:]}"></a>' in text if link.startswith("#") else (illustrated / link).exists(), link
    assert "A1.svg" not in text  # not drawn


def test_the_terminal_has_a_line_for_each_target(out, monkeypatch):
    monkeypatch.chdir(out)
    lines = dict(re.split(r"\s{2,}", line, maxsplit=1) for line in document.summary(out, TARGETS, TARGETS).splitlines())
    assert list(lines) == ["A1", "A6", "A9", "S7"]
    assert re.split(r"\s{2,}", lines["A6"]) == [
        "1 direction only, 1 within the spread, 1 not comparable, 6 cannot be judged", "claims/A6.md",
    ]  # fmt: skip
    assert document.summary(out, TARGETS, ["A6"]).startswith("A6 ")
    assert document.summary(out, TARGETS, ["main"]) == ""
