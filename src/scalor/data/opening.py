"""Opening what FFmpeg reads, alike with each PyAV."""

from typing import Any

import av
from av.container import Container


def open_media(file: Any, *, options: dict[str, str] | None = None, timeout: float | None = None) -> Any:
    """A container open for reading, whatever encoding its tags are in; ``timeout`` in seconds.

    Raises av.error.FFmpegError, OSError or ValueError for what is none.
    """
    return av.open(file, options=options or {}, timeout=timeout, **lenient(Container))


def lenient(container: type) -> dict[str, Any]:
    """What makes av.open take tags that are not UTF-8: PyAV below 19 has to be told, later ones know no such word."""
    return {"metadata_errors": "replace"} if hasattr(container, "metadata_errors") else {}
