"""Learning rates by hand."""

from types import SimpleNamespace

import pytest

from ssvh_lib.nn.schedules import cosine, smooth_decay, step_decay

HALVED = SimpleNamespace(peak_learning_rate=8.0, decay=0.5, decay_every=2, least_learning_rate=1.5)


def test_step_decay_keeps_a_rate_for_some_epochs_and_stops_at_the_floor():
    assert [step_decay(HALVED, epoch) for epoch in range(7)] == [8, 8, 4, 4, 2, 2, 1.5]
    assert step_decay(HALVED, 10_000) == 1.5


def test_smooth_decay_takes_as_much_in_as_many_epochs_and_has_no_floor():
    rates = [smooth_decay(HALVED, epoch) for epoch in range(5)]
    assert rates == pytest.approx([8, 8 / 2**0.5, 4, 4 / 2**0.5, 2])
    assert smooth_decay(HALVED, 20) == pytest.approx(8 / 1024)


def test_cosine_falls_from_peak_to_least_through_their_mean():
    """Half a wave over six epochs: cosines 1, √3/2, 1/2, 0 and so on."""
    rates = [cosine(epoch, 6, peak=5.0, least=1.0) for epoch in range(7)]
    assert rates == pytest.approx([5, 3 + 3**0.5, 4, 3, 2, 3 - 3**0.5, 1])
