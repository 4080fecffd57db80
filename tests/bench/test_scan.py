"""The parallel scan is right, and a case that needs too much memory is a row. No speed."""

import sys

import pytest
import torch
from torch.nn.functional import softplus

from ssvh_lib.bench import scan
from ssvh_lib.bench.scan import Case, selective_scan_parallel
from ssvh_lib.nn.mamba import selective_scan_loop
from ssvh_lib.utils import measured_process

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("T", [1, 2, 3, 7, 8, 25, 64])
def test_the_parallel_scan_is_the_loop(noise, T):
    B, E, S = 2, 6, 3
    made = noise(B, T, E), softplus(noise(B, T, E)), -noise(E, S).exp(), noise(B, T, S), noise(B, T, S), noise(E)
    inputs, weight = [values.double().requires_grad_() for values in made], noise(B, T, E).double()
    found, wanted = (
        [y, *torch.autograd.grad(y, inputs, weight, materialize_grads=True)]  # A counts from the second frame on
        for y in (scan(*inputs) for scan in (selective_scan_parallel, selective_scan_loop))
    )
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not keep the limit on memory")
def test_a_case_that_needs_too_much_is_a_row_and_no_crash():
    case = Case("cpu", (64, 16, 128, 2**14), "forward", "parallel")  # 8.6 GB at the first step
    assert measured_process.in_subprocess(scan.figures, *case) is None
    row = scan._scan_row(case._asdict() | {"figures": None}, {"MB": 1.0})
    assert row == {"device": "cpu", "B × T": "64 × 16", "pass": "forward", "scan": "parallel", "MB": "over 8 GB"}
