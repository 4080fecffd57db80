"""What sliders, buttons and lists do."""

import numpy as np
import pytest

from ssvh_lib.inspector import Inspector, Subject, choices, explain, render_view
from ssvh_lib.training.runs import Run


@pytest.fixture
def shell(subject):
    return Inspector(subject, video=5)


def test_sliders_begin_where_training_was(shell, subject):
    config = subject.model().config
    assert shell.noise.value == config.noise
    assert shell.temperature.value == config.sampler_temperature
    assert shell.budget.value == shell.view.budget == 12
    assert (shell.epoch.value, shell.epoch.options) == (2, (0, 1, 2))
    assert shell.picture.value == render_view(explain(subject, 5))


def test_each_slider_changes_the_picture(shell, subject):
    changes = {"noise": 0.1, "temperature": 2.0, "budget": 20, "epoch": 0, "seed": 9, "video": 8}
    for name, value in changes.items():
        before = shell.picture.value
        getattr(shell, name).value = value
        assert shell.picture.value != before, name
    wanted = explain(subject, 8, noise=0.1, temperature=2.0, budget=20, epoch=0, seed=9)
    assert shell.picture.value == render_view(wanted)


def test_buttons_draw_again_and_choose_any_video(shell):
    before = shell.view.visible
    shell.again.click()
    assert shell.view.seed == 1
    assert (shell.view.visible != before).any()
    shell.label.value = shell.run.dataset.classes[7]
    shell.random.click()
    assert shell.view.classes == (shell.run.dataset.classes[7],)


def test_bits_are_flipped_and_flipped_back(shell):
    before = shell.neighbours.value
    shell.bit.value = 4
    shell.turn.click()
    assert "Flipped bits: 4. Bit 4" in shell.neighbours.value
    shell.least.click()
    least = int(np.abs(np.where(np.arange(16) == 4, np.inf, shell.view.values)).argmin())
    assert f"Flipped bits: {', '.join(map(str, sorted([4, least])))}. Bit {least}" in shell.neighbours.value
    shell.undo.click()
    shell.bit.value = 0
    assert shell.neighbours.value == before
    shell.turn.click()
    shell.video.value = 6
    assert "Flipped bits: none" in shell.neighbours.value


def test_videos_are_listed_by_class_and_by_agreement(subject, smoke):
    name = smoke.classes[3]
    assert choices(subject, name) == np.flatnonzero(smoke.query.labels[:, 3]).tolist()
    most, least = (choices(subject, order=f"{which} agreeing first") for which in ("most", "least"))
    assert subject.agreements[most[0]] == subject.agreements.max()
    assert subject.agreements[least[0]] == subject.agreements.min()
    assert sorted(most) == sorted(least) == choices(subject)
    assert np.isclose(subject.agreements[5], explain(subject, 5).agreement)


def test_another_run_is_taken_with_its_own_settings(train, smoke, tmp_path):
    for noise in (1.0, 6.0):
        train(smoke, tmp_path / f"noise-{noise}", noise=noise)
    shell = Inspector(Subject.open(tmp_path / "noise-1.0", smoke))
    first, second = (Run(tmp_path / f"noise-{noise}") for noise in (1.0, 6.0))
    shell.runs.value = second
    assert shell.view.noise == shell.noise.value == 6.0
    (first.folder / "env.json").unlink()  # no finished run any more
    shell.runs.value = first
    assert "no finished run" in shell.message.value
    assert shell.runs.value == second
    assert shell.view.noise == 6.0
