"""The second embedded dataset, for the tests of both domains."""

import pytest

import ssvh_lib as ssvh


@pytest.fixture(scope="session")
def built() -> ssvh.Dataset:
    """moving-shapes-smoke, 250 + 80 videos; built on first use."""
    return ssvh.load_dataset("moving-shapes-smoke")
