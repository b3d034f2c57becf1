"""Where outputs land: whole or not at all, and never on top of somebody else's files."""

import importlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path
from types import ModuleType

from scalor.errors import UserError
from scalor.outputs.report_page import REPORT, is_page
from scalor.viz.export import SUMMARY, atomic_folder


@contextmanager
def opened_folder(out: str | PathLike[str], files: Sequence[str], *, command: str) -> Iterator[Path]:
    """A folder to fill; its files come to lie in ``out`` when the block ends well, the summary last.

    Args:
        out: a new or empty folder, or one that the same command wrote: of that the ``files`` are replaced.
        files: the names that the command writes.
        command: its name, with which ``made_by`` of its summaries begins, as ``scalor track``.

    Raises:
        UserError: ``out`` holds something else, or cannot be written to.
    """
    target = Path(out)
    _refuse_foreign(target, files, command)
    with atomic_folder(target) as staging:
        yield staging
        # The summary goes first: where it is, everything else is complete and of one run.
        for name in (SUMMARY, *files):
            if target.is_dir():
                (target / name).unlink(missing_ok=True)


def _refuse_foreign(target: Path, files: Sequence[str], command: str) -> None:
    if not target.is_dir():
        return
    maker = _maker_of(target / SUMMARY)
    if maker.startswith(f"{command} "):
        return
    if maker.startswith("scalor "):
        raise UserError(
            f"{target} holds what {' '.join(maker.split()[:2])} wrote; a new or empty folder, or an earlier result of "
            f"{command}, is wanted; choose another name"
        )
    inside = {path.name for path in target.iterdir()}
    if inside <= set(files):
        refuse_report(target)
        return
    raise UserError(
        f"{target} holds other files already ({sorted(inside)[0]}, ...); a new or empty folder, or an earlier result, "
        "is wanted; choose another name"
    )


def _maker_of(summary: Path) -> str:
    """The command and version that a summary names, "" where there is none."""
    try:
        return str(json.loads(summary.read_text(encoding="utf-8"))["made_by"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def refuse_report(folder: Path) -> None:
    """Raises UserError where a folder holds a ``report.html`` of somebody else: writing ours would destroy it."""
    place = folder / REPORT
    if place.exists() and not is_page(place):
        raise UserError(
            f"{place} was not written by scalor, and its own report would destroy it; another folder is wanted; "
            "choose one with -o"
        )


def refuse_over(out: Path, *read: Path) -> None:
    """Raises UserError where the file ``out`` is one of those that are read: writing it would destroy them."""
    for place in read:
        with suppress(OSError):
            if out.samefile(place):
                raise UserError(
                    f"{out} is read here, and writing it would destroy it; another place is wanted; choose one with -o"
                )


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
