"""`planned`: which video goes into which folder, the same whoever asks and in whatever part of the work."""

import hashlib
import os
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scalor.data.places import refuse_stream
from scalor.errors import UserError

LONGEST, MOST_BYTES = 100, 180
"""Of a folder's name, in characters and in bytes; temporary names are longer, and file systems end at 255 bytes."""
TABLE = "fleet.csv"


@dataclass(frozen=True)
class Job:
    """One video and the name of the folder that its tracks go into."""

    video: str
    name: str


@dataclass(frozen=True)
class Part:
    """Every ``of``-th video from the ``number``-th on, counted from 1: a part for a machine that knows of no others."""

    number: int = 1
    of: int = 1

    @classmethod
    def parse(cls, text: str) -> "Part":
        """From ``3/50``. Raises UserError where it is nothing of the kind."""
        number, _, of = text.partition("/")
        if not (number.isascii() and number.isdecimal() and of.isascii() and of.isdecimal()):
            raise UserError(f"part {text!r} came; K/N is wanted, for example 3/50 for the third of fifty; correct it")
        if not 1 <= int(number) <= int(of):
            raise UserError(f"part {text} came; a number from 1 to {of} before the stroke is wanted; correct it")
        return cls(int(number), int(of))

    @property
    def table(self) -> str:
        """The name of the table of this part's videos."""
        return TABLE if self.of == 1 else f"fleet-{self.number}-of-{self.of}.csv"


WHOLE = Part()


def planned(videos: Sequence[str], part: Part = WHOLE) -> list[Job]:
    """The jobs of a part; a folder is called as its video, and where two are called alike a hash of the path follows.

    Raises UserError where no video came, or a stream. One that came twice is done once.
    """
    if not videos:
        raise UserError("no video came; at least one is wanted; name files or folders of images")
    for video in videos:
        refuse_stream(video)
    known: dict[Path, str] = {}
    for video in videos:
        known.setdefault(_place(Path(video)), str(Path(video).absolute()))
    places = list(known.values())
    plain = [_plain(Path(place)) for place in places]
    shared = Counter(map(_folded, plain))
    jobs = [
        Job(place, name if shared[_folded(name)] == 1 and _is_safe(name) else marked(place))
        for place, name in zip(places, plain, strict=True)
    ]
    return jobs[part.number - 1 :: part.of]


def marked(place: str) -> str:
    """The name of a folder that no other video gets."""
    digest = hashlib.sha256(place.encode(errors="surrogateescape")).hexdigest()[:8]
    name = _plain(Path(place)).strip(". ")[:LONGEST]
    while len(os.fsencode(name)) > MOST_BYTES:
        name = name[:-1]
    return f"{name or 'video'}-{digest}"


def _place(video: Path) -> Path:
    """Where a video lies, however its folder is called; links of two names are two videos."""
    return video.parent.resolve() / video.name


def _plain(place: Path) -> str:
    return place.resolve().name if place.is_dir() else place.stem


def _folded(name: str) -> str:
    """What file systems that do not tell cases apart make of a name."""
    return unicodedata.normalize("NFC", name).casefold()


def _is_safe(name: str) -> bool:
    fits = 0 < len(name) <= LONGEST and len(os.fsencode(name)) <= MOST_BYTES
    return fits and name == name.strip(". ") and not name.startswith("fleet")
