"""Tables as pure functions of results: the right numbers in the right cells, and nothing dropped."""

import re
from io import StringIO

import numpy as np
import pandas as pd
import pytest

from ssvh_lib import literature
from ssvh_lib.literature.claims import CLAIMS
from ssvh_lib.report import tables
from ssvh_lib.report.verdicts import judge_all

MEASURES = ["mAP@5", "mAP@20", "mAP@40", "mAP@60", "mAP@80", "mAP@100", "GMAP", "GMAP (L2)"]
SPREAD = ((0.1**2 + 0.05**2 + 0.15**2) / 2) ** 0.5  # of .2, .25 and .45 about .3


# A number


@pytest.mark.parametrize(
    ("value", "std", "signed", "text"),
    [
        (0.1314, 0.0116, False, ".131 ± .012"),
        (0.1314, None, False, ".131"),
        (0.1314, float("nan"), True, "+.131"),
        (-0.0364, 0.018, True, "−.036 ± .018"),
        (-0.0001, None, False, ".000"),
        (1.25, None, False, "1.250"),
        (10.05, 20.06, False, "10.1 ± 20.1"),
        (1_234_567.0, 12_000.0, False, "1.23 ± .01 M"),
        (-2.5e9, None, True, "−2.50 G"),
        (None, None, True, "—"),
        (float("nan"), None, False, "—"),
    ],
)
def test_a_number_as_people_read_it(value, std, signed, text):
    assert tables.number(value, std, signed=signed) == text


# The main table


def test_rows_are_ordered_by_code_length_and_then_from_worst_to_best(records):
    table = tables.main_table(records[::-1])
    assert list(table.columns) == ["bits", "method", *MEASURES, "seeds", "seconds", "parameters", "videos/s"]
    assert list(zip(table["bits"], table["method"], strict=True)) == [
        (16, "LSH"),
        (16, "ConMH"),
        (16, "ITQ"),
        (32, "LSH"),
        (32, "ITQ"),
        (32, "ConMH"),
    ]


def test_cells_are_mean_and_spread_over_seeds_with_the_best_in_bold(records):
    table = tables.main_table(records)
    assert list(table["mAP@20"]) == [".100", ".300 ± .132", "**.350**", ".250", ".450", "**.500**"]
    assert list(table["mAP@5"]) == [".150", ".450 ± .198", "**.525**", ".375", ".675", "**.750**"]
    assert list(table["seeds"]) == [1, 3, 1, 1, 1, 1]
    assert list(table["seconds"]) == ["1.2", "25.0", "1.2", "1.2", "1.2", "1.2"]


def test_costs_are_readable(make_record):
    trained, classical = make_record("conmh") | {"parameters": 590080}, make_record("lsh", at20=0.1) | {"parameters": 0}
    table = tables.main_table([trained, classical | {"encoded_per_second": 123456}]).set_index("method")
    assert list(table["parameters"].loc[["ConMH", "LSH"]]) == ["590,080", "—"]
    assert table["videos/s"]["LSH"] == "120,000"


def test_at_a_glance_there_is_one_row_a_method(records):
    table = tables.glance(records[::-1])
    assert list(table.columns) == ["method", "16 bits", "32 bits", "seeds", "seconds", "parameters", "videos/s"]
    assert list(table["method"]) == ["LSH", "ITQ", "ConMH"]
    assert list(table["16 bits"]) == [".100", "**.350**", ".300 ± .132"]
    assert list(table["32 bits"]) == [".250", ".450", "**.500**"]
    assert list(tables.glance(records, order=["ITQ", "ConMH"])["method"]) == ["ITQ", "ConMH", "LSH"]


def test_each_measure_has_a_best_of_its_own(make_record):
    first, second = make_record("itq"), make_record("lsh", at20=0.19)
    second["map"]["5"] = 1.0
    table = tables.main_table([first, second]).set_index("method")
    assert list(table["mAP@5"].loc[["ITQ", "LSH"]]) == [".300", "**1.000**"]
    assert list(table["mAP@20"].loc[["ITQ", "LSH"]]) == ["**.200**", ".190"]


def test_equal_bests_are_both_bold(make_record):
    table = tables.main_table([make_record("itq"), make_record("lsh")])
    assert list(table["mAP@20"]) == ["**.200**", "**.200**"]


def test_values_of_one_and_more_keep_their_digits(make_record):
    table = tables.main_table([make_record(gmap_l2=1.25, gmap=0.001)])
    assert table["GMAP (L2)"].item() == "**1.250**"
    assert table["GMAP"].item() == "**.001**"


def test_a_variant_other_than_the_papers_is_named(make_record):
    released = make_record("conmh", variant="released", at20=0.1)
    table = tables.main_table([released, make_record("conmh"), make_record("some_new_method", at20=0.3)])
    assert list(table["method"]) == ["ConMH (released)", "ConMH", "some_new_method"]


def test_each_dataset_has_a_best_of_its_own_and_is_named_where_there_are_several(make_record):
    table = tables.main_table([make_record(at20=0.2), make_record(at20=0.1, dataset="ucf101")])
    assert list(table["dataset"]) == ["moving-digits", "ucf101"]
    assert list(table["mAP@20"]) == ["**.200**", "**.100**"]


# Its forms


def test_markdown_has_one_line_a_row_and_the_note_below(records):
    table = tables.main_table(records)
    lines = tables.to_markdown(table, "Read with care.").split("\n")
    assert lines[0] == "| bits | method | " + " | ".join(MEASURES) + " | seeds | seconds | parameters | videos/s |"
    assert lines[1] == "|" + " --- |" * table.shape[1]
    assert lines[4].startswith("| 16 | ITQ | **.525** | **.350** | ")
    assert lines[8:] == ["", "Read with care.", ""]
    assert {line.count("|") for line in lines[:8]} == {table.shape[1] + 1}
    assert tables.to_markdown(table).endswith("|\n")


def test_latex_is_a_booktabs_tabular(records):
    table = tables.main_table(records)
    text = tables.to_latex(table, "Read with care.")
    assert text.startswith("% Read with care.\n\\begin{tabular}{rl" + "r" * 12 + "}\n\\toprule\n")
    assert text.endswith("\\bottomrule\n\\end{tabular}\n")
    assert r"16 & ITQ & \textbf{.525} & \textbf{.350} & " in text
    assert r"16 & ConMH & .450 $\pm$ .198 & .300 $\pm$ .132 & " in text
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert [row.count("&") for row in rows] == [13] * 7
    assert not re.search(r"[*±]", text)


def test_latex_escapes_the_underscore_of_a_name(make_record):
    text = tables.to_latex(tables.main_table([make_record("my_method")]))
    assert r"16 & my\_method & " in text


def test_csv_has_the_unrounded_numbers(records):
    read = pd.read_csv(StringIO(tables.to_csv(records))).set_index(["method", "bits"])
    assert len(read) == 6
    assert read.loc[("conmh", 16), "mAP@5"] == pytest.approx(0.45)
    assert read.loc[("conmh", 16), "mAP@5 std"] == pytest.approx(1.5 * SPREAD, rel=1e-5)
    assert np.isnan(read.loc[("itq", 16), "mAP@5 std"])
    assert read.loc[("conmh", 16), "seeds"] == 3
    assert read.loc[("lsh", 32), "GMAP (L2)"] == pytest.approx(records[-1]["gmap_l2"], rel=1e-5)


def test_all_forms_are_written_and_the_order_of_records_does_not_matter(records, tmp_path):
    paths = tables.write(records, tmp_path / "new" / "folder" / "main")
    assert [path.name for path in paths] == ["main.md", "main.csv", "main.tex"]
    first = [path.read_bytes() for path in paths]
    assert tables.caption(records).encode() in first[0]
    assert [path.read_bytes() for path in tables.write(records[::-1], tmp_path / "new" / "folder" / "main")] == first
    assert len(list((tmp_path / "new" / "folder").iterdir())) == 3


def test_the_caption_says_which_data_and_conventions(make_record):
    conventions = {"divide_by": "hits", "ties": "expected", "self_match": "include"}
    text = tables.caption([make_record(conventions=conventions), make_record(dataset="ucf101")])
    for words in ("moving-digits, ucf101", "divided by hits", "ties are expected", "self-matches: include"):
        assert words in text


def test_what_is_missing_is_shown_and_not_dropped(records):
    """A row of the table without any run, a row without this code length, a measure that a small database lacks."""
    for record in records:
        del record["map"]["100"]
    records[0]["map"]["100"] = records[1]["map"]["100"] = 0.1
    order = ["ITQ", "S5VH", "ConMH", "LSH"]
    table = tables.main_table(records, order)
    assert list(table["method"]) == [*(order[i] for i in (0, 2, 3, 1))] * 2
    rows = table.set_index(["bits", "method"])
    assert (rows.loc[(16, "S5VH")] == "—").all()
    assert rows["mAP@100"].to_dict()[(16, "ConMH")] == "**.100 ± .000**"
    assert rows["mAP@100"].to_dict()[(32, "LSH")] == "—"
    seen = tables.glance([record for record in records if record["bits"] == 32 or record["method"] == "itq"], order)
    assert list(seen["method"]) == ["ITQ", "ConMH", "LSH", "S5VH"]
    assert list(seen["16 bits"]) == ["**.350**", "—", "—", "—"]
    assert seen["seconds"].iloc[-1] == "—"


# Beside published numbers


@pytest.fixture
def on_ucf101(make_record):
    """AutoSSVH at 16 bits .353 ± .014 on UCF101, where its README has .343; ITQ, for which there is no number."""
    return [
        make_record("autossvh", seed=0, at20=0.343, dataset="ucf101"),
        make_record("autossvh", seed=1, at20=0.363, dataset="ucf101"),
        make_record("itq", at20=0.2, dataset="ucf101"),
    ]


def test_published_numbers_stand_beside_ours(on_ucf101):
    table = tables.main_table(on_ucf101).set_index("method")
    assert list(table.columns) == [
        "bits", *MEASURES, "published mAP@20", "difference", "seeds", "seconds", "parameters", "videos/s",
    ]  # fmt: skip
    assert list(table.loc["AutoSSVH", ["published mAP@20", "difference"]]) == [".343", "+.010"]
    assert list(table.loc["ITQ", ["published mAP@20", "difference"]]) == ["—", "—"]
    full = pd.read_csv(StringIO(tables.to_csv(on_ucf101))).set_index("method")
    assert full.loc["autossvh", ["published mAP@20", "difference"]].tolist() == pytest.approx([0.343, 0.01])
    assert full.loc["itq", ["published mAP@20", "difference"]].isna().all()


def test_an_ablation_is_held_against_the_measure_of_its_paper(make_record):
    """AutoSSVH's Table 3 has GMAP (L2) only: .700 for random frames on UCF101 at 16 bits."""
    table = tables.main_table([make_record("autossvh", label="II random frames", dataset="ucf101", gmap_l2=0.69)])
    assert table[["published GMAP (L2)", "difference"]].to_numpy().tolist() == [[".700", "−.010"]]


def test_a_row_under_a_label_of_our_own_is_the_published_method(make_record):
    whole = tables.main_table([make_record("s5vh", label="S5VH, mamba", dataset="ucf101")])
    assert whole["published mAP@20"].item() == tables.number(literature.lookup("ucf101", "s5vh", 16, "mAP@20").value)


def test_where_nothing_is_published_there_are_no_columns_for_it(records, make_record):
    assert not {"difference"} & set(tables.main_table(records).columns)
    assert not {"difference"} & set(tables.main_table([make_record("lsh", dataset="ucf101")]).columns)
    assert "published" not in tables.to_csv(records)


def test_the_note_says_where_numbers_are_published_and_what_speaks_against_them(on_ucf101, records, tmp_path):
    markdown, _, latex = (path.read_text() for path in tables.write(on_ucf101, tmp_path / "main", "Every method."))
    assert f"\n- Published in {literature.cite('autossvh-readme')}.\n" in markdown
    assert f"\n- best-on-test: {literature.warning('best-on-test')}\n" in markdown
    assert f"% - best-on-test: {literature.warning('best-on-test')}\n" in latex
    assert "Published in" not in tables.write(records, tmp_path / "own")[0].read_text()


def test_another_table_is_written_as_it_is_made(records, tmp_path):
    def by_frames(records, order):
        return pd.DataFrame({"method": list(order), "bytes": [len(records) / 3]})

    markdown, full, latex = tables.write(records, tmp_path / "S2", "Memory.", ["S5VH"], by_frames)
    assert markdown.read_text() == "| method | bytes |\n| --- | --- |\n| S5VH | 2.667 |\n\nMemory.\n"
    assert full.read_text() == "method,bytes\nS5VH,2.66667\n"
    assert latex.read_text().startswith("% Memory.\n\\begin{tabular}{lr}")


# Claims


@pytest.fixture
def judged(make_record):
    """On UCF101 and moving-digits .21 for AutoSSVH, .18 with random frames, deviations .01; nothing for AttMask."""
    return judge_all(
        [CLAIMS[name] for name in ("A6-II", "A6-III", "A6-IX", "A9")],
        [
            make_record("autossvh", 32, seed, label=label, gmap_l2=value + seed / 100, dataset=dataset)
            for dataset in ("moving-digits", "ucf101")
            for label, value in (("IX AutoSSVH", 0.2), ("II random frames", 0.17))
            for seed in range(3)
        ],
    )


def test_claims_have_a_row_for_each_place_where_they_were_judged(judged):
    table = tables.claims_table(judged)
    assert list(table.columns) == [
        "claim", "data", "bits", "measure", "ours", "seeds", "published", "difference", "verdict", "because",
    ]  # fmt: skip
    assert len(table) == len(judged) == 7
    random = table[table["claim"] == "Its sampler is better than random frames."].set_index("data")
    assert random.loc["moving-digits (preset small)", "ours":"verdict"].tolist() == [
        "+.030 ± .010", 3, "ucf101 +.014, hmdb51 +.022", "—", "**direction only**",
    ]  # fmt: skip
    assert random.loc["ucf101 (preset small)", "ours":"verdict"].tolist() == [
        "+.030 ± .010", 3, "+.014", "+.016", "**direction only**",
    ]  # fmt: skip
    whole = table[table["claim"] == "The whole method has the published value."].set_index("data")
    assert whole.loc["ucf101 (preset small)", ["ours", "published", "difference"]].tolist() == [
        ".210 ± .010", ".959", "−.749",
    ]  # fmt: skip
    assert table.iloc[-1].drop(["claim", "because"]).tolist() == [*["—"] * 7, "**shown by a test**"]


def test_claims_on_one_dataset_do_not_name_it(judged):
    table = tables.claims_table(judged[judged["dataset"] == "ucf101"])
    assert list(table.columns[:2]) == ["claim", "bits"]


def test_claims_are_written_in_full_and_for_people(judged, tmp_path):
    paths = tables.write_claims(judged, tmp_path / "claims" / "A6", "AutoSSVH without its parts.")
    assert [path.name for path in paths] == ["A6.md", "A6.csv", "A6.tex"]
    markdown, full, latex = (path.read_text() for path in paths)
    assert markdown.count("\n| ") == 1 + len(judged)
    assert "\n\nAutoSSVH without its parts. Ours: mean ± standard deviation" in markdown
    assert f"- row-order: {literature.warning('row-order')}" in markdown
    read = pd.read_csv(StringIO(full)).set_index(["claim", "dataset"])
    assert read.loc[("A6-II", "ucf101"), ["ours", "std", "published", "difference"]].tolist() == pytest.approx(
        [0.03, 0.01, 0.014, 0.016]
    )
    assert read.loc[("A6-II", "moving-digits"), "elsewhere"] == "ucf101 0.014; hmdb51 0.022"
    assert read.loc[("A6-II", "ucf101"), "sources"] == "autossvh-paper"
    rows = [line for line in latex.splitlines() if line.endswith(r"\\")]
    assert [row.count("&") for row in rows] == [9] * 8
    assert not re.search(r"[*±−]", "".join(rows))
    assert paths == tables.write_claims(judged, tmp_path / "claims" / "A6", "AutoSSVH without its parts.")
    assert [path.read_text() for path in paths] == [markdown, full, latex]
