"""Checks of paths that are done before any work, so that a slip costs a second and not an hour."""

import tempfile
from pathlib import Path

from scalor.errors import UserError


def existing(path: str, *, what: str) -> str:
    """``path`` as it came.

    Raises:
        UserError: nothing is there.
    """
    if not Path(path).exists():
        raise UserError(f"{what} {path} does not exist; check the path")
    return path


def writable(folder: str, *, create: bool = True) -> str:
    """``folder`` as it came, created where it was missing, unless ``create`` is False.

    Raises:
        UserError: it cannot be created or written to.
    """
    place = Path(folder)
    try:
        if create:
            place.mkdir(parents=True, exist_ok=True)
        there = next(path for path in (place, *place.absolute().parents) if path.exists())
        tempfile.TemporaryFile(dir=there).close()
    except OSError as error:
        raise UserError(f"cannot write to {folder} ({error.strerror}); choose another folder with -o") from error
    return folder
