"""What is measured of a run: once, of its own codes, and again if its code or its data have changed."""

import json

import pytest
from small_runs import asked, forbidden, quiet

import ssvh_lib as ssvh
from ssvh_lib.experiments import experiment as grids
from ssvh_lib.experiments import measures
from ssvh_lib.experiments.experiment import Experiment, folder_of
from ssvh_lib.experiments.runner import execute, lacking
from ssvh_lib.training import loop
from ssvh_lib.training.runs import Run

pytestmark = pytest.mark.usefixtures("own_runs")


def test_metrics_of_a_run_are_those_of_its_codes(smoke):
    experiment = Experiment("moving-digits-smoke", "itq", 16, 0, "smoke")
    (record,) = execute([experiment], jobs=1, say=quiet)
    codes = ssvh.load_codes(folder_of(experiment) / "codes.npz")
    result = ssvh.evaluate(codes["query"], codes["database"], smoke.query.labels, smoke.database.labels)
    assert record["map"] == {str(k): value for k, value in result.map.items()}
    assert record["parameters"] == 0
    assert record["queries"] == 80


@pytest.mark.parametrize("method", ["conmh", "s5vh", "autossvh", "bth", "bervae"])
def test_by_epoch_measures_what_each_epoch_left(method, smoke):
    """Epoch 0 is the model as initialised, the last one the result."""
    experiment = asked(method, by_epoch=True)
    (record,) = execute([experiment], jobs=1, say=quiet)
    curves, epochs = record["by_epoch"], Run(folder_of(experiment)).config["config"]["epochs"]
    assert curves["epoch"] == list(range(epochs + 1))
    assert [curves["mAP@5"][-1], curves["mAP@20"][-1]] == [record["map"]["5"], record["map"]["20"]]
    untrained = ssvh.build(method, smoke, 16, preset="smoke")
    codes = ssvh.encode(untrained, smoke.query), ssvh.encode(untrained, smoke.database)
    found = ssvh.evaluate(*codes, smoke.query.labels, smoke.database.labels, progress=False).map
    assert (curves["mAP@5"][0], curves["mAP@20"][0]) == (found[5], found[20])
    assert record["warm_up"] == Run(folder_of(experiment)).config["config"].get("warm_up")


def test_measures_are_made_one_by_one_and_a_run_is_trained_once(monkeypatch):
    """by_epoch among other wishes: its weights are kept in the first training, and nothing is done twice."""
    plain, followed = asked(), asked(by_epoch=True)
    assert folder_of(plain) == folder_of(followed)
    trained, real = [], loop._train
    with monkeypatch.context() as patch:
        patch.setattr(loop, "_train", lambda *given: trained.append(given) or real(*given))
        first, second = execute([plain, followed], jobs=1, say=quiet)
    assert len(trained) == 1
    assert first == {name: value for name, value in second.items() if name not in ("by_epoch", "warm_up")}
    (folder_of(plain) / "by_epoch.json").unlink()
    assert lacking([plain, followed]) == [followed]
    with monkeypatch.context() as patch:
        patch.setattr(loop, "_train", forbidden)
        patch.setattr(measures, "_measured", forbidden)
        assert execute([plain, followed], jobs=1, say=quiet) == [first, second]
        patch.setattr(measures, "_map_after", forbidden)
        assert execute([plain, followed], jobs=1, say=quiet) == [first, second]


def test_a_run_without_its_epochs_is_trained_again_and_its_metrics_stay(tree):
    (before,) = execute([asked()], jobs=1, say=quiet)
    folder = folder_of(asked())
    files = tree(folder)
    assert not (folder / "epochs").exists()
    (after,) = execute([asked(by_epoch=True)], jobs=1, say=quiet)
    assert after["by_epoch"]["mAP@20"][-1] == before["map"]["20"]
    assert {name: content for name, content in tree(folder).items() if name in files} == files


def test_a_measure_is_made_again_if_its_code_has_changed(monkeypatch):
    first, again = asked("lsh"), asked("itq")
    execute([first, again], jobs=1, say=quiet)
    path = folder_of(again) / "metrics.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"code": "of yesterday", "map": {}}))
    assert lacking([first, again]) == [again]
    monkeypatch.setattr(loop, "_solve", forbidden)
    assert execute([again], jobs=1, say=quiet)[0]["map"]["20"] > 0


def test_tested_on_another_dataset_are_the_codes_of_that_dataset(other, monkeypatch):
    here, there = asked("itq"), asked("itq", tested_on="alike")
    first, second = execute([here, there], jobs=1, say=quiet)
    assert first["dataset"] == "moving-digits-smoke"
    assert second["dataset"] == "moving-digits-smoke-to-alike"
    assert folder_of(here) == folder_of(there)
    model, alike = Run(folder_of(here)).model(), ssvh.load_dataset("alike")
    codes = ssvh.encode(model, alike.query), ssvh.encode(model, alike.database)
    k = tuple(map(int, second["map"]))
    expected = ssvh.evaluate(*codes, alike.query.labels, alike.database.labels, k=k, progress=False).map
    assert second["map"] == {str(k): value for k, value in expected.items()}
    assert second["queries"] == 10
    monkeypatch.setattr(loop, "_solve", forbidden)
    monkeypatch.setattr(measures, "_measured", forbidden)
    assert execute([there], jobs=1, say=quiet) == [second]


def test_a_test_set_that_has_changed_is_measured_again(other, make_dataset, smoke):
    there = asked("itq", tested_on="alike")
    (first,) = execute([there], jobs=1, say=quiet)
    make_dataset(other / "alike", train=60, query=10, frames=smoke.train.frames, size=smoke.train.size, seed=1)
    grids._dataset.cache_clear()
    assert lacking([there]) == [there]
    (second,) = execute([there], jobs=1, say=quiet)
    assert second["map"] != first["map"]
    grids._dataset.cache_clear()
