"""The report's text: each claim in its chapter, code lengths in a row, a footnote for each source."""

import re

from small_report import TARGETS, Target, chapter, row_of, target_of, text_of

from ssvh_lib import literature
from ssvh_lib.experiments import results


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
