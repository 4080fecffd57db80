"""Which files and folders are taken for videos: by name, by content, and folders of frames."""

import pytest
from PIL import Image
from video_samples import number_of, picture, write_animation, write_video

import ssvh_lib as ssvh
from ssvh_lib.data.raw_video.find import find_videos
from ssvh_lib.data.raw_video.video import sample


def found(folder):
    return sorted(find_videos(folder))


def write_pictures(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        Image.fromarray(picture(0)).save(folder / name)
    return folder


@pytest.mark.parametrize("name", ["a.gif", "a.apng"])
def test_an_animation_is_a_video_whatever_lies_beside_it(tmp_path, name):
    clip = write_animation(tmp_path / "dance" / name, 10)
    assert found(tmp_path) == [f"dance/{name}"]
    assert sample(clip, 5, number_of).values == [1, 3, 5, 7, 9]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm", ".avi", ".ts", ".mpg"])
@pytest.mark.parametrize("name", ["clip", "clip.part", "v1.2"])
def test_a_video_whose_name_says_nothing_is_found_by_its_content(tmp_path, suffix, name):
    path = write_video(tmp_path / f"a{suffix}", 10).rename(tmp_path / name)
    assert found(tmp_path) == [name]
    assert sample(path, 5, number_of).values == [1, 3, 5, 7, 9]


def test_other_files_are_no_videos(tmp_path):
    for name in ("README", "notes.txt", "a.srt", "b.json", "c.mp3", "empty", ".hidden.mp4", "d.wav"):
        (tmp_path / name).write_text("Good videos of mine\n" * 40 if name == "README" else "")
    write_video(tmp_path / "e.mp4", 4).rename(tmp_path / "e.txt")  # a name that says something is believed
    (tmp_path / "song").write_bytes(b"\0\0\0\x20ftypM4A " + bytes(400))
    (tmp_path / "photo").write_bytes(b"\0\0\0\x20ftypheic" + bytes(400))
    assert found(tmp_path) == []


def test_a_folder_with_nothing_but_pictures_is_one_video(tmp_path):
    write_pictures(tmp_path / "dance" / "a", "1.jpg", "2.PNG", "3.webp")
    (tmp_path / "dance" / "a" / "Thumbs.db").touch()  # left behind by a system
    (tmp_path / "dance" / "a" / ".DS_Store").touch()
    write_pictures(tmp_path / "dance" / "b", "1.jpg")
    (tmp_path / "dance" / "empty").mkdir()
    assert found(tmp_path) == ["dance/a", "dance/b"]


def test_pictures_beside_anything_else_are_passed_over(tmp_path):
    write_video(write_pictures(tmp_path / "dance", "cover.jpg", "poster.png") / "a.mp4", 4)
    write_pictures(tmp_path / "notes", "1.jpg", "2.jpg")
    (tmp_path / "notes" / "readme.txt").touch()
    write_pictures(write_pictures(tmp_path / "mixed", "cover.jpg") / "frames", "1.jpg", "2.jpg")
    assert found(tmp_path) == ["dance/a.mp4", "mixed/frames"]


def test_the_folder_of_videos_itself_is_none(tmp_path):
    assert found(write_pictures(tmp_path, "1.jpg", "2.jpg")) == []


def test_links_are_followed_but_not_in_circles(tmp_path):
    write_video(tmp_path / "elsewhere" / "a.mp4", 4)
    (tmp_path / "in" / "dance").mkdir(parents=True)
    (tmp_path / "in" / "dance" / "more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / "dance" / "back").symlink_to(tmp_path / "in")
    assert found(tmp_path / "in") == ["dance/more/a.mp4"]


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path):
    with pytest.raises(ssvh.SSVHError, match=r"gone cannot be listed \(No such file or directory\)"):
        found(tmp_path / "gone")
