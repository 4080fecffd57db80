"""Memory, seconds and operations of encoding make whole records and tables."""

import json
from functools import partial

import pytest
import torch

from ssvh_lib.errors import SSVHError
from ssvh_lib.experiments import efficiency
from ssvh_lib.experiments.efficiency import Sweep, collect, encoding_operations, table
from ssvh_lib.experiments.flops import operations
from ssvh_lib.methods.s5vh import S5VH
from ssvh_lib.nn.backbones import BACKBONES
from ssvh_lib.utils import measured_process

SMALL = Sweep(tuple(BACKBONES), (8, 16), 12, S5VH.PRESETS["smoke"])


@pytest.mark.parametrize("backbone", BACKBONES)
def test_three_short_videos_tell_the_operations_of_a_long_one(backbone):
    (found,) = encoding_operations(SMALL, backbone, [61])
    model = SMALL.model(backbone, 61)
    with torch.inference_mode():
        assert found == operations(model, lambda: model.encode(torch.zeros(1, 61, 12)))


# Records


@pytest.fixture(scope="module")
def records():
    return collect((), (), "smoke")


@pytest.mark.slow
def test_every_backbone_and_seed_has_a_whole_record(records):
    assert [(record["label"], record["seed"]) for record in records] == [
        (f"S5VH, {name}", seed) for name in ("mamba", "transformer") for seed in range(3)
    ]
    assert json.loads(json.dumps(records)) == records
    for record in records:
        assert record["frames"] == [100, 200, 400]
        assert all(len(record[name]) == 3 for name in ("peak_bytes", "flops", "seconds"))
        assert min(record["flops"] + record["seconds"]) > 0
        assert record["flops_400"] == record["flops"][-1]
        assert record["peak_bytes_400"] == record["peak_bytes"][-1]


@pytest.mark.slow
def test_weights_do_not_change_operations_and_attention_grows_faster(records):
    mamba, transformer = records[:3], records[3:]
    assert len({tuple(record["flops"]) for record in mamba}) == 1
    assert mamba[0]["flops"][2] == 4 * mamba[0]["flops"][0]
    assert transformer[0]["flops"][2] > 4 * transformer[0]["flops"][0]


@pytest.mark.slow
@pytest.mark.skipif(
    not measured_process.Path("/proc/self/clear_refs").exists(), reason="peaks can be forgotten on Linux only"
)
def test_the_attention_weights_are_in_the_memory_of_a_transformer(records):
    """400 x 400 float32 twice, before and after the softmax, of one head; give or take half a MB."""
    assert all(0.5e6 < record["peak_bytes"][-1] < 4e6 for record in records[3:])


def test_too_little_memory_is_an_error_that_names_the_backbone(monkeypatch):
    monkeypatch.setattr(efficiency, "in_subprocess", lambda *_, **__: None)
    with pytest.raises(SSVHError, match=r"with the backbone (mamba|transformer)"):
        collect((), (), "smoke")


def test_an_unknown_preset_is_refused_before_anything_is_measured():
    with pytest.raises(SSVHError, match=r"no preset called 'tiny'.*Known: paper, small, smoke"):
        collect((), (), "tiny")


def test_memory_is_measured_where_blocks_are_given_back_and_seconds_are_not(monkeypatch):
    asked = {}
    monkeypatch.setattr(
        efficiency, "in_subprocess", lambda kind, *_, environment: asked.setdefault(kind.__name__, environment)
    )
    efficiency._measured(efficiency.memory, "mamba", "smoke", "cpu")
    efficiency._measured(efficiency.seconds, "mamba", "smoke", "cpu")
    assert asked == {"memory": efficiency.EXACT, "seconds": {}}


def record(backbone, frames, peak, seed=0):
    return {
        "dataset": "random features", "method": "s5vh", "variant": "paper", "label": f"S5VH, {backbone}", "bits": 64,
        "preset": "small", "seed": seed, "frames": frames, "peak_bytes": peak,
        "flops": [1e9 * T for T in frames], "seconds": [1e-3 * T**2 for T in frames],
    }  # fmt: skip


# The table


def test_a_table_has_means_and_the_exponent_of_the_last_doubling():
    records = [record("mamba", [25, 1000, 2000], [0, 2e6, peak], seed) for seed, peak in enumerate((6e6, 10e6))]
    records += [record("rwkv", [25, 50], [1e6, 0])]
    rows = table(records, ["S5VH, rwkv", "S5VH, mamba"]).set_index("backbone")
    assert list(rows.index) == ["S5VH, rwkv", "S5VH, mamba"]
    mamba, rwkv = rows.loc["S5VH, mamba"], rows.loc["S5VH, rwkv"]
    assert (mamba["MB, 25 frames"], mamba["MB, 2,000 frames"], mamba["MB, exponent"]) == ("0.0", "8.0", "2.00")
    assert (mamba["GFLOP, 2,000 frames"], mamba["GFLOP, exponent"], mamba["s, exponent"]) == (
        "2,000.00",
        "1.00",
        "2.00",
    )
    assert (rwkv["MB, 25 frames"], rwkv["MB, 2,000 frames"], rwkv["MB, exponent"]) == ("1.0", "—", "—")


def test_rows_that_are_not_in_the_order_come_last_and_no_records_make_an_empty_table():
    made = partial(record, frames=[25], peak=[1e6])
    assert list(table([made("a"), made("c"), made("b")], ["S5VH, b"])["backbone"]) == ["S5VH, b", "S5VH, a", "S5VH, c"]
    assert table([], []).empty
