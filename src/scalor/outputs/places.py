"""Where an export lands: whole or not at all, and never on top of somebody else's files."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from scalor.errors import UserError
from scalor.viz.export import atomic_folder


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """A folder to fill, which appears as ``out`` when the block ends well.

    Raises:
        UserError: ``out`` is there already and not empty, or cannot be written.
    """
    if out.is_dir() and any(out.iterdir()):
        raise UserError(f"{out} holds files already; a new or empty folder is wanted; choose another name")
    with atomic_folder(out) as staging:
        yield staging


def ending(out: Path, suffix: str, what: str) -> Path:
    """``out`` as it came. Raises UserError where its name does not end as ``what`` wants."""
    if out.suffix.lower() != suffix:
        raise UserError(f"{out} has another ending than {suffix}, which {what} wants; try -o {out.with_suffix(suffix)}")
    if out.is_dir():
        raise UserError(f"{out} is a folder; {what} is one file; choose another name")
    return out


def library(name: str, *, extra: str) -> ModuleType:
    """An optional library. Raises UserError, which says how to install it, where it is missing."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UserError(
            f"{name} is not installed; this format is written by it; pip install 'scalor[{extra}]'"
        ) from error
