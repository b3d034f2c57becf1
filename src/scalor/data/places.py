"""What a path is before it is opened: streams and devices are told from files, contents from names."""

import re
import stat
from pathlib import Path
from urllib.parse import unquote

from scalor.errors import UserError

STREAM = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
CAMERA = re.compile(r"cam:\d+|/dev/video\d+")
OTHERS = (
    (b"%PDF", "a PDF document; a video, a TIFF stack or a folder of images is wanted; save its pages as images"),
    (b"PK\3\4", "an archive; a video, a TIFF stack or a folder of images is wanted; unpack it"),
    (b"\x1f\x8b", "an archive; a video, a TIFF stack or a folder of images is wanted; unpack it"),
    (b"7z\xbc\xaf", "an archive; a video, a TIFF stack or a folder of images is wanted; unpack it"),
    (b"Rar!", "an archive; a video, a TIFF stack or a folder of images is wanted; unpack it"),
    (b"\x93NUMPY", "an array; a video, a TIFF stack or a folder of images is wanted; save it with tifffile.imwrite"),
    (b"\x89HDF", "an HDF5 file; a video, a TIFF stack or a folder of images is wanted; save its frames as one of them"),
)
"""Files that hold no film for FFmpeg, which finds pictures in some of them: how they begin, and what to do."""


def refuse_stream(text: str) -> None:
    """Raises UserError for no name, and for what has no end or can be read only once: URLs, cameras, pipes and the
    standard input."""
    if not text:
        raise UserError("the path is empty; a video file or a folder of images is wanted; name it")
    if text.lower().startswith("file://"):
        raise UserError(f"{text} is an address; the path of a file or folder is wanted; give {unquote(text[7:])}")
    kind = kind_of_stream(text)
    if kind is not None:
        raise UserError(
            f"{without_secrets(text)} is {kind}; a video file or a folder of images is wanted, which can be read "
            "twice; record it first (for example with ffmpeg -i ADDRESS -c copy -t 60 film.mkv), or follow it as it "
            "comes with scalor track --online"
        )


def refuse_other(place: Path) -> None:
    """Raises UserError for files that are known to be something else than films."""
    try:
        with place.open("rb") as file:
            head = file.read(8)
    except OSError:
        return
    for mark, words in OTHERS:
        if head.startswith(mark):
            raise UserError(f"{place} is {words}")


def without_secrets(address: str) -> str:
    """An address as it may be shown and stored: without the name and password of a camera."""
    return re.sub(r"(?<=://)[^/@]*@", "", address)


def kind_of_stream(text: str) -> str | None:
    """In words what a name stands for that can be read only once; None for files, folders and what is not there."""
    if STREAM.match(text) and not text.lower().startswith("file://"):
        return "a network stream"
    place = Path(text)
    if CAMERA.fullmatch(text) and not place.is_file():
        return "a camera"
    if text == "-" and not place.exists():
        return "the standard input"
    if text.isascii() and text.isdecimal() and not place.exists():
        return f"a number (a camera is called cam:{text})"
    try:
        mode = place.stat().st_mode
    except (OSError, ValueError):
        return None
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        return "a pipe"
    return "a device" if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) else None
