"""Places inside a film where its structure does not hold: readers go on at the next sound one, and say nothing.

Each walk goes from mark to mark. Where none stands the film is harmed, and the walk goes on where marks follow again.
"""

import mmap
import re
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple

from scalor.data.bare_streams import JPEG_BEGINS, harmed_jpegs, harmed_units
from scalor.data.film_ends import ASF_DATA, ASF_DATA_HEAD, ASF_FILE, ASF_HEAD, FLV_TAGS, MATROSKA, number
from scalor.data.film_media import CLUSTER, SEGMENT
from scalor.data.films import Film

Content = mmap.mmap
AVI_CHUNK = re.compile(rb"LIST|JUNK|RIFF|idx1|ix\d\d|\d\d(?:d[bc]|wb|tx|pc|iv|sb)")
AVI_PACKET = re.compile(rb"(?:ix\d\d|\d\d(?:d[bc]|wb|tx))[\0-\xff]{3}[\0\1]|idx1", re.DOTALL)
FLV_TAG = re.compile(rb"[\x08\x09\x12][\0-\xff]{7}\0\0\0", re.DOTALL)
AVI_FRAMES = (b"movi", b"rec ")
"""Lists that hold frames."""
OGG, OGG_HEAD, OGG_BEGINS = b"OggS", 27, 2
MIRRORED = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
BOX, FRAGMENT = re.compile(rb"[ -~\xa9]{4}"), re.compile(rb"[\0-\xff]{4}(?=moof|mdat|moov)", re.DOTALL)
MXF_KEY = bytes.fromhex("060e2b34")
EBML_FILE = ("1a45dfa3", "18538067", "ec", "bf")
EBML_SEGMENT = ("1f43b675", "1549a966", "1654ae6b", "1c53bb6b", "114d9b74", "1254c367", "1941a469", "1043a770")
EBML_CLUSTER = ("e7", "a3", "a0", "ab", "a7", "af", "5854", "7670")
EBML_KNOWN = frozenset(map(bytes.fromhex, (*EBML_FILE, *EBML_SEGMENT, *EBML_CLUSTER)))
"""Matroska's elements: those of a file, of a segment and of a cluster."""


class Next(NamedTuple):
    """Where the next mark of a film must stand, None where nothing says so; ``sound``: this one is what it says."""

    place: int | None
    sound: bool = True


def harmed_places(film: Film) -> int:
    """How many stretches of a film are not of its kind of file; 0 also where nothing is known of the kind."""
    with (
        suppress(OSError, ValueError, IndexError),
        film.path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        head = content[film.start : film.start + 16]
        walk = next((walk for mark, walk in WALKS.items() if head.startswith(mark)), None)
        walk = _boxes if head[4:8] == b"ftyp" else None if head[8:12] == b"WEBP" else walk
        return 0 if walk is None else walk(content, film.start, film.end)
    return 0


def damage_words(harmed: int, *, without_picture: int) -> tuple[str, ...]:
    """What is to be said of ``harmed`` places and of packets that should have given a picture."""
    where = f"the file is damaged inside ({harmed} place{'s' * (harmed > 1)})" if harmed else ""
    gone = f"{without_picture} packet{'s' * (without_picture > 1)} gave no picture" if without_picture else ""
    said = ", ".join(filter(None, (where, gone)))
    return (f"{said}: frames may be missing there, and later ones have lower numbers",) if said else ()


def _counted(content: Content, start: int, end: int, step: Callable[[int], Next], again: Callable[[int], int]) -> int:
    """Stretches without marks from ``start`` on. ``step`` reads the mark at a place, ``again`` finds one from a place
    on, below 0 where there is none."""
    harmed, place = 0, start
    while place < end:
        following = step(place)
        if not following.sound:
            sound = again(place + 1)
            # A last piece that reaches beyond the end is no damage inside, nor is padding.
            harmed += sound >= 0 or (following.place is None and not _is_padding(content, place, end))
        else:
            sound = -1 if following.place is None else following.place
        if sound < 0:
            break
        place = sound
    return harmed


def _is_padding(content: Content, place: int, end: int) -> bool:
    """Whether one byte fills the rest."""
    return not content[place:end].strip(content[end - 1 : end])


def _avi(content: Content, start: int, end: int) -> int:
    """Chunks with their lengths, lists opened. Some programs do not pad odd ones."""

    def step(place: int) -> Next:
        kind = AVI_CHUNK.match(content, place) or AVI_CHUNK.match(content, place - 1)
        if kind is None:
            return Next(None, sound=end - place < 8)
        place = kind.start()
        if kind[0] == b"RIFF" or content[place + 8 : place + 12] in AVI_FRAMES:
            return Next(place + 12)
        length = number(content[place + 4 : place + 8], "little")
        after = place + 8 + length + length % 2
        if kind[0] == b"idx1" and content[after : after + 4] != b"RIFF":
            return Next(None)  # what follows an index is no film
        return Next(after, sound=place + 8 + length <= end)

    return _counted(content, start, end, step, lambda place: _found(AVI_PACKET, content, place, end))


def _flv(content: Content, start: int, end: int) -> int:
    """Tags with their lengths."""

    def step(place: int) -> Next:
        tag = content[place : place + 11]
        if len(tag) < 11:
            return Next(None)
        return Next(place + 15 + number(tag[1:4]), sound=tag[0] & 0x1F in FLV_TAGS and not any(tag[8:]))

    def again(place: int) -> int:
        while (place := _found(FLV_TAG, content, place, end)) >= 0 and not step(step(place).place or end).sound:
            place += 1
        return place

    return _counted(content, start + number(content[start + 5 : start + 9]) + 4, end, step, again)


def _ogg(content: Content, start: int, end: int) -> int:
    """Pages with their sums, numbered in each stream."""
    numbers: dict[bytes, int] = {}

    def step(place: int) -> Next:
        head = content[place : place + OGG_HEAD]
        if head[:4] != OGG or len(head) < OGG_HEAD:
            numbers.clear()
            return Next(None, sound=False)
        body = place + OGG_HEAD + head[26]
        after = body + sum(content[place + OGG_HEAD : body])
        if after > end:
            numbers.clear()
            return Next(after, sound=False)
        stream, page = head[14:18], number(head[18:22], "little")
        follows = head[5] & OGG_BEGINS or page == numbers.get(stream, page - 1) + 1
        numbers[stream] = page
        page_sum = _ogg_sum(head[:22] + bytes(4) + head[26:] + content[place + OGG_HEAD : after])
        sound = bool(follows) and page_sum == number(head[22:26], "little")
        return Next(after if sound else None, sound=sound)

    return _counted(content, start, end, step, lambda place: content.find(OGG, place, end))


def _ogg_sum(page: bytes) -> int:
    """Ogg's CRC: that of zlib with the bits of every byte mirrored, begun with 0 and not turned at the end."""
    mirrored = zlib.crc32(page.translate(MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)


def _matroska(content: Content, start: int, end: int) -> int:
    """Elements with their lengths, segments and clusters opened."""

    def step(place: int) -> Next:
        first = content[place]
        wide = 9 - first.bit_length()
        if wide > 4 or content[place : place + wide] not in EBML_KNOWN:
            return Next(None, sound=False)
        kind, width = content[place : place + wide], 9 - content[place + wide].bit_length()
        length = number(content[place + wide : place + wide + width]) & ((1 << 7 * width) - 1)
        place += wide + width
        if width > 8:
            return Next(None, sound=False)
        if kind in (SEGMENT, CLUSTER):
            return Next(place)
        return Next(place + length, sound=place + length <= end)

    return _counted(content, start, end, step, lambda place: content.find(CLUSTER, place, end))


def _asf(content: Content, start: int, end: int) -> int:
    """Packets of one size, all of which begin alike; the head says how many."""
    head = content[start : start + (1 << 16)]
    said, place = head.find(ASF_FILE), start + number(head[16:24], "little")
    if said < 0 or len(head) <= said + 100 or content[place : place + 16] != ASF_DATA:
        return 0
    size, largest = (number(head[said + at : said + at + 4], "little") for at in (92, 96))
    stated = start + number(head[16:24], "little") + number(content[place + 16 : place + 24], "little")
    last = min(stated, end) if stated > place + ASF_DATA_HEAD else end
    first = place + ASF_DATA_HEAD
    if size != largest or size < 16 or not content[first] & 0x80:
        return 0
    mark = content[first]
    odd = [content[each] != mark for each in range(first, last - size + 1, size)]
    return sum(now and not before for before, now in zip([False, *odd], odd, strict=False))


def _boxes(content: Content, start: int, end: int) -> int:
    """MP4 and its relatives: boxes with their lengths, of which films in fragments have many."""

    def step(place: int) -> Next:
        head = content[place : place + 16]
        length, kind = number(head[:4]), head[4:8]
        length = number(head[8:]) if length == 1 else length
        if length == 0 and kind == b"mdat":  # up to the end
            return Next(None)
        if length < 8 or BOX.fullmatch(kind) is None:
            return Next(None, sound=end - place < 8)
        return Next(place + length, sound=place + length <= end)

    return _counted(content, start, end, step, lambda place: _found(FRAGMENT, content, place, end))


def _mxf(content: Content, start: int, end: int) -> int:
    """Values behind keys and lengths."""

    def step(place: int) -> Next:
        head = content[place : place + 25]
        width = head[16] & 0x7F if head[16:17] >= b"\x80" else 0
        if head[:4] != MXF_KEY or width > 8:
            return Next(None, sound=end - place < 17)
        after = place + 17 + width + (number(head[17 : 17 + width]) if width else head[16])
        return Next(after, sound=after <= end)

    return _counted(content, start, end, step, lambda place: content.find(MXF_KEY, place, end))


def _found(pattern: re.Pattern[bytes], content: Content, place: int, end: int) -> int:
    match = pattern.search(content, place, end)
    return -1 if match is None else match.start()


WALKS: Mapping[bytes, Callable[[Content, int, int], int]] = {
    b"RIFF": _avi,
    b"FLV": _flv,
    OGG: _ogg,
    MATROSKA: _matroska,
    ASF_HEAD: _asf,
    MXF_KEY: _mxf,
    JPEG_BEGINS: harmed_jpegs,
    b"\0\0\1": harmed_units,
    b"\0\0\0\1": harmed_units,
}
"""How a film begins, and the walk through it; for MP4 and its relatives `_boxes`."""
