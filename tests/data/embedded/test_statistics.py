"""The statistics of the worlds that come with the code, and the ranges in which they were fixed."""

import pandas as pd
import pytest

from ssvh_lib.data import WORLDS
from ssvh_lib.data.statistics.real_sets import real_sets
from ssvh_lib.utils.files import project_root

FILE = project_root() / "figures" / "data" / "statistics.csv"


@pytest.fixture(scope="module")
def worlds():
    return pd.read_csv(FILE, index_col="name")


def test_every_world_is_described_in_its_small_size(worlds):
    assert list(worlds.index) == list(WORLDS)
    assert (worlds["videos"] == 2500).all()
    assert (worlds["queries"] == 800).all()
    assert {name: len(world.classes) for name, world in WORLDS.items()} == worlds["classes"].to_dict()


@pytest.mark.parametrize(
    ("statistic", "low", "high"),
    [
        ("within_share", 0.2, 0.4),
        ("same_video_cosine", 0.5, 0.8),
        ("neighbour_cosine", 0.8, 0.95),
        ("hardness_class", -0.08, 0.08),
    ],
)
def test_moving_scenes_is_steady_as_real_features_are(worlds, statistic, low, high):
    assert low <= worlds.loc["moving-scenes", statistic] <= high
    assert all(low <= getattr(real, statistic) <= high for real in real_sets())
    assert not low <= worlds.loc["moving-digits", statistic] <= high


def test_one_frame_of_moving_scenes_tells_much_of_what_the_mean_tells(worlds):
    scenes = worlds.loc["moving-scenes"]
    assert scenes["frame_accuracy"] / scenes["mean_accuracy"] >= 0.6
    assert worlds.loc["moving-digits", "frame_accuracy"] / worlds.loc["moving-digits", "mean_accuracy"] < 0.6


def test_order_is_lost_in_the_mean_and_there_in_the_frames_in_order(worlds):
    order = worlds.loc["order"]
    assert abs(order["mean_accuracy"] - order["chance_accuracy"]) <= 0.03
    assert order["ordered_accuracy"] >= 0.5


def test_the_frames_that_tell_are_few_in_needle_and_hard_in_one_world_easy_in_the_other(worlds):
    assert 0.10 <= worlds.loc["needle", "informative_share"] <= 0.15
    assert worlds.loc["noisy-screen", "informative_share"] == pytest.approx(0.6)
    assert worlds.loc["needle", "hardness_informative"] > 0.5
    assert worlds.loc["noisy-screen", "hardness_informative"] < -0.5


def test_the_features_of_moving_shapes_carry_over_well_above_chance():
    table = pd.read_csv(FILE.parents[1] / "tables" / "W2.csv", dtype=str)
    shapes = table[(table["dataset"] == "moving-shapes") & table["method"].str.startswith("cosine")].iloc[0]
    found = float(shapes["mAP@20"].strip("*"))
    assert found >= 0.12
    by_chance = 0.02 * (1 / 20) * sum(1 / rank + 0.02 * (rank - 1) / rank for rank in range(1, 21))  # of 50 classes
    assert found >= 3 * by_chance
