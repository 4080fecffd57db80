"""Commands for data and search: what is printed, and what is written."""

from dataset_files import some_videos, write_videos
from video_samples import write_backbone, write_video

from ssvh_lib.data import WORLDS
from ssvh_lib.data.raw_video.frame_features import Pictures
from ssvh_lib.data.statistics.real_sets import read_csv


def test_data_shows_sizes(ssvh):
    text = ssvh("data", "moving-digits-smoke")
    assert "250 videos x 25 frames x 256 values, 50 classes, 1.00 labels a video" in text


def test_data_alone_shows_what_data_show_shows(ssvh):
    assert ssvh("data", "moving-digits-smoke") == ssvh("data", "show", "moving-digits-smoke")
    assert all(word in ssvh("data", "--help") for word in ("show", "check", "describe", "halve"))


def test_data_list_names_worlds_published_datasets_and_those_of_the_folder(ssvh, tmp_path, make_dataset):
    make_dataset(tmp_path / "mine")
    make_dataset(tmp_path / "order-smoke")  # a place where an embedded dataset was built is no other one
    text = ssvh("data", "list", "--root", tmp_path)
    assert all(f"  {world}" in text for world in WORLDS)
    assert all(world.purpose in text for world in WORLDS.values())
    assert "  …-large        10,000 training and 800 query videos" in text
    assert "activitynet, fcvid, hmdb51, ucf101, yfcc" in text
    assert text.endswith(f"Others in {tmp_path}:\n  mine\n")


def test_data_show_draws_videos_of_several_datasets(ssvh, tmp_path):
    text = ssvh("data", "show", "moving-digits-smoke", "moving-digits-smoke", "--figure", tmp_path / "sheet.svg")
    assert text.count("250 videos x 25 frames x 256 values") == 4
    assert f"wrote {tmp_path / 'sheet.svg'}" in text
    assert (tmp_path / "sheet.svg").read_text().startswith("<?xml")


def test_data_check_reports_and_its_exit_status_tells_of_problems(ssvh, tmp_path, make_dataset):
    text = ssvh("data", "check", "moving-digits-smoke")
    assert "250 videos x 25 frames x 256 values" in text
    assert "No problems." in text
    folder = make_dataset(tmp_path / "mine")
    (folder / "query_feats.h5").unlink()
    assert "query_feats.h5 is missing" in ssvh("data", "check", "mine", "--root", tmp_path, code=1)


def test_data_describe_prints_statistics_beside_real_sets(ssvh, tmp_path, make_dataset):
    make_dataset(tmp_path / "mine")
    text = ssvh("data", "describe", "mine", "--root", tmp_path)
    assert "mine: 12 training videos x 4 frames x 8 values, 3 classes; 6 queries" in text
    names = next(line for line in text.splitlines() if "│" in line)
    assert names.split() == ["mine", "│", "ucf10", "Penn", "Action"]
    assert "no value for correlation with informative" in text
    assert not list(tmp_path.glob("*.*"))


def test_data_describe_compares_datasets_and_writes_table_and_figure(ssvh, tmp_path, make_dataset):
    for seed, name in enumerate("ab"):
        make_dataset(tmp_path / name, seed=seed)
    text = ssvh("data", "describe", "a", "b", "--root", tmp_path, "--csv", "new/found.csv", "--figure", "found.png")
    assert "wrote found.png\nwrote new/found.csv\n" in text
    assert [one.name for one in read_csv(tmp_path / "new" / "found.csv")] == ["a", "b"]
    assert (tmp_path / "found.png").read_bytes().startswith(b"\x89PNG")
    ssvh("data", "describe", "a", "--root", tmp_path, "--figure", "found.svg")
    assert "<svg" in (tmp_path / "found.svg").read_text()


def test_data_describe_refuses_what_would_fail_later_before_it_reads(ssvh, tmp_path):
    (tmp_path / "file").write_text("")
    refused = {
        ("--figure", "found.pdf"): "FILE.svg or FILE.png, not as found.pdf",
        ("--figure", "file/found.svg"): "file cannot be written",
        ("--csv", "file/found.csv"): "file cannot be written",
    }
    for options, message in refused.items():
        text = ssvh("data", "describe", "there-is-none", "--root", tmp_path, *options, code=1)
        assert message in " ".join(text.split())
    assert "no dataset called" in ssvh("data", "describe", "there-is-none", "--root", tmp_path, code=1)


def test_a_folder_of_feature_files_is_checked_shown_and_trained_on_by_its_name(ssvh, tmp_path, rng):
    write_videos(tmp_path / "mine", ".npy", some_videos(rng, each=8))
    text = ssvh("data", "check", "mine", "--root", tmp_path)
    assert "Taken for a folder with one .npy file for each video, because it holds 24 of them." in text
    assert "Videos have 3 to 8 frames; each is resampled to 25." in text
    assert "18 videos x 25 frames x 8 values, 3 classes" in ssvh("data", "mine", "--root", tmp_path)
    trained = ssvh("train", "itq", "--dataset", "mine", "--root", tmp_path, "--bits", "8", "--out", tmp_path / "run")
    assert "mAP@5" in trained


def test_a_folder_of_videos_is_answered_with_the_command_that_describes_them(ssvh, tmp_path):
    (tmp_path / "clips" / "a").mkdir(parents=True)
    (tmp_path / "clips" / "a" / "x.mp4").touch()
    for command in (("data", "check"), ("data",)):
        text = ssvh(*command, "clips", "--root", tmp_path, code=1)
        assert f"`ssvh extract --videos {tmp_path / 'clips'} --out {tmp_path / 'clips-features'}`" in text


def test_data_halve_copies_a_dataset(ssvh, tmp_path, make_dataset):
    make_dataset(tmp_path / "mine")
    ssvh("data", "halve", "mine", tmp_path / "half", "--root", tmp_path)
    assert "12 videos x 4 frames x 8 values" in ssvh("data", "half", "--root", tmp_path)


def test_from_a_run_to_an_index_to_a_page(ssvh, tmp_path):
    ssvh("train", "lsh", "--dataset", "moving-digits-smoke", "--bits", "32", "--out", tmp_path / "run")
    text = ssvh("index", tmp_path / "run", "--out", "my.index", "--kind", "multihash")
    assert text.startswith("my.index: 250 codes of 32 bits, kind multihash")
    lines = ssvh("search", "my.index", "--query", "3", "--k", "4", "--html", "pages/found.html").splitlines()
    assert lines[0].startswith("Nearest to digits_query/3, ")
    assert [line.split(".")[0].strip() for line in lines[1:5]] == ["1", "2", "3", "4"]
    distances = [int(line.split()[1]) for line in lines[1:5]]
    assert distances == sorted(distances)
    assert lines[5] == "wrote pages/found.html"
    page = (tmp_path / "pages" / "found.html").read_text(encoding="utf-8")
    assert page.count("<li>") == 4
    assert all(line.split("digits_train/")[1].split()[0] in page for line in lines[1:5])


def test_an_interrupted_extraction_says_what_is_kept_and_ends_with_130(ssvh, tmp_path, monkeypatch):
    for number in range(4):
        write_video(tmp_path / "clips" / "dance" / f"{number}.mp4", 4)
    words = ["extract", "--videos", "clips", "--out", "mine", "--frames", "2", "--device", "cpu"]
    words += ["--backbone", write_backbone(tmp_path / "tiny"), "--thumbnails", "none", "--float16"]
    whole = ssvh(*words[:4], "whole", *words[5:])
    assert "4 videos x 2 frames x 16 values: features of type float16 take 0 kB, no thumbnails" in whole
    features, described = Pictures.features, []

    def stop_at_the_third(*given):
        described.append(0)
        if len(described) > 2:
            raise KeyboardInterrupt
        return features(*given)

    with monkeypatch.context() as patch:
        patch.setattr(Pictures, "features", stop_at_the_third)
        text = ssvh(*words, code=130)
    assert "Interrupted: 2 of 4 videos are kept in mine; the same command continues." in text
    assert "Traceback" not in text
    ssvh(*words)
    for path in (tmp_path / "whole").glob("*_feats.h5"):
        assert (tmp_path / "mine" / path.name).read_bytes() == path.read_bytes()
