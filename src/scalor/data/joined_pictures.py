"""Pictures that were joined byte by byte into one file: readers show the first one and say nothing of the others."""

import io
import mmap
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, UnidentifiedImageError

from scalor.data.films import films_in
from scalor.data.pictures import quiet
from scalor.data.tiff_pages import tiff_begins
from scalor.errors import UserError

STRIPS, STRIP_BYTES, TILES, TILE_BYTES = 273, 279, 324, 325
TIFF_MARKS = b"II*\0", b"MM\0*"
"""What a TIFF file begins with."""
STATED = frozenset(["GIF", "WEBP", "AVIF"])
"""Formats of which `films_in` knows where a picture ends."""
HEADS: Mapping[str, int] = {
    "BMP": 12,
    "DDS": 20,
    "DIB": 12,
    "IM": 20,
    "JPEG": 3,
    "JPEG2000": 12,
    "MSP": 8,
    "PCX": 12,
    "PNG": 8,
    "PPM": 9,
    "QOI": 12,
    "SGI": 12,
    "SUN": 12,
    "TGA": 18,
    "XBM": 16,
}
"""How many first bytes are alike in pictures of one kind and size, and nowhere else; by Pillow's names."""
STREAMED = frozenset(["BMP", "JPEG", "JPEG2000", "PNG", "PPM", "QOI"])
"""Kinds of which FFmpeg reads all pictures, and what damage takes from them is told by others."""
HEAD = 1 << 20
"""Bytes in which a picture says its size."""
UNKNOWN: Mapping[bytes, int] = {b"v/1\x01": 16, b"P7\n": 12}
"""The same for OpenEXR and PAM, by their first bytes: FFmpeg reads them, Pillow does not."""


def joined_pictures(path: Path, leave_out: frozenset[str] = frozenset()) -> int:
    """How many files of pictures of one kind and size were joined into one; 1 for everything else, and for the kinds
    ``leave_out``."""
    try:
        with quiet(), Image.open(path) as picture:
            kind, size = str(picture.format), picture.size
    except UnidentifiedImageError:
        kind, size = "", (0, 0)
    except Exception:  # noqa: BLE001 - damage, which is reported where the picture is read
        return 1
    if kind in leave_out:
        return 1
    if kind in STATED:
        return len(films_in(path))
    if kind == "TIFF":
        return 1 + another_tiff_follows(path)
    with (
        suppress(OSError, ValueError),
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        wide = HEADS.get(kind, 0) or next((wide for mark, wide in UNKNOWN.items() if content[: len(mark)] == mark), 0)
        after = _places(content, content[:wide], wide) if wide else ()
        return 1 + sum(not kind or _begins(content[place : place + HEAD], kind, size) for place in after)
    return 1


def refuse_joined(path: Path, shown: Callable[[], int] | None = None) -> None:
    """Raises UserError where pictures were joined into one; ``shown`` counts the frames that FFmpeg reads of it."""
    count = joined_pictures(path, leave_out=frozenset() if shown is None else STREAMED)
    if count > 1 and (shown is None or count > shown()):
        raise UserError(
            f"{path} is {count} pictures joined byte by byte, and viewers show the first only; one picture per file is "
            "wanted; split it into the files of a folder"
        )


def another_tiff_follows(path: Path) -> bool:
    """Whether another TIFF file begins behind the last page's pixels: no page of the first one leads there."""
    try:
        with quiet(), Image.open(path) as picture:
            picture.seek(getattr(picture, "n_frames", 1) - 1)
            tags = getattr(picture, "tag_v2", {})
            end = max(
                map(sum, zip(_numbers(tags, STRIPS, TILES), _numbers(tags, STRIP_BYTES, TILE_BYTES), strict=True))
            )
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return any(tiff_begins(file, at) for mark in TIFF_MARKS for at in _places(content, mark, end))
    except Exception:  # noqa: BLE001 - pages that Pillow cannot read say nothing of what follows them
        return False


def _begins(content: bytes, kind: str, size: tuple[int, int]) -> bool:
    """Whether a picture of this kind and size begins here."""
    file: BinaryIO = io.BytesIO(content)
    with suppress(Exception), quiet(), Image.open(file, formats=[kind]) as picture:
        return picture.size == size
    return False


def _numbers(tags: Mapping[int, Any], *keys: int) -> tuple[int, ...]:
    return next(tuple(tags[key]) for key in keys if key in tags)


def _places(content: mmap.mmap, mark: bytes, start: int) -> Iterator[int]:
    while (start := content.find(mark, start)) >= 0:
        yield start
        start += 1
