"""Corrections of identities, made by a person, applied to a table of tracks.

A file of corrections has the columns ``action,id,other,first,last``; its rows are applied from top to bottom. Frames
count from 1 as in ``tracks.csv``; an empty ``first`` or ``last`` means the beginning or the end.

    swap     id and other change names in these frames
    merge    other becomes id in these frames
    split    id becomes other in these frames; where other is empty, a number that nobody has
    delete   the rows of id in these frames go
    relabel  id becomes other, which nobody may be called yet
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

import numpy as np

from scalor.core.texts import read_text
from scalor.core.tracks import FIRST_FRAME, Tracks
from scalor.data.mot_cells import SEPARATOR
from scalor.errors import UserError
from scalor.outputs.tracked import MOST

ACTIONS = ("swap", "merge", "split", "delete", "relabel")
COLUMNS = ("action", "id", "other", "first", "last")
REMARKS = ("note", "notes", "comment", "")
EMPTY = ("", "nan", "na", "none", "null")
NEEDS_OTHER = ("swap", "merge", "relabel")


@dataclass(frozen=True)
class Correction:
    """One row; frames from ``first`` to ``last``, both included (None: to the end), counted from 0 as in `Tracks`."""

    action: str
    id: int
    other: int | None = None
    first: int = 0
    last: int | None = None

    def __str__(self) -> str:
        end = "" if self.last is None else self.last + FIRST_FRAME
        return f"{self.action},{self.id},{'' if self.other is None else self.other},{self.first + FIRST_FRAME},{end}"


def read_corrections(path: str | PathLike[str]) -> list[Correction]:
    """The rows of a file. Raises UserError with the line's number where one cannot be understood."""
    file = Path(path)
    try:
        lines = read_text(file).splitlines()
    except (OSError, UnicodeError) as error:
        raise UserError(f"{file} cannot be read ({error}); a table {','.join(COLUMNS)} is wanted") from error
    skipped = 1 if lines and SEPARATOR.fullmatch(lines[0]) else 0
    lines = lines[skipped:]
    head = lines[0] if lines else ""
    table = csv.DictReader(lines, delimiter=max(",;\t", key=head.count))  # as spreadsheets like
    table.fieldnames = [name.strip().lower() for name in table.fieldnames or ()]
    # A column of another name, as frame, would be a correction that acts on all frames.
    if not {"action", "id"} <= set(table.fieldnames) <= {*COLUMNS, *REMARKS}:
        raise UserError(
            f"{file} begins with {head!r}; the columns {','.join(COLUMNS)} are wanted, and note if you like"
        )
    twice = [name for name in COLUMNS if table.fieldnames.count(name) > 1]
    if twice:
        raise UserError(f"{file} has the column {twice[0]} twice; each once is wanted; remove one")
    found = []
    for cells in table:
        beyond = any(cells.pop(None, None) or ())
        if not beyond and not any(cells.values()):  # rows of commas, as spreadsheets leave them
            continue
        try:
            if beyond:
                raise ValueError(f"it has more cells than the {len(table.fieldnames)} columns")
            found.append(_correction({key: (cells.get(key) or "").strip() for key in COLUMNS}))
        except ValueError as error:
            raise UserError(f"{file} line {table.line_num + skipped} is no correction ({error}); correct it") from error
    return found


def _correction(cells: dict[str, str]) -> Correction:
    action = cells["action"].lower()
    if action not in ACTIONS:
        raise ValueError(f"the action is {cells['action']!r}, one of {', '.join(ACTIONS)} is wanted")
    mine, other, first, last = (_whole(cells, name) for name in COLUMNS[1:])
    if mine is None:
        raise ValueError("the id is empty")
    if action in NEEDS_OTHER and other in (None, mine):
        raise ValueError(f"{action} wants another id in the column other")
    if action == "delete" and other is not None:
        raise ValueError(f"delete takes the rows of id alone, and other is {other}; leave it empty")
    if other is not None and other < 0:
        raise ValueError(f"other is {other}, and ids from 0 on are wanted")
    first = 0 if first is None else first - FIRST_FRAME
    last = None if last is None else last - FIRST_FRAME
    if first < 0 or (last is not None and last < first):
        raise ValueError(f"frames {cells['first']} to {cells['last']} are no range from {FIRST_FRAME} on")
    return Correction(action, mine, other, first, last)


def _whole(cells: dict[str, str], name: str) -> int | None:
    """A number of a column, None where it is empty. Tables with empty cells come back from pandas as 7.0 and NaN."""
    text = cells[name]
    if text.lower() in EMPTY:
        return None
    match = re.fullmatch(r"([+-]?\d{1,18})([.,]0*)?", text, re.ASCII)
    if match is None:
        raise ValueError(f"{name} is {text!r}, and a whole number is wanted")
    return int(match[1])


def corrected(tracks: Tracks, corrections: Sequence[Correction]) -> Tracks:
    """The table after all corrections; masks, scores and boxes stay with their rows.

    Raises:
        UserError: a correction speaks of an id that is not there, or would give an id twice in one frame.
    """
    known = set(tracks.id.tolist())
    for number, correction in enumerate(corrections, start=1):
        try:
            for name in (correction.id, correction.other) if correction.action in ("swap", "merge") else ():
                if name not in known:  # a slip: it would give a track a number that nobody has
                    raise ValueError(f"id {name} is nowhere in the tracks")
            before, tracks = tracks, _apply(tracks, correction)
            if correction.action == "delete":  # who is gone by another correction can be called back
                known.difference_update(before.id.tolist())
            known.update(tracks.id.tolist())
        except ValueError as error:
            raise UserError(f"correction {number} ({correction}) cannot be applied: {error}") from error
    return tracks


def _apply(tracks: Tracks, correction: Correction) -> Tracks:
    last = tracks.length - 1 if correction.last is None else correction.last
    span = (tracks.frame >= correction.first) & (tracks.frame <= last)
    mine = span & (tracks.id == correction.id)
    theirs = span & (tracks.id == correction.other) if correction.other is not None else np.zeros(len(tracks), bool)
    here = mine | theirs if correction.action == "swap" else theirs if correction.action == "merge" else mine
    if not here.any():
        missing = correction.other if correction.action == "merge" else correction.id
        raise ValueError(f"id {missing} has no row in these frames")
    if correction.action == "delete":
        return tracks.select(~mine)
    names = tracks.id.copy()
    if correction.action == "swap":
        names[mine], names[theirs] = correction.other, correction.id
    elif correction.action == "merge":
        names[theirs] = correction.id
    else:
        other = int(tracks.id.max()) + 1 if correction.other is None else correction.other
        if other >= MOST:
            raise ValueError(f"there is no number above {other - 1}; give one that is free in the column other")
        if other != correction.id and (tracks.id == other).any():
            raise ValueError(f"id {other} is there already; merge joins two, another number is free")
        names[mine] = other
    return _renamed(tracks, names)


def _renamed(tracks: Tracks, names: np.ndarray) -> Tracks:
    order = np.lexsort((names, tracks.frame))
    pairs = np.stack([tracks.frame[order], names[order]])
    twice = np.flatnonzero((np.diff(pairs, axis=1) == 0).all(axis=0))
    if len(twice):
        frame, name = pairs[:, twice[0]].tolist()
        raise ValueError(f"id {name} would be twice in frame {frame + FIRST_FRAME}")
    return replace(tracks, id=names).select(order)
