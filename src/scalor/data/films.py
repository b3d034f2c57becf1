"""Where in a file a film ends by its own structure: others may be joined on, or its last bytes may be missing.

FFmpeg reads the first of several films and says nothing of the others, and of a film that breaks off what is there.
Durations and rates prove nothing; sizes and end marks do.
"""

import mmap
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from scalor.data.film_ends import ENDS, HEAD, WTV_HEAD, End

NUT, FITS = b"nut/multimedia container\0", b"SIMPLE  =   "
NUT_INDEX, NUT_TAIL = bytes.fromhex("4e58dd672f23e64e"), 1 << 20
FITS_BLOCK = 2880
MARKS = (NUT, FITS, WTV_HEAD, b"\0\nSMJPEG\0\0", b".RMF\0\0\0\x12\0")
"""How NUT, FITS, WTV, SMJPEG and RealMedia begin, of which nothing says where the next one would."""


@dataclass(frozen=True)
class Film:
    """A film and its place in a file.

    path    the file
    start   its first byte
    end     behind its last byte
    stated  where it says itself that it ends: beyond ``end`` where bytes are missing
    sure    what is stated proves something; an end mark that some programs leave out does not
    alone   the file holds nothing else
    """

    path: Path
    start: int
    end: int
    stated: int
    sure: bool = True
    alone: bool = True

    @property
    def cut(self) -> bool:
        """Bytes of which the film speaks are not there."""
        return self.sure and self.stated > self.end

    @property
    def address(self) -> str:
        """What FFmpeg opens. An absolute path cannot be taken for a protocol, as cam:1.mp4 would be."""
        path = str(self.path.absolute())
        return path if self.alone else f"subfile,,start,{self.start},end,{self.end},,:{path}"

    def words(self) -> str:
        """Where the bytes end."""
        return f"after {self.end - self.start} of at least {self.stated - self.start} bytes"


def films_in(path: Path) -> list[Film]:
    """The films of a file one after the other; a single one where nothing is known of its kind."""
    size = 0
    with suppress(OSError, ValueError), path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        found = _by_marks(file, size) or _by_structure(file, size)
        alone = len(found) == 1
        return [Film(path, start, min(end.place, size), end.place, end.sure, alone) for start, end in found]
    return [Film(path, 0, size, size)]


def _by_structure(file: BinaryIO, size: int) -> list[tuple[int, End]]:
    films: list[tuple[int, End]] = []
    start = 0
    while start < size and (walk := _walker(file, start)) is not None:
        films.append((start, walk(file, start, size)))
        if films[-1][1].place <= start:
            break
        start = films[-1][1].place
    if films and films[-1][1].place < size:  # what follows is no film: padding, or what programs write behind it
        films[-1] = (films[-1][0], End(size))
    return films or [(0, End(size))]


def _walker(file: BinaryIO, start: int) -> Callable[[BinaryIO, int, int], End] | None:
    file.seek(start)
    head = file.read(HEAD)
    return next((walk for mark, walk in ENDS if mark(head)), None)


def _by_marks(file: BinaryIO, size: int) -> list[tuple[int, End]]:
    """Films of a kind that is told by a long mark at its start."""
    head = file.read(64)
    mark = next((mark for mark in MARKS if head.startswith(mark)), None)
    if mark is None:
        return []
    places = [0]
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        while (place := content.find(mark, places[-1] + 1)) > 0:
            places.append(place)
        ended = content.rfind(NUT_INDEX, max(0, size - NUT_TAIL)) > 0 if mark == NUT else True
    ended &= mark != FITS or size % FITS_BLOCK == 0
    ends = [*(End(place) for place in places[1:]), End(size, sure=ended)]
    if len(places) == 1 and ended:  # there may be more to know
        return []
    return list(zip(places, ends, strict=True))
