"""Places where a bare stream breaks the laws of its pictures: H.264 numbers them, JPEGs end before the next begins.

What breaks a law almost everywhere is another dialect and no damage.
"""

import mmap
import re
from contextlib import suppress

from scalor.data.h264_units import IDR, NAL, PPS, SLICE, SPS, Bits, Sequence, sequence_of

Content = mmap.mmap
RARE = 0.2
"""Share of the pictures up to which broken laws are damage."""
SOI, EOI, SOS, PROGRESSIVE = 0xD8, 0xD9, 0xDA, 0xC2
FRAMES = frozenset([0xC0, 0xC1, PROGRESSIVE])
"""Marks of JPEG; behind the last ones stands a picture's size, and with two of them each colour is written once."""
JPEG_BEGINS = b"\xff\xd8\xff"
JPEG_MARKER = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])", re.DOTALL)
EMPTY = re.compile(rb"\x00\x00\x00+[\x02-\xff]", re.DOTALL)
"""What no unit of H.264 holds: bytes that might be taken for a mark are broken up."""
HEAD = 128
"""Bytes that hold what is read of a unit."""


def harmed_jpegs(content: Content, start: int, end: int) -> int:
    """Pictures of a bare stream of JPEGs that do not end, or whose parts do not follow each other."""
    pictures = broken = 0
    place = start
    while place >= 0:
        pictures += 1
        after = _jpeg_end(content, place, end)
        following = content.find(JPEG_BEGINS, max(after, place + 2), end)
        gap = content[after : end if following < 0 else following] if after > 0 else b""
        broken += after < 0 or bool(gap.strip(b"\0\xff"))
        place = following
    return _rare(broken, pictures)


def _jpeg_end(content: Content, place: int, end: int) -> int:
    """Behind a picture's end mark, below 0 where its parts do not lead there."""
    place, planes, once, scanned = place + 2, 0, False, 0
    while (marker := JPEG_MARKER.match(content, place, end)) is not None:
        kind = marker[1][0]
        if kind == EOI:
            return marker.end()
        if kind == SOI:
            return -1
        content_at = marker.end() + 2
        if kind in FRAMES:
            if planes:  # the head of another picture
                return -1
            planes, once = content[content_at + 5], kind != PROGRESSIVE
        if kind == SOS:
            scanned += content[content_at]
            if once and scanned > planes:
                return -1
        place = marker.end() + int.from_bytes(content[marker.end() : marker.end() + 2], "big")
        if place > end and content.find(JPEG_BEGINS, marker.end(), end) >= 0:  # no part is as long as that
            return -1
        if kind == SOS:
            following = JPEG_MARKER.search(content, place, end)
            place = end if following is None else following.start()
    return end if place >= end else -1  # what breaks off at the end of the file is told elsewhere


def harmed_units(content: Content, start: int, end: int) -> int:
    """Where H.264's pictures are not numbered as they must be: each reference counts one more than the last one, and of
    two key pictures in a row each has another name. Lost pictures that nothing refers to leave no trace."""
    sequences: dict[int, Sequence] = {}
    of_picture: dict[int, int] = {}
    pictures = broken = last = 0
    name: int | None = None
    for unit in NAL.finditer(content, start, end):
        head, kind = unit[1][0], unit[1][0] & 0x1F
        if kind not in (SLICE, IDR, SPS, PPS) or head & 0x80:
            continue
        bits = Bits(content[unit.end() : min(end, unit.end() + HEAD)])
        with suppress(IndexError):
            if kind == SPS:
                sequences = {**sequences, **sequence_of(bits)}
            elif kind == PPS:
                of_picture[bits.golomb()] = bits.golomb()
            elif bits.golomb() == 0:  # the first piece of a picture
                bits.golomb()
                sequence = sequences.get(of_picture.get(bits.golomb(), -1))
                if sequence is None:
                    continue
                pictures += 1
                number = bits.take(sequence.numbers.bit_length() - 1)
                field = not sequence.frames_only and bits.take(1) == 1
                if kind == IDR:
                    mine = None if field else bits.golomb()
                    broken += name is not None and mine == name
                    name, last = mine, 0
                    continue
                name = None
                broken += not sequence.gaps and (number - last) % sequence.numbers > 1
                last = number if head & 0x60 else last
    return _rare(broken + sum(1 for _ in EMPTY.finditer(content, start, end)), pictures)


def _rare(broken: int, pictures: int) -> int:
    return broken if broken <= RARE * pictures else 0
