"""`LiveSource`: frames that come once and in their own time, from a camera, a network stream, a pipe or the input."""

import os
import re
import select
import signal
import sys
import threading
import time
from array import array
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import av.error
import numpy as np
from av.error import FFmpegError

from scalor.data.display import Display
from scalor.data.opening import open_media
from scalor.data.places import kind_of_stream, without_secrets
from scalor.data.source import Frame, VideoSource
from scalor.errors import UserError

SILENCE = 15.0
"""Seconds without data after which a stream is over."""
HELD = 256 << 20
"""Bytes of the frames that are looked at before tracking begins."""
DEFAULT_FPS, MOST_FPS = 25.0, 240.0
"""Streams that are said to be faster state the rate of their clock."""
CAMERA = re.compile(r"cam:(\d+)|/dev/video(\d+)")
CLOCKLESS = frozenset({"mpjpeg"})
"""Formats of cameras that send pictures without times."""
Shown = tuple[np.ndarray, float | None]
"""A picture uint8 [H, W, 3], and the seconds that its stream says."""


@dataclass
class _Line:
    """What a stream and its reader share: ``stop`` ends it, ``said`` tells how it ended."""

    stop: threading.Event = field(default_factory=threading.Event)
    said: list[str] = field(default_factory=list)


def open_live(address: str, *, seconds: float | None = None) -> "LiveSource":
    """Open a stream: ``cam:0``, ``rtsp://...`` or another URL, ``-`` (the standard input), or a pipe's path.

    Args:
        address: what to read; passwords in it are used and never shown.
        seconds: stop that long after the first frame; None: when it ends or is stopped.

    Raises:
        UserError: it cannot be opened, or no picture comes.
    """
    if kind_of_stream(address) is None:
        raise UserError(
            f"{address} is no stream; a camera (cam:0), an address or a pipe is wanted; open files without online"
        )
    if address.isdecimal() and not Path(address).exists():
        raise UserError(f"{address} is a number; a camera, an address or a pipe is wanted; cam:{address} is the camera")
    line = _Line()
    camera = CAMERA.fullmatch(address)
    opened = _camera(int(camera[1] or camera[2]), line) if camera else _decoded(address, line)
    return LiveSource(_name(address), opened, line, seconds=seconds)


class LiveSource(VideoSource):
    """Frames as they come, numbered from 0; it can be gone over once. `stop` ends it after the frame in hand."""

    live = True

    def __init__(
        self,
        name: str,
        opened: tuple[Iterator[Shown | None], float],
        line: _Line,
        *,
        seconds: float | None = None,
    ) -> None:
        self._coming, fps = opened
        self._line = line
        self._held: deque[Shown | None] = deque()
        self._times = array("d")
        self._size: tuple[int, int] | None = None
        first = self._next()
        while first is None and not self._over:
            first = self._next()
        if first is None:
            raise UserError(f"{name} shows no picture; a stream of video is wanted; check that it is being sent")
        self._held.append(first)
        super().__init__(name, fps=fps, announced=None, source_size=first[0].shape[:2])
        self._notes = ("a stream",)
        if seconds is not None:
            clock = threading.Timer(seconds, line.stop.set)
            clock.daemon = True
            clock.start()

    @property
    def _over(self) -> bool:
        return self._line.stop.is_set()

    def stop(self) -> None:
        """No more frames are fetched."""
        self._line.stop.set()

    def _remarks(self) -> tuple[str, ...]:
        return tuple(self._line.said)

    def count(self) -> int:
        """0: nobody knows."""
        return 0

    def first(self, count: int) -> list[Frame]:
        """The next ``count`` frames, fewer where they are large; they come again when the source is gone over."""
        most = min(count, max(1, HELD // (3 * self.source_height * self.source_width)))
        while len(self._held) < most and not self._over:
            shown = self._next()
            if shown is not None or not self._over:
                self._held.append(shown)
        held = [each[0] for each in self._held if each is not None][:most]
        return [Frame(number, picture, time=0.0) for number, picture in enumerate(held)]

    def sample(self, count: int, *, consecutive: int = 1, before: int | None = None) -> list[Frame]:
        """The next frames: there are no others to choose from."""
        return self.first(count)

    def read(self, indices: Sequence[int]) -> list[Frame]:
        """Nothing can be read again: frames without pictures."""
        return [Frame(index, None, time=self.time_of(index)) for index in indices]

    def time_of(self, index: int) -> float:
        return self._times[index] if index < len(self._times) else index / self.fps

    def _walk(self) -> Iterator[tuple[int, Any]]:
        number = 0
        while self._held or not self._over:
            known = bool(self._held)
            shown = self._held.popleft() if known else self._next()
            if shown is None and self._over and not known:
                return
            self._times.append(self._second(number, shown))
            yield number, None if shown is None else shown[0]
            number += 1

    def _second(self, number: int, shown: Shown | None) -> float:
        """Seconds since the first frame by the stream's own clock; where that is silent or goes back, at its rate."""
        last = self._times[-1] if number else -1 / self.fps
        stated = None if shown is None else shown[1]
        return stated if stated is not None and stated > last else last + 1 / self.fps

    def _next(self) -> Shown | None:
        """The next picture; None for one that cannot be decoded, and at the end, which is then known."""
        try:
            shown = next(self._coming)
        except StopIteration:
            self.stop()
            return None
        size = None if shown is None else shown[0].shape[:2]
        if size is not None and self._size not in (None, size):
            self._line.said.append(f"followed until its pictures became {size[1]}x{size[0]} px")
            self.stop()
            return None
        self._size = size or self._size
        return shown

    def _picture(self, token: Any) -> np.ndarray | None:
        return token


@contextmanager
def finished_by_signal(source: VideoSource) -> Iterator[None]:
    """Inside the block the first Ctrl-C (or SIGTERM) ends a live source, and what was found is kept; the next one acts
    as ever."""
    here = threading.current_thread() is threading.main_thread()
    if not isinstance(source, LiveSource) or not here:
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def finish(number: int, frame: object) -> None:
        source.stop()
        for each, handler in before.items():
            signal.signal(each, handler)
        os.write(2, b"\nfinishing; once more to give up\n")

    for number in before:
        signal.signal(number, finish)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _name(address: str) -> str:
    if address == "-":
        return "stdin"
    if "://" in address:
        parts = urlsplit(address)
        return Path(parts.path).stem or parts.hostname or "stream"
    return Path(address).stem.replace(":", "-")


def _camera(number: int, line: _Line) -> tuple[Iterator[Shown | None], float]:
    import cv2

    logging = cv2.utils.logging
    level = logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        camera = cv2.VideoCapture(number)
    finally:
        logging.setLogLevel(level)
    if not camera.isOpened():
        raise UserError(f"cam:{number} cannot be opened; a camera of this machine is wanted, counted from 0; check it")
    rate = camera.get(cv2.CAP_PROP_FPS)

    def pictures() -> Iterator[Shown]:
        begun = time.monotonic()
        try:
            while True:
                there, picture = camera.read()
                if not there:
                    line.said.append("the camera gave no more pictures")
                    return
                yield np.ascontiguousarray(picture[:, :, ::-1]), time.monotonic() - begun
        finally:
            camera.release()

    return pictures(), rate if 0 < rate <= MOST_FPS else DEFAULT_FPS


def _decoded(address: str, line: _Line) -> tuple[Iterator[Shown | None], float]:
    """What FFmpeg makes of a stream, and its rate."""
    scheme, mark, rest = address.partition("://")
    file: Any = scheme.lower() + mark + rest if mark else _Pipe(address, line)
    options = {"rtsp_transport": "tcp"} if scheme.lower().startswith("rtsp") else {}
    try:
        container = open_media(file, timeout=SILENCE, options=options)
        stream = container.streams.best("video")
    except (FFmpegError, OSError, ValueError) as error:
        raise UserError(
            f"{without_secrets(address)} cannot be read as a stream of video ({_reason(error)}); check the address and "
            "that it is being sent"
        ) from None
    if stream is None:
        raise UserError(f"{without_secrets(address)} holds no video; a stream of video is wanted; check the address")
    rate = float(stream.average_rate or stream.guessed_rate or DEFAULT_FPS)
    return _pictures(container, stream, line, clock=not mark), rate if 0 < rate <= MOST_FPS else DEFAULT_FPS


def _reason(error: Exception) -> str:
    """Why a stream cannot be opened, or ended, in words."""
    if isinstance(error, av.error.ExitError):  # what PyAV's timeout makes of silence
        return f"nothing came for {SILENCE:g} s"
    return getattr(error, "strerror", None) or "no video in it"


def _pictures(container: Any, stream: Any, line: _Line, *, clock: bool) -> Iterator[Shown | None]:
    """Pictures with the seconds that their stream says; without ``clock`` there, those since the first one came."""
    display: Display | None = None
    begun: float | None = None
    clock = clock or container.format.name not in CLOCKLESS
    with container:
        for picture in _frames(container, stream, line):
            if picture is None:
                yield None
                continue
            display = display or Display.of(stream, picture)
            now = picture.time if clock else time.monotonic()
            begun = now if begun is None else begun
            seconds = None if now is None or begun is None else now - begun
            yield display.shown(picture.to_ndarray(format="rgb24"), interlaced=picture.interlaced_frame), seconds


def _frames(container: Any, stream: Any, line: _Line) -> Iterator[Any]:
    """Frames as they leave the decoder, None for one that fails; a stream that breaks off has ended, and says why."""
    packets = container.demux(stream)
    while not line.stop.is_set():
        try:
            packet = next(packets, None)
        except (FFmpegError, OSError) as error:
            line.said.append(f"ended: {_reason(error)}")
            packet = None
        try:
            yield from stream.codec_context.decode(None) if packet is None else packet.decode()
        except EOFError:
            return
        except FFmpegError:
            yield None
        if packet is None:
            return


class _Pipe:
    """A pipe or the standard input for FFmpeg to read, which never waits for longer than it should."""

    def __init__(self, address: str, line: _Line) -> None:
        self._line = line
        self._close: Callable[[], None] | None = None
        if address == "-":
            if sys.stdin is None:  # closed by who started the program
                raise UserError("the standard input is closed; a stream of video is wanted; send one")
            self._number = sys.stdin.fileno()
        else:
            self._number = os.open(address, os.O_RDONLY | os.O_NONBLOCK)  # without a writer this would wait
            self._close = lambda: os.close(self._number)

    def read(self, count: int) -> bytes:
        end = time.monotonic() + SILENCE
        while not self._line.stop.is_set():
            with suppress(BlockingIOError):
                if select.select([self._number], [], [], 0.1)[0]:
                    return os.read(self._number, count)
            if time.monotonic() > end:
                self._line.said.append(f"ended: nothing came for {SILENCE:g} s")
                break
        return b""

    def close(self) -> None:
        if self._close is not None:
            self._close()
            self._close = None
