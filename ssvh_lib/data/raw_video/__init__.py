"""From video files to frame features: decoding, frozen backbones, splits, extraction of whole folders."""
