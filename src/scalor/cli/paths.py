"""Checks of paths that are done before any work, so that a slip costs a second and not an hour."""

import errno
import re
import tempfile
from pathlib import Path

from scalor.errors import UserError


def existing(path: str, *, what: str, once: bool = False) -> str:
    """``path`` as it came; ``once``: it is read only once, so what a shell gives as /dev/fd/63 will do.

    Raises:
        UserError: nothing is there, or a stream, a pipe or a device.
    """
    from scalor.data.places import kind_of_stream, refuse_stream

    if what == "video":
        refuse_stream(path)
    elif (kind := kind_of_stream(path)) and not (once and path.startswith(("/dev/fd/", "/dev/stdin", "/proc/"))):
        raise UserError(f"{what} {path} is {kind}; a file or folder that stays is wanted; save it first, give its path")
    try:
        there = Path(path).exists()
    except (OSError, ValueError) as error:
        raise UserError(f"{what} {path!r} is no path ({error}); check it") from error
    if not there and what == "video" and re.search(r"%0?\d*d|[*?]", Path(path).name) and Path(path).parent.is_dir():
        raise UserError(f"video {path} is a pattern; the folder of the pictures is wanted; give {Path(path).parent}")
    if not there:
        raise UserError(f"{what} {path} does not exist; check the path")
    return path


def writable(folder: str) -> str:
    """``folder`` as it came; it is not created, so that nothing is left where the work is refused.

    Raises:
        UserError: it cannot be created or written to.
    """
    if not folder:
        raise UserError("the path after -o is empty; a folder is wanted; name it")
    place = Path(folder)
    try:
        there = next(path for path in (place, *place.absolute().parents) if path.exists())
        if not there.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, f"{there} is a file")
        tempfile.TemporaryFile(dir=there).close()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"cannot write to {folder} ({reason}); choose another folder with -o") from error
    return folder
