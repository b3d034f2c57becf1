"""What the directories of a TIFF file say: read without pixels, also where Pillow does not know a file's kind."""

import struct
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, DESCRIPTION = 256, 257, 258, 259, 262, 266, 270
STRIPS, ORIENTATION, SAMPLES, STRIP_BYTES, PLANAR, TILES, TILE_BYTES, FORMAT = 273, 274, 277, 279, 284, 324, 325, 339
NEEDED = frozenset({DESCRIPTION, STRIPS, STRIP_BYTES, TILES, TILE_BYTES})
"""Tags without which a page cannot be shown, or pages cannot be told."""
FORMS = {1: "B", 2: "s", 3: "H", 4: "I", 6: "b", 7: "s", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I", 16: "Q", 17: "q"}
"""Kinds of numbers as `struct` calls them; fractions are left out."""
MOST_ENTRIES, FEW_ENTRIES = 4096, 200
"""Tags of a page: at most, and where it is only guessed that one begins."""
DEFLATE, PREDICTOR = (8, 32946), 317
KINDS = {1: "u", 2: "i", 3: "f"}
"""Kinds of pixels as NumPy calls them."""


@dataclass(frozen=True)
class Directories:
    """pages: the tags of every page, numbers as tuples and texts as str; cut: the file breaks off; order: < or >."""

    pages: tuple[dict[int, Any], ...]
    cut: bool
    order: str = "<"

    def number(self, page: int, tag: int, otherwise: int) -> int:
        """The first number that a tag of a page says."""
        said = self.pages[page].get(tag) if page < len(self.pages) else None
        return int(said[0]) if isinstance(said, tuple) and said else otherwise

    def orientation(self, page: int) -> int:
        """How a page is turned, 1 where nothing is said."""
        return self.number(page, ORIENTATION, 1)

    def is_planar(self, page: int) -> bool:
        """Whether the colours of a page are stored one after the other."""
        return self.number(page, PLANAR, 1) == 2 and self.number(page, SAMPLES, 1) > 1


def directories(path: Path) -> Directories:
    """All pages in their order, as far as they are there. Raises OSError, or struct.error where there is no head."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        head = file.read(16)
        order = "<" if head[:2] == b"II" else ">"
        big = struct.unpack(f"{order}H", head[2:4])[0] == 43
        place = struct.unpack(f"{order}Q", head[8:16])[0] if big else struct.unpack(f"{order}I", head[4:8])[0]
        pages, seen, cut = list[dict[int, Any]](), set[int](), False
        while place and place not in seen:
            seen.add(place)
            tags, place = _directory(file, place, order, big=big)
            cut |= tags is None or any(value is None for key, value in tags.items() if key in NEEDED) or place >= size
            if tags is not None:
                pages.append(tags)
    return Directories(tuple(pages), cut, order)


def raw_page(path: Path, said: Directories, page: int) -> np.ndarray | None:
    """[H, W] or [H, W, 3] of a page as stored, of any kind of numbers; None if it is tiled, not there, or compressed
    otherwise than by deflate.

    Of two samples the second one is left out, of four the last: transparency.
    """
    if page >= len(said.pages):
        return None
    tags = said.pages[page]
    bits, kinds = tags.get(BITS) or (1,), tags.get(FORMAT) or (1,)
    samples, deflated = said.number(page, SAMPLES, 1), said.number(page, COMPRESSION, 1) in DEFLATE
    differences = deflated and said.number(page, PREDICTOR, 1) == 2
    compressed = not deflated and said.number(page, COMPRESSION, 1) != 1
    compressed |= deflated and (said.number(page, PREDICTOR, 1) > 2 or (differences and kinds[0] == 3))
    odd = len({*bits}) > 1 or bits[0] not in (8, 16, 32, 64) or kinds[0] not in KINDS or not 1 <= samples <= 4
    if compressed or odd or TILES in tags or said.number(page, FILL_ORDER, 1) != 1:
        return None
    height, width = said.number(page, HEIGHT, 0), said.number(page, WIDTH, 0)
    dtype = np.dtype(f"{said.order}{KINDS[kinds[0]]}{bits[0] // 8}")
    raw = _strips(path, tags.get(STRIPS) or (), tags.get(STRIP_BYTES) or (), deflated=deflated)
    if len(raw) < height * width * samples * dtype.itemsize or not raw:
        return None
    pixels = np.frombuffer(raw, dtype, height * width * samples)
    if said.is_planar(page):
        pixels = np.moveaxis(pixels.reshape(samples, height, width), 0, 2)
    else:
        pixels = pixels.reshape(height, width, samples)
    if differences:
        pixels = np.cumsum(pixels, axis=1, dtype=dtype.newbyteorder("="))
    pixels = pixels[:, :, :3] if samples > 2 else pixels[:, :, 0]
    if said.number(page, PHOTOMETRIC, 1) == 0:  # white is 0
        pixels = ~pixels if dtype.kind == "u" else -pixels
    return np.ascontiguousarray(pixels).astype(dtype.newbyteorder("="))


def _strips(path: Path, places: Sequence[int], lengths: Sequence[int], *, deflated: bool) -> bytes:
    """The pixels of a page, as far as they are there."""
    raw = b""
    with path.open("rb") as file, suppress(zlib.error):
        for place, length in zip(places, lengths, strict=False):
            file.seek(place)
            stored = file.read(length)
            raw += zlib.decompress(stored) if deflated else stored
    return raw


def tiff_begins(file: BinaryIO, place: int) -> bool:
    """Whether a TIFF file of its own begins there: its first directory has its tags in rising order."""
    file.seek(place)
    head = file.read(8)
    order = "<" if head[:2] == b"II" else ">"
    if len(head) < 8:
        return False
    entries, _ = _entries(file, place + struct.unpack(f"{order}I", head[4:])[0], order, big=False)
    tags = [struct.unpack(f"{order}H", entry[:2])[0] for entry in entries or ()]
    return 0 < len(tags) < FEW_ENTRIES and tags == sorted(set(tags))


def _directory(file: BinaryIO, place: int, order: str, *, big: bool) -> tuple[dict[int, Any] | None, int]:
    """The tags of one page, None where it is not there to its end, and the place of the next one (0: the last)."""
    entries, following = _entries(file, place, order, big=big)
    if entries is None:
        return None, 0
    tags = {struct.unpack(f"{order}H", each[:2])[0]: _value(file, each, order, big=big) for each in entries}
    return tags, following


def _entries(file: BinaryIO, place: int, order: str, *, big: bool) -> tuple[list[bytes] | None, int]:
    """The entries of one directory as stored, None where it is not there to its end, and the place of the next one."""
    head, entry, word = ("Q", 20, "Q") if big else ("H", 12, "I")
    counted = struct.calcsize(f"{order}{head}")
    file.seek(place)
    raw = file.read(counted)
    number = struct.unpack(f"{order}{head}", raw)[0] if len(raw) == counted else MOST_ENTRIES + 1
    if number > MOST_ENTRIES:
        return None, 0
    raw = file.read(number * entry + struct.calcsize(f"{order}{word}"))
    if len(raw) < number * entry:
        return None, 0
    following = raw[number * entry :]
    # Some programs end the file without saying that no page follows.
    place = struct.unpack(f"{order}{word}", following)[0] if len(following) >= (8 if big else 4) else 0
    return [raw[start : start + entry] for start in range(0, number * entry, entry)], place


def _value(file: BinaryIO, entry: bytes, order: str, *, big: bool) -> Any:
    """What a tag says; None where that lies beyond the end of the file."""
    kind, count = struct.unpack(f"{order}HQ" if big else f"{order}HI", entry[2 : 12 if big else 8])
    form = FORMS.get(kind)
    if form is None:
        return ()
    length = count * struct.calcsize(form)
    stored = entry[12:] if big else entry[8:]
    if length > len(stored):
        file.seek(struct.unpack(f"{order}{'Q' if big else 'I'}", stored)[0])
        stored = file.read(length)
    if len(stored) < length:
        return None
    if form == "s":
        return stored[:length].split(b"\0")[0].decode("utf-8", "replace")
    return struct.unpack(f"{order}{count}{form}", stored[:length])
