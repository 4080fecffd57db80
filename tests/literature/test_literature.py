"""What the papers state: nothing without a source, nothing twice, and where numbers depend on others, they agree."""

import math
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from ssvh_lib import SSVHError, literature
from ssvh_lib.literature import SIX, cite, curves, footnotes, lookup, numbers, warning

FOLDER = Path(literature.__file__).parent
SHEET = Path(__file__).resolve().parents[3] / "shared"
TRANSFER = "ucf101-to-hmdb51"


def value(*cell, **choices):
    return lookup(*cell, **choices).value


def test_every_number_has_a_source_and_every_warning_words():
    table = numbers()
    sources = pd.read_csv(FOLDER / "sources.csv")
    assert set(table["source"]) == set(sources["source"])
    assert sources["text"].str.len().gt(20).all()
    used = set(table["warnings"].explode().dropna()) | set(curves()["warnings"].explode().dropna())
    assert used == set(pd.read_csv(FOLDER / "warnings.csv", keep_default_na=False)["warning"])
    assert all(warning(key).endswith((".", ")")) for key in used)


def test_no_source_states_a_cell_twice():
    table = numbers()
    assert not table.duplicated(["source", *literature.CELL]).any()
    assert not curves().duplicated(["method", "dataset", "bits", "epoch"]).any()


def test_values_are_possible():
    table = numbers()
    maps = table[table["measure"].str.startswith("mAP@")]
    assert maps["value"].between(0.005, 0.65).all()
    assert (maps["cutoff"].astype(str) == maps["measure"].str.removeprefix("mAP@")).all()
    assert (table["value"] > 0).all()
    for _, row in maps.groupby(["source", *literature.CELL[:-1]], dropna=False):
        falling = row.sort_values("cutoff")["value"].to_numpy()  # divided by k, a longer list cannot do better here
        assert (falling[1:] <= falling[:-1]).all()


def test_the_three_systems_are_complete():
    for method, datasets in {
        "conmh": ("fcvid", "activitynet", "yfcc"), "s5vh": ("fcvid", "activitynet", "ucf101", "hmdb51"),
        "autossvh": ("fcvid", "activitynet", "ucf101", "hmdb51"),
    }.items():  # fmt: skip
        for dataset in datasets:
            for bits in (16, 32, 64):
                for measure in (*SIX, "GMAP", "GMAP (L2)"):
                    assert lookup(dataset, method, bits, measure) is not None


@pytest.mark.parametrize(("dataset", "bits"), [(name, bits) for name in ("ucf101", "hmdb51") for bits in (16, 32, 64)])
def test_gmap_of_table_3_is_the_norm_and_not_the_geometric_mean(dataset, bits):
    table = lookup(dataset, "autossvh", bits, "GMAP (L2)", label="IX AutoSSVH")
    readme = [value(dataset, "autossvh", bits, name, prefer=["autossvh-readme"]) for name in SIX]
    norm = math.sqrt(sum(one * one for one in readme))
    assert abs(norm - table.value) <= table.rounding + 0.0005 * math.sqrt(6)
    assert value(dataset, "autossvh", bits, "GMAP (L2)") == pytest.approx(norm)  # ours, of the README
    assert value(dataset, "autossvh", bits, "GMAP") < 0.4 * table.value
    assert "norm" in table.warnings


def test_gmap_by_hand():
    """README of AutoSSVH, UCF101 at 16 bits: .423 .343 .288 .244 .210 .184."""
    assert value("ucf101", "autossvh", 16, "GMAP (L2)") == pytest.approx(0.71904, abs=1e-5)
    assert value("ucf101", "autossvh", 16, "GMAP") == pytest.approx(0.2708, abs=5e-5)
    number = lookup("ucf101", "autossvh", 16, "GMAP")
    assert "computed" in number.warnings
    assert "README" in number.source


def test_gmap_of_figure_3_is_the_geometric_mean():
    table = numbers(source="autossvh-issue")
    printed = table[table["measure"] == "GMAP"]
    assert len(printed) == 26
    for row in printed.itertuples():
        maps = [value(row.dataset, row.method, row.bits, name, label=row.label, prefer=[row.source]) for name in SIX]
        mean = math.prod(maps) ** (1 / 6)
        rounded = mean * sum(0.00005 / one for one in maps) / 6  # that the six were rounded
        assert abs(mean - row.value) <= row.rounding + rounded


def test_differences_in_the_text_follow_from_the_tables():
    def total(label):
        return numbers(item="Table 3", label=label, measure="GMAP (L2)")["value"].sum()

    samplers = ("II random frames", "III AttMask", "IV AdaMAE", "V ADIOS")
    for row in numbers(measure="gain of the whole, %", item="Table 3").itertuples():
        labels = samplers if row.label.startswith("II–V") else [row.label]
        gain = sum(total("IX AutoSSVH") / total(label) - 1 for label in labels) / len(labels)
        assert abs(100 * gain - row.value) <= 2 * row.rounding  # 4.75 is printed as 4.7

    def sum_of(method):
        rows = numbers(item="Table 2", method=method, measure="unnamed")
        return rows["value"].sum() - (0.3350 - 0.0335) * (method == "bervae")  # the misprint

    for row in numbers(measure="difference from ConMH, %").itertuples():
        agrees = abs(100 * abs(sum_of(row.method) / sum_of("conmh") - 1) - row.value) <= row.rounding
        assert agrees == ("does-not-follow" not in row.warnings)
    assert lookup(TRANSFER, "bervae", 16, "unnamed").warnings == ("unnamed-measure", "misprint")


def test_the_warnings_say_what_the_numbers_show():
    def stated(source, dataset, method, bits, measure):
        return value(dataset, method, bits, measure, prefer=[source])

    for dataset, norms in {"ucf101": (0.781, 1.025, 1.119), "hmdb51": (0.247, 0.339, 0.413)}.items():
        for bits, norm in zip((16, 32, 64), norms, strict=True):
            assert stated("autossvh-log", dataset, "autossvh", bits, "GMAP (L2)") == pytest.approx(norm, abs=5e-4)
            assert f"{norm:.3f}" in warning("not-the-logs")
    for name in SIX:
        bth, bervae = (stated("autossvh-issue", "fcvid", method, 64, name) for method in ("bth", "bervae"))
        assert bth == bervae  # row-equals-bth
        theirs, ours = (stated(f"{method}-log", "fcvid", method, 32, name) for method in ("s5vh", "autossvh"))
        assert theirs == ours  # same-as-s5vh
    for name in ("mAP@80", "mAP@100"):  # shared-digits: a whole number of thousandths apart
        theirs = stated("s5vh-log-4000", "fcvid", "s5vh", 16, name)
        thousandths = 1000 * (stated("autossvh-log", "fcvid", "autossvh", 16, name) - theirs)
        assert thousandths == pytest.approx(round(thousandths), abs=2e-3)
        assert round(thousandths) > 0


def test_s5vh_readme_and_logs_differ_in_thirteen_cells():
    readme = numbers(source="s5vh-readme", method="s5vh")
    readme = readme[readme["cutoff"].notna()]
    differ = [
        abs(value(row.dataset, "s5vh", row.bits, row.measure, prefer=["s5vh-log"]) - row.value) > row.rounding + 1e-6
        for row in readme.itertuples()
    ]
    assert (len(differ), sum(differ)) == (60, 13)
    assert differ == ["s5vh-versions" in keys for keys in readme["warnings"]]


def test_parameters_differ_by_the_size_of_the_features():
    wide, narrow = (value(name, "autossvh", 16, "encoder parameters") for name in ("ucf101", "activitynet"))
    assert wide - narrow == (4096 - 2048) * 256


def test_sources_that_count_more_come_first():
    assert value("activitynet", "s5vh", 16, "mAP@5") == 0.180  # its README
    assert value("activitynet", "s5vh", 16, "mAP@5", prefer=["autossvh-issue"]) == 0.207
    assert value("activitynet", "s5vh", 16, "mAP@5", prefer=["conmh-readme", "autossvh-issue"]) == 0.207
    assert "logs" in lookup("activitynet", "s5vh", 16, "mAP@60").source  # the README has none
    assert "logs/activitynet/S5VH_16bit/map.txt" in lookup("activitynet", "s5vh", 16, "mAP@60").source
    assert value("yfcc", "conmh", 32, "mAP@5") == 0.341  # the README as it is, not 0.346 of its first commit
    assert lookup("moving-digits", "s5vh", 16, "mAP@5") is None
    assert lookup("ucf101", "conmh", 16, "mAP@5") is None
    assert lookup("ucf101", "s5vh", 16, "mAP@5").rounding == 0.0005
    assert lookup("ucf101", "s5vh", 16, "mAP@5").source.startswith(cite(lookup("ucf101", "s5vh", 16, "mAP@5").key))


def test_numbers_are_chosen_by_column():
    table = numbers(dataset="hmdb51", method="autossvh", measure="GMAP (L2)", bits=64, item="Table 3")
    assert table.set_index("label")["value"].to_dict() == {
        "I without gradient reversal": 0.351, "II random frames": 0.355, "III AttMask": 0.366, "IV AdaMAE": 0.364,
        "V ADIOS": 0.369, "VI without reconstruction (FR)": 0.359, "VII without view contrast (VC)": 0.360,
        "VIII without point-to-set (P2Set)": 0.365, "IX AutoSSVH": 0.376,
    }  # fmt: skip
    assert numbers(method="conmh", dataset="ucf101").empty  # both known, but nothing of both
    assert set(numbers(cutoff=20)["measure"]) == {"mAP@20"}


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"dataset": "ucf"}, "no published dataset called 'ucf'. Did you mean 'ucf101'? Known: activitynet"),
        ({"method": "AutoSSVH"}, "Did you mean 'autossvh'"),
        ({"measure": "map@20"}, "no published measure called 'map@20'"),
        ({"bits": 48}, "Known: 128, 16, 256, 32, 64"),
    ],
)
def test_a_name_that_no_number_has(wanted, message):
    with pytest.raises(SSVHError) as error:
        numbers(**wanted)
    assert message in str(error.value)


def test_a_warning_that_does_not_exist():
    with pytest.raises(SSVHError, match="no provenance warning called 'normed'"):
        warning("normed")
    with pytest.raises(SSVHError, match=r"no source called 's5vh-readmee'\. Did you mean 's5vh-readme'\?"):
        cite("s5vh-readmee")
    assert list(footnotes(["norm", "misprint", "norm"])) == ["misprint", "norm"]


def test_what_is_returned_can_be_changed_without_harm():
    table, lines = numbers(), curves()
    table["value"], lines["mAP@5"] = 0.0, 0.0
    assert (numbers()["value"] > 0).all()
    assert (curves()["mAP@5"] > 0).all()


@pytest.mark.parametrize("dataset", ["activitynet", "ucf101", "hmdb51"])
@pytest.mark.parametrize("bits", [16, 32, 64])
@pytest.mark.parametrize("method", ["s5vh", "autossvh"])
def test_logs_keep_the_best_evaluation(method, dataset, bits):
    line = curves(method=method, dataset=dataset, bits=bits)
    if (method, dataset, bits) == ("s5vh", "hmdb51", 16):
        assert line.empty  # this log is not published
        return
    best = value(dataset, method, bits, "mAP@5", prefer=[f"{method}-log"])
    assert line["mAP@5"].max() == pytest.approx(best, abs=6e-6)
    assert line["epoch"].is_monotonic_increasing


def test_curves_end_where_the_logs_end():
    last = curves().groupby(["method", "dataset", "bits"]).last()
    assert last.loc[("s5vh", "activitynet", 16), "mAP@5"] == pytest.approx(0.1737, abs=6e-5)
    assert last.loc[("autossvh", "hmdb51", 16), "mAP@5"] == pytest.approx(1 / 51, abs=6e-6)
    assert last.loc[("autossvh", "fcvid", 64), "epoch"] == 400
    assert "diverged" in last.loc[("autossvh", "hmdb51", 16), "warnings"]
    assert len(last) == 23


def test_the_files_are_small():
    assert sum(path.stat().st_size for path in FOLDER.glob("*.csv")) < 200_000


@pytest.fixture
def sheet():
    if not (SHEET / "published_results.csv").is_file():
        pytest.skip("the sheet on which the numbers were collected is not beside this checkout")
    return SHEET


def test_all_numbers_of_the_sheet_are_here_and_no_others(sheet):
    """All but those of WSCH, a weakly supervised method."""
    collected = pd.read_csv(sheet / "published_results.csv", keep_default_na=False, dtype=str)
    collected = collected[collected["method"] != "WSCH"]
    kinds = {"time": "time", "params": "parameters", "GMAP": "GMAP"}
    names = {"retnet": "s5vh", "rwkv": "s5vh"}

    def theirs(row):
        name = row.method.split()[0].lower()
        dataset = row.dataset.lower() if "->" not in row.dataset else TRANSFER
        kind = kinds.get(row.metric, f"mAP@{row.k}")
        return dataset, names.get(name, name), int(row.bits), kind, round(float(row.value), 6)

    def ours(row):
        short = {"GMAP (L2)": "GMAP", "unnamed": "GMAP", "encoder parameters": "parameters", "epochs": "time"}
        kind = "time" if row.measure.startswith("seconds") else short.get(row.measure, row.measure)
        return row.dataset, row.method, row.bits, kind, round(row.value, 6)

    stated = [row for row in numbers().itertuples() if "%" not in row.measure and "computed" not in row.warnings]
    assert Counter(map(ours, stated)) == Counter(map(theirs, collected.itertuples()))


def test_curves_are_those_of_the_sheet(sheet):
    keys = ["method", "dataset", "bits", "epoch"]
    whole = pd.read_csv(sheet / "published_eval_curves.csv").rename(columns={"epochs_completed": "epoch"})
    whole = whole.assign(method=whole["method"].str.lower(), dataset=whole["dataset"].str.lower())
    both = curves().merge(whole, on=keys, suffixes=("", " there"), how="left", validate="one_to_one")
    for name in SIX:
        assert (both[name] - both[f"{name} there"]).abs().max() < 6e-6
    assert set(map(tuple, both[keys[:3]].to_numpy())) == set(map(tuple, whole[keys[:3]].to_numpy()))
