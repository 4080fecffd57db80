"""Reading T pictures of a video file, evenly spaced in time.

The papers say that frames are "uniformly" or "equally" sampled, and no more. Here the time in which the video
shows something is cut into T equal segments, and the picture on display in the middle of each is taken. At a
constant frame rate that is frame ``floor((2t + 1) n / 2T)`` of n, for t = 0 … T - 1. Time rather than frames,
because in a recording of variable rate one frame may stand for ten seconds, and this is what a viewer sees. A
video of fewer than T frames repeats some, in order.

What a file says about its length is not trusted. Its packets are listed first, without decoding, which gives the
times of its frames; then the frames on display at the wanted times are decoded, skipping from key frame to key frame.
Where the times turn out to be wrong, as in AVI files with H.264, every frame is decoded and counted instead. One
picture of full size is held at a time, besides those that the decoder needs.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from ...errors import SSVHError
from ...utils.extras import requires_extra
from ..middles import middles
from .pictures import sample_pictures
from .sampled import SINGLE, Sampled, remarks

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream
    from PIL.Image import Image

_WORTH_A_SEEK = 16  # frames to skip; fewer are decoded in the time that a seek takes
# A file called x.avi may hold a list of other files or addresses, which FFmpeg would open: no file but the given one.
_NO_OTHER_FILES = {"protocol_whitelist": "none"}


T = TypeVar("T")


def sample(path: Path, frames: int, apply: Callable[[Image], T]) -> Sampled[T]:
    """Call ``apply`` on ``frames`` pictures (RGB, upright), evenly spaced in time, and keep what it returns.

    For a picture that is on display at several of the moments it is called once. ``path`` is a file, or a folder of
    frames (``pictures``). Raises SSVHError, with the reason, if it is not a video, or if no frame of it can be decoded.
    """
    if path.is_dir():
        return sample_pictures(path, frames, apply)
    with _explained(path):
        if path.exists() and not path.is_file():
            raise SSVHError(f"{path} is not a file.")  # reading a named pipe could block forever
        if not path.stat().st_size:
            raise SSVHError(f"{path} is empty.")
        with _open(path) as reader:
            times, claimed = reader.times(), reader.claimed()
        seen, moments, refused = _seen(path, times, frames, apply)
    cut = claimed > 1.1 * times.seconds + 0.5
    note = remarks(
        f"breaks off after {times.seconds:.1f} of {claimed:.1f} s" if cut else None,
        f"undecodable packets: {refused}" if refused else None,
        SINGLE if len(times.shown) == len(seen) == 1 else None,
    )
    return Sampled(seen, moments, times.seconds, note)


class _Seen(NamedTuple, Generic[T]):
    """The results for the pictures that were looked at, the one of each moment, and the packets that failed."""

    values: list[T]
    moments: list[int]
    refused: int


def _seen(path: Path, times: _Times, frames: int, apply: Callable[[Image], T]) -> _Seen[T]:
    for keys in (times.keys, []):  # without seeking, should a seek go wrong
        with suppress(_WrongTimes):
            return _by_time(path, times, keys, frames, apply)
    return _by_count(path, frames, apply)


class _WrongTimes(Exception):
    """The frames that come out of the decoder have other times than the packets promised."""


@dataclass(frozen=True)
class _Times:
    """The times at which the frames of a stream are shown, in ascending ticks, according to its packets."""

    shown: list[int]
    keys: list[int]  # those from which decoding can start
    end: int
    seconds: float

    def middles(self, segments: int) -> list[int]:
        """Return the middles of ``segments`` equal segments of the whole time, in ticks, rounded down."""
        start, length = self.shown[0], self.end - self.shown[0]
        return [start + tick for tick in middles(length, segments).tolist()]

    def between(self, earlier: int, later: int) -> int:
        """Count the frames that are shown from one time to the other."""
        return bisect_right(self.shown, later) - bisect_right(self.shown, earlier)


class _Reader:
    """The first moving-picture stream of an open file; packets that cannot be decoded are skipped and counted."""

    def __init__(self, container: InputContainer):
        # The cover of an audio file is a video stream as well, of one attached picture.
        moving = [
            stream for stream in container.streams.video if not stream.disposition & stream.disposition.attached_pic
        ]
        if not moving:
            raise SSVHError(f"{container.name} has no video stream.")
        if moving[0].codec_context is None:
            raise SSVHError(f"{container.name} is coded in a way that FFmpeg does not know.")
        self.container, self.stream, self.refused = container, moving[0], 0
        self.stream.codec_context.thread_count = 1  # several files are read side by side instead

    def _packets(self) -> Iterator[Packet[VideoStream]]:
        from av.error import FFmpegError

        with suppress(FFmpegError, EOFError):  # the end of a truncated file is an end
            yield from self.container.demux(self.stream)

    def frames(self) -> Iterator[VideoFrame]:
        """Yield all frames from the present position on, in the order of display."""
        from av.error import FFmpegError

        for packet in self._packets():
            try:
                decoded = packet.decode()
            except (FFmpegError, EOFError):
                self.refused += 1
            else:
                yield from decoded

    def seek(self, key: int) -> Iterator[VideoFrame]:
        """Yield all frames from about the key frame shown at ``key`` on."""
        self.container.seek(key, stream=self.stream)
        return self.frames()

    def times(self) -> _Times:
        """Return the times of all packets that hold a frame to be shown."""
        timed = sorted(
            (time, packet.duration or 0, packet.is_keyframe)
            for packet in self._packets()
            if packet.size and not packet.is_discard
            if (time := packet.dts if packet.pts is None else packet.pts) is not None
        )
        if not timed:
            return _Times([0], [], 1, 0.0)
        last, duration, _ = timed[-1]
        end = last + max(duration, 1)
        seconds = float((end - timed[0][0]) * (self.stream.time_base or 0))
        return _Times([time for time, _, _ in timed], [time for time, _, key in timed if key], end, seconds)

    def claimed(self) -> float:
        """Return the duration in seconds that the file declares; 0 if it declares none."""
        if self.stream.frames and self.stream.average_rate:
            return float(self.stream.frames / self.stream.average_rate)
        return (self.container.duration or 0) / 1e6


def _by_time(path: Path, times: _Times, keys: list[int], frames: int, apply: Callable[[Image], T]) -> _Seen[T]:
    """Call ``apply`` on the frame on display in the middle of each segment. Decoding may start at any of ``keys``."""
    values: list[T] = []
    moments: list[int] = []
    with _open(path) as reader:
        display = _Display(reader, times, keys)
        last: VideoFrame | None = None
        for middle in times.middles(frames):
            frame = display.at(middle)
            if frame is not last:
                values.append(apply(_upright(frame)))
            moments.append(len(values) - 1)
            last = frame
    return _Seen(values, moments, reader.refused)


class _Display:
    """The display of a player, moment after moment. Raises _WrongTimes if frames have other times than announced."""

    def __init__(self, reader: _Reader, times: _Times, keys: list[int]):
        self.reader, self.times, self.keys = reader, times, keys
        self.shown: VideoFrame | None
        self.coming: VideoFrame | None
        self._start(reader.frames())

    def at(self, moment: int) -> VideoFrame:
        """Return the last frame that is shown at ``moment`` or before; moments must ascend."""
        self._skip_to(moment)
        while self.coming is not None and _time(self.coming) <= moment:
            before, self.shown, self.coming = self.shown, self.coming, next(self.stream, None)
            if before is not None and _time(self.shown) <= _time(before):
                raise _WrongTimes
        if self.shown is None:
            raise _WrongTimes
        return self.shown

    def _start(self, stream: Iterator[VideoFrame]) -> None:
        self.stream, self.shown, self.coming = stream, None, next(stream, None)

    def _skip_to(self, moment: int) -> None:
        """Seek to the last key frame before ``moment`` if that saves decoding."""
        position = bisect_right(self.keys, moment)
        if position and self.coming is not None:
            key = self.keys[position - 1]
            if self.times.between(_time(self.coming), key) > _WORTH_A_SEEK:
                self._start(self.reader.seek(key))


def _by_count(path: Path, frames: int, apply: Callable[[Image], T]) -> _Seen[T]:
    """Call ``apply`` on the frames ``floor((2t + 1) n / 2T)`` of the n that can be decoded."""
    with _open(path) as reader:
        count = sum(1 for _ in reader.frames())
    if not count:
        raise SSVHError(f"{path} has a video stream, but no frame of it can be decoded.")
    wanted = middles(count, frames).tolist()
    places = {number: place for place, number in enumerate(sorted(set(wanted)))}
    with _open(path) as reader:
        values = [apply(_upright(frame)) for number, frame in enumerate(reader.frames()) if number in places]
    return _Seen(values, [places[number] for number in wanted], reader.refused)


def _time(frame: VideoFrame) -> int:
    if frame.pts is None:
        raise _WrongTimes
    return frame.pts


def _upright(frame: VideoFrame) -> Image:
    """Rotate a picture as players do, since phones store how they were held apart from the pixels."""
    image: Image = frame.to_image()
    return image.rotate(frame.rotation, expand=True) if frame.rotation else image


@contextmanager
def _open(path: Path) -> Iterator[_Reader]:
    import av

    with (
        path.open("rb") as file,
        av.open(file, mode="r", options=_NO_OTHER_FILES, metadata_errors="replace") as container,
    ):
        yield _Reader(container)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn every error of FFmpeg or of the file system into one SSVHError."""
    with requires_extra("video", "Reading videos"):
        import PIL  # noqa: F401 - PyAV makes its pictures with it
        from av.error import FFmpegError
    try:
        yield
    except SSVHError:
        raise
    except (FFmpegError, OSError, ValueError, MemoryError, EOFError, ArithmeticError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise SSVHError(f"{path} cannot be read as a video ({reason}).") from error
