"""Single stored pictures, read as viewers show them: upright, whatever their format and depth."""

import warnings
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

Page = tuple[Path, int]
"""An image file and the page inside it."""
ORIENTATION = 0x0112
SIDEWAYS = (5, 6, 7, 8)
NOT_FRAMES = frozenset("ICO CUR ICNS PDF EPS PSD WMF MPEG IPTC GRIB BUFR HDF5 DCX FLI FTEX GBR PCD".split())
"""Formats that Pillow knows and nobody stores frames in: icons, documents, stubs."""
PAGED = frozenset("TIFF GIF WEBP PNG AVIF".split())
"""Formats of which all pages are frames."""


@cache
def endings() -> frozenset[str]:
    """The endings, with dot and in small letters, of the pictures that can be read."""
    Image.init()
    known = Image.registered_extensions()
    return frozenset(end for end, kind in known.items() if kind in Image.OPEN and kind not in NOT_FRAMES)


class Reader:
    """Reads pages; the file read last stays open, so that a stack is not searched from its start for each page."""

    def __init__(self) -> None:
        self._open: dict[Path, Image.Image] = {}
        weakref.finalize(self, _close, self._open)

    def stored(self, page: Page) -> np.ndarray | None:
        """[H, W] or [H, W, 3] as stored, uint8 or wider; None if it cannot be read to its end."""
        path, number = page
        with quiet():
            try:
                picture = self._opened(path)
                picture.seek(number)
                return _upright(picture)
            except UnidentifiedImageError:
                return _by_opencv(path, number)  # e.g. TIFF with 3 x 16 bits
            except Exception:  # noqa: BLE001 - Pillow's parsers raise whatever damage makes them stumble over
                _close(self._open)
                return None

    def _opened(self, path: Path) -> Image.Image:
        if path not in self._open:
            _close(self._open)
            self._open[path] = Image.open(path)
        return self._open[path]


def _close(opened: dict[Path, Image.Image]) -> None:
    for picture in opened.values():
        picture.close()
    opened.clear()


def header_size(path: Path) -> tuple[int, int] | None:
    """(height, width) as shown, from the head of the file; None if it cannot be read."""
    with quiet():
        try:
            with Image.open(path) as picture:
                # Pillow turns TIFF pictures itself.
                turned = picture.format != "TIFF" and picture.getexif().get(ORIENTATION) in SIDEWAYS
                return (picture.width, picture.height) if turned else (picture.height, picture.width)
        except UnidentifiedImageError:
            stored = _by_opencv(path, 0)
            return None if stored is None else (stored.shape[0], stored.shape[1])
        except Exception:  # noqa: BLE001 - as above
            return None


def page_count(path: Path) -> int:
    """Number of pages that are frames, as far as they can be found; 1 also for what cannot be read."""
    with quiet():
        try:
            with Image.open(path) as picture:
                return _pages(picture) if picture.format in PAGED else 1
        except Exception:  # noqa: BLE001 - as above
            return 1


def _pages(picture: Image.Image) -> int:
    try:
        return int(getattr(picture, "n_frames", 1))
    except Exception:  # noqa: BLE001 - a chain of pages that is cut: those before the cut are there
        number, size = 1, picture.size
        try:
            while True:
                picture.seek(number)
                if picture.size != size:
                    return number
                number += 1
        except Exception:  # noqa: BLE001 - as above
            return number


def _upright(picture: Any) -> np.ndarray:
    if picture.mode.startswith(("I", "F")):
        picture.load()
        return np.asarray(ImageOps.exif_transpose(picture))
    return np.asarray(ImageOps.exif_transpose(picture.convert("RGB")))


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
