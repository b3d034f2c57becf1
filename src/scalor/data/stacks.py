"""Many frames in one picture file: TIFF stacks, ImageJ's stacks with a single head, and moving WebP and AVIF."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

from scalor.data.images import DEFAULT_FPS, Album, ImageFrames
from scalor.data.pictures import Reader, frame_pages, header_size, quiet
from scalor.data.stack_pages import head_of, stack_pages, unreadable_stack

TRIED = 16
"""Pages of which one should be readable."""


def open_stack(path: Path) -> ImageFrames:
    """The pages of a TIFF file. Raises UserError where they cannot be read, or are no film."""
    found, head, reader, size = stack_pages(path), head_of(path), Reader(), header_size(path)
    read = found.read or (lambda page: reader.stored((path, page)))
    # Where the first page is of a kind that nothing here reads, or damaged, another one may tell.
    if size is None or head is None or all(read(page) is None for page in found.numbers[:TRIED]):
        raise unreadable_stack(path)
    times = head.times(len(found.numbers))
    usual = 1 / float(np.median(np.diff(times))) if times else DEFAULT_FPS
    album = Album(
        path.stem,
        found.numbers,
        read,
        size=size,
        fps=head.fps() or usual,
        announced=found.announced,
        times=times,
        cut=found.cut,
    )
    return ImageFrames(album)


def open_animation(path: Path) -> ImageFrames | None:
    """A picture that moves, as Pillow reads it; None if it does not move."""
    pages, size = len(frame_pages(path)), header_size(path)
    if pages < 2 or size is None:
        return None
    lengths = []
    with quiet(), Image.open(path) as picture:
        for page in range(pages):
            try:
                picture.seek(page)
                picture.load()
                lengths.append(float(picture.info.get("duration") or 0) / 1000)
            except Exception:  # noqa: BLE001 - a page that cannot be read is reported when it is its turn
                lengths.append(0.0)
    whole = sum(lengths)
    fps = pages / whole if whole > 0 else DEFAULT_FPS
    times = np.cumsum([0.0, *lengths[:-1]]).tolist() if whole > 0 else None
    tokens = [(path, page) for page in range(pages)]
    return ImageFrames(Album(path.stem, tokens, Reader().stored, size=size, fps=fps, times=times))


def unparted_gif(path: Path, shown: Callable[[], int]) -> ImageFrames | None:
    """A GIF of which FFmpeg reads fewer frames (``shown`` counts them) than there are, None for all else: it takes
    those without a time for parts of the one before."""
    with suppress(OSError), path.open("rb") as file:
        if file.read(4) == b"GIF8" and len(frame_pages(path)) > shown():
            return open_animation(path)
    return None
