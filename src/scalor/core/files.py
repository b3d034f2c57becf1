"""Files appear whole or not at all: written under a temporary name in the same folder, then moved into place."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from scalor.errors import UserError


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
    """`put_in_place` for a text; what UTF-8 cannot say, such as some names of files, is written ``\\udcff``."""
    return put_in_place(path, lambda staging: staging.write_text(text, encoding="utf-8", errors="backslashreplace"))


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder to fill, moved to ``folder`` at the end; nothing is left behind if filling it fails.

    Raises UserError where ``folder`` exists already and is not empty, or cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} exists already; wanted a new or empty folder; choose another name or remove it")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as error:
        raise UserError(f"{folder} cannot be written ({error}); wanted a writable place; choose another") from error
    try:
        yield staging
        staging.chmod(0o755)
        os.replace(staging, folder)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
