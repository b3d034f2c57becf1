"""`open_video`: anything FFmpeg reads, a folder of images or a MOTChallenge sequence, with frame numbers that hold.

Containers miscount and frames fail to decode. Here a frame's number is the place of its *packet* in display order
(`packets`), so a packet that yields no picture leaves a hole (image None) and shifts nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from itertools import chain, islice
from os import PathLike
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.error import FFmpegError
from av.format import Flags

from scalor.data.display import Display
from scalor.data.film_damage import damage_words, harmed_places
from scalor.data.film_media import Reach, ending_words, others_words
from scalor.data.films import Film, films_in
from scalor.data.fingerprints import fingerprint
from scalor.data.images import open_images
from scalor.data.joined import UNREADABLE, JoinedFilms
from scalor.data.joined_pictures import refuse_joined
from scalor.data.levels import Levels
from scalor.data.opening import (
    ON_GREY,
    STILL,
    as_rgb,
    best_stream,
    decoded,
    deep_form,
    first_whole,
    keys_hold,
    opened_film,
    rate_of,
    unreadable,
    video_streams,
)
from scalor.data.packets import PacketIndex, breaks_off, index_of, with_frames, with_holes
from scalor.data.pictures import is_tiff, is_webp
from scalor.data.places import refuse_other, refuse_stream
from scalor.data.source import DecodeReport, Frame, VideoSource
from scalor.data.stacks import open_animation, open_stack, unparted_gif
from scalor.errors import UserError

__all__ = ["DecodeReport", "Frame", "VideoFile", "VideoSource", "open_video"]

TRANSPORT = "mpegts"
"""A kind of file that may be cut anywhere, and is."""
PLAYLISTS = frozenset({"hls", "concat", "dash"})
"""Kinds of files that name those in which the frames lie."""
NEAR = 16
"""Frames that are decoded on the way rather than sought."""
UNSAID = 1 << 31
LOOKS = 8
"""Pictures that tell the range of grey levels."""
TRIAL = 64
"""Pictures after which the decoder has shown whether it reorders."""
SLACK = 0.1
"""Seconds by which a container may misjudge its own length."""
STILLS = frozenset({".webp", ".avif", ".avifs"})
"""Endings of pictures that may move and that FFmpeg does not read in motion."""


def open_video(
    path: str | PathLike[str], *, size: tuple[int, int] | None = None, scale: float | None = None
) -> VideoSource:
    """Open a video file, a TIFF stack, a moving picture, a folder of images or a MOTChallenge folder.

    Args:
        path: what to read; it must be readable more than once.
        size: (height, width) of the delivered pictures; default as shown by a player.
        scale: instead of size, a factor in (0, 1].

    Raises:
        UserError: missing, a stream or a device, not a video, no frame decodes, frames too small or of differing sizes.
    """
    refuse_stream(str(path))
    place = Path(path)
    try:
        there = place.exists()
    except (OSError, ValueError) as error:
        raise UserError(f"{path!r} is no path ({error}); a video file or a folder of images is wanted") from None
    if not there:
        raise UserError(f"{place} does not exist; a video file or a folder of images is wanted; check the path")
    source = _opened(place)
    source.fingerprint, source.path = fingerprint(place), place.absolute()
    return source.resized(size=size, scale=scale)


def _opened(place: Path) -> VideoSource:
    if place.is_dir():
        return open_images(place)
    refuse_other(place)
    if is_tiff(place):
        return open_stack(place)
    films = films_in(place)
    if place.suffix.lower() in STILLS or is_webp(place):
        refuse_joined(place)
        return open_animation(place) or VideoFile(films[0])
    source = _one_after_the_other(films)
    refuse_joined(place, shown=source.count)
    return unparted_gif(place, shown=source.count) or source


def _one_after_the_other(films: Sequence[Film]) -> VideoSource:
    """The films of a file as one. Raises UserError where none can be read."""
    opened, refused = [], []
    for film in films:
        try:
            opened.append(VideoFile(film))
        except UserError as error:
            refused.append(error)
    if not opened:
        raise refused[0]
    return opened[0] if len(films) == 1 else JoinedFilms(opened, whole=not refused)


class VideoFile(VideoSource):
    """A file that FFmpeg reads, shown as players do: turned, mirrored, pixels square, combs of interlacing removed."""

    def __init__(self, film: Film) -> None:
        self._film = film
        self._stream = best_stream(film)
        self._broken = self._strays = self._joined = self._ends_inside = self._stopped = False
        self._unread, self._before, self._without_picture, self._unused = 0.0, 0, 0, 0
        with self._open() as (container, stream):
            fps = rate_of(film, stream)
            # Bare streams and AVI store no display times: with reordered frames they are guessed, and wrong.
            bare = bool(container.format.flags & Flags.no_timestamps.value)
            self._trusted = not (bare or (container.format.name == "avi" and stream.codec_context.has_b_frames))
            self._may_break = container.format.name == TRANSPORT
            self._listed = container.format.name in PLAYLISTS
            self._chunks = container.format.name == "avi"
            self._on_grey = stream.codec_context.name in ON_GREY
            self._reorders = bool(stream.codec_context.has_b_frames)
            self._unit = float(stream.time_base or 1 / fps)
            self._seconds = (container.duration or 0) / av.time_base
            self._states_length = container.format.name.startswith("matroska") and self._seconds > 0
            # FFmpeg counts a GIF's frames itself, and some programs state a number where they do not know it.
            states = container.format.name != "gif" and 0 < stream.frames < UNSAID
            announced = stream.frames if states else None
            first = next((frame for packet in self._packets(container, stream) for frame in decoded(packet)), None)
            first = first or next(iter(decoded(None, stream)), None)
            if first is None:
                raise unreadable(film, "holds no frame that can be decoded; a playable video is wanted; re-encode it")
            self._keys_hold = keys_hold(container, first)
            self._display = Display.of(stream, first)
            self._deep = deep_form(first)
        size = self._display.size(first.height, first.width)
        super().__init__(film.path.stem, fps=fps, announced=announced, source_size=size)
        if first.interlaced_frame:
            self._notes = ("interlaced: combs removed",)

    @property
    def seekable(self) -> bool:
        """Whether frames can be found by their time stamps."""
        return self._index.unique and not self._counting and self._keys_hold

    def count(self) -> int:
        """Number of frames, found by reading the file without decoding it."""
        return len(self._index)

    def read(self, indices: Sequence[int]) -> list[Frame]:
        """The frames of these numbers in this order, seeking from key frame to key frame; image None if undecodable."""
        found = self._read_by_seeking(sorted(set(indices))) if self.seekable else None
        if found is None:
            return super().read(indices)
        return [found.get(index, Frame(index, None, time=self.time_of(index))) for index in indices]

    @contextmanager
    def _open(self) -> Iterator[tuple[Any, Any]]:
        with opened_film(self._film) as container:
            if self._stream >= len(container.streams):  # a stream that damage lets appear only now and then
                raise unreadable(self._film, "holds no video stream; a playable video is wanted; re-encode the file")
            yield container, container.streams[self._stream]

    @cached_property
    def _index(self) -> PacketIndex:
        with self._open() as (container, stream):
            broken = self._broken
            packets = self._own(container, stream)
            found = index_of(
                packets, unit=self._unit, trusted=self._trusted, frame=1 / self.fps, breaks=self._may_lack_its_end
            )
            found, self._broken = replace(found, broken=self._broken), broken
        found = self._from_first_picture(found) if found.inside else found
        self._joined |= self._strays and video_streams(self._film, deep=True) > video_streams(self._film)
        if self.announced is not None:
            whole = not (self._film.cut or found.broken)
            self.announced = len(found) if whole else max(len(found), found.frames_in(self.announced))
        return found

    def _may_lack_its_end(self) -> bool:
        return self._may_break or self._film.cut or self._broken or self._ends_inside

    def _from_first_picture(self, index: PacketIndex) -> PacketIndex:
        """Without the frames before the first key frame, from after which the film was recorded or cut."""
        self._before, number = first_whole(self._numbered_pictures(), alone=index.late and self._on_grey)
        number = int(index.rank[number]) if index.timed and number < len(index.rank) else number
        if number:
            self._notes = (*self._notes, f"begins between key frames: {number} frames before the first one left out")
        return index.without_first(number)

    @cached_property
    def _counting(self) -> bool:
        """Frames are numbered as they leave the decoder, since the packets' times say nothing of their order."""
        index = self._index
        if not index.timed:
            return True
        if not self._reorders or (np.diff(index.rank) < 0).any():
            return False
        # No packet is ever shown before an earlier one, or these are decode times: then the decoder tells.
        last = -1
        for _, packet in zip(range(TRIAL), self._numbered_pictures(), strict=False):
            if packet.pts is not None and packet.pts < last:
                return True
            last = packet.pts if packet.pts is not None else last
        return False

    def _walk(self) -> Iterator[tuple[int, Any]]:
        self._index  # noqa: B018 - before the file is opened again
        self._broken = False
        if self._counting and self._chunks and not self._index.inside:
            yield from enumerate(with_holes(self._numbered_pictures(), len(self._index)))
        else:
            yield from self._counted() if self._counting else self._placed()

    def _placed(self) -> Iterator[tuple[int, Any]]:
        """Every frame at the place of its packet. One that a damaged stream emits too late is dropped."""
        rank, coming = self._index.rank, 0
        for picture in self._numbered_pictures():
            place = coming if picture.pts is None else int(rank[picture.pts]) if 0 <= picture.pts < len(rank) else -1
            if place >= coming:
                yield from ((hole, None) for hole in range(coming, place))
                yield place, picture
                coming = place + 1
        yield from ((hole, None) for hole in range(coming, len(self._index)))

    def _numbered_pictures(self) -> Iterator[Any]:
        """Pictures as they leave the decoder, each with the number of its packet in place of a time."""
        number = 0
        with self._open() as (container, stream):
            for packet, held in with_frames(self._packets(container, stream)):
                packet.pts, packet.dts = (number if held else -1), None
                number += held
                yield from decoded(packet)
            yield from decoded(None, stream)

    def _counted(self) -> Iterator[tuple[int, Any]]:
        """Frames as they come; an error of the decoder stands for one that failed."""
        errors: list[Exception] = []
        place, left_out, given = 0, self._before, 0
        with self._open() as (container, stream):
            for packet, held in chain(with_frames(self._packets(container, stream)), [(None, False)]):
                given += held
                for picture in decoded(packet, stream, errors):
                    left_out -= 1
                    # What fails at the end comes after the pictures that are held back.
                    holes = 0 if packet is None or left_out >= 0 else len(errors)
                    yield from ((place + hole, None) for hole in range(holes))
                    errors[:] = errors if packet is None else []
                    if left_out < 0:
                        yield place + holes, picture
                        place += holes + 1
        yield from ((place + hole, None) for hole in range(len(errors)))
        self._without_picture = max(0, given - self._before - place - len(errors))

    def _own(self, container: Any, stream: Any) -> Iterator[Any]:
        """The packets of a stream; on the way it is seen whether another film begins where this one ends, and whether
        this one ends inside a packet."""
        films = {each.index for each in container.streams.video if not each.disposition & STILL}
        last, others, bytes_read, number = None, dict[int, list[int]](), 0, 0
        reach = Reach.of(self._film)
        wanted = container.streams if reach.end else [container.streams[each] for each in {*films, stream.index}]
        for packet in self._packets(container, tuple(wanted)):
            reach.note(packet)
            if packet.stream_index == stream.index:
                last, number, bytes_read = packet, number + 1, bytes_read + packet.size
                yield packet
            elif packet.stream_index in films:
                others.setdefault(packet.stream_index, []).append(packet.pos or 0)
        if last is not None:
            more = [places for places in others.values() if len(places) > 1]
            self._joined |= any(places[0] > (last.pos or 0) for places in more)
            self._unused = len(more) * (not self._joined)
            size = self._film.end - self._film.start
            self._ends_inside = not self._listed and breaks_off(last, size)
            self._stopped = reach.short
            self._unread = (size - last.pos - last.size) * number / bytes_read if last.pos else 0.0

    def _packets(self, container: Any, stream: Any) -> Iterator[Any]:
        while True:
            try:
                for packet in container.demux(stream):
                    if packet.size > 0:
                        yield packet
                return
            except IndexError:
                self._strays = True  # PyAV stumbles over packets of streams that begin in mid-file: on with the next
            except FFmpegError:
                self._broken = True  # the file cannot be read further
                return

    def _picture(self, token: Any) -> np.ndarray | None:
        try:
            if self._deep:
                image = self._levels.applied(token.to_ndarray(format=self._deep))
                image = np.repeat(image[:, :, None], 3, axis=2) if image.ndim == 2 else image
            else:
                image = as_rgb(token)
        except (FFmpegError, ValueError):
            return None
        return self._display.shown(image, interlaced=token.interlaced_frame)

    @cached_property
    def _levels(self) -> Levels:
        """The range of a film of more than 8 bits (`deep_form`), from pictures spread over it."""
        pictures, broken = [], self._broken
        for start in np.linspace(0, self._seconds, LOOKS, endpoint=False):
            with self._open() as (container, stream), suppress(FFmpegError):
                if start > 0:
                    container.seek(int(start * av.time_base))
                found = (p for packet in self._packets(container, stream) for p in decoded(packet))
                pictures += [picture.to_ndarray(format=self._deep) for picture in islice(found, 1)]
        levels, self._broken = Levels.of(pictures), broken
        self._notes = (*self._notes, levels.words())
        return levels

    def time_of(self, index: int) -> float:
        seconds = self._index.seconds
        return float(seconds[index]) if index < len(seconds) else index / self.fps

    def _pauses(self) -> Mapping[int, int]:
        return self._index.pauses

    def _ended_early(self, seen: int) -> bool:
        """Bytes are missing, and no count or time in the head says that all frames are there nevertheless."""
        index = self._index
        if self._joined:
            return True
        if not (self._film.cut or self._broken or index.broken or self._stopped):
            return False
        if self.announced is not None:
            return max(seen, len(index)) < self.announced
        last = index.seconds[-1] if len(index) else 0.0
        if self._film.cut:
            return not self._states_length or bool(last + 1.5 / self.fps < self._seconds)
        if self._stopped:
            return True
        # What cannot be read may be no more than what a program wrote behind the last frame.
        return self._unread > 1 or bool(index.timed and last + 2 / self.fps + SLACK < self._seconds)

    def _remarks(self) -> tuple[str, ...]:
        ends = (UNREADABLE,) if self._joined else ending_words(self._film, inside=self._ends_inside)
        ends = (*others_words(self._unused), *ends)
        return (*ends, *damage_words(self._harmed, without_picture=self._without_picture))

    @cached_property
    def _harmed(self) -> int:
        return max(harmed_places(self._film), self._index.marred)

    def _read_by_seeking(self, wanted: Sequence[int]) -> dict[int, Frame] | None:
        """Frames by number, or None if this file cannot be sought in."""
        times, keys = self._index.stamps, self._index.keys
        if not len(keys):
            return None
        found: dict[int, Frame] = {}
        with self._open() as (container, stream):
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
        for packet in self._packets(container, stream):
            yield from decoded(packet)
        yield from decoded(None, stream)
