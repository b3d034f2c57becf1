"""Files appear whole or not at all: written under a temporary name in the same folder, then moved into place."""

import os
from collections.abc import Callable
from pathlib import Path


def put_in_place(path: Path, write: Callable[[Path], object]) -> Path:
    """Let ``write`` fill a temporary file beside ``path``, push it to the disk, then move it onto ``path``.

    A kill at any moment leaves the old file or the new one; the temporary file is removed if ``write`` raises.
    """
    staging = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        write(staging)
        with staging.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(staging, path)
    finally:
        staging.unlink(missing_ok=True)
    return path


def put_text(path: Path, text: str) -> Path:
    """`put_in_place` for a text."""
    return put_in_place(path, lambda staging: staging.write_text(text, encoding="utf-8"))
