"""The order and the times of a video's frames, from its packets alone: a frame's number is its packet's place here.

Containers lie about durations and rates, joined files start their clocks again, damage takes packets away. So frames
are numbered by the display times of the *packets*: each part between two restarts of the clock by itself, and with a
hole where damage is on record and the even rate of all else says that frames are gone.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from scalor.data.h264_units import Fields

REORDER = 17
"""Frames between a lost packet and the one that the demuxer flags for it, at most: codecs reorder over 16."""
EVEN = 0.9
"""Share of intervals that must be alike for a rate to be called even."""
MOST_LOST = 100_000
"""Holes at one place; a longer gap is a pause."""
FINEST_COUNT, SAME = 0.002, 1e-6
"""Seconds per tick above which ticks that are as long as frames count these, as AVI's do: clocks are finer."""
JPEG_END, JPEG_PADDING = b"\xff\xd9", 256
ASIDE = 64
"""Bytes by which demuxers misjudge a packet's place."""
NO_TIME = np.iinfo(np.int64).min


@dataclass(frozen=True)
class PacketIndex:
    """What a pass over the packets found; entry k of ``rank`` belongs to the k-th packet that holds a frame.

    rank     int64 [P]  the frame's number in display order
    seconds  float64 [N]  of every frame, holes included, since the first one; rising
    stamps   int64 [N]  display time in the container's own unit, for seeking; a hole lies between
    keys     int64 [K]  stamps of the key frames, sorted
    timed    the packets carry display times that can be trusted
    unique   one part, no two frames of one time: fit for seeking
    pauses   {frame number: frames that would fit before it}
    broken   the file could not be demuxed to its end
    dropped  packets that a player does not show (before an edit list's start)
    fields   packets that hold the second half of a frame
    inside   frames are shown before the first key frame: they may lack what they were made from
    late     even the first packet is no key frame
    marred   packets that came damaged, where the rate is too uneven for holes to be placed
    """

    rank: np.ndarray
    seconds: np.ndarray
    stamps: np.ndarray
    keys: np.ndarray
    timed: bool
    unique: bool
    pauses: dict[int, int] = field(default_factory=dict)
    broken: bool = False
    dropped: int = 0
    fields: int = 0
    inside: bool = False
    late: bool = False
    marred: int = 0

    def __len__(self) -> int:
        return len(self.stamps)

    def frames_in(self, packets: int) -> int:
        """Frames that so many packets of the file hold, as far as those that were read tell."""
        held = len(self.rank)
        return (packets - self.dropped) * held // max(1, held + self.fields)

    def without_first(self, number: int) -> "PacketIndex":
        """The index of a film that begins with frame ``number``; packets of frames before it have ranks below 0."""
        seconds = self.seconds[number:]
        return replace(
            self,
            rank=self.rank - number,
            seconds=seconds - seconds[:1],
            stamps=self.stamps[number:],
            pauses={at - number: count for at, count in self.pauses.items() if at > number},
        )


@dataclass
class _Found:
    """The packets as they come, in the order of the file."""

    pts: list[int] = field(default_factory=list)
    part: list[int] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    corrupt: list[bool] = field(default_factory=list)
    late: bool = False
    met: bool = False
    first_key: int | None = None
    timeless: int = 0
    dropped: int = 0
    fields: int = 0
    last: int | None = None

    def add(self, packet: Any, slack: int) -> None:
        """Note one packet; decode times that jump back by more than ``slack`` have been started again: a new part."""
        part = self.part[-1] if self.part else 0
        time = self._decoded(packet, slack)
        if time is not None:
            part += self.last is not None and time < self.last - slack
            self.last = time
        if packet.pts is None:
            self.timeless += 1
        if packet.is_keyframe and packet.pts is not None:
            self.keys.append(packet.pts)
        self.pts.append(NO_TIME if packet.pts is None else packet.pts)
        self.part.append(part)
        self.corrupt.append(packet.is_corrupt)

    def meet(self, packet: Any) -> None:
        """Note what comes first, be it shown or not."""
        if not self.met:
            self.late, self.met = not packet.is_keyframe, True
        if self.first_key is None and packet.is_keyframe:
            self.first_key = packet.pts

    def inside(self) -> bool:
        """Whether frames come before the first key frame, in the file or on the screen."""
        first = [pts for pts, part in zip(self.pts, self.part, strict=True) if part == 0 and pts != NO_TIME]
        return self.late or bool(self.first_key is not None and first and min(first) < self.first_key)

    def _decoded(self, packet: Any, slack: int) -> int | None:
        """When a packet is decoded. The first ones after a restart may carry on with the times of the part before, and
        would be shown before they are decoded."""
        if packet.dts is None or packet.pts is None or packet.pts >= packet.dts - slack:
            return packet.dts
        return packet.pts if packet.is_keyframe else self.last


def with_frames(packets: Iterable[Any]) -> Iterator[tuple[Any, bool]]:
    """Packets in the order of a stream, each with whether it stands for a frame that a player would show."""
    fields: Fields | None = None
    for packet in packets:
        fields = fields or Fields(packet.stream)
        completes = fields.completes(packet)
        yield packet, packet.size > 0 and not (completes or packet.is_discard or _hidden(packet))


def _hidden(packet: Any) -> bool:
    """VP8's alternate reference frames are packets of their own, made to be predicted from and never shown."""
    return packet.stream.codec_context.name in ("vp8", "libvpx") and not bytes(packet)[0] >> 4 & 1


def breaks_off(packet: Any, size: int) -> bool:
    """Whether the last packet of a file of ``size`` bytes is not there to its end."""
    if packet.is_corrupt or ((packet.pos or 0) + packet.size > size + ASIDE and packet.pos):
        return True
    return packet.stream.codec_context.name == "mjpeg" and JPEG_END not in bytes(packet)[-JPEG_PADDING:]


def index_of(
    packets: Iterable[Any], *, unit: float, trusted: bool, frame: float, breaks: Callable[[], bool]
) -> PacketIndex:
    """The index of all packets of a stream.

    Args:
        packets: in the order of the file.
        unit: seconds per tick of their time stamps.
        trusted: the container stores display times at all.
        frame: seconds per frame, where the packets say nothing.
        breaks: whether, after all packets, it is known that the file breaks off, or it is of a kind that may.
    """
    found = _Found()
    slack = round(2.5 * frame / unit)
    for packet, holds_frame in with_frames(packets):
        found.meet(packet)
        if holds_frame:
            found.add(packet, slack)
        elif packet.is_discard:
            found.dropped += 1
        elif not _hidden(packet):
            found.fields += 1
    number = len(found.pts)
    if not trusted or found.timeless:
        places = np.arange(number, dtype=np.int64)
        none = np.zeros(0, np.int64)
        plain = PacketIndex(places, places * frame, places, none, timed=False, unique=False, dropped=found.dropped)
        return replace(plain, inside=found.inside(), late=found.late, fields=found.fields)
    counted = unit > FINEST_COUNT and abs(frame - unit) < SAME * unit
    return _timed(found, unit, breaks=breaks(), rounding=0 if counted else 1)


def _timed(found: _Found, unit: float, *, breaks: bool, rounding: int) -> PacketIndex:
    pts, part = np.array(found.pts, np.int64), np.array(found.part, np.int64)
    order = np.lexsort((np.arange(len(pts)), pts, part))
    stamps = pts[order]
    steps = _steps(stamps, part[order])
    corrupt = np.array(found.corrupt, bool)[order]
    gaps = _gaps(steps, corrupt, tail=_reordered(order) if breaks else 0, rounding=rounding)
    place = np.arange(len(pts), dtype=np.int64) + np.cumsum(gaps.lost)
    rank = np.empty_like(place)
    rank[order] = place
    seconds, filled = _filled(place, np.cumsum(steps) * unit), _filled(place, stamps).astype(np.int64)
    return PacketIndex(
        rank=rank,
        seconds=seconds,
        stamps=filled,
        keys=np.sort(np.array(found.keys, np.int64)),
        timed=True,
        unique=bool(part[-1] == 0) and bool((np.diff(stamps) > 0).all()) if len(part) else False,
        pauses={int(place[row]): count for row, count in gaps.pauses.items()},
        marred=0 if gaps.even else int(corrupt[1:-1].sum()),
        dropped=found.dropped,
        fields=found.fields,
        inside=found.inside(),
        late=found.late,
    )


def _reordered(order: np.ndarray) -> int:
    """Frames by which one is stored too early, at most: so many may be missing among the last ones of a cut file."""
    shown = np.argsort(order)
    return int((np.maximum.accumulate(shown) - shown).max()) if len(shown) else 0


def _steps(stamps: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Ticks from the frame before, 0 for the first; where a new part starts, the usual step."""
    steps = np.diff(stamps, prepend=stamps[:1])
    inside = np.diff(part, prepend=part[:1]) == 0
    usual = np.median(steps[1:][inside[1:]]) if inside[1:].any() else 0
    return np.where(inside, steps, usual)


class _Gaps(NamedTuple):
    """Frames lost before each one, other gaps by the number of the frame behind them, and whether the rate is even."""

    lost: np.ndarray
    pauses: dict[int, int]
    even: bool


def _gaps(steps: np.ndarray, corrupt: np.ndarray, *, tail: int, rounding: int) -> _Gaps:
    """Frames lost before each one where damage is on record, or up to ``tail`` among the last ``tail`` ones, and the
    other gaps in an even rate. ``rounding`` in ticks may widen a step."""
    lost, pauses = np.zeros(len(steps), np.int64), dict[int, int]()
    inner = steps[1 : len(steps) - tail] if len(steps) > 2 else steps[:0]
    usual = float(np.median(inner)) if len(inner) else 0.0
    if usual <= 0:
        return _Gaps(lost, pauses, even=False)
    counts = np.maximum(np.round(steps / usual), 1).astype(np.int64) - 1
    # Milliseconds round 1/24 s to 41 or 42: half a tick on either side is no unevenness.
    whole = np.abs(steps - (counts + 1) * usual) <= 0.1 * usual + counts + 1
    rows = np.arange(len(steps))
    known = np.convolve(corrupt, np.ones(2 * REORDER), "full")[REORDER - 1 :][: len(steps)] > 0.5
    known = whole & ((known & (counts <= MOST_LOST)) | ((rows >= len(steps) - tail) & (counts <= tail)))
    # What is known to be lost says nothing against the rate.
    if (whole & ((counts == 0) | known))[1:].mean() < EVEN:
        return _Gaps(lost, pauses, even=False)
    for row in np.flatnonzero(steps > 1.5 * usual + rounding):
        if known[row]:
            lost[row] = counts[row]
        else:
            pauses[int(row)] = int(counts[row])
    return _Gaps(lost, pauses, even=True)


def with_holes(pictures: Iterable[Any], total: int) -> Iterator[Any | None]:
    """Pictures as they leave the decoder, and None for each of ``total`` packets that gives none.

    The pts of a picture is the number of its packet. A hole comes before the first picture of a later packet, or before
    one that was held back for the packets around it: its own place, or one near it. No packet's picture comes more than
    REORDER pictures after one of a later packet.
    """
    waiting, done, low, last = deque[Any](), set[int](), 0, -1
    for picture in chain(pictures, [None] * (REORDER + 1)):
        waiting.append(picture)
        if len(waiting) <= REORDER or (head := waiting.popleft()) is None:
            continue
        coming = {each.pts for each in waiting if each is not None}
        for number in range(low, min(coming, default=head.pts) if head.pts < last else head.pts):
            if number not in done and number not in coming and number != head.pts:
                done.add(number)
                yield None
        done.add(head.pts)
        last = max(last, head.pts)
        yield head
        while low in done:
            done.remove(low)
            low += 1
    yield from (None for number in range(low, total) if number not in done)


def _filled(place: np.ndarray, values: np.ndarray) -> np.ndarray:
    """``values`` at their places, and what lies between them in the holes."""
    if not len(place):
        return values
    return np.interp(np.arange(place[-1] + 1), place, values)
