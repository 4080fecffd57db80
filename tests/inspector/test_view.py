"""What is computed of a video: draws, scores, errors and rivals, and the model left as it was."""

import dataclasses

import numpy as np
import pytest
import torch

import ssvh_lib as ssvh
from ssvh_lib.inspector import explain, hidden_errors
from ssvh_lib.inspector.view import DRAWS
from ssvh_lib.losses import frame_errors
from ssvh_lib.samplers import drop_highest


def tokens_of(subject, row):
    model = subject.model()
    frames = torch.from_numpy(subject.dataset.query.read(np.array([row])))
    with torch.no_grad():
        return model, model.tokens(frames), frames


def test_draws_are_those_of_the_sampler_in_training(subject, view):
    model, tokens, _ = tokens_of(subject, 5)
    model.sampler.noise = 0.4
    try:
        with torch.no_grad():  # two views of the same video twice: four draws
            views = model.sampler(tokens.repeat(2, 1, 1), model.encoder, torch.Generator().manual_seed(3))
    finally:
        model.sampler.noise = model.config.noise
    assert (views.visible.numpy() == view.visible).all()
    assert np.allclose(views.scores[0].numpy(), view.scores)


def test_every_draw_keeps_to_the_budget(subject):
    for budget in (1, 12, 24):
        view = explain(subject, 0, budget=budget)
        assert view.visible.shape == (DRAWS, 25)
        chosen = [view.visible, *(rival.visible[None] for rival in view.rivals if rival.visible is not None)]
        assert all(((~rows).sum(axis=1) == budget).all() for rows in chosen)


def test_without_noise_the_highest_grades_are_dropped_whatever_the_seed(subject):
    views = [explain(subject, 1, noise=0.0, seed=seed) for seed in range(3)]
    wanted = drop_highest(torch.from_numpy(views[0].scores.copy()), 25 - views[0].budget).numpy()
    assert all((row == wanted).all() for view in views for row in view.visible)


def test_the_temperature_moves_no_pick_but_sharpens_the_soft_choice(subject):
    hot, cold = (explain(subject, 1, temperature=value) for value in (5.0, 0.1))
    assert (hot.visible == cold.visible).all()
    assert cold.soft.max() > hot.soft.max()
    assert np.isclose([hot.soft.sum(), cold.soft.sum()], 1, atol=1e-5).all()


def test_errors_are_those_of_hiding_each_frame_equally_often(subject):
    model, tokens, frames = tokens_of(subject, 2)
    budget, order = 12, torch.randperm(25, generator=torch.Generator().manual_seed(4))
    wanted, times = np.zeros(25), np.zeros(25, int)
    for start in range(25):
        hidden = order[(torch.arange(budget) + start) % 25].sort().values
        visible = torch.ones(1, 25, dtype=torch.bool)
        visible[0, hidden] = False
        with torch.no_grad():
            rebuilt = model.reconstruct_masked(tokens, frames, visible)
        wanted[hidden] += frame_errors(rebuilt.predicted, rebuilt.true)[0].numpy()
        times[hidden] += 1
    assert (times == budget).all()
    with torch.no_grad():
        assert np.allclose(hidden_errors(model, tokens, frames, budget, seed=4), wanted / budget, atol=1e-5)


def test_a_view_is_of_its_video_and_cannot_be_written_to(subject, view, smoke):
    assert view.title == smoke.query.ids[5]
    assert view.classes == (smoke.classes[smoke.query.labels[5].argmax()],)
    assert (view.informative == smoke.query.informative[5]).all()
    assert ((view.values > 0) == (ssvh.encode(subject.model(), smoke.query).signs()[5] > 0)).all()
    with pytest.raises(ValueError, match="read-only"):
        view.scores[0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        view.seed = 1


def test_explaining_leaves_the_model_and_the_random_state_as_they_were(subject, view):
    before, state = {name: value.clone() for name, value in subject.model().state_dict().items()}, torch.get_rng_state()
    again = explain(subject, 5, noise=0.4, seed=3)
    assert (again.visible == view.visible).all()
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in subject.model().state_dict().items())


def test_rivals_have_their_own_run_or_learn_nothing_or_are_missing(subject, runs):
    assert subject.rivals == {"adamae": runs["adamae"]}
    rivals = {rival.name: rival for rival in explain(subject, 0).rivals}
    assert list(rivals) == ["random", "AttMask", "AdaMAE", "ADIOS"]
    assert rivals["ADIOS"].visible is None
    assert "sampler=adios" in rivals["ADIOS"].note
    theirs = runs["adamae"].model()
    frames = torch.from_numpy(subject.dataset.query.read(np.array([0])))
    with torch.no_grad():
        drawn = theirs.sampler(theirs.tokens(frames), theirs.encoder, torch.Generator().manual_seed(0))
    assert (rivals["AdaMAE"].visible == drawn.visible[0].numpy()).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"video": 80}, "queries 0 to 79"),
        ({"video": -1}, "queries 0 to 79"),
        ({"noise": -0.1}, "noise.*0 or more"),
        ({"noise": float("nan")}, "noise.*0 or more"),
        ({"temperature": 0.0}, "more than 0"),
        ({"budget": 25}, "1 to 24, got 25"),
        ({"budget": 0}, "1 to 24, got 0"),
        ({"budget": 0.5}, "1 to 24, got 0.5"),
        ({"epoch": 3}, "epochs"),
    ],
)
def test_what_is_out_of_range_is_refused(subject, wrong, message):
    with pytest.raises(ssvh.SSVHError, match=message):
        explain(subject, **({"video": 0} | wrong))
