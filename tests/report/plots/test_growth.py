"""Costs as videos grow."""

import numpy as np
from panels import line, names

from ssvh_lib.report import plots


def test_by_frames_has_logarithmic_axes_and_leaves_out_what_was_not_measured(make_record):
    record = {"dataset": "random features", "method": "s5vh", "variant": "paper", "preset": "small", "bits": 64}
    records = [
        record | {"label": "S5VH, mamba", "seed": seed, "frames": [25, 50, 100], "peak_bytes": [1e6, 2e6, 4e6],
                  "flops": [1e9, 2e9, 4e9], "seconds": [0.1 + seed, 0.2 + seed, 0.4 + seed]}
        for seed in (0, 1)
    ]  # fmt: skip
    short = {"label": "S5VH, rwkv", "seed": 0, "frames": [25, 50], "peak_bytes": [0, 9e6], "flops": [1e9, 4e9]}
    records.append(record | short)
    memory, operations, seconds = plots.by_frames(records).axes
    assert {scale for panel in (memory, operations, seconds) for scale in (panel.get_xscale(), panel.get_yscale())} == {
        "log"
    }
    np.testing.assert_allclose(line(memory, "S5VH, mamba").get_data(), [[25, 50, 100], [1, 2, 4]])
    np.testing.assert_allclose(line(memory, "S5VH, rwkv").get_data(), [[50], [9]])
    np.testing.assert_allclose(line(operations, "S5VH, rwkv").get_data(), [[25, 50], [1, 4]])
    assert names(seconds) == ["S5VH, mamba"]
    np.testing.assert_allclose(line(seconds, "S5VH, mamba").get_ydata(), [0.6, 0.7, 0.9])
