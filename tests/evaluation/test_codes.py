"""Codes: which bit a real number becomes, how bits lie in bytes, and how codes are kept in a file."""

from math import log2
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from rankings import draw_task

import ssvh_lib as ssvh
from ssvh_lib.data import VideoFeatures
from ssvh_lib.evaluation.codes import code_health, ternary_codes
from ssvh_lib.evaluation.hamming import hamming_distances
from ssvh_lib.methods import ClassicalMethod


class Identity(torch.nn.Module):
    """A model whose code values are its features of the first frame."""

    def __init__(self, frames, features):
        super().__init__()
        self.config = SimpleNamespace(frames=frames, features=features)
        self.register_buffer("gain", torch.ones(()))
        self.batches = []

    def encode(self, frames):
        assert not self.training
        assert torch.is_inference_mode_enabled()
        self.batches.append(len(frames))
        return self.gain * frames[:, 0]


@pytest.fixture
def codes(rng):
    return ssvh.Codes(rng.integers(0, 256, (7, 3), dtype=np.uint8))


def test_the_first_bit_of_a_code_is_the_highest_of_its_first_byte():
    values = -np.ones((2, 16))
    values[0, 0] = values[0, 15] = values[1, 6] = 1
    np.testing.assert_array_equal(ssvh.Codes.from_values(values).packed, [[0b10000000, 1], [0b00000010, 0]])


def test_zero_is_bit_0_and_sign_minus_1():
    values = np.array([[0.0, -0.0, 1e-30, -1e-30, 2, -2, np.inf, -np.inf]])
    codes = ssvh.Codes.from_values(values)
    assert codes.packed.item() == 0b00101010
    np.testing.assert_array_equal(codes.signs(), [[-1, -1, 1, -1, 1, -1, 1, -1]])


@given(arrays(np.int8, st.tuples(st.integers(0, 5), st.sampled_from([8, 24, 256])), elements=st.sampled_from([-1, 1])))
def test_signs_survive_packing(signs):
    codes = ssvh.Codes.from_values(signs)
    assert (len(codes), codes.bits) == signs.shape
    assert codes.packed.nbytes * 8 == signs.size
    assert codes.signs().dtype == np.int8
    np.testing.assert_array_equal(codes.signs(), signs)


def test_signs_zeros_and_ones_and_real_values_give_one_code(rng):
    values = rng.standard_normal((6, 16))
    wanted = ssvh.Codes.from_values(values).packed
    for same in (np.sign(values), values > 0, (values > 0).astype(np.uint8), (1e-9 * values).astype(np.float32)):
        np.testing.assert_array_equal(ssvh.Codes.from_values(same).packed, wanted)


def test_nan_is_refused_and_said_to_be_divergence():
    with pytest.raises(ssvh.SSVHError, match=r"NaN.*diverged.*Train it again"):
        ssvh.Codes.from_values(np.array([[1.0] * 7 + [np.nan]]))


@pytest.mark.parametrize("shape", [(4, 12), (4, 0), (8,), (2, 2, 8)])
def test_a_shape_that_cannot_be_packed_is_refused(shape):
    with pytest.raises(ssvh.SSVHError) as error:
        ssvh.Codes.from_values(np.ones(shape))
    assert f"Codes are (N, K) with K a positive multiple of 8, got {shape}" in str(error.value)


@pytest.mark.parametrize("packed", [np.zeros((2, 1), np.int64), np.zeros(4, np.uint8)])
def test_what_is_not_packed_bits_is_refused(packed):
    with pytest.raises(ssvh.SSVHError, match=r"Packed codes are uint8 \(N, K/8\), got"):
        ssvh.Codes(packed)


# With zeros


def test_ternary_codes_are_four_times_as_far_apart_as_released_code_says():
    """For every pair of values: half a bit where one of them is 0, also where both are."""
    values = np.repeat(np.array([[-1], [0], [1]]), 8, axis=1)
    query, item = ternary_codes(values)
    assert query.bits == item.bits == 4 * 8
    distances = hamming_distances(query, item) / 4
    np.testing.assert_array_equal(distances, (8 - values @ values.T) / 2)


def test_ternary_codes_are_the_signs_of_real_values(rng):
    values = rng.standard_normal((6, 16))
    values[2, 3] = -0.0
    for codes, same in zip(ternary_codes(values), ternary_codes(np.sign(values)), strict=True):
        np.testing.assert_array_equal(codes.packed, same.packed)


@pytest.mark.parametrize("values", [np.eye(8), np.eye(8, dtype=bool), np.zeros((2, 8)), np.ones((2, 8))])
def test_ternary_codes_of_zeros_and_ones_are_refused(values):
    with pytest.raises(ssvh.SSVHError, match="none of these values is negative"):
        ternary_codes(values)


def test_ternary_codes_are_checked_as_others_are():
    with pytest.raises(ssvh.SSVHError, match="K a positive multiple of 8"):
        ternary_codes(-np.ones((2, 12)))
    with pytest.raises(ssvh.SSVHError, match="NaN"):
        ternary_codes(np.full((2, 8), np.nan))


# Health


def test_health_by_hand():
    """Bit 0 is 1 in half of the codes, bit 1 is its opposite, bit 2 is 1 in a quarter, the others are always 0."""
    bits = np.zeros((4, 8), int)
    bits[:2, 0] = bits[2:, 1] = bits[3, 2] = 1
    health = code_health(ssvh.Codes.from_values(bits))
    np.testing.assert_allclose(health.balance, [1 / 2, 1 / 2, 1 / 4, 0, 0, 0, 0, 0])
    quarter = np.log2(4) / 4 + np.log2(4 / 3) * 3 / 4
    np.testing.assert_allclose(health.entropy, [1, 1, quarter, 0, 0, 0, 0, 0])
    np.testing.assert_allclose(health.correlation[:3, :3], np.corrcoef(bits.T[:3]), atol=1e-12)
    assert np.isnan(health.correlation[3:]).all()
    assert np.isnan(health.correlation[:, 3:]).all()
    assert health.constant_bits == 5
    third = 1 / 3**0.5  # of bit 2 with either of the others
    assert health.mean_correlation == pytest.approx((1 + 2 * third) / 3)
    assert health.distinct == 3
    assert health.collision_rate == pytest.approx(1 / 6)  # one pair of six


def test_correlations_are_those_of_numpy_however_many_codes_are_read_at_once(rng, monkeypatch):
    codes = ssvh.Codes(rng.integers(0, 256, (101, 4), dtype=np.uint8))
    whole = code_health(codes)
    np.testing.assert_allclose(whole.correlation, np.corrcoef(codes.signs().T), atol=1e-9)
    assert whole.distinct == 101
    assert whole.collision_rate == 0
    monkeypatch.setattr("ssvh_lib.evaluation.codes._BLOCK", 7)
    np.testing.assert_allclose(code_health(codes).correlation, whole.correlation, atol=1e-12)


def test_codes_that_are_all_equal_have_no_correlation():
    health = code_health(ssvh.Codes(np.full((3, 2), 0b1010, np.uint8)))
    assert (health.constant_bits, health.distinct, health.collision_rate) == (16, 1, 1)
    assert np.isnan(health.mean_correlation)
    assert not health.entropy.any()


@pytest.mark.parametrize("count", [0, 1])
def test_the_health_of_fewer_than_two_codes_is_refused(count):
    with pytest.raises(ssvh.SSVHError, match=f"two or more of them, got {count}"):
        code_health(ssvh.Codes(np.zeros((count, 2), np.uint8)))


@given(st.integers(0, 2**32 - 1))
def test_entropy_balance_and_collisions_are_those_counted_by_hand(seed):
    codes = draw_task(np.random.default_rng(seed))[1]
    health = code_health(ssvh.Codes.from_values(codes))
    for bit, column in enumerate(codes.T):
        share = column.mean()
        assert health.balance[bit] == pytest.approx(share)
        wanted = -share * log2(share) - (1 - share) * log2(1 - share) if 0 < share < 1 else 0
        assert health.entropy[bit] == pytest.approx(wanted)
    names = ["".join(map(str, code)) for code in codes]
    pairs = [(i, j) for i in range(len(names)) for j in range(i)]
    assert health.distinct == len(set(names))
    assert health.collision_rate == pytest.approx(sum(names[i] == names[j] for i, j in pairs) / len(pairs))


# From a model


def test_encode_gives_the_signs_of_the_models_values(rng):
    frames = rng.standard_normal((11, 2, 16)).astype(np.float32)
    frames[3] = 0
    model = Identity(2, 16)
    codes = ssvh.encode(model, frames, batch_size=4)
    assert model.batches == [4, 4, 3]
    np.testing.assert_array_equal(codes.signs(), np.where(frames[:, 0] > 0, 1, -1))


@pytest.mark.parametrize("method", ["lsh", "conmh"])
def test_a_plain_array_a_set_of_videos_and_any_batch_size_give_the_same_codes(smoke, method):
    model, videos = ssvh.build(method, dataset=smoke, bits=16, preset="smoke"), smoke.query
    if isinstance(model, ClassicalMethod):
        model.solve(smoke.train, np.random.default_rng(0))
    with torch.inference_mode():
        values = model.eval().encode(torch.from_numpy(videos.read())).numpy()
    wanted = np.where(values > 0, 1, -1)
    assert 0.2 < (wanted > 0).mean() < 0.8
    np.testing.assert_array_equal(ssvh.encode(model, videos).signs(), wanted)
    np.testing.assert_array_equal(ssvh.encode(model, videos.read()).signs(), wanted)
    np.testing.assert_array_equal(ssvh.encode(model, videos, batch_size=16).signs(), wanted)


@pytest.mark.parametrize("shape", [(3, 2, 8), (3, 4, 16)])
def test_videos_of_another_shape_than_the_models_are_refused(shape):
    with pytest.raises(ssvh.SSVHError) as error:
        ssvh.encode(Identity(2, 16), np.zeros(shape, np.float32))
    assert f"reads 2 frames of size 16, the videos have {shape[1]} of size {shape[2]}" in str(error.value)


def test_an_array_that_holds_no_frames_is_refused():
    with pytest.raises(ssvh.SSVHError, match=r"three axes \(videos, frames, size\), got \(3, 16\)"):
        ssvh.encode(Identity(2, 16), np.zeros((3, 16), np.float32))


def test_a_diverged_model_is_refused(rng):
    model = Identity(2, 16)
    model.gain.fill_(torch.nan)
    videos = VideoFeatures(rng.standard_normal((3, 2, 16)), np.ones((3, 1), np.uint8), tuple("abc"))
    with pytest.raises(ssvh.SSVHError, match="diverged"):
        ssvh.encode(model, videos)


# In a file


def test_saved_codes_come_back_by_name(tmp_path, codes, rng):
    other = ssvh.Codes(rng.integers(0, 256, (2, 8), dtype=np.uint8))
    ssvh.save_codes(tmp_path / "codes.npz", query=codes, database=other)
    loaded = ssvh.load_codes(str(tmp_path / "codes.npz"))
    assert loaded.keys() == {"query", "database"}
    np.testing.assert_array_equal(loaded["query"].packed, codes.packed)
    np.testing.assert_array_equal(loaded["database"].packed, other.packed)
    assert [path.name for path in tmp_path.iterdir()] == ["codes.npz"]


def test_an_interrupted_save_leaves_the_old_codes(tmp_path, codes, tree, monkeypatch):
    ssvh.save_codes(tmp_path / "codes.npz", query=codes)
    before = tree(tmp_path)

    def full_disk(file, **_):
        file.write(b"half of")
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full_disk)
    with pytest.raises(OSError, match="No space left"):
        ssvh.save_codes(tmp_path / "codes.npz", query=codes)
    assert tree(tmp_path) == before


def missing(path):
    path.unlink()


def text(path):
    path.write_text("not an archive")


def empty(path):
    path.write_bytes(b"")


def floats(path):
    np.savez(path, query=np.zeros((2, 2)))


def objects(path):
    np.savez(path, query=np.array([{"a": 1}], dtype=object))


@pytest.mark.parametrize("harm", [missing, text, empty, floats, objects])
def test_a_file_without_codes_is_named(tmp_path, codes, harm, tree):
    path = tmp_path / "codes.npz"
    ssvh.save_codes(path, query=codes)
    harm(path)
    before = tree(tmp_path)
    with pytest.raises(ssvh.SSVHError) as error:
        ssvh.load_codes(path)
    assert f"{path} holds no codes (" in str(error.value)
    assert "Encode the dataset again." in str(error.value)
    assert tree(tmp_path) == before
