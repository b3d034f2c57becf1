"""Lines of tables as cells and numbers: whatever parts the columns, whatever a header calls them.

Where a header says so, boxes may be given by their far edges or their centers; ``values_of`` gives left, top, width
and height.
"""

import csv
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scalor.errors import UserError

MOST_COLUMNS, FEWEST_COLUMNS = 12, 6
MARKS = ";\t|,"
"""What parts columns, if not blanks. Where it is no comma, commas may be those of 12,5."""
REMARKS = ("#", "%", "//")
SEPARATOR = re.compile(r'"?sep=."?\s*', re.IGNORECASE)
"""A first line for spreadsheets."""
NAMES = {
    "frame": ("frame", "frameid", "framenr", "frameno", "framenumber", "frameindex"),
    "id": ("id", "trackid", "objectid", "trackerid", "objid", "objno"),
    "left": ("left", "bbleft", "bboxleft", "x", "xmin", "x1", "bbx", "bboxx"),
    "top": ("top", "bbtop", "bboxtop", "y", "ymin", "y1", "bby", "bboxy"),
    "width": ("width", "bbwidth", "bboxwidth", "w", "bbw", "bboxw"),
    "height": ("height", "bbheight", "bboxheight", "h", "bbh", "bboxh"),
    "score": ("score", "conf", "confidence"),
    "class": ("class", "classid", "categoryid", "label"),
    "visibility": ("visibility", "vis"),
}
FAR_NAMES = {
    "width": ("right", "bbright", "bboxright", "xmax", "x2"),
    "height": ("bottom", "bbbottom", "bboxbottom", "ymax", "y2"),
}
"""Headers of other tools that give the far edge in place of a side."""
CENTER_NAMES = {
    "left": ("cx", "xc", "centerx", "centrex", "xcenter", "xcentre", "bbcx", "bboxcx"),
    "top": ("cy", "yc", "centery", "centrey", "ycenter", "ycentre", "bbcy", "bboxcy"),
}
"""Headers of other tools that give the center in place of the near edge."""
MISSING = frozenset({"na", "n/a", "none", "null", "-"})
"""What programs write where there is no number."""
MARKUP = ("{", "[", "<")
"""How a line of JSON or XML begins."""
FROM_ZERO = frozenset({"frameindex", "trackerid"})
"""supervision's words; its frames and pixels count from 0."""
ORDER = tuple(NAMES)
BOX = ORDER[2:FEWEST_COLUMNS]
KINDS = {
    name: number
    for number, name in enumerate(
        [
            "pedestrian",
            "person_on_vehicle",
            "car",
            "bicycle",
            "motorbike",
            "non_motorized_vehicle",
            "static_person",
            "distractor",
            "occluder",
            "occluder_on_the_ground",
            "occluder_full",
            "reflection",
            "crowd",
        ],
        start=1,
    )
} | {"person": 1}
"""MOTChallenge's classes by name, blanks as underscores."""
NO_CLASS = -1
"""The class of rows that have none; names that MOTChallenge does not know have numbers below it."""
DECIMAL = re.compile(r"[+-]?\d+(\.\d*)?", re.ASCII)
DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True)
class Header:
    """Which column holds what; no columns where they are in MOTChallenge's order.

    far      sides that are given as far edges
    centers  edges that are given as centers
    mark     what parts the columns, "" if that is seen line by line
    width    number of its columns
    labels   the class is in a column ``label``, which may be something else
    classes  {name: number} of classes that are named, as they are met
    """

    columns: Mapping[str, int]
    far: frozenset[str] = frozenset()
    centers: frozenset[str] = frozenset()
    from_zero: bool = False
    mark: str = ""
    width: int = 0
    labels: bool = False
    classes: dict[str, int] = field(default_factory=dict)


def cells_of(line: str, mark: str = "") -> list[str]:
    """The cells of a line without blanks and quotes, decimal commas made points; ``mark`` parts them where known."""
    mark = mark if mark and mark in line else mark_of(line)
    if mark == "," and '"' not in line:
        cells = [cell.strip() for cell in line.split(",")]
    else:
        cells = [with_point(cell.strip()) for cell in (_split(line, mark) if mark else line.split())]
    return cells[:-1] if cells and cells[-1] == "" else cells


def with_point(cell: str) -> str:
    """A cell, 12,5 made 12.5."""
    return cell.replace(",", ".") if DECIMAL_COMMA.fullmatch(cell) else cell


def mark_of(line: str) -> str:
    """What parts the columns of a line, "" for blanks."""
    for mark in MARKS:
        cells = [cell.strip() for cell in _split(line, mark)] if mark in line else []
        if mark == ",":
            # 1 7 12,5: blanks part these columns.
            if cells and not (is_number(cells[0]) and re.search(r"\S\s+\S", cells[0])):
                return mark
        elif cells and not any(cell.endswith(",") for cell in cells):
            return mark
    return ""


def _split(line: str, mark: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=mark, skipinitialspace=True), [])
    except csv.Error:
        return line.split(mark)


def is_number(cell: str) -> bool:
    """Whether a cell begins as numbers do."""
    return re.match(r"[+-]?(\d|[.,]\d|nan|inf)", cell, re.IGNORECASE) is not None


def hidden_header(line: str, place: str) -> Header | None:
    """The header that a remark is, if it names all columns that are needed."""
    try:
        header = header_of(line.lstrip("#%/ \t"), place)
    except UserError:
        return None
    return header if header.columns else None


def header_of(line: str, place: str) -> Header:
    """Columns by what a header calls them; by their order where it has names of its own.

    Raises UserError where it says that something else than boxes is in their place.
    """
    mark = mark_of(line)
    cells = cells_of(line, mark)
    words = [re.sub(r"\[.*?\]|\(.*?\)|[^a-z0-9]", "", cell.lower()) for cell in cells]
    near, ends, middles = (_places(words, names) for names in (NAMES, FAR_NAMES, CENTER_NAMES))
    far = frozenset(ends.keys() - near.keys())
    centers = frozenset(middles.keys() - near.keys())
    found = ends | middles | near
    if all(name in found for name in ORDER[:FEWEST_COLUMNS]):
        labels = "class" in found and words[found["class"]] == "label"
        return Header(found, far, centers, not FROM_ZERO.isdisjoint(words), mark, len(cells), labels)
    some_letters = all(re.search("[A-Za-z]", cell) for cell in cells) and not line.lstrip().startswith(MARKUP)
    if len(cells) not in range(FEWEST_COLUMNS, MOST_COLUMNS + 1) or not some_letters:
        raise UserError(f"{place} is {' '.join(cells)[:80]!r}; wanted numbers only, or a header first; correct it")
    elsewhere = any(ORDER.index(name) != at for name, at in found.items() if name in ORDER[:FEWEST_COLUMNS])
    some = any(name in found for name in BOX) and not all(name in found for name in BOX)
    if far or centers or elsewhere or some:
        raise UserError(
            f"{place} names the columns {', '.join(cells)[:80]}; frame, id, left, top, width and height are wanted; "
            "correct it"
        )
    return Header({}, mark=mark)


def _places(words: Sequence[str], names: Mapping[str, Sequence[str]]) -> dict[str, int]:
    return {
        name: words.index(next(known for known in others if known in words))
        for name, others in names.items()
        if any(known in words for known in others)
    }


def values_of(cells: Sequence[str], line: str, place: str, header: Header | None) -> list[float]:
    """The numbers of a line: in the order of NAMES where a header names its columns, else in its own.

    Raises UserError where it has too few or too many, or one is no number.
    """
    if header is not None and header.columns:
        if len(cells) == header.columns.get("class") == header.width - 1 and line.rstrip(" ")[-1:] == header.mark:
            cells = [*cells, ""]  # a class that is left open
        if len(cells) <= max(header.columns.values()):
            raise UserError(f"{place} has {len(cells)} columns; wanted as many as the header names; correct it")
        cells = _named(cells, line, place, header)
        cells = [cells[column] if column is not None else "" for column in map(header.columns.get, NAMES)]
        kind = ORDER.index("class")
        cells[kind] = _kind(cells[kind], header)
    elif len(cells) not in range(FEWEST_COLUMNS, MOST_COLUMNS + 1):
        raise UserError(
            f"{place} has {len(cells)} columns; wanted frame, id, left, top, width, height and up to 6 more; correct it"
        )
    try:
        values = [_number(cell) if cell and cell.lower() not in MISSING else math.nan for cell in cells]
    except ValueError as error:
        raise UserError(f"{place} is {line.strip()[:80]!r}; wanted numbers only; correct it") from error
    for near, side in (("left", "width"), ("top", "height")):
        edge, length = ORDER.index(near), ORDER.index(side)
        if header is not None and side in header.far:
            values[length] -= values[edge]
            values[length] *= 2 if near in header.centers else 1
        if header is not None and near in header.centers:
            values[edge] -= values[length] / 2
    if not all(map(math.isfinite, values[:FEWEST_COLUMNS])):
        raise UserError(f"{place} has a value that is not finite; wanted plain numbers; correct it")
    return values


def _number(cell: str) -> float:
    """A cell as a number; Python would take 1_0 for 10. Raises ValueError where it is none."""
    if "_" in cell:
        raise ValueError(cell)
    return float(cell)


def _named(cells: Sequence[str], line: str, place: str, header: Header) -> Sequence[str]:
    """The cells that have a name: without the quoted number of the row that R writes first, and gives no name.

    Raises UserError where more is left over than MOTChallenge's -1: commas inside numbers would shift what follows.
    """
    extra = cells[header.width :]
    if len(extra) == 1 and line.lstrip().startswith('"'):
        return cells[1:]
    if any(cell not in ("-1", "") for cell in extra):
        raise UserError(
            f"{place} has {len(cells)} columns under {header.width} names; a name for each is wanted; add them"
        )
    return cells


def _kind(cell: str, header: Header) -> str:
    """A class as a number: of a name that is none of MOTChallenge's, one below NO_CLASS; "" where there is none."""
    word = cell.lower()
    if word in MISSING:
        return ""
    named = re.search("[A-Za-z]", cell) is not None and word not in ("nan", "inf")
    if not named and not (header.labels and cell and not DECIMAL.fullmatch(cell)):
        return cell
    known = KINDS.get(re.sub("[^a-z]+", "_", word), NO_CLASS - 1 - len(header.classes))
    return str(header.classes.setdefault(cell, known))
