"""Retrieval without the most uncertain videos: by hand, beside chance, and in a run's metrics."""

import numpy as np
import pytest
import torch
from torch import nn
from toys import dataset_of

import ssvh_lib as ssvh
from ssvh_lib.data import VideoFeatures
from ssvh_lib.evaluation import rejection
from ssvh_lib.evaluation.codes import Codes
from ssvh_lib.evaluation.rejection import rejection_gain, uncertainties
from ssvh_lib.experiments.measures import measure
from ssvh_lib.methods import build
from ssvh_lib.report import plots

pytestmark = pytest.mark.filterwarnings("ignore:The queries are the database")  # of these toys


class Knowing(nn.Module):
    """Is as uncertain of a video as its first feature says."""

    def __init__(self):
        super().__init__()
        self.place = nn.Parameter(torch.zeros(()))

    def uncertainty(self, frames):
        return frames[:, 0, 0] + self.place


def half_wrong(videos=200, query_in_database=False):
    """Videos of two kinds whose codes say the kind, but for the uncertain half, whose codes are noise."""
    rng = np.random.default_rng(0)
    kind, uncertain = np.arange(videos) % 2, rng.permutation(videos) < videos // 2
    bits = np.where(uncertain[:, None], rng.random((videos, 16)) < 0.5, kind[:, None] > 0)
    features = np.zeros((videos, 2, 3), np.float32)
    features[:, 0, 0] = uncertain + 0.1 * rng.random(videos)
    part = VideoFeatures(features, np.eye(2, dtype=np.uint8)[kind], tuple(map(str, range(videos))))
    dataset = ssvh.Dataset("toy", part, part, part, query_in_database, ("a", "b"), "smoke", "toy", None)
    codes = Codes(np.packbits(bits, axis=1))
    return dataset, codes


@pytest.mark.parametrize("query_in_database", [False, True])
def test_what_is_uncertain_goes_first_and_chance_gains_nothing(query_in_database):
    dataset, codes = half_wrong(query_in_database=query_in_database)
    found = rejection.rejection(Knowing(), dataset, codes, codes)
    assert found["share"] == [0, 10, 20, 30, 40, 50, 60, 70, 80]  # 20 of 200 are not more than the cutoff
    assert found["uncertain"][0] == found["random"][0] < 0.9
    assert found["uncertain"][5] == 1.0  # the certain half is of two kinds with two codes
    assert max(found["random"]) < 0.9
    assert rejection_gain(found["uncertain"], found["random"]) > 0.1


def test_a_share_equals_evaluation_of_what_it_leaves():
    dataset, codes = half_wrong()
    found = rejection.rejection(Knowing(), dataset, codes, codes)
    rows = np.argsort(dataset.query.features[:, 0, 0], kind="stable")[:140]
    rows.sort()
    labels = dataset.query.labels[rows]
    left = Codes(codes.packed[rows])
    assert found["uncertain"][3] == pytest.approx(ssvh.evaluate(left, left, labels, labels, k=(20,)).map[20], abs=1e-6)


def test_uncertainty_is_asked_of_all_videos_without_gradient_or_dropout():
    dataset, _ = half_wrong()
    model = Knowing().train()
    found = uncertainties(model, dataset.query)
    np.testing.assert_array_equal(found, dataset.query.features[:, 0, 0])
    assert not model.training


def test_gain_is_the_mean_difference():
    assert rejection_gain([0.1, 0.4], [0.1, 0.2]) == pytest.approx(0.1)


def test_a_run_of_bervae_has_its_curve_and_others_have_none(tmp_path):
    dataset = dataset_of(videos=120)
    metrics = {}
    for name in ("bervae", "ssth"):
        model = build(name, dataset, 16)
        run = ssvh.fit(model, dataset, tmp_path / name, progress=False)
        metrics[name] = measure(run, model, dataset)
    assert metrics["bervae"]["rejection"]["share"] == [0, 10, 20, 30, 40, 50, 60, 70, 80]
    assert metrics["bervae"]["rejection"]["uncertain"][0] == pytest.approx(metrics["bervae"]["map"][20], abs=1e-6)
    assert "rejection" not in metrics["ssth"]


def test_the_figure_shows_both_curves_of_each_length():
    curve = {"share": [0, 10], "uncertain": [0.2, 0.3], "random": [0.2, 0.2]}
    records = [{"dataset": "toy", "bits": bits, "rejection": curve} for bits in (16, 16, 32)]
    figure = plots.rejection([*records, {"dataset": "other", "bits": 64}])
    assert [panel.get_title() for panel in figure.axes] == ["16 bits", "32 bits"]
    for panel in figure.axes:
        drawn = {line.get_label(): line.get_ydata().tolist() for line in panel.lines}
        assert drawn == {"the most uncertain": [0.2, 0.3], "random ones": [0.2, 0.2]}
