"""PCA sign, spectral hashing, MFH and VHDT: what each promises to keep."""

import numpy as np
import pytest
import torch
from classical import SMALL, D, N, T, hamming, kinds, signs, solved, values, videos_of

import ssvh_lib as ssvh
from ssvh_lib.methods import method_class
from ssvh_lib.methods.mfh import MFH
from ssvh_lib.methods.pca import PCASign
from ssvh_lib.methods.sh import SpectralHashing
from ssvh_lib.methods.vhdt import VHDT

METHODS = [PCASign, SpectralHashing, MFH, VHDT]
EACH = pytest.mark.parametrize("method", METHODS)
DRAWING = pytest.mark.parametrize("method", [MFH, VHDT])
CUT_AT_MEDIAN = DRAWING


@EACH
def test_codes_do_not_change_when_all_the_data_grow(method, frames):
    grown = 4 * frames  # exact in floating point
    assert (signs(solved(method, frames), frames) == signs(solved(method, grown), grown)).mean() > 0.99


@EACH
def test_codes_do_not_change_when_all_the_data_move(method, frames):
    moved = frames + np.linspace(-4, 4, D, dtype=np.float32)
    first, second = (signs(solved(method, some), some) for some in (frames, moved))
    assert (hamming(first, first) == hamming(second, second)).mean() > 0.95


@EACH
def test_the_order_of_frames_does_not_matter_to_a_code(method, frames):
    model = solved(method, frames)
    np.testing.assert_allclose(values(model, frames[:, ::-1].copy()), values(model, frames), atol=1e-3)


@EACH
def test_videos_of_a_kind_have_nearer_codes(method, rng):
    videos = kinds(rng)
    code = signs(solved(method, videos, clusters=4) if method is VHDT else solved(method, videos), videos)
    same = np.arange(80)[:, None] % 4 == np.arange(80) % 4
    distance = hamming(code, code)
    assert distance[same].mean() < 0.6 * distance[~same].mean()


@pytest.mark.parametrize("method", [PCASign, SpectralHashing])
def test_what_draws_nothing_gives_every_seed_the_same(method, frames):
    rng = np.random.default_rng(0)
    before = rng.bit_generator.state
    model = method(method.Config(bits=8, frames=T, features=D))
    model.solve(videos_of(frames), rng)
    assert rng.bit_generator.state == before
    other = solved(method, frames, seed=1)
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in model.state_dict().items())


@DRAWING
def test_what_draws_gives_another_seed_another_model(method, frames):
    first, again, other = (solved(method, frames, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(first.projection, again.projection)
    assert not torch.allclose(first.projection, other.projection, rtol=1e-3)


@CUT_AT_MEDIAN
def test_half_the_training_videos_have_each_bit(method, frames):
    assert (signs(solved(method, frames), frames).sum(axis=0) == N // 2).all()


class Counting:
    """Videos made up as they are read; remembers which."""

    def __init__(self, count):
        self.count, self.rows = count, []

    def __len__(self):
        return self.count

    def read(self, rows):
        assert len(rows) <= 256
        self.rows.extend(rows)
        return np.random.default_rng(len(rows)).standard_normal((len(rows), T, D)).astype(np.float32)


@DRAWING
def test_a_large_training_set_is_sampled_and_read_in_parts(method):
    videos, choices = Counting(45_600), {**SMALL.get(method, {}), "videos": 300}
    method(method.Config(bits=8, frames=T, features=D, **choices)).solve(videos, np.random.default_rng(0))
    assert len(videos.rows) == len(set(videos.rows)) == 300
    assert max(videos.rows) > 40_000


@EACH
@pytest.mark.parametrize("preset", ["small", "smoke"])
def test_presets_are_fields(method, preset):
    method.Config(bits=8, frames=T, features=D, **method.PRESETS.get(preset, {}))


@pytest.mark.parametrize("name", ["mfh", "pca", "sh", "vhdt"])
def test_they_run_on_moving_digits(name, smoke, tmp_path):
    model = ssvh.build(name, smoke, 64)
    run = ssvh.fit(model, smoke, tmp_path, progress=False)
    codes = ssvh.encode(run.model(), smoke.database)
    assert (codes.packed == ssvh.encode(model, smoke.database).packed).all()
    share = (codes.signs() > 0).mean(axis=0)
    assert (share.min() > 0.01) & (share.max() < 0.99)


def test_what_is_not_the_papers_is_said():
    """The notes of the tables rest on these sentences."""
    import ssvh_lib.methods.mfh as mfh
    import ssvh_lib.methods.vhdt as vhdt

    assert "Formulas recalled" in mfh.__doc__
    assert "as an unsupervised adaptation" in vhdt.__doc__
    assert "The original is supervised" in vhdt.__doc__
    assert {method_class(name) for name in ("mfh", "pca", "sh", "vhdt")} == set(METHODS)
