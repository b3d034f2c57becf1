"""`open_video`: anything FFmpeg reads, a folder of images or a MOTChallenge sequence, with frame numbers that hold.

Containers miscount and frames fail to decode. Here a frame's number is its rank among the display times of all
*packets*, so a packet that yields no picture leaves a hole (image None) and shifts nothing. Packets that damage has
made invisible (Matroska, MPEG-TS, AVI) cannot be placed; the report then shows fewer frames than announced.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import FFmpegError

from scalor.data.images import open_images, open_stack
from scalor.data.source import DecodeReport, Frame, VideoSource
from scalor.errors import UserError

__all__ = ["DecodeReport", "Frame", "VideoFile", "VideoSource", "open_video"]

DEFAULT_FPS = 25.0
NEAR = 16
"""Frames that are decoded on the way rather than sought."""
NOT_VIDEO = frozenset({"tty", "ansi"})
"""Formats under which FFmpeg would draw any text file as pictures."""


def open_video(
    path: str | PathLike[str], *, size: tuple[int, int] | None = None, scale: float | None = None
) -> VideoSource:
    """Open a video file, a TIFF stack, a folder of images or a MOTChallenge folder.

    Args:
        path: what to read.
        size: (height, width) of the delivered pictures; default as stored.
        scale: instead of size, a factor in (0, 1].

    Raises:
        UserError: missing, not a video, no frame decodes, frames too small or of differing sizes.
    """
    place = Path(path)
    if place.is_dir():
        source: VideoSource = open_images(place)
    elif not place.exists():
        raise UserError(f"{place} does not exist; a video file or a folder of images is wanted; check the path")
    else:
        stack = open_stack(place) if place.suffix.lower() in {".tif", ".tiff"} else None
        source = stack or VideoFile(place)
    return source.resized(size=size, scale=scale)


class VideoFile(VideoSource):
    """A file that FFmpeg reads. The display rotation that phones store is applied, the pixel aspect is not."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._broken = False
        with self._opened() as (container, stream):
            rate = stream.average_rate or stream.guessed_rate or stream.base_rate
            fps = float(rate) if rate else DEFAULT_FPS
            # AVI stores no display times: with reordered frames they are guessed, and wrong.
            self._guessed = container.format.name == "avi"
            self._counting = self._guessed and bool(stream.codec_context.has_b_frames)
            self.seekable = not self._counting
            self._exact = stream.frames > 0
            seconds = (container.duration or 0) / av.time_base
            announced = stream.frames or round(seconds * fps) or None
        self._turns = 0
        first = next((frame for _, frame in self._walk() if frame is not None), None)
        if first is None:
            raise UserError(
                f"{path} holds no frame that can be decoded; a playable video is wanted; re-encode the file"
            )
        self._turns = round(first.rotation / 90) % 4
        size = (first.width, first.height) if self._turns % 2 else (first.height, first.width)
        super().__init__(path.stem, fps=fps, announced=announced, source_size=size)

    def count(self) -> int:
        """Number of frames, found by reading the file without decoding it."""
        known = 0 if self._counting else len(self._times[0])
        return known or self.announced or 0

    def read(self, indices: Sequence[int]) -> list[Frame]:
        """The frames of these numbers in this order, seeking from key frame to key frame; image None if undecodable."""
        found = None if self._counting else self._read_by_seeking(sorted(set(indices)))
        if found is None:
            return super().read(indices)
        return [found.get(index, Frame(index, None)) for index in indices]

    @contextmanager
    def _opened(self) -> Iterator[tuple[Any, Any]]:
        try:
            container = av.open(str(self.path))
        except (FFmpegError, OSError, ValueError):
            raise UserError(f"{self.path} is not a video that FFmpeg can read; a playable video is wanted") from None
        with container:
            streams = [s for s in container.streams.video if s.codec_context and s.codec_context.name not in NOT_VIDEO]
            if container.format.name in NOT_VIDEO or not streams:
                raise UserError(f"{self.path} holds no video stream; a playable video is wanted; check the file")
            yield container, streams[0]

    def _walk(self) -> Iterator[tuple[int, Any]]:
        clock = _Clock(self._counting, self._guessed)
        self._broken = False
        with self._opened() as (container, stream):
            for packet in self._packets(container, stream):
                clock.expect(packet)
                for frame in _decode(packet, clock):
                    yield from clock.place(frame)
            for frame in _decode(None, clock, stream):
                yield from clock.place(frame)
        yield from clock.rest()

    def _packets(self, container: Any, stream: Any) -> Iterator[Any]:
        try:
            yield from container.demux(stream)
        except FFmpegError:
            self._broken = True  # the file cannot be read further

    def _picture(self, token: Any) -> np.ndarray | None:
        try:
            image = token.to_ndarray(format="rgb24")
        except (FFmpegError, ValueError):
            return None
        return np.ascontiguousarray(np.rot90(image, self._turns)) if self._turns else image

    def _ended_early(self, seen: int) -> bool:
        slack = max(2, (self.announced or 0) // (100 if self._exact else 20))
        return self._broken or (self.announced is not None and seen < self.announced - slack)

    @cached_property
    def _times(self) -> tuple[np.ndarray, np.ndarray]:
        """Display times of all frames and of the key frames, int64, sorted: entry k belongs to frame k."""
        times: list[int] = []
        keys: list[int] = []
        with self._opened() as (container, stream):
            for packet in self._packets(container, stream):
                if _counts(packet):
                    times.append(packet.pts)
                    if packet.is_keyframe:
                        keys.append(packet.pts)
        return np.sort(np.array(times, np.int64)), np.sort(np.array(keys, np.int64))

    def _read_by_seeking(self, wanted: Sequence[int]) -> dict[int, Frame] | None:
        """Frames by number, or None if this file's display times cannot be trusted for seeking."""
        times, keys = self._times
        if not len(keys) or (np.diff(times) == 0).any():
            return None
        found: dict[int, Frame] = {}
        with self._opened() as (container, stream):
            pictures: Iterator[Any] = iter(())
            current = None
            for index in (i for i in wanted if 0 <= i < len(times)):
                target = int(times[index])
                key = keys[max(0, int(np.searchsorted(keys, target, "right")) - 1)]
                near = current is not None and current.pts >= times[max(0, index - NEAR)]
                if current is None or current.pts > target or (current.pts < key and not near):
                    try:
                        container.seek(int(key), stream=stream)
                    except FFmpegError:
                        return None
                    pictures = self._pictures_after_seek(container, stream)
                    current = next(pictures, None)
                    if current is None or current.pts is None or current.pts > target:
                        return None
                while current is not None and current.pts is not None and current.pts < target:
                    current = next(pictures, None)
                if current is not None and current.pts == target:
                    found[index] = self._frame(index, current)
        return found or None

    def _pictures_after_seek(self, container: Any, stream: Any) -> Iterator[Any]:
        ignored = _Clock(counting=False)
        for packet in self._packets(container, stream):
            yield from _decode(packet, ignored)


def _counts(packet: Any) -> bool:
    """Whether a packet stands for a frame that a player would show."""
    return packet.pts is not None and packet.size > 0 and not packet.is_discard


def _decode(packet: Any, clock: "_Clock", stream: Any = None) -> Iterable[Any]:
    """Frames that come out when a packet goes in (None: the end); an error is noted by the clock."""
    try:
        return stream.codec_context.decode(None) if packet is None else packet.decode()
    except EOFError:
        return ()
    except FFmpegError:
        clock.errors += 1
        return ()


@dataclass
class _Clock:
    """Numbers the frames that leave a decoder.

    Decoders emit frames in display order. A packet whose display time lies before that of the frame just emitted, and
    that has not been emitted itself, failed; should a damaged stream emit it later after all, it is dropped. Without
    trustworthy times (``counting``) frames are counted and every decoder error stands for one failed frame.
    """

    counting: bool
    guessed: bool = False  # times that go backwards prove that the container never knew them
    errors: int = 0
    _next: int = 0
    _last: int | None = None
    _pending: list[int] = field(default_factory=list)

    def expect(self, packet: Any) -> None:
        if not self.counting and _counts(packet):
            heapq.heappush(self._pending, packet.pts)

    def place(self, frame: Any) -> Iterator[tuple[int, Any]]:
        backwards = frame.pts is not None and self._last is not None and frame.pts < self._last
        self.counting |= frame.pts is None or (backwards and self.guessed)
        if self.counting:
            yield from self._failures(self.errors)
        elif backwards:
            return
        else:
            passed = self._pop_before(frame.pts)
            on_time = bool(self._pending) and self._pending[0] == frame.pts
            if on_time:
                heapq.heappop(self._pending)
            yield from self._failures(passed if on_time else passed - 1)  # else the latest of them is this frame
        self.errors = 0
        self._last = frame.pts
        yield self._number(), frame

    def rest(self) -> Iterator[tuple[int, None]]:
        yield from self._failures(self.errors if self.counting else len(self._pending))

    def _pop_before(self, time: int) -> int:
        passed = 0
        while self._pending and self._pending[0] < time:
            heapq.heappop(self._pending)
            passed += 1
        return passed

    def _failures(self, number: int) -> Iterator[tuple[int, None]]:
        for _ in range(number):
            yield self._number(), None

    def _number(self) -> int:
        self._next += 1
        return self._next - 1
