"""What the units of an H.264 stream say of its pictures: their numbers, and which are fields, halves of a frame."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

H264 = "h264"
SLICE, IDR, SPS, PPS = 1, 5, 7, 8
NAL = re.compile(rb"\x00\x00\x01(.)", re.DOTALL)
DEEP_PROFILES = frozenset([44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244])
PLANES_444 = 3
HEAD = 1024
"""Bytes that hold what is read of a unit."""
LONGEST = 32
"""Zeros that a number may begin with; with more, what is read is damaged."""


@dataclass(frozen=True)
class Sequence:
    """What an H.264 sequence says of its pictures: how many numbers they have, and whether some may be left out."""

    numbers: int
    gaps: bool
    frames_only: bool


class Fields:
    """Finds the second fields of frames, where packets hold one field each, as camcorders and broadcasts have them."""

    def __init__(self, stream: Any) -> None:
        context = stream.codec_context
        extra = (context.extradata or b"") if context.name == H264 else b""
        listed = extra[:1] == b"\1" and len(extra) > 5
        self._length = (extra[4] & 3) + 1 if listed else 0
        self._sequences: dict[int, Sequence] = {}
        self._of_picture: dict[int, int] = {}
        self._first: tuple[int, bool] | None = None
        for unit in _listed(extra) if listed else _units(extra, 0):
            self._learned(unit)
        self.possible = context.name == H264 and not (
            self._sequences and all(sequence.frames_only for sequence in self._sequences.values())
        )

    def completes(self, packet: Any) -> bool:
        """Whether a packet is the second field of the frame that the last one began; all are to be asked for."""
        field, first = self._field(bytes(packet)) if self.possible else None, self._first
        second = field is not None and first == (field[0], not field[1])
        self._first = None if second else field
        return second

    def _field(self, raw: bytes) -> tuple[int, bool] | None:
        """The number of a packet's field and whether it is the lower one; None for frames, be it as two fields."""
        found: list[tuple[int, bool] | None] = []
        for unit in _units(raw, self._length):
            with suppress(IndexError):
                if not self._learned(unit) and unit and unit[0] & 0x1F in (SLICE, IDR):
                    found.append(self._said(unit))
        return found[0] if found and all(each == found[0] for each in found) else None

    def _said(self, unit: bytes) -> tuple[int, bool] | None:
        """What a slice says of the field that it is of."""
        bits = Bits(unit[1:HEAD])
        bits.golomb(), bits.golomb()
        sequence = self._sequences.get(self._of_picture.get(bits.golomb(), -1))
        if sequence is None or sequence.frames_only:
            return None
        name = bits.take(sequence.numbers.bit_length() - 1)
        return (name, bits.take(1) == 1) if bits.take(1) else None

    def _learned(self, unit: bytes) -> bool:
        """Whether a unit is one that tells of others, which are noted."""
        kind = unit[0] & 0x1F if unit else 0
        with suppress(IndexError):
            if kind == SPS:
                self._sequences = {**self._sequences, **sequence_of(Bits(unit[1:HEAD]))}
            elif kind == PPS:
                bits = Bits(unit[1:HEAD])
                self._of_picture[bits.golomb()] = bits.golomb()
        return kind in (SPS, PPS)


def _units(raw: bytes, length: int) -> Iterator[bytes]:
    """The units of a packet, each behind its ``length`` in so many bytes, or (0) behind a mark."""
    if not length:
        places = [match.start(1) for match in NAL.finditer(raw)]
        ends = [*places[1:], len(raw)]
        yield from (raw[place : min(place + HEAD, end)] for place, end in zip(places, ends, strict=False))
        return
    place = 0
    while place + length < len(raw):
        end = place + length + int.from_bytes(raw[place : place + length], "big")
        yield raw[place + length : min(end, place + length + HEAD)]
        place = end


def _listed(extra: bytes) -> Iterator[bytes]:
    """The units that MP4 and Matroska give in their head: some sequences, then some sets for pictures."""
    place = 5
    for bits in (0x1F, 0xFF):
        count, place = int.from_bytes(extra[place : place + 1], "big") & bits, place + 1
        for _ in range(count):
            end = place + 2 + int.from_bytes(extra[place : place + 2], "big")
            yield extra[place + 2 : end]
            place = end


def sequence_of(bits: "Bits") -> dict[int, Sequence]:
    """An H.264 sequence by its number; nothing where it is of a kind that is not read."""
    profile = bits.take(8)
    bits.take(16)
    number = bits.golomb()
    if profile in DEEP_PROFILES:
        planes = bits.golomb()
        if planes == PLANES_444 and bits.take(1):  # planes apart
            return {}
        bits.golomb(), bits.golomb(), bits.take(1)
        if bits.take(1):
            for table in range(12 if planes == PLANES_444 else 8):
                _skip_table(bits, 16 if table < 6 else 64)
    numbers = 1 << bits.golomb() + 4
    order = bits.golomb()
    if order == 0:
        bits.golomb()
    elif order == 1:
        bits.take(1), bits.golomb(), bits.golomb()
        for _ in range(bits.golomb()):
            bits.golomb()
    bits.golomb()
    gaps = bits.take(1) == 1
    bits.golomb(), bits.golomb()
    return {number: Sequence(numbers, gaps, frames_only=bits.take(1) == 1)}


def _skip_table(bits: "Bits", size: int) -> None:
    """Read over a table of scales, if there is one: differences, until one leads to 0."""
    last = following = 8
    for _ in range(size if bits.take(1) else 0):
        if following:
            step = bits.golomb()
            following = (last + ((step + 1) // 2 if step % 2 else -(step // 2))) % 256
        last = following or last


class Bits:
    """The bits of a unit, without the bytes that break up what looks like a mark. Raises IndexError at the end."""

    def __init__(self, raw: bytes) -> None:
        raw = raw.replace(b"\0\0\3", b"\0\0")
        self._value, self._left = int.from_bytes(raw, "big"), 8 * len(raw)

    def take(self, count: int) -> int:
        """The next bits as a number."""
        if count > self._left:
            raise IndexError
        self._left -= count
        return (self._value >> self._left) & ((1 << count) - 1)

    def golomb(self) -> int:
        """The next number of any length (Exp-Golomb)."""
        zeros = 0
        while self.take(1) == 0:
            zeros += 1
            if zeros > LONGEST:
                raise IndexError("no number is as long")
        return (1 << zeros) - 1 + self.take(zeros)
