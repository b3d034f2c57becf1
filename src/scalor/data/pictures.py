"""Single stored pictures, read as viewers show them: upright, whatever their format and depth."""

import re
import struct
import warnings
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from scalor.data.tiff_pages import COMPRESSION, Directories, directories, raw_page
from scalor.errors import UserError

Page = tuple[Path, int]
"""An image file and the page inside it."""
ORIENTATION, SUBFILE, BITS, FORMAT, PHOTOMETRIC = 274, 254, 258, 339, 262
"""TIFF's and Exif's names of tags."""
SIDEWAYS = (5, 6, 7, 8)
NOT_FRAMES = frozenset(
    ["ICO", "CUR", "ICNS", "PDF", "EPS", "PSD", "WMF", "MPEG", "IPTC", "GRIB", "BUFR", "HDF5", "DCX", "FLI", "FTEX"]
)
"""Formats that Pillow knows and nobody stores frames in: icons, documents, stubs."""
PAGED = frozenset(["TIFF", "GIF", "WEBP", "PNG", "AVIF"])
"""Formats of which all pages are frames."""
KNOWN_COMPRESSIONS = frozenset([1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946])
"""Those of TIFF that OpenCV reads everywhere: none, fax, LZW, JPEG, deflate and PackBits."""
JPEG2000_BEGINS, JPEG2000_HEAD = b"\xff\x4f\xff\x51", 1 << 16
"""The mark behind which the sizes stand, and bytes in which it comes."""


@cache
def endings() -> frozenset[str]:
    """The endings, with dot and in small letters, of the pictures that can be read."""
    Image.init()
    known = Image.registered_extensions()
    read = {*Image.OPEN, "MPO"} - NOT_FRAMES  # MPO is opened as JPEG
    return frozenset(end for end, kind in known.items() if kind in read)


class Reader:
    """Reads pages; the file read last stays open, so that a stack is not searched from its start for each page."""

    def __init__(self) -> None:
        self._open: dict[Path, Image.Image] = {}
        self._said: dict[Path, Directories] = {}
        weakref.finalize(self, _close, self._open)

    def stored(self, page: Page) -> np.ndarray | None:
        """[H, W] or [H, W, 3] as stored, uint8 or wider; None if it cannot be read to its end."""
        path, number = page
        with quiet():
            try:
                picture = self._opened(path)
                if picture.format == "PNG" and number < picture.tell():
                    _close(self._open)  # Pillow does not find its way back in moving PNG
                    picture = self._opened(path)
                picture.seek(number)
                if not _has_deep_colours(picture):
                    return _upright(picture)
                if is_tiff(path):
                    return self._unknown(path, number)
                deep = _deep(path, number)
                turned = None if deep is None else _turned(deep, picture.getexif().get(ORIENTATION, 1))
                _close(self._open)  # once it is loaded, which PNG does for its orientation, it says no depth
                return turned
            except UnidentifiedImageError:
                return self._unknown(path, number) if is_tiff(path) else None  # e.g. TIFF with 3 x 16 bits
            except Exception:  # noqa: BLE001 - Pillow's parsers raise whatever damage makes them stumble over
                _close(self._open)
                return None

    def _unknown(self, path: Path, number: int) -> np.ndarray | None:
        """A page of a TIFF file that Pillow does not read as it is stored."""
        if path not in self._said:
            self._said = {path: _directories(path)}
        said = self._said[path]
        raw = raw_page(path, said, number)
        if raw is not None:
            return _turned(raw, said.orientation(number))
        # OpenCV turns pictures itself; planes of colour one after the other it takes for something else.
        read = None if said.is_planar(number) else _deep(path, number)
        return None if read is None or _lacks(read, said, number) else read

    def _opened(self, path: Path) -> Image.Image:
        if path not in self._open:
            _close(self._open)
            self._open[path] = Image.open(path)
            if self._open[path].format == "TIFF":
                # Pillow maps pixels under this name into memory, in rows of the upright picture's length.
                self._open[path].filename = ""  # type: ignore[attr-defined]
        return self._open[path]


def _close(opened: dict[Path, Image.Image]) -> None:
    for picture in opened.values():
        picture.close()
    opened.clear()


def header_size(path: Path) -> tuple[int, int] | None:
    """(height, width) as shown, from the head of the file; None if it cannot be read."""
    head = header_of(path)
    return None if head is None else head[0]


def header_of(path: Path) -> tuple[tuple[int, int], bool] | None:
    """(height, width) as shown and whether there are more than 8 bits; None if it cannot be read."""
    with quiet():
        try:
            with Image.open(path) as picture:
                if picture.format == "TIFF":
                    _first_frame(picture)
                # Before the orientation is asked for, which loads a PNG.
                deep = picture.mode.startswith(("I", "F")) or _has_deep_colours(picture)
                # Pillow turns TIFF pictures itself.
                turned = picture.format != "TIFF" and picture.getexif().get(ORIENTATION) in SIDEWAYS
                size = (picture.width, picture.height) if turned else (picture.height, picture.width)
                return size, deep
        except UnidentifiedImageError:
            stored = Reader()._unknown(path, 0) if is_tiff(path) else None
            return None if stored is None else (stored.shape[:2], stored.dtype != np.uint8)
        except Exception:  # noqa: BLE001 - as above
            return None


def frame_pages(path: Path) -> list[int]:
    """Numbers of the pages that are frames, as far as they can be found; [0] also for what cannot be read.

    Smaller copies of a picture, as pyramids have them, are no frames. Raises UserError for pages of differing sizes.
    """
    with quiet():
        try:
            with Image.open(path) as picture:
                return _frames_in(picture, path) if picture.format in PAGED else [0]
        except UnidentifiedImageError:
            return list(range(max(1, len(_directories(path).pages)))) if is_tiff(path) else [0]
        except UserError:
            raise
        except Exception:  # noqa: BLE001 - as above
            return [0]


def _frames_in(picture: Image.Image, path: Path) -> list[int]:
    if picture.format != "TIFF":
        # A PNG may have a picture of its own for viewers that show no moving ones.
        beside = int(bool(getattr(picture, "default_image", False)))
        return list(range(int(getattr(picture, "n_frames", 1))))[beside:] or [0]
    first = _first_frame(picture)
    size, found, number = picture.size, [first], first + 1
    while True:
        try:
            picture.seek(number)
        except Exception:  # noqa: BLE001 - the end, or a chain of pages that is cut: those before are there
            return found
        if not _tag(picture, SUBFILE) & 1:
            if picture.size != size:
                raise UserError(
                    f"page {number + 1} of {path.name} is {picture.width}x{picture.height} px after pages of "
                    f"{size[0]}x{size[1]} px; frames of one size are wanted; sort the pages into files"
                )
            found.append(number)
        number += 1


def _first_frame(picture: Any) -> int:
    """Where a TIFF has its first page that is no smaller copy of another; the picture is left there. 0: all are."""
    number = 0
    while _tag(picture, SUBFILE) & 1:
        number += 1
        try:
            picture.seek(number)
        except Exception:  # noqa: BLE001 - as above
            picture.seek(0)
            return 0
    return number


def _tag(picture: Any, number: int) -> int:
    stored = picture.tag_v2.get(number, 0)
    return int(stored) if isinstance(stored, int) else 0


def _upright(picture: Any) -> np.ndarray:
    if picture.mode.startswith(("I", "F")) or _has_signed_bytes(picture):
        tags = getattr(picture, "tag_v2", None) or {}
        picture.tile = [_in_own_order(tile) for tile in picture.tile]
        picture.load()
        stored = np.asarray(ImageOps.exif_transpose(picture))
        stored = stored.view(np.int8) if stored.dtype == np.uint8 else stored
        if stored.dtype == np.int32 and tuple(tags.get(BITS, ())) == (32,) and tuple(tags.get(FORMAT, (1,))) == (1,):
            stored = stored.view(np.uint32)  # Pillow has no such mode
        if tags.get(PHOTOMETRIC) != 0:
            return stored
        # White is 0, which Pillow minds in bytes only.
        return ~stored if stored.dtype.kind == "u" else -stored
    return np.asarray(ImageOps.exif_transpose(picture.convert("RGB")))


def _in_own_order(tile: Any) -> Any:
    """What Pillow is to decode. libtiff puts the bytes of numbers in this machine's order; Pillow would swap them."""
    order = re.fullmatch("([IF];[0-9]+)B(.*)", str(tile.args[0])) if tile.codec_name == "libtiff" else None
    return tile._replace(args=(f"{order[1]}N{order[2]}", *tile.args[1:])) if order else tile


def _has_signed_bytes(picture: Any) -> bool:
    """Whether a grey TIFF picture counts from -128, which Pillow takes for bytes from 0."""
    tags = getattr(picture, "tag_v2", None) or {}
    return picture.mode == "L" and tuple(tags.get(BITS, ())) == (8,) and tuple(tags.get(FORMAT, ())) == (2,)


def _has_deep_colours(picture: Any) -> bool:
    """Whether colours have 16 bits, of which Pillow would keep the upper 8."""
    stated = (getattr(picture, "tag_v2", None) or {}).get(BITS, ())
    deep = ";16" in str(picture.tile) or (isinstance(stated, tuple) and max(stated, default=8) > 8)
    deep |= picture.format == "JPEG2000" and picture.mode in ("RGB", "RGBA") and _jpeg2000_bits(picture) > 8
    deep |= picture.format == "PPM" and any("ppm" in tile.codec_name and tile.args[-1] > 255 for tile in picture.tile)
    return deep and picture.mode not in ("1", "L", "P") and not picture.mode.startswith(("I", "F"))


def _jpeg2000_bits(picture: Any) -> int:
    """Bits of the first colour, of which Pillow keeps 8."""
    with open(picture.filename, "rb") as file:
        head = file.read(JPEG2000_HEAD)
    place = head.find(JPEG2000_BEGINS) + len(JPEG2000_BEGINS)
    return (head[place + 38] & 0x7F) + 1 if len(JPEG2000_BEGINS) <= place < len(head) - 38 else 8


def _lacks(read: np.ndarray, said: Directories, page: int) -> bool:
    """Whether OpenCV left out the lower bits, or gave black for a compression that it does not know."""
    bits = said.number(page, BITS, 1)
    unknown = said.number(page, COMPRESSION, 1) not in KNOWN_COMPRESSIONS
    return (read.dtype == np.uint8 and bits > 8) or (unknown and not read.any())


def _deep(path: Path, page: int) -> np.ndarray | None:
    """16 bits of colour by OpenCV. Raises for damage, at which OpenCV may never come to an end."""
    with suppress(UnidentifiedImageError), Image.open(path) as picture:
        picture.seek(page)
        picture.load()
    return _by_opencv(path, page)


def is_tiff(path: Path) -> bool:
    """Whether a file begins as TIFF does: of what Pillow does not know, OpenCV is trusted with nothing else."""
    try:
        with path.open("rb") as file:
            return file.read(4) in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
    except OSError:
        return False


def is_webp(path: Path) -> bool:
    """Whether a file begins as WebP does, whatever it is called."""
    try:
        with path.open("rb") as file:
            head = file.read(12)
    except OSError:
        return False
    return head[:4] == b"RIFF" and head[8:] == b"WEBP"


def _directories(path: Path) -> Directories:
    try:
        return directories(path)
    except (OSError, struct.error):
        return Directories((), cut=True)


def _turned(image: np.ndarray, orientation: int) -> np.ndarray:
    """An image as the tag of its file says that viewers show it."""
    if orientation in (5, 6, 7, 8):
        image = image.swapaxes(0, 1)
    flips = (orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7))
    return np.ascontiguousarray(image[:: -1 if flips[0] else 1, :: -1 if flips[1] else 1])


def _by_opencv(path: Path, page: int) -> np.ndarray | None:
    import cv2

    logging = cv2.utils.logging
    level = logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        done, pictures = cv2.imreadmulti(str(path), page, 1, flags=cv2.IMREAD_UNCHANGED)
    except (cv2.error, OSError):
        return None
    finally:
        logging.setLogLevel(level)
    if not done or not pictures or pictures[0] is None:
        return None
    picture = pictures[0]
    return picture if picture.ndim == 2 else np.ascontiguousarray(picture[:, :, 2::-1])


@contextmanager
def quiet() -> Iterator[None]:
    """What Pillow finds odd in a file is no news for users, as long as it reads it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
