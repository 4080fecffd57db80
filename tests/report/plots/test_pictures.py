"""Pictures of frames: a row for each video, the masked frames pale."""

import numpy as np
import pytest
from panels import written

import ssvh_lib as ssvh
from ssvh_lib.report import plots


def test_a_filmstrip_has_a_row_a_video_and_a_bar_a_frame(rng):
    thumbnails = rng.integers(0, 256, (2, 3, 4, 4), dtype=np.uint8)
    informative = np.array([[True, False, True], [False, False, True]])
    visible = np.array([[True, True, False], [True, True, True]])
    figure = plots.filmstrip(thumbnails, ["first", "second"], informative, visible)
    for row, panel in enumerate(figure.axes):
        strip = panel.images[0].get_array()
        assert strip.shape == (4 + 2, 3 * (4 + 2))  # a white rim around each frame
        for frame in range(3):
            drawn = strip[1:5, 6 * frame + 1 : 6 * frame + 5]
            pixels = thumbnails[row, frame].astype(float)
            np.testing.assert_allclose(drawn, pixels if visible[row, frame] else 255 - 0.25 * (255 - pixels))
        colours = [line.get_color() for line in panel.lines]
        assert colours == [plots.INFORMATIVE if yes else plots.FILLER for yes in informative[row]]
    assert [panel.texts[0].get_text() for panel in figure.axes] == ["first", "second"]


def test_a_contact_sheet_names_datasets_and_draws_videos_of_classes_that_lie_evenly(smoke):
    axes = plots.contact_sheet([smoke, smoke], videos=3).axes
    title, *strips = axes[:4]
    assert written(title) == ["moving-digits-smoke"]
    assert [written(panel) for panel in strips] == [["0 across"], ["4 spin"], ["9 spin"]]
    row = int(smoke.train.labels[:, 49].argmax())
    drawn = strips[2].images[0].get_array()[1:33, 1:33]
    np.testing.assert_array_equal(drawn, smoke.train.thumbnails[np.array([row])][0, 0])
    colours = [line.get_color() for line in strips[2].lines]
    assert colours == [plots.INFORMATIVE if yes else plots.FILLER for yes in smoke.train.informative[row]]
    assert len(axes) == 8


def test_a_dataset_without_thumbnails_has_no_contact_sheet(tmp_path, make_dataset):
    make_dataset(tmp_path / "mine")
    with pytest.raises(ssvh.SSVHError, match="mine has no thumbnails"):
        plots.contact_sheet([ssvh.load_dataset("mine", tmp_path)])


def test_masks_are_drawn_video_by_video(rng):
    visible = rng.random((3, 25)) < 0.3
    (panel,) = plots.masks(visible, ["a", "b", "c"]).axes
    np.testing.assert_array_equal(panel.collections[0].get_array().reshape(3, 25), visible)
    assert [label.get_text() for label in panel.get_yticklabels()] == ["a", "b", "c"]
    assert panel.yaxis_inverted()  # the first video on top


def test_a_reconstruction_shows_each_video_above_what_was_rebuilt_of_it(rng):
    true, nearest = rng.integers(0, 256, (2, 2, 3, 4, 4), dtype=np.uint8)
    visible = np.array([[True, False, True], [False, False, True]])
    own, rebuilt, *_ = plots.reconstruction(true, nearest, ["first", "second"], visible).axes
    np.testing.assert_allclose(own.images[0].get_array()[1:5, 1:5], true[0, 0])
    np.testing.assert_allclose(own.images[0].get_array()[1:5, 7:11], 255 - 0.25 * (255 - true[0, 1].astype(float)))
    np.testing.assert_allclose(rebuilt.images[0].get_array()[1:5, 7:11], nearest[0, 1])
    assert [bar.get_color() for bar in rebuilt.lines] == [plots.FILLER, plots.COLOURS[1], plots.FILLER]
    assert (written(own), written(rebuilt)) == (["first"], ["rebuilt"])
