"""Files of one video: shape and type without reading, exact values, and nothing that is unpickled."""

import pickle

import numpy as np
import pytest
import torch
from dataset_files import write_videos

from ssvh_lib.data.by_video.formats import FORMATS, UnreadableError


class Explosive:
    """An object whose unpickling is a bug."""

    def __reduce__(self):
        return (pytest.fail, ("it was unpickled",))


def both(path, key=None):
    """What is known of a file without reading it, and what is read."""
    kind = FORMATS[path.suffix]
    return kind.describe(path, key), kind.read(path, key)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.uint8])
@pytest.mark.parametrize("suffix", FORMATS)
def test_shape_and_type_are_known_beforehand_and_values_are_exact(tmp_path, rng, suffix, dtype):
    values = (50 * rng.random((5, 3))).astype(dtype)
    write_videos(tmp_path, suffix, {"v": values})
    kind, read = both(tmp_path / f"v{suffix}")
    assert (kind.shape, kind.dtype) == (read.shape, read.dtype) == (values.shape, values.dtype)
    np.testing.assert_array_equal(read, values)


def test_a_long_npy_file_is_mapped_rather_than_read(tmp_path):
    values = np.arange(400_000.0).reshape(-1, 4)
    for name, part in (("long", values), ("short", values[:9])):
        np.save(tmp_path / f"{name}.npy", part)
        read = both(tmp_path / f"{name}.npy")[1]
        assert isinstance(read, np.memmap) == (name == "long")
        np.testing.assert_array_equal(read, part)


def test_arrays_in_fortran_order_and_foreign_byte_order_come_as_they_are(tmp_path, rng):
    values = np.asfortranarray(rng.standard_normal((4, 3))).astype(">f4")
    np.save(tmp_path / "v.npy", values)
    np.testing.assert_array_equal(both(tmp_path / "v.npy")[1], values)


def test_bfloat16_becomes_float32_which_holds_it_exactly(tmp_path):
    values = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)).bfloat16()
    torch.save(values, tmp_path / "v.pt")
    kind, read = both(tmp_path / "v.pt")
    assert kind.dtype == read.dtype == np.float32
    np.testing.assert_array_equal(read, values.float().numpy())


def test_tensors_that_ask_for_gradients_or_are_stored_the_old_way_are_read(tmp_path):
    torch.save(torch.nn.Parameter(torch.ones(2, 3)), tmp_path / "a.pt")
    torch.save(torch.ones(2, 3), tmp_path / "b.pt", _use_new_zipfile_serialization=False)
    for name in "ab":
        kind, read = both(tmp_path / f"{name}.pt")
        assert kind.shape == read.shape == (2, 3)


@pytest.mark.parametrize("suffix", [".npz", ".pt"])
def test_of_several_arrays_the_key_names_one(tmp_path, rng, suffix):
    arrays = {"clip": rng.random((4, 2), np.float32), "sound": rng.random((7, 3), np.float32)}
    path = tmp_path / f"v{suffix}"
    if suffix == ".npz":
        np.savez_compressed(path, **arrays)
    else:
        torch.save({name: torch.from_numpy(values) for name, values in arrays.items()} | {"fps": 25}, path)
    for key, values in arrays.items():
        kind, read = both(path, key)
        assert kind.shape == values.shape
        np.testing.assert_array_equal(read, values)
    for call in FORMATS[suffix]:
        with pytest.raises(UnreadableError, match=r"several arrays \('clip', 'sound'\); name one as key"):
            call(path, None)
        with pytest.raises(UnreadableError, match=r"no array 'image' \(it holds 'clip', 'sound'\)"):
            call(path, "image")


@pytest.mark.parametrize("suffix", FORMATS)
def test_python_objects_are_refused_and_never_made(tmp_path, suffix):
    path, objects = tmp_path / f"v{suffix}", np.array([Explosive()], dtype=object)
    {".npy": np.save, ".npz": lambda p, o: np.savez(p, feats=o), ".pt": lambda p, o: torch.save(o[0], p)}[suffix](
        path, objects
    )
    for call in FORMATS[suffix]:
        with pytest.raises(UnreadableError, match=r"Python objects|more than tensors|allow_pickle"):
            call(path, None)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")  # PyTorch's own doubts
def test_a_plain_pickle_called_pt_is_refused(tmp_path):
    (tmp_path / "v.pt").write_bytes(pickle.dumps(Explosive()))
    for call in FORMATS[".pt"]:
        with pytest.raises(UnreadableError, match="more than tensors"):
            call(tmp_path / "v.pt", None)


@pytest.mark.parametrize("content", [[torch.ones(2, 3)], "text", {"fps": 25}, torch.ones(2, 3).to_sparse()])
def test_what_is_not_one_tensor_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "v.pt")
    for call in FORMATS[".pt"]:
        with pytest.raises(UnreadableError, match=r"holds (a list instead|a str instead|no array|a sparse tensor)"):
            call(tmp_path / "v.pt", None)


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("keep", [0, 5, 60, 150, -1])
def test_a_file_that_ends_early_is_damaged_and_known_to_be_before_it_is_read(tmp_path, rng, suffix, keep):
    write_videos(tmp_path, suffix, {"v": rng.random((20, 8), np.float32)})
    path = tmp_path / f"v{suffix}"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UnreadableError, match="is damaged"):
        FORMATS[suffix].describe(path, None)
    with pytest.raises(UnreadableError, match="is damaged"):
        FORMATS[suffix].read(path, None)
