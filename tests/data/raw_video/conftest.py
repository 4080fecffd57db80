"""A small backbone, ten small videos and the dataset made of them, for all tests of raw videos."""

import pytest
from video_samples import write_backbone, write_video

import ssvh_lib as ssvh
from ssvh_lib.data.raw_video.extract import extract


@pytest.fixture(autouse=True)
def _offline(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture(scope="session")
def backbone(tmp_path_factory):
    return write_backbone(tmp_path_factory.mktemp("backbone") / "tiny")


@pytest.fixture(scope="session")
def videos(tmp_path_factory):
    """Ten videos in three classes, of 8 to 12 numbered frames."""
    folder = tmp_path_factory.mktemp("videos")
    for label, count in (("baking", 5), ("diving", 3), ("fishing", 2)):
        for number in range(count):
            write_video(folder / label / f"{number}{('.mp4', '.avi')[number % 2]}", 8 + number)
    return folder


@pytest.fixture(scope="session")
def made(tmp_path_factory, videos, backbone):
    """The report and the dataset of those videos."""
    out = tmp_path_factory.mktemp("made") / "kitchen"
    report = extract(videos, out, backbone=backbone, frames=4, device="cpu", progress=False)
    return report, ssvh.load_dataset("kitchen", out.parent)
