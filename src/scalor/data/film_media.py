"""Where the last frames of a film must lie by its structure: a reader that ends before has lost them unsaid."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

from scalor.data.film_ends import MATROSKA, number
from scalor.data.films import NUT, NUT_INDEX, NUT_TAIL, Film
from scalor.data.packets import ASIDE

SEGMENT, CLUSTER = b"\x18\x53\x80\x67", b"\x1f\x43\xb6\x75"
LACED = 8
"""Packets of sound that lie in one place, at most."""


@dataclass
class Reach:
    """How far a pass over the packets of a film came, of all its streams.

    end   bytes from the film's start to where its last packet ends; 0: nothing is known
    mark  where something else than a packet begins for sure; 0: nothing is known
    over  a packet reached beyond the mark: damage made it swallow what follows
    """

    end: int = 0
    came: int = 0
    slack: int = ASIDE
    mark: int = 0
    over: bool = False

    @classmethod
    def of(cls, film: Film) -> "Reach":
        """What the film's structure says."""
        with suppress(OSError, IndexError), film.path.open("rb") as file:
            file.seek(film.start)
            head = file.read(4)
            if head == MATROSKA:
                return cls(max(0, _last_cluster(file, film.start, film.end) - film.start))
            if NUT.startswith(head):
                first = max(film.start, film.end - NUT_TAIL)
                file.seek(first)
                place = file.read(film.end - first).rfind(NUT_INDEX)
                mark = first + place - film.start if place >= 0 else 0
                return cls(mark, mark=mark)
        return cls()

    def note(self, packet: Any) -> None:
        """One more packet. Those of sound may share their place with others."""
        self.came = max(self.came, (packet.pos or 0) + packet.size)
        self.over |= packet.pos is not None and packet.pos < self.mark < packet.pos + packet.size
        self.slack = max(self.slack, (1 if packet.stream.type == "video" else LACED) * packet.size)

    @property
    def short(self) -> bool:
        """Whether packets that must be there did not come."""
        return self.over or self.came + self.slack + ASIDE < self.end


def _last_cluster(file: BinaryIO, start: int, end: int) -> int:
    """The end of Matroska's last cluster of known length."""
    place, last = start, 0
    while place < end:
        file.seek(place)
        head = file.read(12)
        wide = 5 - (head[0] >> 4).bit_length()
        width = 9 - head[wide].bit_length()
        most = (1 << 7 * width) - 1
        length = number(head[wide : wide + width]) & most
        place += wide + width
        if head[:wide] == SEGMENT:
            continue
        if not head[0] >> 4 or width > 8 or length == most:
            break
        place += length
        last = min(place, end) if head[:wide] == CLUSTER else last
    return last


def ending_words(film: Film, *, inside: bool) -> tuple[str, ...]:
    """What is to be said of a film's end; ``inside``: it lies inside its last frame."""
    if film.cut:
        return (f"the file breaks off {film.words()}",)
    if inside:
        return ("the file ends inside its last frame",)
    return () if film.sure else ("the file ends without a mark that it is whole: frames may be missing there",)


def others_words(number: int) -> tuple[str, ...]:
    """What is to be said of so many videos that lie in the file beside the one that is read."""
    return (f"the file holds {number} more video{'s' * (number > 1)}, left out",) if number else ()
