"""What a TIFF file says of its pages, and which of them are the frames of a film; some have one head for all."""

import re
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from scalor.data.joined_pictures import another_tiff_follows
from scalor.data.pictures import frame_pages, header_size, quiet
from scalor.data.tiff_pages import directories
from scalor.errors import UserError

METAMORPH, ZEISS = 33629, 34412
DESCRIPTION, COMPRESSION, STRIPS, BITS, SAMPLES, FORMAT = 270, 259, 273, 258, 277, 339
UNITS = {"ns": 1e-9, "us": 1e-6, "\u00b5s": 1e-6, "\u03bcs": 1e-6, "ms": 1e-3, "msec": 1e-3, "s": 1.0, "sec": 1.0} | {
    "second": 1.0,
    "min": 60.0,
    "minute": 60.0,
    "h": 3600.0,
    "hr": 3600.0,
    "hour": 3600.0,
    "d": 86400.0,
    "day": 86400.0,
}
"""Seconds in what ImageJ and OME call times in."""


@dataclass(frozen=True)
class Head:
    """What the first page of a TIFF file says."""

    tags: Mapping[int, Any]
    order: str
    size: tuple[int, int]

    @property
    def words(self) -> str:
        """The description, in which ImageJ and OME say what the pages are."""
        return str(self.tags.get(DESCRIPTION, ""))

    def number(self, key: str) -> int:
        """``key=NUMBER`` of ImageJ's description, 1 where nothing is said."""
        match = re.search(rf"^{key}=(\d+)\s*$", self.words, re.MULTILINE) if self.words.startswith("ImageJ") else None
        return int(match[1]) if match else 1

    @property
    def plain_bytes(self) -> int | None:
        """Bytes of a page's pixels, None where they are compressed."""
        bits = self.tags.get(BITS, 1)
        deep = bits[0] if isinstance(bits, tuple) else bits
        pixels = self.size[0] * self.size[1] * int(self.tags.get(SAMPLES, 1))
        return pixels * int(deep) // 8 if self.tags.get(COMPRESSION, 1) == 1 else None

    def images(self) -> int:
        """How many pages the head speaks of: MetaMorph's has a row for each."""
        rows = self.tags.get(METAMORPH, ())
        planes = len(rows) if isinstance(rows, tuple) else 1
        return planes if planes > 1 else self.number("images")

    def axis(self, name: str) -> int:
        """Length of the axis C, Z or T as ImageJ or OME give it, 1 where nothing is said."""
        match = re.search(rf'\bSize{name}="(\d+)"', self.words)
        stated = int(match[1]) if match else self.number({"C": "channels", "Z": "slices", "T": "frames"}[name])
        # The colours of one picture are no pages.
        return 1 if name == "C" and stated == self.tags.get(SAMPLES, 1) else stated

    def series(self) -> list[int]:
        """How many pages each of OME's series has."""
        found = []
        for said in re.findall(r"<(?:\w+:)?Pixels\b[^>]*>", self.words):
            sizes = {axis: int(length) for axis, length in re.findall(r'\bSize([CZT])="(\d+)"', said)}
            sizes["C"] = 1 if sizes.get("C") == self.tags.get(SAMPLES, 1) else sizes.get("C", 1)
            found.append(prod(sizes.values()))
        return found

    def grid(self, pages: int) -> tuple[int, ...]:
        """Lengths of the axes along which ``pages`` lie, as tifffile (also through scikit-image) and Zeiss say them."""
        zeiss = bytes(self.tags.get(ZEISS, b""))[16:28]
        if len(zeiss) == 12:
            slices, _, times = struct.unpack("<3i", zeiss)  # channels are colours of one picture
            return (times, slices)
        said = re.match(r'\{"shape": \[([0-9, ]+)\]', self.words)
        shape = [int(length) for length in said[1].split(",")] if said else []
        return next((tuple(shape[:axes]) for axes in range(1, len(shape)) if prod(shape[:axes]) == pages), ())

    def fps(self) -> float | None:
        """Frames per second: of the interval between frames, else that at which ImageJ plays them; None: not said."""
        words = re.search(r"^tunit=(.+?)\s*$", self.words, re.MULTILINE)
        words = words or re.search(r'\bTimeIncrementUnit="([^"]+)"', self.words)
        interval = self._decimal(r"^finterval=(\S+)\s*$") or self._decimal(r'\bTimeIncrement="([^"]+)"')
        seconds = interval * _seconds(words[1] if words else "s")
        rate = 1 / seconds if seconds else self._decimal(r"^fps=(\S+)\s*$")
        return rate if 1e-6 < rate < 1e6 else None

    def times(self, pages: int) -> list[float] | None:
        """Seconds of ``pages`` times since the first one, where OME says them of each plane of the first channel."""
        found = dict[int, float]()
        for plane in re.findall(r"<(?:\w+:)?Plane\b[^>]*>", self.words):
            said = dict(re.findall(r'\b(The[CZT]|DeltaT|DeltaTUnit)="([^"]*)"', plane))
            with suppress(KeyError, ValueError):
                if int(said["TheC"]) == int(said["TheZ"]) == 0:
                    found[int(said["TheT"])] = float(said["DeltaT"]) * _seconds(said.get("DeltaTUnit", "s"))
        times = np.array([found.get(number, np.nan) for number in range(pages)])
        rising = len(times) > 1 and bool((np.diff(times) > 0).all()) and bool(np.isfinite(times).all())
        return (times - times[0]).tolist() if rising else None

    def _decimal(self, pattern: str) -> float:
        """The number that the description gives there, 0 where it gives none."""
        match = re.search(pattern, self.words, re.MULTILINE)
        with suppress(ValueError):
            return float(match[1]) if match else 0.0
        return 0.0


def _seconds(unit: str) -> float:
    """Seconds in a unit of time, 1 where it is not known."""
    unit = unit.lower()
    return UNITS.get(unit, UNITS.get(unit.removesuffix("s"), 1.0))


@dataclass(frozen=True)
class StackPages:
    """The pages of a file that are frames.

    numbers    what ``read`` takes
    read       the picture as stored, None if it cannot be read; None: `Reader` reads it by its number
    announced  how many there should be, None: as many as there are
    cut        the file breaks off
    loose      each may be a slice or a channel as well as a time, as far as the file says
    """

    numbers: list[int]
    read: Callable[[int], np.ndarray | None] | None = None
    announced: int | None = None
    cut: bool = False
    loose: bool = False


def claims_pages(path: Path) -> bool:
    """Whether a TIFF file has several pages, or says so, as far as its head can be read."""
    head = _pillow_head(path)
    if head is not None and head.images() > 1 and head.plain_bytes is not None:
        # Words that were copied along with a page of a stack are about other files.
        return path.stat().st_size >= 2 * head.plain_bytes
    return len(frame_pages(path)) > 1 and head_of(path) is not None


def stack_pages(path: Path, *, alone: bool = True) -> StackPages:
    """The pages of a TIFF file that are frames. Raises UserError where they cannot be read, or are no film.

    What is said by one that is not ``alone`` may be of all files together.
    """
    head = head_of(path)
    if head is None:
        raise unreadable_stack(path)
    # One axis is taken for time whatever it is called: tifffile calls it channels where nothing else was said.
    axes = [head.axis(name) for name in "CZT"]
    if sum(length > 1 for length in axes) > 1 and (alone or prod(axes) <= len(frame_pages(path))):
        raise UserError(
            f"{path} has {head.axis('T')} times of {head.axis('Z')} slices in {head.axis('C')} channels; one picture "
            "per time is wanted; save one channel, and one slice or a projection, as a stack"
        )
    pages = frame_pages(path)
    series = head.series()
    # A set of files, one a series, describes them all in each; series of one page are the frames of a film.
    if len(series) > 1 and 1 < max(series) < len(pages):
        raise UserError(
            f"{path} holds {len(series)} series, which are films of their own; one is wanted; save each as a stack"
        )
    grid = head.grid(len(pages))
    if sum(length > 1 for length in grid) > 1:
        raise UserError(
            f"{path} has {' x '.join(map(str, grid))} pages, along more axes than time; one picture per time is "
            "wanted; save one channel, and one slice or a projection, as a stack"
        )
    if another_tiff_follows(path):
        raise UserError(
            f"{path} is two TIFF files, one joined to the other, and viewers show the first only; one stack is wanted; "
            "save the pages of both as one"
        )
    images = head.images()
    if images > len(pages) == 1:
        found = _one_headed(path, head, images)
        if found is None:
            raise unreadable_stack(path)
        return found
    cut = images > len(pages) or _chain_is_cut(path)
    return StackPages(pages, cut=cut, loose=max(head.axis("C"), head.axis("Z")) > 1)


def unreadable_stack(path: Path) -> UserError:
    """FFmpeg would read the first page of some of these, and say nothing of the others."""
    return UserError(
        f"{path} has pages that cannot be read (their compression or kind of numbers is not known here, or the file is "
        "damaged); 8 or 16 bits, or 32-bit floats, are wanted; save the stack anew"
    )


def head_of(path: Path) -> Head | None:
    """What the first page says; None where nothing here reads it."""
    found = _pillow_head(path)
    return found if found is not None or header_size(path) is None else _plain_head(path)


def _pillow_head(path: Path) -> Head | None:
    with quiet():
        try:
            with Image.open(path) as picture:
                stored = getattr(picture, "tag_v2", None)
                tags = dict(stored or {})
                order = ">" if getattr(stored, "prefix", b"II") == b"MM" else "<"
                return Head(tags, order, (picture.height, picture.width))
        except Exception:  # noqa: BLE001 - damage, or more bits than Pillow takes: OpenCV may read the pages
            return None


def _plain_head(path: Path) -> Head:
    """What the first page says, by our own reader."""
    with suppress(OSError, struct.error):
        said = directories(path)
        words = said.pages[0].get(DESCRIPTION) if said.pages else ""
        return Head({DESCRIPTION: words or "", SAMPLES: said.number(0, SAMPLES, 1)}, said.order, (0, 0))
    return Head({}, "<", (0, 0))


def _one_headed(path: Path, head: Head, images: int) -> StackPages | None:
    """ImageJ writes stacks above 4 GB, and virtual ones, with one head: the pictures follow the first one raw."""
    bits, samples = head.tags.get(BITS, (8,)), head.tags.get(SAMPLES, 1)
    kind = {1: "u", 2: "i", 3: "f"}.get(head.tags.get(FORMAT, (1,))[0])
    if head.tags.get(COMPRESSION, 1) != 1 or kind is None or samples not in (1, 3) or bits[0] not in (8, 16, 32):
        return None
    height, width = head.size
    shape = (height, width) if samples == 1 else (height, width, samples)
    dtype = np.dtype(f"{head.order}{kind}{bits[0] // 8}")
    first, length = int(head.tags[STRIPS][0]), int(np.prod(shape)) * dtype.itemsize

    def stored(page: int) -> np.ndarray | None:
        with path.open("rb") as file:
            file.seek(first + page * length)
            raw = file.read(length)
        return np.frombuffer(raw, dtype).reshape(shape) if len(raw) == length else None

    there = min(images, max(0, path.stat().st_size - first) // length)
    return StackPages(list(range(there)), stored, announced=images, cut=there < images) if there else None


def _chain_is_cut(path: Path) -> bool:
    """Whether the list of pages leads out of the file."""
    try:
        return directories(path).cut
    except (OSError, struct.error):
        return True
