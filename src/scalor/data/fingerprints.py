"""What tells a video from others, and from itself before it was changed, whatever it is called."""

import hashlib
from pathlib import Path

from scalor.data.images import picture_files
from scalor.data.seqinfo import NAME
from scalor.errors import UserError

BIT = 1 << 12
"""Bytes that are read at each place of a file."""
ENDS = 1 << 16
"""Bytes at either end of a file, fewer where a folder has many."""
APART, LEAST, MOST = 1 << 17, 256, 1024
"""Bytes from one place to the next, and the fewest and most places: pages of a stack are seldom smaller."""
AT_ONCE, FEW = 1 << 24, 3
"""Bytes that all pictures of a folder share, but for so many places of each."""
RESULTS = ("summary.json", "config.json", "card.json", "per_track.csv")
"""Files by which folders of tracks and futures, of trainings, weights and measures were known for it."""


def fingerprint(place: Path) -> str:
    """Of a file's size and some of its bytes; of the names, sizes and some bytes of a folder's pictures. "" where
    nothing can be read.

    Of a folder only what is read as frames counts, and its ``seqinfo.ini``: results of any kind may lie beside, and a
    copy is the same.
    """
    digest = hashlib.sha256()
    try:
        sequence, pictures, _ = picture_files(place) if place.is_dir() else (place, [place], False)
        files = [*pictures, sequence / NAME] if pictures and (sequence / NAME).is_file() else pictures
        for file in files:
            name = f"{file.name}\0" if place.is_dir() else ""
            digest.update(f"{name}{file.stat().st_size}\0".encode(errors="surrogateescape"))
            digest.update(_some_of(file, AT_ONCE // len(files)))
    except (OSError, UserError):
        files = []
    return digest.hexdigest()[:32] if files else former_fingerprint(place)


def _some_of(file: Path, share: int) -> bytes:
    """Both ends of a file and places at even distances between them, of about ``share`` bytes; all of a small one."""
    size = file.stat().st_size
    ends = min(ENDS, max(BIT, share // 4))
    places = max(FEW, min(max(LEAST, min(MOST, size // APART)), share // 2 // BIT))
    beyond = size - 2 * ends - BIT
    with file.open("rb", buffering=0) as opened:
        if beyond < places * BIT:
            return opened.read()
        parts = [opened.read(ends)]
        for number in range(places):
            opened.seek(ends + beyond * number // (places - 1))
            parts.append(opened.read(BIT))
        opened.seek(size - ends)
        parts.append(opened.read(ends))
    return b"".join(parts)


def fingerprints(place: Path) -> frozenset[str]:
    """The fingerprint, and the former one, which summaries, records and runs up to version 0.2 hold."""
    return frozenset({fingerprint(place), former_fingerprint(place)} - {""})


def former_fingerprint(place: Path) -> str:
    """Of a file's size and ends; of a folder's names and sizes, and the ends of its first file.

    Hidden folders, and folders in it that a command wrote, were no part of it.
    """
    digest = hashlib.sha256()
    try:
        if place.is_dir():
            inner = [each for each in place.iterdir() if each.is_dir() and not each.name.startswith(".")]
            folders = [place, *(each for each in inner if not any((each / name).exists() for name in RESULTS))]
            files = sorted(file for folder in folders for file in folder.iterdir() if file.is_file())
            for file in files:
                digest.update(f"{file.relative_to(place)}\0{file.stat().st_size}\0".encode(errors="surrogateescape"))
            ends = [file for file in files if file.stat().st_size][:1]
        else:
            ends = [place]
        for file in ends:
            with file.open("rb") as opened:
                size = file.stat().st_size
                digest.update(f"{size}\0".encode() + opened.read(ENDS))
                opened.seek(max(0, size - ENDS))
                digest.update(opened.read(ENDS))
    except OSError:
        return ""
    return digest.hexdigest()[:32]
