"""Features and thumbnails of one video."""

import numpy as np
from PIL import Image
from video_samples import write_video

from ssvh_lib.data.raw_video.backbones import Backbone, load_backbone
from ssvh_lib.data.raw_video.frame_features import features_of, read_pictures, thumbnail


def test_one_video_is_described_as_in_the_dataset(made, videos, backbone):
    _, dataset = made
    features, thumbnails = features_of(videos / dataset.query.ids[1], backbone, 4, "cpu")
    np.testing.assert_array_equal(features, dataset.query.read()[1])
    np.testing.assert_array_equal(thumbnails, dataset.query.thumbnails[:][1])


def test_a_thumbnail_is_the_square_in_the_middle():
    """Of a picture three times as wide as high, whose left third is red, its middle green and its right blue."""
    picture = np.repeat(np.eye(3, dtype=np.uint8) * 255, 64, axis=0)[None].repeat(64, axis=0)
    assert (thumbnail(Image.fromarray(picture)) == [0, 255, 0]).all()
    assert (thumbnail(Image.fromarray(picture.swapaxes(0, 1))) == [0, 255, 0]).all()


def test_pictures_come_with_the_facts_about_their_file(videos):
    class Sizes:
        """A backbone that sees the size of a picture only."""

        def prepare(self, image):
            import torch

            return torch.tensor(image.size)

    pictures = read_pictures(videos / "baking" / "0.mp4", 3, Sizes())
    assert pictures.prepared.tolist() == [[64, 48]] * 3
    assert pictures.thumbnails.shape == (3, 64, 64, 3)
    assert (pictures.seconds, pictures.note) == (0.32, "")  # 8 frames at 25 a second


def test_a_frame_that_stands_for_several_moments_is_prepared_and_described_once(tmp_path, backbone, monkeypatch):
    network, described = load_backbone(backbone, "cpu"), []
    describe = Backbone.describe
    monkeypatch.setattr(Backbone, "describe", lambda *given: described.append(len(given[1])) or describe(*given))
    pictures = read_pictures(write_video(tmp_path / "a.mp4", 3), 9, network)
    features = pictures.features(network)
    assert (len(pictures.prepared), described) == (3, [3])
    assert pictures.moments.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert (features.shape, pictures.thumbnails.shape) == ((9, 16), (9, 64, 64, 3))
    np.testing.assert_array_equal(features, features[::3].repeat(3, axis=0))


def test_no_thumbnails_take_no_room():
    assert thumbnail(Image.new("RGB", (8, 8)), 0).shape == (0, 0, 3)
