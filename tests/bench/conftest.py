"""The benchmarks on little, measured once for all files.

With pytest-xdist they are measured once in each process, which takes files as a whole.
"""

import pytest
from typer.testing import CliRunner

from ssvh_lib.bench import centres, neighbours, scan
from ssvh_lib.cli import app

CENTRES = (("synthetic", 12, 16), ("nowhere", 100, 64))
SIZES = ((400, 20, 8),)


@pytest.fixture(scope="session")
def shapes():
    """B, T, E and S of the only scan."""
    return ((2, 5, 8, 4),)


@pytest.fixture(scope="session")
def measured(shapes, tmp_path_factory):
    """``ssvh bench`` on little: what it printed, and the folder it wrote."""
    folder = tmp_path_factory.mktemp("figures")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "SHAPES", shapes)
        patch.setattr(centres, "CENTRES", CENTRES)
        patch.setattr(neighbours, "SIZES", SIZES)
        patch.setattr(scan.torch.cuda, "is_available", lambda: False)
        done = CliRunner().invoke(app, ["bench", "scan", "centres", "neighbours", "--out", str(folder)])
    assert done.exit_code == 0, done.output
    return done.output, folder
