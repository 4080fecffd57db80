"""Small real video files, whose frames tell their number, and small backbones with random weights."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

STRIPES = 10  # a frame shows its number in binary, as black and white stripes that survive lossy coding


def picture(number: int, size: tuple[int, int] = (64, 48)) -> np.ndarray:
    """A frame ``(H, W, 3)`` that shows ``number``, up to 1023, the highest bit on the left."""
    bits = [(number >> bit) & 1 for bit in reversed(range(STRIPES))]
    line = np.array(bits)[np.arange(size[0]) * STRIPES // size[0]] * 215 + 20
    return np.broadcast_to(line[None, :, None], (size[1], size[0], 3)).astype(np.uint8)


def number_of(image: object) -> int:
    """The number that a frame shows."""
    line = np.asarray(image).mean(axis=(0, 2))
    centres = ((np.arange(STRIPES) + 0.5) * len(line) / STRIPES).astype(int)
    return int("".join("1" if line[centre] > 128 else "0" for centre in centres), 2)


def write_video(
    path: Path,
    frames: Iterable[np.ndarray] | int,
    *,
    size: tuple[int, int] = (64, 48),
    codec: str | None = None,
    gop: int = 12,
    b_frames: int = 0,
    pixels: str = "yuv420p",
    times: Sequence[int] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Encode ``frames``, or that many numbered ones, at 25 a second, or to be shown at ``times`` in milliseconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures = [picture(number, size) for number in range(frames)] if isinstance(frames, int) else list(frames)
    with path.open("wb") as file, av.open(file, "w", format=_FORMATS[path.suffix], options=options or {}) as container:
        stream = container.add_stream(codec or _CODECS[path.suffix], rate=25)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = pixels
        stream.codec_context.thread_count = 1
        stream.codec_context.gop_size, stream.codec_context.max_b_frames = gop, b_frames
        for number, array in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(array), format="rgb24")
            if times is not None:
                frame.pts, frame.time_base = times[number], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


_FORMATS = {".mp4": "mp4", ".avi": "avi", ".mkv": "matroska", ".webm": "webm", ".ts": "mpegts", ".mpg": "mpeg"}
_CODECS = {".mp4": "libx264", ".avi": "mpeg4", ".mkv": "libx264", ".webm": "libvpx-vp9", ".ts": "libx264"} | {
    ".mpg": "mpeg2video"
}


_ANIMATIONS = {".gif": "GIF", ".apng": "PNG"}


def write_animation(path: Path, count: int) -> Path:
    """A GIF or an APNG of ``count`` numbered frames at 25 a second."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    first, *others = (Image.fromarray(picture(number)) for number in range(count))
    first.save(path, _ANIMATIONS[path.suffix], save_all=True, append_images=others, duration=40)
    return path


def write_audio(path: Path, *, cover: bool = False) -> Path:
    """Half a second of silence; with a ``cover``, which is a video stream of one attached picture."""
    with path.open("wb") as file, av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=16000)
        image = container.add_stream("mjpeg", rate=1) if cover else None
        if image is not None:
            image.width, image.height, image.pix_fmt = 64, 48, "yuvj420p"
            image.disposition = av.stream.Disposition.attached_pic
            container.mux(image.encode(av.VideoFrame.from_ndarray(picture(1), format="rgb24")))
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def turn(path: Path) -> Path:
    """Write into an MP4 that it is to be shown turned by a quarter clockwise, as a phone held upright does."""
    content = bytearray(path.read_bytes())
    matrix = content.index(b"tkhd") + 44  # after its name, version, times, track, duration, layer and volume
    content[matrix : matrix + 36] = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    return path


def write_backbone(folder: Path, *, seed: int = 0, side: int = 32) -> Path:
    """A ResNet of two small stages with random weights, D = 16, for pictures of ``side`` pixels."""
    import torch
    from transformers import BitImageProcessorPil, ResNetConfig, ResNetModel

    torch.manual_seed(seed)
    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
    ResNetModel(config).save_pretrained(folder)
    square = {"height": side, "width": side}
    BitImageProcessorPil(size={"shortest_edge": side}, crop_size=square).save_pretrained(folder)
    return folder
