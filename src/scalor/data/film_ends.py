"""Where a film ends, by container: each walk goes from mark to mark, as far as lengths are stated."""

import re
import struct
import zlib
from collections.abc import Callable
from typing import BinaryIO, NamedTuple

TAIL = 1 << 17
FLV_TAGS = (8, 9, 18)
ASF_HEAD, ASF_DATA = (
    bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"),
    bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c"),
)
ASF_DATA_HEAD = 50
ASF_FILE = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
MATROSKA = b"\x1a\x45\xdf\xa3"
MATROSKA_LIVE = (b"\x18\x53\x80\x67", b"\x1f\x43\xb6\x75")
PNG = b"\x89PNG\r\n\x1a\n"
MXF_HEAD = bytes.fromhex("060e2b34020501010d0102010102")
Y4M_COLOURS = re.compile(
    r"(?P<planes>mono|420|422|440|411|444)(?P<alpha>alpha)?(jpeg|mpeg2|paldv)?(p?(?P<bits>9|1\d))?", re.ASCII
)
Y4M_SIZES = {"mono": (0, 0), "420": (2, 2), "422": (2, 1), "440": (1, 2), "411": (4, 1), "444": (1, 1)}
"""By how much planes of colour are smaller across and down; 0: there are none."""
INDEX = 1 << 20
"""Bytes of the largest index of fragments: 65535 of them."""
WTV_HEAD, WTV_SECTORS, WTV_SECTOR = bytes.fromhex("b7d800203749da11a64e0007e95ead8d"), 0x5C, 12
RM_CHUNKS, RM_EXCESS = (b".RMF", b"PROP", b"MDPR", b"CONT", b"DATA", b"INDX"), 10
HEAD = 3 * 192
"""Bytes that tell how a film begins."""


class End(NamedTuple):
    """Where a film says that it ends, beyond the file's size where bytes are missing; ``sure``: that is stated."""

    place: int
    sure: bool = True


def number(raw: bytes, order: str = "big") -> int:
    """An unsigned whole number of any length."""
    return int.from_bytes(raw, "little" if order == "little" else "big")


def _at(file: BinaryIO, place: int, count: int) -> bytes:
    file.seek(place)
    return file.read(count)


def _boxes(file: BinaryIO, start: int, size: int) -> End:
    """MP4, MOV, 3GP, AVIF: boxes one after the other, each with its length; a film has one head and some content. One
    in fragments is whole where its index (sidx) says so, or where it ends with a table of them (mfra)."""
    place, seen, stated = start, set[bytes](), 0
    while place + 8 <= size:
        head = _at(file, place, 16)
        length, kind = number(head[:4]), head[4:8]
        if kind == b"ftyp" and b"mdat" in seen and seen & {b"moov", b"meta"}:  # a still picture has no moov
            return End(place)
        if length == 0 or not kind.isascii():  # the last box reaches to the end; or this is no box
            return End(size)
        length = number(head[8:16]) if length == 1 else length
        if length < 8:
            return End(size)
        seen.add(kind)
        if kind == b"sidx":
            stated = max(stated, place + length + _indexed(_at(file, place, min(length, INDEX))))
        place += length
    return End(max(place, size, stated), sure=b"moof" not in seen or b"mfra" in seen or stated > start)


def _indexed(box: bytes) -> int:
    """Bytes behind an index of fragments of which it speaks."""
    wide = 8 if box[8:9] != b"\0" else 4
    first = 20 + 2 * wide
    count = number(box[first + 2 : first + 4])
    sizes = [number(box[at : at + 4]) & 0x7FFFFFFF for at in range(first + 4, first + 4 + 12 * count, 12)]
    return number(box[20 + wide : first]) + sum(sizes)


def _matroska(file: BinaryIO, start: int, size: int) -> End:
    """Matroska, WebM: elements with their lengths. What was written live has a segment and clusters without: those are
    gone through."""
    place = start
    while len(head := _at(file, place, 12)) > 4 and (head[:4] != MATROSKA or place == start):
        wide = 5 - (head[0] >> 4).bit_length()
        width = 9 - head[wide].bit_length() if head[0] >> 4 and head[wide] else 0
        if not width or len(head) < wide + width:
            break
        value, most = number(head[wide : wide + width]) & ((1 << 7 * width) - 1), (1 << 7 * width) - 1
        if value == most and head[:4] not in MATROSKA_LIVE:
            break
        place += wide + width + (0 if value == most else value)
    return End(place if place > size or head[:4] == MATROSKA else size, sure=not 0 < len(head) <= 4)


def _avi(file: BinaryIO, start: int, size: int) -> End:
    """AVI: a chunk with its length, and more of them above a gigabyte. FFmpeg reads joined ones."""
    place = start
    while place + 8 <= size:
        head = _at(file, place, 8)
        length = number(head[4:], "little")
        if head[:4] != b"RIFF" or length in (0, 0xFFFFFFFF):
            return End(size)
        place += 8 + length + length % 2
    return End(place if place > size + 1 else size)


def _webp(file: BinaryIO, start: int, size: int) -> End:
    length = number(_at(file, start + 4, 4), "little")
    return End(start + 8 + length)


def _asf(file: BinaryIO, start: int, size: int) -> End:
    """ASF, WMV: a header, the data and indices, each with its length, unless it is a broadcast."""
    head = _at(file, start, 1 << 16)
    said = head.find(ASF_FILE)
    place = start + number(head[16:24], "little")
    content = _at(file, place, 24)
    if said < 0 or len(head) <= said + 88 or content[:16] != ASF_DATA:
        return End(size)
    if head[said + 88] & 1 or number(content[16:], "little") < ASF_DATA_HEAD:
        return End(size)
    place += number(content[16:], "little")
    while place + 24 <= size:
        content = _at(file, place, 24)
        length = number(content[16:], "little")
        if content[:16] == ASF_HEAD:
            return End(place)
        if length < 24 or place + length > size:  # no object, or an index that breaks off: no frame is missing
            return End(size)
        place += length
    return End(max(place, size))


def _flv(file: BinaryIO, start: int, size: int) -> End:
    """FLV: tags with their lengths, each followed by its length once more."""
    place = start + number(_at(file, start + 5, 4)) + 4
    while True:
        tag = _at(file, place, 11)
        if tag[:3] == b"FLV":
            return End(place)
        if len(tag) < 11 or tag[0] & 0x1F not in FLV_TAGS or any(tag[8:11]):
            break
        place += 11 + number(tag[1:4]) + 4
    if place - 4 > size:  # the last four bytes, which repeat a length, may be missing
        return End(place)
    if 0 < len(tag) < 11 and tag[0] & 0x1F in FLV_TAGS:
        return End(size + 1)
    said = re.search(rb"filesize\0(.{8})", _at(file, start, 1 << 12), re.DOTALL)
    return End(size, sure=said is None or start + struct.unpack(">d", said[1])[0] <= size)


def _ogg(file: BinaryIO, start: int, size: int) -> End:
    """Ogg: the last page says how long it is. FFmpeg reads chained ones."""
    first = max(start, size - TAIL)
    tail = _at(file, first, TAIL)
    place = tail.rfind(b"OggS")
    if place < 0:
        return End(size)
    if place + 27 > len(tail):
        return End(size + 1)
    count = tail[place + 26]
    table = tail[place + 27 : place + 27 + count]
    return End(max(size, first + place + 27 + count + sum(table) + (len(table) < count)))


def _ivf(file: BinaryIO, start: int, size: int) -> End:
    """IVF: frames with their lengths; the head has a number of frames or a length in time."""
    head = _at(file, start, 32)
    place, times = start + max(32, number(head[6:8], "little")), list[int]()
    while len(frame := _at(file, place, 12)) == 12 and frame[:4] != b"DKIF":
        times.append(number(frame[4:], "little"))
        place += 12 + number(frame[:4], "little")
    if place >= size and len(times) > 2:
        stated, lasted = number(head[24:28], "little"), times[-1] - times[0]
        fewer = len(times) < stated < 0xFFFFFFFF and stated > lasted * (len(times) + 1) / (len(times) - 1)
        return End(max(place, size + fewer))
    return End(place + 12 if place < size and len(frame) < 12 else place)


def _swf(file: BinaryIO, start: int, size: int) -> End:
    """SWF: tags up to one of the kind 0; compressed ones end with the compression."""
    head = _at(file, start, 9)
    if head[:1] == b"C":
        inside = zlib.decompressobj()
        file.seek(start + 8)
        try:
            while not inside.eof and (block := file.read(1 << 14)):
                inside.decompress(block)
        except zlib.error:
            return End(size)
        return End(file.tell() - len(inside.unused_data) if inside.eof else size + 1)
    place = start + 8 + (5 + 4 * (head[8] >> 3) + 7) // 8 + 4 if len(head) == 9 else size
    while len(tag := _at(file, place, 6)) > 1:
        kind, length = divmod(number(tag[:2], "little"), 64)
        place += 2 + length if length < 63 else 6 + number(tag[2:], "little")
        if kind == 0:
            return End(place)
    return End(max(place, size + 1))


def _png(file: BinaryIO, start: int, size: int) -> End:
    """A moving PNG ends with IEND; FFmpeg reads pictures that do not move one after the other."""
    place, moves = start + 8, False
    while len(head := _at(file, place, 8)) == 8:
        place += 12 + number(head[:4])
        moves |= head[4:] == b"acTL"
        if head[4:] == b"IEND" and place <= size:
            return End(place if moves else size)
    return End(max(place, size + 1) if moves else size)


def _gif(file: BinaryIO, start: int, size: int) -> End:
    """GIF: blocks up to a trailer, which some programs leave out."""
    place = start + 13 + _palette(_at(file, start + 10, 1))
    while kind := _at(file, place, 1):
        if kind == b";":
            return End(place + 1 if file.read(3) == b"GIF" else size)
        if kind not in b"!,":
            return End(size)
        place += 2 if kind == b"!" else 11 + _palette(_at(file, place + 9, 1))
        file.seek(place)
        while (length := file.read(1)) and length != b"\0":
            file.seek(length[0], 1)
        if not length:
            return End(size + 1)
        place = file.tell()
    return End(size + 1, sure=place > size)


def _palette(flags: bytes) -> int:
    return 3 << ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0


def _y4m(file: BinaryIO, start: int, size: int) -> End:
    """YUV4MPEG2: frames of one length, each behind a line."""
    line = _at(file, start, 1 << 10).split(b"\n")[0]
    length = _y4m_frame(line.decode("ascii", "replace").split(" ")[1:])
    if length == 0:
        return End(size)
    place = start + len(line) + 1
    while head := _at(file, place, 80):
        if head.startswith(b"YUV4MPEG2 "):
            return End(place)
        if not head.startswith(b"FRAME") and not b"FRAME\n".startswith(head):
            return End(size)
        place += head.find(b"\n") + 1 + length if b"\n" in head else len(head) + 1
    return End(place)


def _y4m_frame(words: list[str]) -> int:
    """Bytes of a frame, 0 where its kind is not known."""
    said = {word[:1]: word[1:] for word in reversed(words) if word}
    kind = Y4M_COLOURS.fullmatch(said.get("C", "420"))
    if kind is None or not said.get("W", "").isdigit() or not said.get("H", "").isdigit():
        return 0
    width, height = int(said["W"]), int(said["H"])
    across, down = Y4M_SIZES[kind["planes"]]
    colour = 2 * -(-width // across) * -(-height // down) if across else 0
    whole = width * height * (2 if kind["alpha"] else 1)
    return (whole + colour) * (2 if kind["bits"] else 1)


def _real(file: BinaryIO, start: int, size: int) -> End:
    """RealMedia: chunks with their lengths, unless it was written live. FFmpeg states ten bytes too many."""
    place = start
    while len(head := _at(file, place, 8)) == 8:
        length = number(head[4:])
        if head[:4] not in RM_CHUNKS or length < 8:
            return End(size)
        place += length
    return End(place if place > size + RM_EXCESS else size)


def _wtv(file: BinaryIO, start: int, size: int) -> End:
    """WTV: the head has the number of sectors, unless the recording was interrupted."""
    return End(max(size, start + (number(_at(file, start + WTV_SECTORS, 4), "little") << WTV_SECTOR)))


def _transport(file: BinaryIO, start: int, size: int) -> End:
    """MPEG transport streams have no end, but whole packets. FFmpeg reads joined ones."""
    return End(size, sure=(size - start) % (188 if _at(file, start, 1) == b"G" else 192) == 0)


def _mxf(file: BinaryIO, start: int, size: int) -> End:
    """MXF: values behind keys and lengths; the head may say where the foot is."""
    head = _at(file, start, 64).ljust(64, b"\0")
    width = head[16] & 0x7F if head[16] & 0x80 else 0
    foot = number(head[17 + width + 24 : 17 + width + 32])
    place = start
    while len(key := _at(file, place, 26)) >= 17 and key[:4] == MXF_HEAD[:4]:
        if place > start and key[:14] == MXF_HEAD:
            return End(place)
        width = key[16] & 0x7F if key[16] & 0x80 else 0
        place += 17 + width + (number(key[17 : 17 + width]) if width else key[16])
    return End(max(place, size, start + foot + 1 if foot and start + foot >= size else 0))


ENDS: tuple[tuple[Callable[[bytes], bool], Callable[[BinaryIO, int, int], End]], ...] = (
    (lambda head: head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"), _boxes),
    (lambda head: head[:4] == MATROSKA, _matroska),
    (lambda head: head[:4] == b"RIFF" and head[8:12] in (b"AVI ", b"AVIX"), _avi),
    (lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP", _webp),
    (lambda head: head[:16] == ASF_HEAD, _asf),
    (lambda head: head[:3] == b"FLV", _flv),
    (lambda head: head[:4] == b"OggS", _ogg),
    (lambda head: head[:4] == b"DKIF", _ivf),
    (lambda head: head[:3] in (b"FWS", b"CWS"), _swf),
    (lambda head: head[:8] == PNG, _png),
    (lambda head: head[:6] in (b"GIF87a", b"GIF89a"), _gif),
    (lambda head: head[:10] == b"YUV4MPEG2 ", _y4m),
    (lambda head: head[:5] == b".RMF\0", _real),
    (lambda head: head[:14] == MXF_HEAD, _mxf),
    (lambda head: head[:16] == WTV_HEAD, _wtv),
    (lambda head: head[:564:188] == b"GGG" or head[4:576:192] == b"GGG", _transport),
)
"""How a film begins, and where it ends."""
