"""Lines of MOTChallenge's files, and of tables with a header, as rows: all dialects of the benchmarks' years.

6 columns   frame, id, left, top, width, height
7           ... confidence; in a truth a flag, 0 for what is not to be scored
9, 12       ... class, visibility (and 3-D places): MOT16, MOT17, MOT20, MOTSynth, CVAT
10          ... three 3-D places: MOT15, and results of all years, which have -1 there
"""

import json
import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scalor.core.tracks import FIRST_FRAME, FIRST_PIXEL
from scalor.errors import UserError

MOST_COLUMNS, FEWEST_COLUMNS = 12, 6
MOST = 2.0**53
NO_CLASS = -1
SUMMARY = "summary.json"
NAMES = {
    "frame": ("frame", "frame_id", "frameid", "framenr", "frame_number", "frame_index"),
    "id": ("id", "track_id", "trackid", "object_id", "tracker_id"),
    "left": ("left", "bb_left", "bbox_left", "x", "xmin", "x_min", "x1"),
    "top": ("top", "bb_top", "bbox_top", "y", "ymin", "y_min", "y1"),
    "width": ("width", "bb_width", "bbox_width", "w"),
    "height": ("height", "bb_height", "bbox_height", "h"),
    "score": ("score", "conf", "confidence"),
    "class": ("class", "class_id", "category_id"),
    "visibility": ("visibility", "vis"),
}
FAR_NAMES = {
    "width": ("right", "bb_right", "bbox_right", "xmax", "x_max", "x2"),
    "height": ("bottom", "bb_bottom", "bbox_bottom", "ymax", "y_max", "y2"),
}
"""Headers of other tools that give the far edge in place of a side."""
FROM_ZERO = frozenset({"frame_index", "tracker_id"})
"""supervision's words; its frames and pixels count from 0."""
ORDER = tuple(NAMES)


@dataclass(frozen=True)
class _Header:
    """Which column holds what; no columns where they are in MOTChallenge's order. ``far``: sides given as far edges."""

    columns: Mapping[str, int]
    far: frozenset[str] = frozenset()
    from_zero: bool = False


@dataclass(frozen=True)
class Row:
    """One box, frame from 0, left and top from 0.0. ``counts`` is False where column 7 is 0, ``kind`` the class."""

    frame: int
    id: int
    left: float
    top: float
    width: float
    height: float
    score: float
    visibility: float
    counts: bool
    kind: int
    place: str


def read_rows(file: Path, *, box_base: int | None = None) -> list[Row]:
    """All rows of a file in its order.

    Args:
        file: lines of 6 to 12 columns parted by commas, semicolons, tabs or blanks; a header may name them.
        box_base: what the left and top edge of the picture are called, 0 or 1; None: 1, as the benchmark has it, unless
            ``summary.json`` beside it says otherwise.

    Raises:
        UserError: with the line's number where a line is wrong.
    """
    base = _base_of(file) if box_base is None else box_base
    first = FIRST_FRAME
    header: _Header | None = None
    found: list[tuple[str, list[float]]] = []
    for number, line in enumerate(_text(file).splitlines(), start=1):
        cells = _cells(line)
        if not cells or line.lstrip().startswith(("#", "%")):
            continue
        place = f"{file} line {number}"
        if not found and header is None and not _is_number(cells[0]):
            header = _named(cells, place)
            continue
        found.append((place, _values(cells, line, place, header)))
    # Before version 0.2 the tables with a header counted everything from 0.
    named = header is not None and bool(header.columns)
    if header is not None and (header.from_zero or (named and any(values[0] == 0 for _, values in found))):
        first, base = 0, 0
    classes = header is None and _has_classes([values for _, values in found])
    known = header.columns if header is not None and named else None
    return [
        _row(values, place, columns=known or _columns(len(values), classes), bases=(first, base))
        for place, values in found
    ]


def _text(file: Path) -> str:
    try:
        raw = file.read_bytes()
        if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return raw.decode("utf-16").lstrip("\ufeff")
        # Numbers are the same in all encodings of bytes; only a NUL shows that these are no letters.
        return raw.decode("utf-8", "strict" if b"\0" in raw else "replace").lstrip("\ufeff")
    except (OSError, ValueError) as error:
        raise UserError(
            f"{file} cannot be read as text ({error}); wanted MOTChallenge lines; check the path"
        ) from error


def _base_of(file: Path) -> int:
    """What a tracking of ours wrote down beside its tables; those of before version 0.2 say nothing and are from 0."""
    try:
        said = json.loads((file.parent / SUMMARY).read_text(encoding="utf-8"))
        ours = str(said["made_by"]).startswith("scalor track") and file.name in ("tracks.txt", "tracks.csv")
        return int(said.get("box_base", 0) == 1) if ours else FIRST_PIXEL
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return FIRST_PIXEL


def _cells(line: str) -> list[str]:
    for mark in ";,\t":
        if mark in line:
            cells = [cell.strip().strip('"') for cell in line.split(mark)]
            # Where semicolons part the columns, commas are those of 12,5.
            cells = [cell.replace(",", ".") for cell in cells] if mark == ";" else cells
            return cells[:-1] if cells[-1] == "" else cells
    return line.split()


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"[+-]?(\d|\.\d|nan|inf).*", cell, re.IGNORECASE) is not None


def _named(cells: Sequence[str], place: str) -> _Header:
    """Columns by what a header calls them; by their order where it has names of its own."""
    words = [cell.lstrip("#").strip().lower() for cell in cells]
    near, ends = _places(words, NAMES), _places(words, FAR_NAMES)
    far = frozenset(name for name in ends if name not in near)
    found = near | {name: ends[name] for name in far}
    if all(name in found for name in ORDER[:FEWEST_COLUMNS]):
        return _Header(found, far, not FROM_ZERO.isdisjoint(words))
    if len(cells) not in range(FEWEST_COLUMNS, MOST_COLUMNS + 1) or not all(re.search("[A-Za-z]", c) for c in cells):
        raise UserError(f"{place} is {' '.join(cells)[:80]!r}; wanted numbers only, or a header first; correct it")
    if far or any(ORDER.index(name) != column for name, column in found.items() if name in ORDER[:FEWEST_COLUMNS]):
        raise UserError(
            f"{place} names the columns {', '.join(words)[:80]}; frame, id, left, top, width and height are wanted; "
            "correct it"
        )
    return _Header({})


def _places(words: Sequence[str], names: Mapping[str, Sequence[str]]) -> dict[str, int]:
    return {
        name: words.index(next(known for known in others if known in words))
        for name, others in names.items()
        if any(known in words for known in others)
    }


def _values(cells: Sequence[str], line: str, place: str, header: _Header | None) -> list[float]:
    if header is not None and header.columns:
        if len(cells) <= max(header.columns.values()):
            raise UserError(f"{place} has {len(cells)} columns; wanted as many as the header names; correct it")
        cells = [cells[column] if column is not None else "" for column in map(header.columns.get, NAMES)]
    elif len(cells) not in range(FEWEST_COLUMNS, MOST_COLUMNS + 1):
        raise UserError(
            f"{place} has {len(cells)} columns; wanted frame, id, left, top, width, height and up to 6 more; correct it"
        )
    try:
        values = [float(cell) if cell else math.nan for cell in cells]
    except ValueError as error:
        raise UserError(f"{place} is {line.strip()[:80]!r}; wanted numbers only; correct it") from error
    for name, start in (("width", "left"), ("height", "top")):
        if header is not None and name in header.far:
            values[ORDER.index(name)] -= values[ORDER.index(start)]
    if not all(map(math.isfinite, values[:FEWEST_COLUMNS])):
        raise UserError(f"{place} has a value that is not finite; wanted plain numbers; correct it")
    return values


def _has_classes(rows: Sequence[Sequence[float]]) -> bool:
    """Whether ten columns hold class, visibility and one more (some CVAT exports) instead of three 3-D places."""
    tens = [row for row in rows if len(row) == 10]
    return bool(tens) and all(row[7] >= 1 and row[7].is_integer() and 0 <= row[8] <= 1 for row in tens)


def _columns(number: int, classes: bool) -> Sequence[str]:
    """What the first columns of a line without header are, by their number."""
    return ORDER[: min(number, 7 if number == 10 and not classes else 9)]


def _row(values: Sequence[float], place: str, *, columns: Collection[str], bases: tuple[int, int]) -> Row:
    """Values in the order of NAMES, of which ``columns`` are there; ``bases`` of frames and of boxes."""
    last = [values[ORDER.index(name)] if name in columns else math.nan for name in ORDER[FEWEST_COLUMNS:]]
    score, kind, seen = last
    frame, identity, left, top, width, height = values[:FEWEST_COLUMNS]
    first, base = bases
    if not (frame.is_integer() and identity.is_integer() and first <= frame < MOST and abs(identity) < MOST):
        raise UserError(
            f"{place} has frame {frame:g} and id {identity:g}; wanted whole numbers, frames from 1; correct it"
        )
    if width < 0 or height < 0:
        raise UserError(f"{place} has a box of {width:g} x {height:g} pixels; wanted no negative sides; correct it")
    return Row(
        frame=int(frame) - first,
        id=int(identity),
        left=left - base,
        top=top - base,
        width=width,
        height=height,
        score=min(score, 1.0) if score >= 0 else 1.0,
        visibility=seen if 0 <= seen <= 1 else 1.0,
        counts=score != 0,
        kind=int(kind) if math.isfinite(kind) and kind.is_integer() else NO_CLASS,
        place=place,
    )


def once_per_frame(rows: Sequence[Row]) -> Iterator[Row]:
    """The rows; raises UserError where an identity comes twice in a frame."""
    seen: dict[tuple[int, int], str] = {}
    for row in rows:
        key = row.frame, row.id
        if key in seen:
            raise UserError(
                f"{row.place} gives id {row.id} in frame {row.frame + 1} again, as {seen[key]} does; "
                "wanted each id once per frame; remove one"
            )
        seen[key] = row.place[row.place.rindex("line ") :]
        yield row
