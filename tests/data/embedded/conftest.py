"""The dataset of other glyphs, for the tests that compare it with moving-digits."""

import pytest

import ssvh_lib as ssvh


@pytest.fixture(scope="session")
def shapes_smoke() -> ssvh.Dataset:
    """moving-shapes-smoke, 250 + 80 videos; built on first use."""
    return ssvh.load_dataset("moving-shapes-smoke")
