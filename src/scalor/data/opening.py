"""Opening what FFmpeg reads, alike with each PyAV."""

from typing import Any

import av
from av.container import Container
from av.error import FFmpegError

SYNC = 0x47


def open_media(file: Any, *, options: dict[str, str] | None = None, timeout: float | None = None) -> Any:
    """A container open for reading, whatever encoding its tags are in; ``timeout`` in seconds.

    Raises av.error.FFmpegError, OSError or ValueError for what is none.
    """
    how: dict[str, Any] = {"options": options or {}, "timeout": timeout, **lenient(Container)}
    try:
        return av.open(file, **how)
    except FFmpegError:
        if not _is_transport(file):
            raise
        return av.open(file, format="mpegts", **how)  # a few frames are taken for something else


def _is_transport(file: Any) -> bool:
    """Whether a file is an MPEG transport stream: packets of 188 bytes, or 192 with a time before each."""
    try:
        with open(file, "rb") as opened:
            head = opened.read(4 * 192 + 5)
    except (OSError, TypeError, ValueError):
        return False
    starts = (head[0::188], head[4::192])
    return len(head) >= 3 * 188 and any(set(marks) == {SYNC} for marks in starts)


def lenient(container: type) -> dict[str, Any]:
    """What makes av.open take tags that are not UTF-8: PyAV below 19 has to be told, later ones know no such word."""
    return {"metadata_errors": "replace"} if hasattr(container, "metadata_errors") else {}
