"""Features and thumbnails of one video."""

import numpy as np
from PIL import Image

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
