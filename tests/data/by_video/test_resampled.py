"""Videos of any length as rows of one array: resampled by the stated rule, read one at a time, and sent elsewhere."""

import pickle

import h5py
import numpy as np
import pytest
from dataset_files import some_videos, write_groups, write_videos
from hypothesis import given
from hypothesis import strategies as st

import ssvh_lib as ssvh
from ssvh_lib.data.by_video.formats import FORMATS
from ssvh_lib.data.by_video.resampled import VideoRows, survey
from ssvh_lib.data.by_video.stores import Files, Groups, open_store

STORES = [*FORMATS, ".h5"]


@pytest.fixture(scope="module")
def videos():
    """18 videos of 3 to 8 frames."""
    return some_videos(np.random.default_rng(0))


@pytest.fixture(scope="module")
def stores(videos, tmp_path_factory):
    """The same videos in each kind of store, with the names that they have there."""
    place = tmp_path_factory.mktemp("stores")
    flat = {name.replace("/", "-"): values for name, values in videos.items()}
    made = {suffix: write_videos(place / suffix[1:], suffix, flat) for suffix in FORMATS}
    return made | {".h5": write_groups(place / "all.h5", flat)}


def opened(place, frames=5, names=None):
    store = open_store(place, None)
    names = tuple(names or sorted(store.names))
    return VideoRows(store, names, survey(store, names), frames)


def naive(videos, frames):
    """Every frame looked up by the formula."""
    rows = [
        [values[(2 * t + 1) * len(values) // (2 * frames)] for t in range(frames)]
        for _, values in sorted((name.replace("/", "-"), values) for name, values in videos.items())
    ]
    return np.array(rows)


@pytest.mark.parametrize("frames", [1, 5, 25])
@pytest.mark.parametrize("kind", STORES)
def test_every_store_reads_the_same_resampled_videos(stores, videos, kind, frames):
    rows = opened(stores[kind], frames)
    assert (rows.shape, rows.dtype) == ((18, frames, 8), np.float32)
    np.testing.assert_array_equal(rows[:], naive(videos, frames))


NUMBERS = st.lists(st.integers(-18, 17), max_size=30).map(lambda rows: np.array(rows, int))
MASKS = st.lists(st.booleans(), min_size=18, max_size=18).map(np.array)


@given(kind=st.sampled_from(STORES), index=NUMBERS | MASKS | st.slices(18))
def test_rows_in_any_order_equal_those_of_an_array(stores, videos, kind, index):
    np.testing.assert_array_equal(opened(stores[kind])[index], naive(videos, 5)[index])


@pytest.mark.parametrize("kind", STORES)
def test_rows_can_be_sent_to_another_process(stores, videos, kind):
    rows = opened(stores[kind])
    assert len(rows[:2]) == 2  # what needs to be open is open now
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(rows))[4:7], naive(videos, 5)[4:7])  # noqa: S301 - our own


@pytest.mark.parametrize("kind", STORES)
def test_looking_at_shapes_reads_no_values(stores, kind, monkeypatch):
    monkeypatch.setattr(Files, "read", pytest.fail)
    monkeypatch.setattr(Groups, "read", pytest.fail)
    assert opened(stores[kind]).shape == (18, 5, 8)


def test_no_file_stays_open_but_one_of_groups(stores):
    psutil = pytest.importorskip("psutil")
    process = psutil.Process()
    before = len(process.open_files())
    every = [opened(stores[kind]) for kind in STORES]
    for rows in every:
        rows[:]
    assert len(process.open_files()) - before <= 1


def test_half_precision_stays_half_precision(tmp_path, videos):
    halves = {name: values.astype(np.float16) for name, values in videos.items()}
    rows = opened(write_videos(tmp_path, ".npy", halves))
    assert rows.dtype == rows[:1].dtype == np.float16
    np.save(tmp_path / "cooking" / "v0.npy", videos["cooking/v0"])
    assert opened(tmp_path).dtype == np.float32  # of both types, the one that holds them


# What is wrong with single videos


def write_one(folder, suffix, values):
    """Four sound videos, and ``b`` with ``values``."""
    videos = {name: np.ones((3, 8), np.float32) for name in "acde"}
    return write_videos(folder, suffix, videos | {"b": values})


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ones(8), r"'b' has the shape \(8,\) instead of \(frames, size\)"),
        (np.ones((1, 3, 8)), r"'b' has the shape \(1, 3, 8\)"),
        (np.ones((0, 8)), r"'b' has the shape \(0, 8\)"),
        (np.ones((3, 8), complex), "'b' holds values of type complex128 instead of numbers"),
    ],
    ids=["one axis", "three axes", "no frames", "complex"],
)
def test_a_video_of_the_wrong_shape_or_type_is_named(tmp_path, suffix, values, message):
    place = write_one(tmp_path, suffix, values)
    with pytest.raises(ssvh.SSVHError, match=rf"{tmp_path.name}: 1 of 5 videos cannot be read: {message}"):
        opened(place)


@pytest.mark.parametrize("suffix", FORMATS)
def test_an_empty_file_is_named(tmp_path, suffix):
    write_one(tmp_path, suffix, np.ones((3, 8)))
    (tmp_path / f"b{suffix}").write_bytes(b"")
    with pytest.raises(ssvh.SSVHError, match=r"1 of 5 videos cannot be read: 'b' is empty\."):
        opened(tmp_path)


def test_the_first_few_of_many_unreadable_videos_are_named(tmp_path):
    write_groups(tmp_path / "a.h5", {f"v{number}": np.ones((3, 8)) for number in range(9)})
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        for number in range(2, 9):
            file.move(f"v{number}/vectors", f"v{number}/feats")
    store = open_store(tmp_path / "a.h5", "vectors")
    with pytest.raises(ssvh.SSVHError) as error:
        survey(store, sorted(store.names))
    assert "a.h5: 7 of 9 videos cannot be read: 'v2' has no array 'vectors' (it holds 'feats'), 'v3'" in str(
        error.value
    )
    assert "'v6'" in str(error.value)
    assert "'v7'" not in str(error.value)


def test_videos_of_another_size_are_named_beside_the_usual_one(tmp_path):
    place = write_one(tmp_path, ".npy", np.ones((3, 7)))
    with pytest.raises(
        ssvh.SSVHError, match=r"1 of 5 videos have features of another size than 8: 'b' 7\. Extract all"
    ):
        opened(place)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
@pytest.mark.parametrize("kind", STORES)
def test_nan_is_reported_with_the_video_when_it_is_read(tmp_path, kind, bad):
    videos = {name: np.ones((3, 8)) for name in "abcd"}
    videos["c"][1, 2] = bad
    place = write_groups(tmp_path / "a.h5", videos) if kind == ".h5" else write_videos(tmp_path, kind, videos)
    rows = opened(place, frames=3)
    assert (rows[:2] == 1).all()
    with pytest.raises(ssvh.SSVHError, match=rf"{place.name} holds NaN, infinity .* in the video 'c'\. Extract"):
        rows[:]


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_that_changes_while_it_is_in_use_is_noticed(tmp_path, suffix):
    rows = opened(write_one(tmp_path, suffix, np.ones((3, 8))))
    write_videos(tmp_path, suffix, {"b": np.ones((4, 8))})
    with pytest.raises(ssvh.SSVHError, match=r"the video 'b' changed from \(3, 8\) to \(4, 8\) while it was in use"):
        rows[:]
    (tmp_path / f"b{suffix}").write_bytes(b"")
    with pytest.raises(ssvh.SSVHError, match="the video 'b' is damaged"):
        rows[:]


# What is wrong with the place


def test_a_folder_of_two_kinds_of_files_is_refused(tmp_path):
    write_videos(tmp_path, ".npy", {"a": np.ones((3, 8))})
    write_videos(tmp_path, ".pt", {"b": np.ones((3, 8))})
    with pytest.raises(ssvh.SSVHError, match=r"holds \.npy and \.pt files\. Features must be files of one kind"):
        open_store(tmp_path, None)


def test_names_that_differ_in_the_case_of_the_suffix_only_are_refused(tmp_path):
    write_videos(tmp_path, ".npy", {"a": np.ones((3, 8))})
    (tmp_path / "a.npy").rename(tmp_path / "a.NPY")
    if (tmp_path / "a.npy").exists():
        pytest.skip("file names ignore case here")
    assert list(open_store(tmp_path, None).names) == ["a"]
    write_videos(tmp_path, ".npy", {"a": np.ones((3, 8))})
    with pytest.raises(ssvh.SSVHError, match=r"differ in the case of '\.npy' only"):
        open_store(tmp_path, None)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, r"is missing\. It should be a folder of \.npy, \.npz, \.pt or an HDF5 file"),
        (lambda path: path.mkdir(), r"holds no files\. Features must be files of one kind"),
        (lambda path: path.write_text("<html>404"), r"is not a whole HDF5 file"),
        (lambda path: h5py.File(path, "w").close(), r"is empty\. It should hold one group for each video"),
    ],
    ids=["missing", "empty folder", "not HDF5", "empty HDF5"],
)
def test_a_place_without_videos_is_refused(tmp_path, make, message):
    make(tmp_path / "features")
    with pytest.raises(ssvh.SSVHError, match=f"features {message}"):
        open_store(tmp_path / "features", None)


def test_arrays_without_groups_are_videos_too(tmp_path, videos):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name, values in videos.items():
            file[name.replace("/", "-")] = values
    np.testing.assert_array_equal(opened(tmp_path / "a.h5")[:], naive(videos, 5))
