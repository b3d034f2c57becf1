"""Folders of image frames, MOTChallenge sequences and multi-page TIFF stacks as video sources."""

import configparser
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from scalor.data.source import Frame, VideoSource
from scalor.errors import UserError

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"})
DEFAULT_FPS = 10.0

Page = tuple[Path, int]
"""An image file and the page inside it."""


def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key under which ``f2`` comes before ``f10``; digits count as numbers, letters ignore case."""
    parts = re.findall(r"[0-9]+|[^0-9]+", text)
    return tuple(
        (0, int(part), part) if part.isascii() and part.isdigit() else (1, 0, part.casefold()) for part in parts
    )


class ImageFrames(VideoSource):
    """Image files (or the pages of one file) as frames; ``pages`` holds None where a file is missing.

    Pictures with more than 8 bits are divided by one constant for the whole source: the smallest of 8, 10, 12, 14 and
    16 bits that holds the brightest value of a few frames spread over it becomes 255, so nothing flickers.
    """

    seekable = True

    def __init__(self, name: str, pages: Sequence[Page | None], *, fps: float, announced: int | None = None) -> None:
        self._pages = list(pages)
        size = _common_size(name, self._pages)
        super().__init__(name, fps=fps, announced=announced or len(self._pages), source_size=size)
        self._white: float | None = None

    def read(self, indices: Sequence[int]) -> list[Frame]:
        """The frames of these numbers in this order; image None where there is none to be had."""
        return [self._frame(index, self._pages[index] if 0 <= index < len(self._pages) else None) for index in indices]

    def count(self) -> int:
        """Number of frames."""
        return len(self._pages)

    def _walk(self) -> Iterator[tuple[int, Page | None]]:
        yield from enumerate(self._pages)

    def _picture(self, token: Page) -> np.ndarray | None:
        stored = _stored(token)
        if stored is None:
            return None
        if stored.ndim == 2:
            stored = np.repeat(stored[:, :, None], 3, axis=2)
        if stored.dtype == np.uint8:
            return stored
        if self._white is None:
            self._white = self._find_white()
        scaled = stored.astype(np.float32) * (255.0 / self._white)
        return np.clip(np.nan_to_num(scaled) + 0.5, 0, 255).astype(np.uint8)

    def _find_white(self) -> float:
        known = [page for page in self._pages if page is not None]
        picks = [known[i] for i in np.unique(np.linspace(0, len(known) - 1, 8).round().astype(int))]
        pictures = [picture for picture in map(_stored, picks) if picture is not None]
        brightest = max((float(np.nanmax(picture)) for picture in pictures), default=0.0)
        if pictures and pictures[0].dtype.kind == "f" and brightest <= 1.0:
            return 1.0
        return next((2.0**bits - 1 for bits in (8, 10, 12, 14, 16) if brightest < 2**bits), max(brightest, 1.0))


def open_images(folder: Path) -> ImageFrames:
    """A folder of images in natural order, or a MOTChallenge sequence (``img1/`` and ``seqinfo.ini``).

    Raises:
        UserError: no images in it, images of differing sizes or too small, unreadable seqinfo.ini.
    """
    info = _sequence_info(folder)
    inside = folder / info.get("imdir", "img1")
    challenge = bool(info) or inside.is_dir()
    files = _image_files(inside if challenge else folder)
    if not files:
        raise UserError(
            f"{folder} holds no images; png, jpg, tif or bmp frames are wanted; give another folder or a file"
        )
    try:
        fps, announced = float(info.get("framerate", DEFAULT_FPS)), int(info.get("seqlength", 0)) or None
    except ValueError as error:
        raise UserError(f"{folder}/seqinfo.ini says {error}; numbers are wanted for frameRate and seqLength") from None
    pages: list[Page | None] = [(file, 0) for file in files]
    if challenge and all(re.fullmatch("[0-9]+", file.stem) for file in files):
        pages = _numbered(files)
    return ImageFrames(info.get("name", folder.resolve().name), pages, fps=fps, announced=announced)


def open_stack(path: Path) -> ImageFrames | None:
    """A TIFF file with several pages; None if the file is not one."""
    try:
        with Image.open(path) as picture:
            pages = getattr(picture, "n_frames", 1)
    except (OSError, ValueError, SyntaxError):
        return None
    return ImageFrames(path.stem, [(path, page) for page in range(pages)], fps=DEFAULT_FPS) if pages > 1 else None


def _sequence_info(folder: Path) -> dict[str, str]:
    file = folder / "seqinfo.ini"
    if not file.is_file():
        return {}
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(file.read_text(encoding="utf-8-sig"))
    except (configparser.Error, UnicodeDecodeError):
        raise UserError(f"{file} cannot be read; an ini file with a [Sequence] section is wanted; repair it") from None
    return dict(parser["Sequence"]) if parser.has_section("Sequence") else {}


def _image_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    files = [f for f in folder.iterdir() if f.suffix.lower() in ENDINGS and f.is_file() and not f.name.startswith(".")]
    return sorted(files, key=lambda file: (natural_key(file.name), file.name))


def _numbered(files: Sequence[Path]) -> list[Page | None]:
    """MOTChallenge names are 1-based frame numbers: a missing file leaves a hole, it does not shift the rest."""
    by_index = {int(file.stem) - 1: file for file in files}
    if min(by_index) < 0 or max(by_index) >= 10 * len(files):
        return [(file, 0) for file in files]
    return [(by_index[i], 0) if i in by_index else None for i in range(max(by_index) + 1)]


def _common_size(name: str, pages: Sequence[Page | None]) -> tuple[int, int]:
    """Height and width of all frames, from the file headers; unreadable files are left to be reported later."""
    first: tuple[Path, tuple[int, int]] | None = None
    for page in pages:
        if page is None:
            continue
        size = _header_size(page[0])
        if size is not None and first is not None and size != first[1]:
            raise UserError(
                f"{page[0].name} is {size[1]}x{size[0]} px but {first[0].name} is {first[1][1]}x{first[1][0]} px; "
                f"frames of one size are wanted; resize the images of {name} or sort them into folders"
            )
        if size is not None and first is None:
            first = (page[0], size)
        if page[1] > 0:
            break  # the pages of one file
    if first is None:
        raise UserError(f"none of the {len(pages)} images of {name} can be read; png, jpg, tif or bmp are wanted")
    return first[1]


def _header_size(path: Path) -> tuple[int, int] | None:
    try:
        with Image.open(path) as picture:
            return picture.height, picture.width
    except UnidentifiedImageError:
        stored = _stored_by_opencv(path)  # e.g. TIFF with 3 x 16 bits
        return None if stored is None else (stored.shape[0], stored.shape[1])
    except (OSError, ValueError, SyntaxError):
        return None


def _stored(page: Page) -> np.ndarray | None:
    """[H, W] or [H, W, 3] as stored, uint8 or wider; None if the file cannot be read to its end."""
    path, number = page
    try:
        with Image.open(path) as picture:
            picture.seek(number)
            if picture.mode.startswith(("I", "F")):
                return np.asarray(picture)
            return np.asarray(picture.convert("RGB"))
    except UnidentifiedImageError:
        return _stored_by_opencv(path)
    except (OSError, ValueError, SyntaxError, EOFError):
        return None


def _stored_by_opencv(path: Path) -> np.ndarray | None:
    import cv2

    try:
        picture = cv2.imdecode(np.fromfile(path, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    except (cv2.error, OSError):
        return None
    if picture is None or picture.ndim == 2:
        return picture
    return np.ascontiguousarray(picture[:, :, 2::-1])
