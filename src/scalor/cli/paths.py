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


def writable(folder: str) -> str:
    """``folder`` as it came, created where it was missing.

    Raises:
        UserError: it cannot be created or written to.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise UserError(f"cannot write to {folder} ({error.strerror}); choose another folder with -o") from error
    return folder
