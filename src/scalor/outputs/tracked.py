"""`Tracked`: a folder that ``scalor track`` wrote, read back whole."""

import csv
import json
import math
import sys
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from scalor.core.texts import read_text
from scalor.core.tracks import FIRST_FRAME, Rle, Tracks
from scalor.core.words import counted
from scalor.data.mot_cells import mark_of, with_point
from scalor.errors import UserError
from scalor.outputs.sheets import MASKS, TIMES, TRACKS_CSV
from scalor.viz.export import SUMMARY

MOST = 10**18
"""Ids lie below."""
NEEDED = ("frame", "id", "left", "top", "width", "height")
NUMBERS: Mapping[str, tuple[str, Callable[[float], bool]]] = {
    "frames": ("a whole number", lambda value: value >= 0 and value == int(value)),
    "fps": ("a number above 0", lambda value: value > 0),
    "width": ("a whole number of pixels", lambda value: value > 0 and value == int(value)),
    "height": ("a whole number of pixels", lambda value: value > 0 and value == int(value)),
    "box_base": ("0 or 1", lambda value: value in (0, 1)),
}
"""Of a summary: what is wanted, and whether a value is that."""


@dataclass(frozen=True)
class Tracked:
    """What one tracking found.

    tracks   the table in source pixels, with masks where the folder has them
    times    float64 [tracks.length]: seconds of each frame since the video began
    summary  what ``summary.json`` says
    """

    tracks: Tracks
    times: np.ndarray
    summary: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The video's name, without folder and ending."""
        return str(self.summary.get("video", "video"))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the video in pixels."""
        return int(self.summary["height"]), int(self.summary["width"])

    @property
    def fps(self) -> float:
        """Frames per second."""
        return float(self.summary["fps"])

    @property
    def repeats(self) -> list[int]:
        """Frames, counted from 0, that show the one before once more; folders of earlier versions do not say them."""
        said = self.summary.get("repeats")
        return [frame for frame in said if isinstance(frame, int)] if isinstance(said, list) else []

    def masks(self, what: str) -> list[Rle | None]:
        """The masks of all rows. Raises UserError, which names ``what`` wants them, where the folder has none."""
        if self.tracks.masks is None:
            raise UserError(
                f"the tracks have no {MASKS}; {what} is made of masks; track again, or choose another format"
            )
        return self.tracks.masks


def read_tracked(folder: str | PathLike[str], *, masks_of: Container[int] | None = None) -> Tracked:
    """The tracks, masks and summary of a folder.

    Args:
        folder: what ``scalor track`` wrote.
        masks_of: frames whose masks are wanted, so that those of a long film need not fit into memory; None: all.

    Raises:
        UserError: it is not such a folder, is incomplete, or a row cannot be understood.
    """
    place = Path(folder)
    for name in (SUMMARY, TRACKS_CSV):
        if not (place / name).is_file():
            raise UserError(f"{place} has no {name}; a folder written by scalor track is wanted; check the path")
    summary = read_summary(place)
    rows, times = _rows(place / TRACKS_CSV, _base(summary))
    masks = None
    if (place / MASKS).is_file():
        size = int(summary["height"]), int(summary["width"])
        masks = _masks(place / MASKS, masks_of, size)
        rows = _joined(rows, masks, place, masks_of)
    if (place / TIMES).is_file():
        times = _times(place / TIMES, _base(summary)[0])
    length = int(summary["frames"])
    last = max((row[0] for row in rows), default=-1)
    if last >= length:
        number = last + _base(summary)[0]
        raise UserError(f"{place / TRACKS_CSV} speaks of frame {number} of a video of {length} frames; track it again")
    tracks = Tracks.from_rows(rows, length=length, masks=masks is not None)
    return Tracked(tracks, frame_times(times, length, float(summary["fps"])), summary)


def read_summary(place: Path) -> Mapping[str, Any]:
    """``summary.json`` of a folder of tracks. Raises UserError where it is not that, or a number in it cannot be."""
    summary = _json(place / SUMMARY)
    if not isinstance(summary, dict) or not {"frames", "fps", "width", "height"} <= set(summary):
        raise UserError(f"{place / SUMMARY} is no summary of tracks; a folder written by scalor track is wanted")
    for name, (wanted, fits) in NUMBERS.items():
        value = summary.get(name)
        if name in summary and not _is_number(value, fits):
            raise UserError(f"{place / SUMMARY} says that {name} is {value!r}, and {wanted} is wanted; correct it")
    return summary


def missing_before(tracks: str | PathLike[str]) -> dict[int, int]:
    """{frame: frames that are missing before it} of a folder of tracks, or a table in it; {} where nothing is said."""
    place = Path(tracks)
    try:
        said = json.loads(((place if place.is_dir() else place.parent) / SUMMARY).read_text(encoding="utf-8"))["pauses"]
        return {int(frame): int(count) for frame, count in said.items() if 0 < count < MOST}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _is_number(value: object, fits: Callable[[float], bool]) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value) and fits(value)
    except OverflowError:
        return False


def frame_times(known: Mapping[int, float], length: int, fps: float) -> np.ndarray:
    """Seconds of the frames 0 ... ``length - 1``: those of ``known`` frames as given, the others on lines between them.

    Before the first and after the last known frame the clock goes on at ``fps``. float64 [length].
    """
    frames = np.arange(length)
    if not known:
        return frames / fps
    at = np.array(sorted(known))
    seconds = np.array([known[frame] for frame in at])
    times = np.interp(frames, at, seconds)
    early, late = frames < at[0], frames > at[-1]
    times[early] = seconds[0] - (at[0] - frames[early]) / fps
    times[late] = seconds[-1] + (frames[late] - at[-1]) / fps
    return times


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}); the file that scalor wrote is wanted") from error


def _masks(path: Path, frames: Container[int] | None, size: tuple[int, int]) -> dict[tuple[int, int], Rle]:
    items = _json(path) if frames is None else {"annotations": _annotations(path)}
    try:
        return {
            (int(item["frame"]), int(item["id"])): _fitting(item["segmentation"], size)
            for item in items["annotations"]
            if frames is None or int(item["frame"]) in frames
        }
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path} is not a file of masks by scalor ({error!r}); the file that scalor wrote is wanted"
        ) from error


def _fitting(rle: Rle, size: tuple[int, int]) -> Rle:
    """A mask as it came. Raises ValueError where it is none of a picture of this height and width."""
    if tuple(rle["size"]) != size or not isinstance(rle["counts"], str):
        raise ValueError(f"a mask is {str(rle)[:60]}, and the video has {size[1]}x{size[0]} px")
    return rle


def _annotations(path: Path) -> Iterator[Any]:
    """One after the other, as `Sheets` writes them: one a line; a file of other lines is read whole."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file):
            if number == 0 and not line.rstrip().endswith('"annotations":['):
                break
            if line.startswith("]"):
                return
            # Files of earlier versions have an empty line where nothing was found.
            if number and line.strip():
                yield json.loads(line.rstrip().removesuffix(","))
    yield from _json(path)["annotations"]


def _base(summary: Mapping[str, Any]) -> tuple[int, int]:
    """What the table calls the first frame and the picture's left edge; before there was a choice it called both 0."""
    return (FIRST_FRAME, int(summary["box_base"])) if "box_base" in summary else (0, 0)


def _joined(
    rows: Sequence[tuple[Any, ...]],
    masks: Mapping[tuple[int, int], Rle],
    place: Path,
    frames: Container[int] | None,
) -> list[tuple[Any, ...]]:
    """Rows with their masks. Says where masks have no row, since they are lost."""
    keys = {row[:2] for row in rows if frames is None or row[0] in frames}
    if lost := len(masks.keys() - keys):
        print(
            f"scalor: {counted(lost, 'mask')} of {place} have no row and are left out, and "
            f"{counted(len(keys - masks.keys()), 'row')} have no mask: ids or rows of {TRACKS_CSV} were changed by "
            "hand; scalor correct changes tables and masks alike",
            file=sys.stderr,
        )
    return [(*row, masks.get(row[:2])) for row in rows]


def _rows(path: Path, base: tuple[int, int]) -> tuple[list[tuple[Any, ...]], dict[int, float]]:
    """Rows for `Tracks.from_rows`, and the time of every frame that has one."""
    rows: list[tuple[Any, ...]] = []
    times: dict[int, float] = {}
    table = _table(path)
    _, names = next(table)
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise UserError(f"{path} has no column {missing[0]}; the columns that scalor track writes are wanted")
    for number, cells in table:
        try:
            row = _row(cells, *base)
            if cells.get("time"):
                times[row[0]] = _seconds(cells["time"])
        except (TypeError, ValueError) as error:
            raise UserError(f"{path} line {number} is not a row of tracks ({error}); correct it") from error
        rows.append(row)
    if len({row[:2] for row in rows}) < len(rows):
        raise UserError(f"{path} gives an id twice in one frame; each once is wanted; remove one of the rows")
    return rows, times


def _times(path: Path, first: int) -> dict[int, float]:
    """The time of every frame; folders in which the rate does not vary, and older ones, have no such file."""
    times: dict[int, float] = {}
    table = _table(path)
    next(table)
    for number, cells in table:
        try:
            times[_whole(cells["frame"]) - first] = _seconds(cells["time"])
        except (KeyError, ValueError):
            raise UserError(
                f"{path} line {number} is no frame with its time; columns frame and time with numbers are wanted; "
                "correct it"
            ) from None
    return times


def _table(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The numbers and cells by name of the header's line and of all others, as we or a spreadsheet wrote them."""
    try:
        lines = read_text(path).splitlines(keepends=True)
    except UnicodeError as error:
        raise UserError(f"{path} cannot be read ({error}); the table that scalor track wrote is wanted") from error
    mark = mark_of(lines[0].strip()) if lines else ","
    table = csv.reader(lines, delimiter=mark or ",")
    names = [name.strip().lower() for name in next(table, [])]
    yield 1, dict.fromkeys(names, "")
    for cells in table:
        if any(cells):
            found = (cell.strip() if mark == "," else with_point(cell.strip()) for cell in cells)
            yield table.line_num, dict(zip(names, found, strict=False))


def _seconds(cell: str) -> float:
    """A time. Raises ValueError where it is not finite."""
    seconds = float(cell)
    if not math.isfinite(seconds):
        raise ValueError(f"the time is {cell}, and seconds are wanted")
    return seconds


def _whole(cell: str) -> int:
    """A whole number, be it written as 3.0."""
    return int(cell.removesuffix(".0"))


def _row(cells: Mapping[str, str], first: int, edge: int) -> tuple[Any, ...]:
    short = [name for name in NEEDED if not cells.get(name)]
    if short:
        raise ValueError(f"it has no {short[0]}")
    frame, identity = _whole(cells["frame"]) - first, _whole(cells["id"])
    left, top, width, height = (float(cells[name]) for name in NEEDED[2:])
    box = [left - edge, top - edge, width, height]
    shares = [float(cells[name]) if cells.get(name) else 1.0 for name in ("score", "visibility")]
    if frame < 0 or min(box[2:]) < 0 or not np.isfinite([*box, *shares]).all():
        raise ValueError(f"frames from {first} and finite boxes with sides of 0 or more are wanted")
    if not 0 <= identity < MOST:
        raise ValueError(f"the id is {identity}, and ids from 0 to {MOST - 1} are wanted")
    return (frame, identity, *box, *shares)
