"""Folders of frames, and single pictures, read as videos."""

import math

import numpy as np
import pytest
from PIL import Image
from video_samples import number_of, picture, write_animation

import ssvh_lib as ssvh
from ssvh_lib.data.raw_video.pictures import pictures_in
from ssvh_lib.data.raw_video.video import sample


def write_frames(folder, count, name="frame{}.png"):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        Image.fromarray(picture(number)).save(folder / name.format(number))
    return folder


def numbers(path, frames):
    return sample(path, frames, number_of).values


@pytest.mark.parametrize("name", ["frame{}.png", "{}.jpg", "v_1_{}_b.webp", "{:05}.bmp"])
def test_frames_are_in_natural_order_and_evenly_spaced(tmp_path, name):
    folder = write_frames(tmp_path / "clip", 12, name)
    assert [path.name for path in pictures_in(folder)] == [name.format(number) for number in range(12)]
    assert numbers(folder, 4) == [1, 4, 7, 10]
    assert numbers(folder, 12) == list(range(12))


def test_a_frame_that_stands_for_several_moments_is_looked_at_once(tmp_path):
    looked = []
    sampled = sample(write_frames(tmp_path / "clip", 3), 9, lambda image: looked.append(number_of(image)) or looked[-1])
    assert looked == [0, 1, 2]
    assert sampled.values == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert sampled.note == ""
    assert math.isnan(sampled.seconds)


def test_in_place_of_an_unreadable_picture_the_one_before_it_is_shown_and_that_is_noted(tmp_path):
    folder = write_frames(tmp_path / "clip", 6)
    (folder / "frame3.png").write_bytes(b"no picture")
    (folder / "frame0.png").write_bytes((folder / "frame0.png").read_bytes()[:60])
    sampled = sample(folder, 6, number_of)
    assert sampled.values == [1, 1, 2, 2, 4, 5]
    assert sampled.note == "unreadable pictures: 2, such as frame0.png"


def test_a_folder_of_which_no_picture_can_be_read_is_refused(tmp_path):
    for name in ("1.jpg", "2.jpg"):
        (tmp_path / name).write_text("no picture")
    with pytest.raises(ssvh.SSVHError, match="holds 2 pictures, but none can be read"):
        numbers(tmp_path, 3)


def test_a_folder_that_holds_something_else_is_refused(tmp_path):
    write_frames(tmp_path, 2)
    (tmp_path / "a.mp4").touch()
    with pytest.raises(ssvh.SSVHError, match=r"holds a\.mp4 as well\. A folder is read as a video if"):
        numbers(tmp_path, 3)


def test_a_single_picture_is_repeated_and_noted(tmp_path):
    still = sample(write_frames(tmp_path / "clip", 1), 3, number_of)
    gif = sample(write_animation(tmp_path / "a.gif", 1), 3, number_of)
    assert (still.values, still.note) == (gif.values, gif.note) == ([0, 0, 0], "shows a single picture")


@pytest.mark.parametrize(
    ("mode", "value", "seen"),
    [("L", 200, 200), ("I;16", 200 * 256, 200), ("RGBA", (200, 200, 200, 255), 200), ("P", 7, 7), ("1", 1, 255)],
)
def test_pictures_of_every_kind_come_out_as_rgb(tmp_path, mode, value, seen):
    image = Image.new(mode, (8, 6), value)
    if mode == "P":
        image.putpalette([level for level in range(256) for _ in range(3)])
    image.save(tmp_path / "1.png")
    (pixels,) = sample(tmp_path, 1, np.asarray).values
    assert pixels.shape == (6, 8, 3)
    assert (pixels == seen).all()


def test_a_photograph_is_turned_as_its_camera_was_held(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter clockwise
    bright_left = np.zeros((48, 64, 3), np.uint8)
    bright_left[:, :32] = 250
    Image.fromarray(bright_left).save(tmp_path / "1.jpg", exif=exif)
    (pixels,) = sample(tmp_path, 1, np.asarray).values
    assert pixels.shape == (64, 48, 3)
    assert pixels[:28].mean() > 200 > 50 > pixels[36:].mean()
