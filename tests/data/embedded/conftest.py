"""What the tests of the worlds share: the dataset of other glyphs, and the sine of another platform."""

import numpy as np
import pytest

import ssvh_lib as ssvh


@pytest.fixture(scope="session")
def shapes_smoke() -> ssvh.Dataset:
    """moving-shapes-smoke, 250 + 80 videos; built on first use."""
    return ssvh.load_dataset("moving-shapes-smoke")


@pytest.fixture(params=[-9.0, 9.0], ids=["below", "above"])
def other_platform(request, monkeypatch):
    """Once it is called, every sine and cosine differs in its last bit, as between platforms."""

    def go_there():
        for name in ("sin", "cos"):
            here = getattr(np, name)
            monkeypatch.setattr(np, name, lambda x, here=here: np.nextafter(here(x), request.param))

    return go_there
