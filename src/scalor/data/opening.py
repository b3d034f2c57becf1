"""Opening what FFmpeg reads, alike with each PyAV, and choosing the stream that a player shows."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Any

import av
import numpy as np
from av.container import Container
from av.error import FFmpegError
from av.stream import Disposition
from av.video.frame import PictureType

from scalor.data.films import Film
from scalor.data.h264_units import Fields
from scalor.data.packets import FINEST_COUNT, with_frames
from scalor.errors import UserError

SYNC = 0x47
NOT_VIDEO = frozenset({"tty", "ansi", "bintext", "xbin", "idf"})
"""Formats under which FFmpeg would draw any text file as pictures."""
STILL = Disposition.attached_pic | Disposition.still_image | Disposition.timed_thumbnails
"""Streams of pictures that are no film."""
INTRA = PictureType.I
ON_GREY = frozenset(
    [
        "mpeg4",
        "h263",
        "h263i",
        "h263p",
        "flv",
        "msmpeg4v1",
        "msmpeg4v2",
        "msmpeg4",
        "msmpeg4v3",
        "wmv1",
        "wmv2",
        "rv10",
        "rv20",
    ]
)
"""Codecs whose decoders paint differences on grey where what they differ from is not there; the others wait."""
ALL_KEYS = frozenset({"h261", "h263"})
"""Formats of which FFmpeg takes every frame for a key frame, so that what it finds by seeking is another picture."""
PALETTE = "pal8"
"""Pixels that are numbers of colours in a table, which in AVI and QuickTime comes with the first packet alone."""
GREYS = ("gray", "ya")
DEFAULT_FPS, MOST_FPS = 25.0, 1e6
JPEG, JPEG_END, JPEG_HEAD, STEREO = b"\xff\xd8\xff", b"\xff\xd9", 1 << 16, b"MPF\0"
MOST_BYTES = 1 << 26
"""Of a file that is looked into as a whole."""
PROBED = 300
"""Packets that tell a film from a picture."""


def open_media(file: Any, *, options: dict[str, str] | None = None, timeout: float | None = None) -> Any:
    """A container open for reading, whatever encoding its tags are in; ``timeout`` in seconds.

    Raises av.error.FFmpegError, OSError or ValueError for what is none.
    """
    how: dict[str, Any] = {"options": options or {}, "timeout": timeout, **lenient(Container)}
    try:
        opened = av.open(file, **how)
    except FFmpegError:
        if not _is_transport(file):
            raise
        return av.open(file, format="mpegts", **how)  # a few frames are taken for something else
    if opened.format.name == "image2" and _are_joined_jpegs(file):  # by its name it is taken for one picture
        opened.close()
        return av.open(file, format="jpeg_pipe", **how)
    return opened


def rate_of(film: Film, stream: Any) -> float:
    """Frames per second that a film's stream states, or that its times tell."""
    rate, told = stream.average_rate or stream.guessed_rate or stream.base_rate, stream.codec_context.framerate
    ticks = bool(stream.average_rate and stream.time_base) and rate * stream.time_base == 1
    if ticks and told and told < rate:
        rate = told  # DV and GXF state the ticks of their clock; the codec's clock in AVI is finer than frames
    elif not stream.average_rate or (ticks and stream.time_base <= FINEST_COUNT):
        rate = _rate_by_times(film, stream.index) or rate  # so do films made from those that state nothing
    elif Fields(stream).possible:
        rate = _rate_by_times(film, stream.index, fields=True) or rate
    return float(rate) if rate and 0 < rate < MOST_FPS else DEFAULT_FPS


def _rate_by_times(film: Film, number: int, *, fields: bool = False) -> float | None:
    """Frames per second by the times of a film's first frames, pauses left out; None where it has none, and where only
    ``fields`` would matter and there are none."""
    with opened_film(film) as container, suppress(FFmpegError, IndexError):
        packets = (packet for packet in container.demux(container.streams[number]) if packet.size)
        first = list(islice(with_frames(packets), PROBED))
        stamps = [packet.dts if packet.pts is None else packet.pts for packet, holds_frame in first if holds_frame]
        if None in stamps or (fields and len(stamps) == len(first)):
            return None
        steps = np.diff(np.sort(stamps))
        usual = float(np.median(steps[steps > 0])) if steps.any() else 0.0
        if usual:
            return 1 / float(steps[np.abs(steps - usual) <= usual / 2].mean() * container.streams[number].time_base)
    return None


def keys_hold(container: Any, picture: Any) -> bool:
    """Whether what follows a key frame can be shown without what came before; ``picture`` is any of the film."""
    return container.format.name not in ALL_KEYS and picture.format.name != PALETTE


def as_rgb(picture: Any) -> np.ndarray:
    """A decoded picture as uint8 [H, W, 3]. Where the table of colours is missing, the numbers are grey levels."""
    if picture.format.name == PALETTE:
        numbers, colors = picture.to_ndarray()
        if not np.asarray(colors).any():
            return np.repeat(numbers[:, :, None], 3, axis=2)
    rgb: np.ndarray = picture.to_ndarray(format="rgb24")
    return rgb


def deep_form(picture: Any) -> str:
    """The form in which a decoded picture's levels are read where 8 bits are too few, else "": grey of more bits, as
    cameras of laboratories have it, and colours of 16, but not the 10 and 12 of television."""
    bits = picture.format.components[0].bits
    if picture.format.name.startswith(GREYS):
        return "gray16le" if bits > 8 else ""
    return "rgb48le" if bits == 16 and len(picture.format.components) >= 3 else ""


def _are_joined_jpegs(file: Any) -> bool:
    """Whether a JPEG picture follows right behind another that does not speak of it, as those of stereo cameras do."""
    with suppress(OSError, TypeError, ValueError), open(file, "rb") as opened:
        content = opened.read(MOST_BYTES)
        return content.startswith(JPEG) and JPEG_END + JPEG in content and STEREO not in content[:JPEG_HEAD]
    return False


def _is_transport(file: Any) -> bool:
    """Whether a file is an MPEG transport stream: packets of 188 bytes, or 192 with a time before each."""
    try:
        with open(file, "rb") as opened:
            head = opened.read(4 * 192 + 5)
    except (OSError, TypeError, ValueError):
        return False
    starts = (head[0::188], head[4::192])
    return len(head) >= 3 * 188 and any(set(marks) == {SYNC} for marks in starts)


def lenient(container: type) -> dict[str, Any]:
    """What makes av.open take tags that are not UTF-8: PyAV below 19 has to be told, later ones know no such word."""
    return {"metadata_errors": "replace"} if hasattr(container, "metadata_errors") else {}


@contextmanager
def opened_film(film: Film, options: dict[str, str] | None = None) -> Iterator[Any]:
    """A film's container. Raises UserError where FFmpeg cannot read it."""
    try:
        container = open_media(film.address, options=options)
    except (FFmpegError, OSError, ValueError):
        raise unreadable(film, "is not a video that FFmpeg can read; a playable video is wanted") from None
    with container:
        yield container


def unreadable(film: Film, otherwise: str) -> UserError:
    """Why a film cannot be read: it breaks off, or what ``otherwise`` says."""
    if film.cut:
        return UserError(f"{film.path} breaks off {film.words()}; a whole video is wanted; copy or record it anew")
    return UserError(f"{film.path} {otherwise}")


def best_stream(film: Film) -> int:
    """Number of the stream that a player shows: not a cover picture, nor one that holds a single picture."""
    with opened_film(film) as container:
        drawn = container.format.name in NOT_VIDEO
        streams = [s for s in container.streams.video if s.codec_context and s.codec_context.name not in NOT_VIDEO]
        if drawn or not streams:
            raise unreadable(film, "holds no video stream; a playable video is wanted; check the file")
        moving = [s for s in streams if not s.disposition & STILL]
        streams = moving or streams
        if len(streams) > 1:
            lengths = dict.fromkeys((s.index for s in streams), 0)
            with suppress(FFmpegError, IndexError):
                for packet in islice(container.demux(streams), PROBED):
                    if packet.stream_index in lengths:
                        lengths[packet.stream_index] += packet.size > 0
            streams = [s for s in streams if lengths[s.index] > 1] or streams
        best = container.streams.best("video")
        chosen = best.index if best is not None else -1
        return chosen if chosen in [s.index for s in streams] else int(streams[0].index)


def video_streams(film: Film, *, deep: bool = False) -> int:
    """Number of video streams that are known after a look at the beginning of a film, or at all of it."""
    far = {"probesize": str(1 << 31), "analyzeduration": str(1 << 40)} if deep else {}
    with opened_film(film, far) as container:
        return len(container.streams.video)


def first_whole(pictures: Iterable[Any], *, alone: bool) -> tuple[int, int]:
    """How many pictures come before the first one that can be shown, and its own number (its pts).

    ``alone``: it must be made from no other (`ON_GREY`), if there is such a one.
    """
    first = None
    for before, picture in enumerate(pictures):
        if picture.pts is not None and picture.pts >= 0:
            first = (before, int(picture.pts)) if first is None else first
            if picture.pict_type == INTRA or not alone:
                return before, int(picture.pts)
    return first or (0, 0)


def decoded(packet: Any, stream: Any = None, errors: list[Exception] | None = None) -> Iterable[Any]:
    """Frames that come out when a packet goes in (None: the end of the stream); errors are noted."""
    try:
        return stream.codec_context.decode(None) if packet is None else packet.decode()
    except EOFError:
        return ()
    except FFmpegError as error:
        if errors is not None:
            errors.append(error)
        return ()
