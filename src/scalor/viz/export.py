"""Files and folders, pictures, summaries and videos, none of which is ever seen half-written."""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from scalor.errors import UserError

SUMMARY = "summary.json"
"""The last file of an output folder to appear: where it is, everything else is complete."""
SLOWEST, LAPSE = 1.0, 10.0
"""A film of fewer frames per second than the first is a time-lapse, and is played at the second."""
EVEN, LONGEST = 1e-3, 600.0
"""Seconds: a frame less than the first from its place at an even rate stands there, and none stands longer than the
second."""
MOST_UNITS = 2**31 - 1
"""Of time between two frames of an mp4."""
AnyPath = str | PathLike[str]


@contextmanager
def atomic_path(path: AnyPath) -> Iterator[Path]:
    """A temporary path beside ``path``; moved there when the block ends well, removed when it fails.

    Raises:
        UserError: the folder cannot be made or written to.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.partial{target.suffix}")
    with _parents(target):
        with _writing(target):
            temporary.touch()
        try:
            yield temporary
            with _writing(target):
                os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: AnyPath) -> Iterator[Path]:
    """A temporary folder beside ``path`` whose files come to lie in ``path`` when the block ends well.

    A folder that is not there yet appears at once. Into one that is, files are moved one by one: an old summary goes
    first, the new summary comes last, and files of other names stay.

    Raises:
        UserError: the folder cannot be made or written to.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.partial")
    with _parents(target):
        with _writing(target):
            if target.exists() and not target.is_dir():
                raise UserError(f"{target} is a file; a folder to write into is wanted; give another name")
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir()
        try:
            yield temporary
            with _writing(target):
                _move_in(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def _parents(target: Path) -> Iterator[None]:
    """The folders above ``target`` are there inside the block; those made for it go again if it fails."""
    missing = [folder for folder in target.absolute().parents if not folder.exists()]
    with _writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        for folder in missing:
            with suppress(OSError):
                folder.rmdir()
        raise


def _move_in(temporary: Path, target: Path) -> None:
    if not target.exists():
        os.rename(temporary, target)
        return
    (target / SUMMARY).unlink(missing_ok=True)
    files = sorted((f for f in temporary.rglob("*") if f.is_file()), key=lambda f: (f.name == SUMMARY, f))
    for file in files:
        place = target / file.relative_to(temporary)
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(file, place)


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{target} cannot be written ({error.strerror or error}); a place that can is wanted; choose another"
        ) from None


def write_text(path: AnyPath, text: str) -> None:
    """A UTF-8 text file with Unix line ends, atomically; names of files in other encodings are written as escapes."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


def write_png(path: AnyPath, image: np.ndarray) -> None:
    """An image uint8 [H, W, 3] or [H, W] as PNG, atomically."""
    from PIL import Image

    with atomic_path(path) as temporary:
        Image.fromarray(image).save(temporary, format="PNG")


def write_summary_json(path: AnyPath, summary: Mapping[str, Any]) -> None:
    """A summary of plain values, numpy numbers and arrays; NaN and infinities become null."""
    write_text(path, json.dumps(_plain(summary), indent=2, allow_nan=False) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value if value is None or isinstance(value, str | int | bool) else str(value)


class VideoWriter:
    """Encodes frames of one size to H.264, yuv420p, which plays everywhere; made by `video_writer`.

    Odd sizes grow by one row or column that repeats the edge.
    """

    def __init__(self, path: Path, *, fps: float, quality: int) -> None:
        self._path = path
        self._fps = Fraction(fps if fps >= SLOWEST else LAPSE).limit_denominator(10_000)
        self._hurry = fps / float(self._fps)
        self._clock: _Clock | None = None
        self._quality = quality
        self._size: tuple[int, int] | None = None
        self._container: Any = None
        self._stream: Any = None

    @property
    def empty(self) -> bool:
        """No frame has come yet."""
        return self._size is None

    def write(self, image: np.ndarray, *, time: float | None = None) -> None:
        """Append one frame, uint8 [H, W, 3], shown at ``time`` in seconds; None: when the rate has it."""
        import av

        if self._size is None:
            self._open(image.shape[0], image.shape[1])
        if image.shape[:2] != self._size:
            raise ValueError(f"a frame of {image.shape[:2]} came after frames of {self._size}: give one size")
        odd = (image.shape[0] % 2, image.shape[1] % 2)
        even = np.pad(image, ((0, odd[0]), (0, odd[1]), (0, 0)), mode="edge") if any(odd) else image
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")
        assert self._clock is not None
        self._clock.tick(None if time is None else time * self._hurry)
        self._mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Write the frames that the encoder still holds."""
        if self._stream is not None:
            self._mux(self._stream.encode(None), last=True)

    def _mux(self, packets: Sequence[Any], *, last: bool = False) -> None:
        """The encoder counts frames; where they stand in time is put in here."""
        assert self._clock is not None
        for number, packet in enumerate(packets, start=1):
            packet.pts, packet.dts = self._clock.at(packet.pts), self._clock.at(packet.dts)
            packet.time_base = self._clock.base
            self._clock.forget(packet.dts)
            if last and number == len(packets) and not self._clock.even:
                packet.duration = self._clock.end - packet.dts  # else the film ends when its last frame is decoded
            self._container.mux(packet)

    def close(self) -> None:
        """Let go of the file."""
        if self._container is not None:
            self._container.close()

    def _open(self, height: int, width: int) -> None:
        import av

        self._size = (height, width)
        self._container = av.open(str(self._path), "w", format="mp4", options={"movflags": "faststart"})
        self._stream = self._container.add_stream("libx264", rate=self._fps)
        self._stream.height, self._stream.width = height + height % 2, width + width % 2
        self._stream.pix_fmt = "yuv420p"
        # The same frames, the same bytes: one thread, whose work does not depend on how busy the machine is, and no
        # macroblock tree, in which x264 reads memory that it has not written on processors with AVX-512.
        self._stream.codec_context.thread_count = 1
        self._stream.options = {"crf": str(self._quality), "preset": "veryfast", "x264-params": "mbtree=0"}
        self._container.start_encoding()
        self._clock = _Clock(self._fps, self._stream.time_base)


class _Clock:
    """When the frames of a film stand, in whole units of ``base`` seconds, each later than the one before."""

    def __init__(self, fps: Fraction, base: Fraction) -> None:
        self.base = base
        self._step = 1 / fps
        self._most = min(int(LONGEST / base), MOST_UNITS)
        self._ticks: dict[int, int] = {}
        self._number, self._last, self._cut = 0, -1, 0
        self.even = True
        self._start: float | None = None

    def tick(self, time: float | None) -> None:
        """The next frame stands at ``time`` in seconds after the first; None, or next to it: as the rate has it."""
        even = self._number * self._step
        if self._start is None:
            self._start = time or 0.0
        away = 0.0 if time is None else time - self._start - float(even)
        tick = round((even if abs(away) < EVEN else even + Fraction(away)) / self.base) - self._cut
        over = max(0, tick - self._last - self._most)
        self._cut += over
        self._last = max(tick - over, self._last + 1)
        self._ticks[self._number] = self._last
        self.even &= self._last == round(even / self.base)
        self._number += 1

    @property
    def end(self) -> int:
        """When the last frame has stood as long as the rate has it."""
        return self._last + max(1, round(self._step / self.base))

    def at(self, number: int) -> int:
        """Where a frame stands; before the first one the rate goes on."""
        return self._ticks[number] if number >= 0 else round(number * self._step / self.base)

    def forget(self, tick: int) -> None:
        """Frames that stand before ``tick`` are not asked for any more."""
        for number in [number for number, at in self._ticks.items() if at < tick]:
            del self._ticks[number]


class _NothingWritten(Exception):
    """Leaves an atomic block without a file."""


@contextmanager
def video_writer(path: AnyPath, *, fps: float, quality: int = 25) -> Iterator[VideoWriter]:
    """A writer of an mp4 that appears under its name when the block ends well; of no frames, no file comes.

    Args:
        path: the mp4.
        fps: frames per second; those of a time-lapse are shown faster than they were taken.
        quality: constant rate factor, 0 (lossless) to 51.
    """
    with suppress(_NothingWritten), atomic_path(path) as temporary:
        writer = VideoWriter(temporary, fps=fps, quality=quality)
        try:
            yield writer
            writer.finish()
        finally:
            writer.close()
        if writer.empty:
            raise _NothingWritten
