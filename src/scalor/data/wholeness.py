"""Whether the bytes that a container speaks of are all there. Durations and rates prove nothing; sizes do."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

TAIL = 1 << 17
FLV, FLV_TAGS = b"FLV", (8, 9, 18)
ASF = b"\x30\x26\xb2\x75"


def bytes_missing(path: Path) -> bool:
    """Whether a file ends before its container does; False also where the container says nothing of its size."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            head = file.read(12)
            check = next((each for mark, each in _CHECKS if mark(head)), None)
            return check is not None and check(file, size)
    except OSError:
        return False


def film_joined_on(path: Path) -> bool:
    """Whether another MP4, ASF or FLV file was joined on byte by byte: FFmpeg reads the first and says nothing."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            head = file.read(12)
            if head[:4] == ASF:
                stated = _asf_size(file)
                file.seek(stated or size)
                return file.read(4) == ASF
            if head[:3] == FLV:
                file.seek(_flv_end(file, _number(head[5:9])))
                return file.read(3) == FLV
            kinds = list(_box_kinds(file, size)) if head[4:8] == b"ftyp" else []
            # In fragments a head may come again, and is read.
            return kinds.count(b"ftyp") > 1 and kinds.count(b"moov") > 1 and b"moof" not in kinds
    except OSError:
        return False


def _box_kinds(file: BinaryIO, size: int) -> Iterator[bytes]:
    place = 0
    while place + 8 <= size:
        file.seek(place)
        head = file.read(16)
        yield head[4:8]
        length = _number(head[8:16] if head[:4] == b"\0\0\0\1" else head[:4])
        if length < 8:
            return
        place += length


def _number(raw: bytes, order: str = "big") -> int:
    return int.from_bytes(raw, "little" if order == "little" else "big")


def _boxes(file: BinaryIO, size: int) -> bool:
    """MP4, MOV, 3GP: boxes one after the other, each with its length."""
    place = 0
    while place + 8 <= size:
        file.seek(place)
        head = file.read(16)
        length = _number(head[:4])
        if length == 0 or not head[4:8].isascii():  # the last box reaches to the end; or this is no box
            return False
        if length == 1:
            length = _number(head[8:16])
        if length < 8:
            return False
        place += length
    return place > size


def _matroska(file: BinaryIO, size: int) -> bool:
    """Matroska, WebM: a head, then one segment that knows its length unless it was written live."""
    place = 0
    for wanted in (b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"):
        file.seek(place)
        head = file.read(12)
        if head[:4] != wanted or len(head) < 5 or head[4] == 0:
            return False
        width = 9 - head[4].bit_length()
        value = _number(head[4 : 4 + width]) & ((1 << 7 * width) - 1)
        if value == (1 << 7 * width) - 1:
            return False
        place += 4 + width + value
    return place > size


def _riff(file: BinaryIO, size: int) -> bool:
    """AVI: a chunk with its length, and more of them in files above a gigabyte."""
    place = 0
    while place + 8 <= size:
        file.seek(place)
        head = file.read(8)
        length = _number(head[4:], "little")
        if head[:4] != b"RIFF" or length in (0, 0xFFFFFFFF):
            return False
        place += 8 + length + length % 2
    return place > size + 1


def _asf(file: BinaryIO, size: int) -> bool:
    """ASF, WMV: the file's size stands in the header, unless it is a broadcast."""
    return _asf_size(file) > size


def _asf_size(file: BinaryIO) -> int:
    """What the header says, 0 where it says nothing."""
    file.seek(0)
    head = file.read(1 << 16)
    place = head.find(bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"))
    if place < 0 or len(head) < place + 92 or head[place + 88] & 1:
        return 0
    return _number(head[place + 40 : place + 48], "little")


def _flv_end(file: BinaryIO, place: int) -> int:
    """Where the tags of an FLV file end, the first of which follows a header of ``place`` bytes."""
    file.seek(place + 4)
    while len(tag := file.read(11)) == 11 and tag[0] & 0x1F in FLV_TAGS and not any(tag[8:11]):
        file.seek(_number(tag[1:4]) + 4, os.SEEK_CUR)
    return file.tell() - len(tag)


def _flv(file: BinaryIO, size: int) -> bool:
    """FLV: every tag is followed by its length, so the last one can be checked from behind."""
    file.seek(max(0, size - 4))
    length = _number(file.read(4))
    if length < 11 or length + 4 > size:
        return True
    file.seek(size - 4 - length)
    tag = file.read(4)
    return tag[0] & 0x1F not in FLV_TAGS or _number(tag[1:4]) + 11 != length


def _ogg(file: BinaryIO, size: int) -> bool:
    """Ogg: the last page says how long it is."""
    file.seek(max(0, size - TAIL))
    tail = file.read()
    place = tail.rfind(b"OggS")
    if place < 0 or place + 27 > len(tail):
        return place >= 0
    count = tail[place + 26]
    table = tail[place + 27 : place + 27 + count]
    return len(table) < count or place + 27 + count + sum(table) > len(tail)


_CHECKS: tuple[tuple[Callable[[bytes], bool], Callable[[BinaryIO, int], bool]], ...] = (
    (lambda head: head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"), _boxes),
    (lambda head: head[:4] == b"\x1a\x45\xdf\xa3", _matroska),
    (lambda head: head[:4] == b"RIFF" and head[8:12] in (b"AVI ", b"AVIX"), _riff),
    (lambda head: head[:4] == ASF, _asf),
    (lambda head: head[:3] == b"FLV", _flv),
    (lambda head: head[:4] == b"OggS", _ogg),
)
