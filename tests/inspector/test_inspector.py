"""The inspector: what it computes, what it draws, what its sliders do, and who may open it in a browser."""

import dataclasses
import os
import re
import select
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt

import ssvh_lib as ssvh
from ssvh_lib.evaluation.hamming import hamming_distances, rank
from ssvh_lib.inspector import (
    Inspector,
    Subject,
    choices,
    explain,
    flip,
    hidden_errors,
    nearest,
    render_figure,
    render_neighbours,
    render_view,
    sentence,
    strips,
    subjects,
)
from ssvh_lib.inspector.serve import open_subject
from ssvh_lib.inspector.view import DRAWS
from ssvh_lib.losses import frame_errors
from ssvh_lib.samplers import drop_highest
from ssvh_lib.training.runs import Run

ROOT = Path(ssvh.__file__).resolve().parents[1]


def train(dataset, folder, bits=16, **changes):
    model = ssvh.build("autossvh", dataset, bits, preset="smoke", **changes)
    return ssvh.fit(model, dataset, folder, progress=False, keep_epochs=True)


@pytest.fixture(scope="module")
def runs(smoke, tmp_path_factory):
    """Runs of two epochs by the Grade-Net and by AdaMAE, but none by ADIOS, in a folder of runs."""
    folder = tmp_path_factory.mktemp("inspected") / smoke.name
    return {sampler: train(smoke, folder / sampler, sampler=sampler) for sampler in ("grade-net", "adamae")}


@pytest.fixture(scope="module")
def subject(runs, smoke):
    return Subject.open(runs["grade-net"], smoke)


@pytest.fixture(scope="module")
def view(subject):
    return explain(subject, 5, noise=0.4, seed=3)


def tokens_of(subject, row):
    model = subject.model()
    frames = torch.from_numpy(subject.dataset.query.read(np.array([row])))
    with torch.no_grad():
        return model, model.tokens(frames), frames


# What is computed


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


def test_epochs_are_those_that_were_kept(subject, runs, smoke, tmp_path):
    assert subject.epochs == [0, 1, 2]
    untrained = ssvh.build("autossvh", smoke, 16, preset="smoke")
    frames = torch.from_numpy(smoke.query.read(np.array([0])))
    assert np.allclose(explain(subject, 0, epoch=0).scores, untrained.frame_scores(frames)[0].detach())
    assert not np.allclose(explain(subject, 0, epoch=0).scores, explain(subject, 0, epoch=2).scores)
    model = ssvh.build("autossvh", smoke, 16, preset="smoke")
    bare = Subject.open(ssvh.fit(model, smoke, tmp_path / "bare", progress=False), smoke)
    assert bare.epochs == [2]
    assert np.allclose(explain(bare, 0).scores, explain(subject, 0).scores)
    with pytest.raises(ssvh.SSVHError, match="keep_epochs"):
        explain(bare, 0, epoch=1)


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


# Which runs there are


def test_only_finished_runs_with_a_grade_net_can_be_opened(runs, smoke, tmp_path):
    with pytest.raises(ssvh.SSVHError, match="sampler 'adamae'"):
        Subject.open(runs["adamae"], smoke)
    with pytest.raises(ssvh.SSVHError, match="no finished run"):
        Subject.open(tmp_path / "nothing", smoke)
    done = ssvh.fit(ssvh.build("itq", smoke, 16), smoke, tmp_path / "itq")
    with pytest.raises(ssvh.SSVHError, match="the method is itq"):
        Subject.open(done, smoke)


def test_a_run_on_other_data_is_refused(runs, smoke):
    other = dataclasses.replace(smoke, fingerprint="another")
    with pytest.raises(ssvh.SSVHError, match="other data"):
        Subject.open(runs["grade-net"], other)
    assert subjects(runs["grade-net"].folder.parent, other) == []


def test_the_method_comes_before_its_ablations_however_new_these_are(smoke, tmp_path):
    plain = [train(smoke, tmp_path / f"plain-{bits}", bits) for bits in (16, 24)]
    train(smoke, tmp_path / "ablation", 16, set_weight=0.0)
    assert [run.folder.name for run in subjects(tmp_path, smoke)] == ["plain-24", "plain-16", "ablation"]
    shell = Inspector(Subject.open(plain[0], smoke))
    assert [name for name, _ in shell.runs.options] == ["plain-24", "plain-16", "ablation: set_weight 0.0"]


def test_every_epoch_can_be_encoded_before_it_is_asked_for(runs, smoke, monkeypatch):
    subject = Subject.open(runs["grade-net"], smoke)
    subject.encode_ahead()
    assert {epoch: len(index) for epoch, index in subject._indexes.items()} == dict.fromkeys([2, 1, 0], 250)
    monkeypatch.setattr("ssvh_lib.inspector.subject.AHEAD", 600)  # no more than two epochs of 250 videos
    large = Subject.open(runs["grade-net"], smoke)
    large.encode_ahead()
    assert list(large._indexes) == [2, 1]


def test_what_is_no_run_is_passed_over(runs, smoke, tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{")
    (tmp_path / "strange").mkdir()
    (tmp_path / "strange" / "config.json").write_text('{"method": "autossvh", "config": {"no": "such field"}}')
    assert subjects(tmp_path, smoke) == []
    assert subjects(runs["grade-net"].folder.parent, smoke) == [runs["grade-net"]]


def test_without_a_run_the_command_that_makes_one_is_named(smoke, tmp_path, monkeypatch):
    monkeypatch.setenv("SSVH_RUNS", str(tmp_path))
    with pytest.raises(ssvh.SSVHError, match="ssvh train autossvh --dataset moving-digits-smoke"):
        open_subject(None, "moving-digits-smoke")


# Neighbours


def test_neighbours_are_those_of_a_full_sort(subject, smoke):
    epoch = subject.epochs[-1]
    values, bits = explain(subject, 7).values, [2, 9]
    found = nearest(subject, 7, values > 0, bits, epoch)
    signs = np.where(values > 0, 1, -1)
    signs[bits] *= -1
    database = ssvh.encode(subject.model(), smoke.database)
    distances = hamming_distances(ssvh.Codes.from_values(signs[None]), database)[0]
    wanted = rank(distances[None])[0, : len(found)]
    assert [answer.found.video.title for answer in found] == [smoke.database.ids[row] for row in wanted]
    assert [answer.found.distance for answer in found] == distances[wanted].tolist()
    own = smoke.query.labels[7]
    assert [answer.found.relevant for answer in found] == [
        bool((smoke.database.labels[row] & own).any()) for row in wanted
    ]


def test_without_flips_all_stay_where_they_were(subject):
    found = nearest(subject, 7, explain(subject, 7).values > 0, [], 0)
    assert [answer.before for answer in found] == [1, 2, 3, 4, 5, 6]
    assert {answer.moved(place) for place, answer in enumerate(found, start=1)} == {"same place"}


def test_a_flipped_bit_moves_each_distance_by_one(subject):
    code = explain(subject, 7).values > 0
    far = flip(code, np.arange(16))
    assert (far == ~code).all()
    assert (flip(far, np.arange(16)) == code).all()
    with pytest.raises(ssvh.SSVHError, match="bits 0 to 15"):
        flip(code, [16])


# What is drawn


def test_strips_say_what_the_arrays_say(view):
    rows = {row.name: row for row in strips(view)}
    assert list(rows)[:3] == ["truth", "grade", "soft choice"]
    for number, visible in enumerate(view.visible, start=1):
        row = rows[f"draw {number}"]
        assert [words == "seen" for words in row.says] == visible.tolist()
        assert [mark is None for mark in row.marks] == visible.tolist()
        found = (~visible & view.informative).sum()
        assert row.note == f"drops {found} informative, {view.budget - found} filler"
    assert np.allclose(rows["grade"].heights, view.scores)
    assert rows["error if hidden"].heights.max() == 1
    assert rows["ADIOS"].missing


def test_the_sentence_counts(view):
    visible = np.ones((DRAWS, 25), bool)
    visible[0, [0, 1, 2]] = False
    informative = np.arange(25) < 1
    made = dataclasses.replace(view, visible=visible, informative=informative, budget=3)
    assert sentence(made).startswith("Draw 1 drops 3 of 25 frames: 1 of the 3 dropped frames shows")
    assert "A blind draw would drop 0.1 such frames" in sentence(made)
    assert "does not say" in sentence(dataclasses.replace(view, informative=None))


def test_html_holds_a_cell_for_each_frame_and_the_sentence(view):
    page = render_view(view)
    shown = [row for row in strips(view) if not row.missing]
    assert page.count("<rect") == 25 * len(shown)
    assert page.count("<circle") == sum(mark is not None for row in shown for mark in row.marks)
    assert sentence(view) in page
    assert page.count("data:image/png;base64,") == 1
    assert render_view(view) == page


def test_no_name_becomes_markup(view):
    page = render_view(dataclasses.replace(view, title="<script>alert(1)</script>", classes=('"><img src=x>',)))
    assert "<script" not in page
    assert "<img src=x" not in page


def test_what_is_not_known_is_left_out(view):
    bare = dataclasses.replace(view, informative=None, frames=None)
    page = render_view(bare)
    assert bare.agreement is None
    assert "informative" not in re.sub(r"which frames are informative", "", page)
    assert "data:image" not in page
    figure = render_figure(bare, plt.figure())
    plt.close(figure)
    assert len(figure.axes) == 1 + len(strips(bare))


def test_the_still_picture_shows_the_same_strips(view):
    figure = render_figure(view, plt.figure())
    plt.close(figure)
    for panel, row in zip(figure.axes[1:], strips(view), strict=True):
        texts = [text.get_text() for text in panel.texts]
        assert texts == [row.name, row.note]
        assert len(panel.patches) == (0 if row.missing else 25)
        if not row.missing:
            assert np.allclose([bar.get_height() for bar in panel.patches], row.heights)


def test_flipped_bits_are_named_and_outlined(subject, view):
    code = view.values > 0
    flipped = flip(np.zeros(16, bool), [3, 8])
    page = render_neighbours(nearest(subject, 5, code, [3, 8], 2), code, flipped, 8)
    assert "Flipped bits: 3, 8. Bit 8 is outlined." in page
    assert "2 unlike the query" in page


# The sliders


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


def test_another_run_is_taken_with_its_own_settings(smoke, tmp_path):
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


# The page


def ask(address, headers=None):
    """Status and text of an answer; redirects are not followed."""
    opener = urllib.request.build_opener(NoRedirect)
    try:
        with opener.open(urllib.request.Request(address, headers=headers or {}), timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


SERVE = """
import sys
from ssvh_lib.inspector import serve
serve(sys.argv[1], browser=False, say=lambda text: print(text, flush=True))
"""


@pytest.fixture(scope="module")
def server(runs):
    """The address of a served inspector, with its token apart, and the process."""
    command = [sys.executable, "-c", SERVE, str(runs["grade-net"].folder)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(command, env=environment, **pipes) as process:
        ready, _, _ = select.select([process.stdout], [], [], 120)
        line = process.stdout.readline() if ready else ""
        match = re.search(r"(http://127\.0\.0\.1:(\d+)/)\?token=(\S+)", line)
        assert match, "the server did not start"
        yield *match.groups(), process
        process.terminate()


@pytest.mark.slow
def test_a_page_shows_the_widget_to_who_knows_the_token(server):
    address, _, token, _ = server
    assert [ask(address)[0], ask(f"{address}?token=wrong")[0]] == [403, 403]
    status, page = ask(f"{address}?token={token}")
    assert status == 200
    assert "application/vnd.jupyter.widget-view+json" in page
    assert "Traceback" not in page


def test_nothing_else_is_served(server):
    address, _, token, _ = server
    known = ("api/kernels", "api/contents", "api/terminals", "api/sessions", "terminals/1", "tree", "lab", "login")
    for path in (*known, "voila/files/inspector.ipynb", "voila/files/open.html", "voila/tree"):
        assert ask(f"{address}{path}?token={token}")[0] in (302, 403, 404), path
    assert ask(f"{address}?token={token}", {"Host": "example.org"})[0] == 403


def test_it_listens_on_the_loopback_address_only(server):
    _, port, _, _ = server
    tables = [Path("/proc/net/tcp"), Path("/proc/net/tcp6")]
    if not tables[0].is_file():
        pytest.skip("which sockets listen is read from /proc, which is not there")
    lines = [line.split() for table in tables if table.is_file() for line in table.read_text().splitlines()[1:]]
    mine = [words[1] for words in lines if words[3] == "0A" and int(words[1].split(":")[1], 16) == int(port)]
    assert mine == [f"0100007F:{int(port):04X}"]


@pytest.mark.slow
def test_it_stops_on_interrupt(server):  # the last one with this server
    _, _, _, process = server
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 0
    assert process.stdout.read().strip().endswith("The inspector is closed.")


def test_a_mistake_is_told_before_a_server_starts(tmp_path):
    from ssvh_lib.inspector import serve

    with pytest.raises(ssvh.SSVHError, match="no finished run"):
        serve(tmp_path, browser=False)
