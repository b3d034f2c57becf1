"""Lines of MOTChallenge's files, and of tables with a header, as rows: all dialects of the benchmarks' years.

6 columns   frame, id, left, top, width, height
7           ... confidence; in a truth a flag, 0 for what is not to be scored
9, 12       ... class, visibility (and 3-D places): MOT16, MOT17, MOT20, MOTSynth, CVAT
10          ... three 3-D places: MOT15, and results of all years, which have -1 there
"""

import json
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from scalor.core.texts import read_text
from scalor.core.tracks import FIRST_FRAME, FIRST_PIXEL
from scalor.data.mot_cells import (
    FEWEST_COLUMNS,
    KINDS,
    NO_CLASS,
    ORDER,
    REMARKS,
    SEPARATOR,
    Header,
    cells_of,
    header_of,
    hidden_header,
    is_number,
    values_of,
)
from scalor.data.mot_dialects import Dialect, dialect_of
from scalor.errors import UserError

MOST = 2.0**53
SUMMARY = "summary.json"
OURS = ("scalor track", "scalor correct")
"""Commands whose tables say in the summary beside them what they count from."""
PACKED = {b"PK\3\4": "a workbook or an archive", b"\x1f\x8b": "compressed", b"PAR1": "a Parquet file"}


@dataclass(frozen=True)
class Row:
    """One box, frame from 0, left and top from 0.0. ``counts`` is False where column 7 is 0, ``kind`` the class,
    ``called`` its name where the file gives names."""

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
    called: str = ""


def read_rows(file: Path, *, box_base: int | None = None, say: Callable[[str], None] = lambda text: None) -> list[Row]:
    """All rows of a file in its order (`read_dialect`)."""
    return read_dialect(file, box_base=box_base, say=say)[0]


def read_dialect(
    file: Path, *, box_base: int | None = None, say: Callable[[str], None] = lambda text: None
) -> tuple[list[Row], Dialect | None]:
    """All rows of a file in its order, and whose columns they have if not MOTChallenge's. One with a frame 0 counts
    frames from 0, and boxes if nothing else is said.

    Args:
        file: lines of 6 to 12 columns parted by commas, semicolons, tabs, bars or blanks; a header may name them.
        box_base: what the left and top edge of the picture are called, 0 or 1; None: 1, as the benchmark has it, unless
            ``summary.json`` beside it says otherwise.
        say: called with a sentence where boxes are taken to count from 0 since frames do.

    Raises:
        UserError: with the line's number where a line is wrong.
    """
    base = _base_of(file) if box_base is None else box_base
    header: Header | None = None
    found: list[tuple[str, list[float]]] = []
    for number, line in enumerate(_text(file).splitlines(), start=1):
        place = f"{file} line {number}"
        cells = cells_of(line, header.mark if header else "")
        if not cells or (number == 1 and SEPARATOR.fullmatch(line)):
            continue
        begins = not found and header is None
        if line.lstrip().startswith(REMARKS):
            header = hidden_header(line, place) if begins else header
        elif begins and not is_number(cells[0]):
            header = header_of(line, place)
        else:
            found.append((place, values_of(cells, line, place, header)))
    # Whoever counts frames from 0 counts pixels so too, as a rule; so did our tables with a header before version 0.2.
    _refuse_shares(file, [values for _, values in found])
    zero = (header is not None and header.from_zero) or min((values[0] for _, values in found), default=1) == 0
    if zero and box_base is None:
        base = 0
        say(f"{file} counts frames from 0, and its boxes are taken to count from 0 too; if not, say box base 1")
    bases = (0 if zero else FIRST_FRAME, base)
    dialect = dialect_of([values for _, values in found]) if header is None else None
    if dialect is not None:
        found = [(place, dialect.challenge(values)) for place, values in found]
    classes = header is None and _has_classes([values for _, values in found])
    known = header.columns if header is not None else None
    rows = [
        _row(values, place, columns=known or _columns(len(values), classes), bases=bases) for place, values in found
    ]
    if header is not None and header.labels and not _are_classes(rows, header):
        return [replace(row, kind=NO_CLASS) for row in rows], dialect
    names = {number: name for name, number in header.classes.items()} if header is not None else {}
    return [replace(row, called=names[row.kind]) if row.kind in names else row for row in rows], dialect


def _are_classes(rows: Sequence[Row], header: Header) -> bool:
    """Whether a column ``label`` holds classes: MOTChallenge's names, or its numbers or other names where some
    identities share one. A name of an only identity may be either, and is taken for a class."""
    owners = {(row.kind, row.id) for row in rows if row.kind != NO_CLASS}
    shared = len({kind for kind, _ in owners}) < len(owners)
    if header.classes:
        return shared or len({identity for _, identity in owners}) < 2 or max(header.classes.values()) > NO_CLASS
    return shared and all(row.kind in KINDS.values() for row in rows)


def _refuse_shares(file: Path, rows: Sequence[Sequence[float]]) -> None:
    """Raises UserError where all boxes lie between 0 and 1: they are in shares of the picture's size."""
    boxes = [row[2:FEWEST_COLUMNS] for row in rows]
    within = (min(left, top) >= 0 and max(left + width, top + height) <= 1 for left, top, width, height in boxes)
    if boxes and all(min(box[2:]) > 0 for box in boxes) and all(within):
        raise UserError(
            f"{file} has all its boxes between 0 and 1, as shares of the picture; pixels are wanted; multiply left and "
            "width by the picture's width, top and height by its height"
        )


def _text(file: Path) -> str:
    with suppress(OSError), file.open("rb") as opened:
        head = opened.read(4)
        kind = next((kind for mark, kind in PACKED.items() if head.startswith(mark)), None)
        if kind is not None:
            raise UserError(f"{file} is {kind}; a table as text is wanted; save it as CSV, or unpack it")
    try:
        return read_text(file)
    except (OSError, ValueError) as error:
        raise UserError(
            f"{file} cannot be read as text ({error}); wanted MOTChallenge lines; check the path"
        ) from error


def _base_of(file: Path) -> int:
    """What a tracking of ours wrote down beside its tables; those of before version 0.2 say nothing and are from 0."""
    try:
        said = json.loads((file.parent / SUMMARY).read_text(encoding="utf-8"))
        ours = str(said["made_by"]).startswith(OURS) and file.name in ("tracks.txt", "tracks.csv")
        return int(said.get("box_base", 0) == 1) if ours else FIRST_PIXEL
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return FIRST_PIXEL


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
    if max(frame, abs(identity)) >= MOST:
        raise UserError(
            f"{place} has frame {frame:.0f} and id {identity:.0f}; numbers below 2^53 are wanted, beyond which they "
            "run together; count anew"
        )
    if not (frame.is_integer() and identity.is_integer() and first <= frame):
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
        if key in seen and row.id < 0:
            raise UserError(
                f"{row.place} gives id {row.id} in frame {row.frame + 1} again: boxes without identities; tracks are "
                "wanted, each with an id of its own; give those"
            )
        if key in seen:
            raise UserError(
                f"{row.place} gives id {row.id} in frame {row.frame + 1} again, as {seen[key]} does; "
                "wanted each id once per frame; remove one"
            )
        seen[key] = row.place[row.place.rindex("line ") :]
        yield row
