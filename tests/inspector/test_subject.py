"""Which runs can be inspected, at which epochs, and in which order they are offered."""

import dataclasses

import numpy as np
import pytest
import torch

import ssvh_lib as ssvh
from ssvh_lib.inspector import Inspector, Subject, explain, subjects


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


def test_the_method_comes_before_its_ablations_however_new_these_are(train, smoke, tmp_path):
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
