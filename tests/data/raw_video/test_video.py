"""Frames of real video files: which are taken, what is refused, and that nothing is believed or held too long."""

import os
import shutil
import weakref

import av
import numpy as np
import pytest
from video_samples import number_of, picture, turn, write_audio, write_video

import ssvh_lib as ssvh
from ssvh_lib.data.raw_video import video
from ssvh_lib.data.raw_video.video import sample


def numbers(path, frames):
    return sample(path, frames, number_of).values


# Which frames


@pytest.mark.parametrize(
    ("held", "frames", "wanted"),
    [
        (10, 5, [1, 3, 5, 7, 9]),  # the middles of five segments of two frames are where the second one begins
        (9, 3, [1, 4, 7]),  # the middle frame of each three
        (25, 25, list(range(25))),
        (12, 5, [1, 3, 6, 8, 10]),  # 1.2, 3.6, 6, 8.4, 10.8
        (3, 5, [0, 0, 1, 2, 2]),  # 0.3, 0.9, 1.5, 2.1, 2.7
        (1, 4, [0, 0, 0, 0]),
        (100, 1, [50]),
    ],
)
def test_the_frame_in_the_middle_of_each_segment_is_taken(tmp_path, held, frames, wanted):
    assert numbers(write_video(tmp_path / "a.mp4", held), frames) == wanted


KINDS = [
    ("a.mp4", {"b_frames": 2}),
    ("a.mp4", {"codec": "libx265", "options": {}}),
    ("a.mp4", {"options": {"movflags": "frag_keyframe+empty_moov"}}),
    ("a.avi", {}),
    ("a.avi", {"b_frames": 2}),
    ("a.avi", {"codec": "mjpeg", "pixels": "yuvj420p"}),
    ("a.avi", {"codec": "libx264", "b_frames": 2}),  # whose times come out of order
    ("a.mkv", {"b_frames": 2}),
    ("a.mkv", {"codec": "ffv1"}),
    ("a.webm", {}),
    ("a.ts", {"b_frames": 2}),
    ("a.mpg", {"b_frames": 2}),
]


@pytest.mark.parametrize(
    ("name", "how"), KINDS, ids=lambda value: value if isinstance(value, str) else "-".join(map(str, value.values()))
)
def test_every_kind_of_file_gives_the_same_frames(tmp_path, name, how):
    path = write_video(tmp_path / name, 97, **how)
    assert numbers(path, 7) == [(2 * t + 1) * 97 // 14 for t in range(7)]
    assert video._by_count(path, 7, number_of)[0] == numbers(path, 7)  # the naive twin: decode and count them all


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".webm"])
def test_skipping_to_key_frames_gives_what_decoding_everything_gives(tmp_path, monkeypatch, suffix):
    path = write_video(tmp_path / f"long{suffix}", 400, gop=20)
    decoded = []
    frames = video._Reader.frames
    monkeypatch.setattr(video._Reader, "frames", lambda self: (decoded.append(0) or frame for frame in frames(self)))
    with video._open(path) as reader:
        times = reader.times()
    skipping, all_of_them = [], []
    for keys, taken in ((times.keys, skipping), ([], all_of_them)):
        decoded.clear()
        assert video._by_time(path, times, keys, 5, number_of)[0] == [40, 120, 200, 280, 360]
        taken.extend(decoded)
    assert len(skipping) < 0.3 * len(all_of_them)


def test_at_a_variable_frame_rate_time_counts(tmp_path):
    # One frame is shown for nine seconds, ten more for a tenth of a second each.
    times = [0, *range(9000, 10000, 100)]
    assert numbers(write_video(tmp_path / "a.mp4", 11, times=times), 10) == [0] * 9 + [5]
    assert numbers(write_video(tmp_path / "a.mkv", 11, times=times), 10) == [0] * 9 + [5]


def test_a_late_start_is_no_time(tmp_path):
    times = [5000 + 40 * number for number in range(10)]
    assert numbers(write_video(tmp_path / "a.mkv", 10, times=times), 5) == [1, 3, 5, 7, 9]


def test_a_picture_is_looked_at_once_and_not_kept(tmp_path):
    seen, alive = [], []

    def look(image):
        assert all(reference() is None for reference in alive)
        alive.append(weakref.ref(image))
        seen.append(number_of(image))
        return seen[-1]

    assert sample(write_video(tmp_path / "a.mp4", 3), 9, look).values == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert seen == [0, 1, 2]


@pytest.mark.parametrize("size", [(65, 49), (33, 200), (200, 16)])
def test_odd_sizes(tmp_path, size):
    path = write_video(tmp_path / "a.mp4", 6, size=size, pixels="yuv444p")
    assert sample(path, 3, lambda image: image.size).values == [size] * 3
    assert numbers(path, 3) == [1, 3, 5]


def test_a_picture_is_turned_as_the_file_says(tmp_path):
    bright_left = np.zeros((48, 64, 3), np.uint8)
    bright_left[:, :32] = 250
    path = write_video(tmp_path / "a.mp4", [bright_left] * 4)
    assert sample(path, 1, lambda image: image.size).values == [(64, 48)]
    (image,) = sample(turn(path), 1, np.asarray).values
    assert image.shape == (64, 48, 3)
    assert image[:28].mean() > 200  # left goes to the top when turned clockwise
    assert image[36:].mean() < 50


def test_length_and_soundness_are_told(tmp_path):
    sampled = sample(write_video(tmp_path / "a.mp4", 50), 5, number_of)
    assert (sampled.seconds, sampled.note) == (2.0, "")


# What is damaged


def test_a_truncated_file_gives_what_is_there_and_a_note(tmp_path):
    path = write_video(tmp_path / "a.avi", 200)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    sampled = sample(path, 4, number_of)
    assert sampled.values == sorted(sampled.values)
    assert 60 < sampled.values[-1] < 130
    assert sampled.note == f"breaks off after {sampled.seconds:.1f} of 8.0 s"


def test_a_truncated_download_with_its_index_in_front(tmp_path):
    path = write_video(tmp_path / "a.mp4", 200, options={"movflags": "faststart"})
    whole = path.read_bytes()
    path.write_bytes(whole[: -(len(whole) - whole.index(b"mdat")) // 2])
    sampled = sample(path, 4, number_of)
    assert "breaks off after" in sampled.note
    assert sampled.values[0] < sampled.values[-1] < 150


def test_bytes_turned_over_in_the_middle_are_survived(tmp_path, rng):
    path = write_video(tmp_path / "a.mp4", 120, gop=10)
    content = bytearray(path.read_bytes())
    start = content.index(b"mdat") + 4
    middle = start + (content.index(b"moov") - start) // 2
    content[middle : middle + 400] = rng.integers(0, 256, 400, dtype=np.uint8).tobytes()
    path.write_bytes(content)
    values = numbers(path, 6)
    assert values[0] == 10
    assert values[-1] == 110


# What is refused


def refusal(path):
    with pytest.raises(ssvh.SSVHError) as error:
        sample(path, 3, number_of)
    assert str(error.value).startswith(str(path))
    return str(error.value).removeprefix(str(path))


def test_a_zero_length_file_is_refused(tmp_path):
    (tmp_path / "a.mp4").touch()
    assert refusal(tmp_path / "a.mp4") == " is empty."


def test_what_is_no_video_is_refused(tmp_path):
    (tmp_path / "a.avi").write_text("<html>404 Not Found</html>")
    assert refusal(tmp_path / "a.avi") == " cannot be read as a video (Invalid data found when processing input)."


def test_a_file_that_lost_its_index_is_refused(tmp_path):
    path = write_video(tmp_path / "a.mp4", 100)
    path.write_bytes(path.read_bytes()[:-2000])
    assert "cannot be read as a video (Invalid data" in refusal(path)


@pytest.mark.parametrize("cover", [False, True], ids=["sound", "sound and cover"])
def test_audio_is_refused(tmp_path, cover):
    path = write_audio(tmp_path / "a.mp4", cover=cover)
    assert refusal(path) == " has no video stream."


def test_a_video_without_frames_is_refused(tmp_path):
    path = write_video(tmp_path / "a.mp4", 5)
    content = bytearray(path.read_bytes())
    start, end = content.index(b"mdat") + 4, content.index(b"moov") - 4
    content[start:end] = b"\xff" * (end - start)
    path.write_bytes(content)
    assert refusal(path) == " has a video stream, but no frame of it can be decoded."


def test_a_missing_file_a_folder_and_a_pipe_are_refused(tmp_path):
    assert "No such file" in refusal(tmp_path / "a.mp4")
    assert refusal(tmp_path).startswith(" holds no pictures. A folder is read as a video if it holds its frames")
    os.mkfifo(tmp_path / "pipe.mp4")
    assert refusal(tmp_path / "pipe.mp4") == " is not a file."


@pytest.mark.parametrize(
    "text",
    ["ffconcat version 1.0\nfile secret.mp4\n", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n"],
    ids=["concat", "hls"],
)
def test_a_list_of_other_files_is_not_followed(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    secret = write_video(tmp_path / "secret.ts", 5)
    shutil.copy(secret, tmp_path / "secret.mp4")
    path = tmp_path / "list.m3u8"
    path.write_text(text.format(secret.as_uri()))
    with path.open("rb") as file, av.open(file) as container:  # FFmpeg would
        assert container.decode(video=0)
    assert "cannot be read as a video" in refusal(path)


@pytest.mark.parametrize(
    "name", ["-i.mp4", "a%03d.mp4", "file:a.mp4", "a b\n'\"c.mp4", "видео🎬.mp4", "b\udcff.mp4", "c" * 240 + ".mp4"]
)
def test_a_name_is_nothing_but_a_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    path = write_video(tmp_path / "a.mp4", 6).rename(tmp_path / name)
    assert numbers(path, 3) == [1, 3, 5]
    assert numbers(path.relative_to(tmp_path), 3) == [1, 3, 5]


def test_pictures_show_their_numbers():
    assert [number_of(picture(number)) for number in range(1024)] == list(range(1024))
