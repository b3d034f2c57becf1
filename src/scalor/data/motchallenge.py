"""MOTChallenge's files: clips as sequence folders, tables of tracks as text.

Files count frames and pixels from 1, as the benchmark does: the left edge of a picture is at 1. `Tracks` counts both
from 0 (docs/adr/0007). Identities are kept as they are. One line per object and frame:

    frame, id, left, top, width, height, confidence, class, visibility
"""

import os
import re
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scalor.core.files import new_folder
from scalor.core.tracks import FIRST_FRAME, FIRST_PIXEL, Tracks
from scalor.data.clip import Clip
from scalor.data.mot_cells import NO_CLASS
from scalor.data.mot_rows import Row, once_per_frame, read_dialect, read_rows
from scalor.data.seqinfo import sequence_info, sequence_length
from scalor.errors import UserError

PEDESTRIAN = 1
DISTRACTORS = frozenset({2, 7, 8, 12})
"""MOT16, 17 and 20: people on vehicles, static people, distractors, reflections; a tracker may follow them or not."""
MOT20, MOT20_DISTRACTORS = re.compile("MOT20([^0-9]|$)", re.IGNORECASE), DISTRACTORS | {6}
"""MOT20, known by the name of the sequence, has vehicles without motors beside."""

MOST_KINDS = 12
"""Of more classes, the first are told."""


def _silent(text: str) -> None:
    """What is said to nobody."""


@dataclass(frozen=True)
class TruthTable:
    """The boxes that are to be found, those on which a report is neither right nor wrong, and those in which it is
    neither (None: there are none)."""

    tracks: Tracks
    distractors: Tracks
    regions: Tracks | None = None


def write_clip(clip: Clip, folder: str | Path, *, min_visibility: float = 0.25) -> Path:
    """Write a clip with truth as ``img1/000001.png`` ..., ``gt/gt.txt`` and ``seqinfo.ini``; returns the folder.

    Objects of which less than ``min_visibility`` is seen have no line. The folder appears whole or not at all. Raises
    UserError where it exists already and is not empty, or cannot be written.
    """
    folder = Path(folder)
    with new_folder(folder) as staging:
        _fill(clip, staging, folder.name, min_visibility)
    return folder


def _fill(clip: Clip, folder: Path, name: str, min_visibility: float) -> None:
    from PIL import Image

    (folder / "img1").mkdir()
    for number, frame in enumerate(clip.video, start=1):
        picture = frame[0] if len(frame) == 1 else frame.permute(1, 2, 0)
        Image.fromarray(picture.contiguous().numpy()).save(folder / "img1" / f"{number:06d}.png")
    if clip.truth is not None:
        (folder / "gt").mkdir()
        write_mot(clip.truth.tracks(min_visibility), folder / "gt" / "gt.txt")
    frames, _, height, width = clip.video.shape
    entries = {
        "name": name,
        "imDir": "img1",
        "frameRate": f"{clip.fps:g}",
        "seqLength": frames,
        "imWidth": width,
        "imHeight": height,
        "imExt": ".png",
    }
    lines = ["[Sequence]", *(f"{key}={value}" for key, value in entries.items())]
    (folder / "seqinfo.ini").write_text("\n".join(lines) + "\n")


def write_mot(tracks: Tracks, path: str | Path, *, box_base: int = FIRST_PIXEL) -> None:
    """Write the table's rows to a file (boxes to 0.001 px, shares to 0.0001), moved into place when complete.

    ``box_base`` is what the left and top edge of the picture are called, 1 or, for some other tools, 0. The number of
    frames and the masks are not part of the format. Raises UserError where the place cannot be written.
    """
    path = Path(path)
    rows = zip(tracks.frame, tracks.id, tracks.box_tlwh, tracks.score, tracks.visibility, strict=True)
    shift = np.array([box_base, box_base, 0, 0])
    lines = [
        _line(int(frame), int(identity), (box + shift).tolist(), score, seen)
        for frame, identity, box, score, seen in rows
    ]
    staging = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        staging.write_text("".join(lines))
        os.replace(staging, path)
    except OSError as error:
        staging.unlink(missing_ok=True)
        raise UserError(f"{path} cannot be written ({error}); wanted a writable place; choose another") from error


def _line(frame: int, identity: int, box: list[float], score: float, visibility: float) -> str:
    # Adding 0.0 turns -0.0 into 0.0, so that equal tables give equal files.
    numbers = [f"{round(value, 3) + 0.0:.3f}" for value in box] + [f"{score:.4f}", "1", f"{visibility:.4f}"]
    return ",".join([str(frame + FIRST_FRAME), str(identity), *numbers]) + "\n"


def read_mot(
    path: str | Path, *, length: int | None = None, box_base: int | None = None, say: Callable[[str], None] = _silent
) -> Tracks:
    """Read every row of a file of tracks: MOTChallenge lines, ``tracks.csv``, or a folder with it or ``gt/gt.txt``.

    Lines have 6 to 12 columns parted by commas, tabs or blanks. Score is 1 where column 7 is missing or negative,
    visibility 1 where there is none (`mot_rows`). A file that has a frame 0 counts from 0. Of a truth, `read_truth`
    picks what counts.

    Args:
        path: a file, or a sequence folder.
        length: number of frames; None: that of the sequence folder's ``seqinfo.ini``, else the last frame with a line.
        box_base: 0 or 1, what the file calls the picture's left and top edge; None: 1, as the benchmark has it, unless
            the ``summary.json`` of a tracking lies beside it, or a frame 0 in it, and says otherwise.
        say: called with a sentence where a frame 0 decides that.

    Raises:
        UserError: with the line's number where a line is wrong.
    """
    file = _file(path)
    return _table(read_rows(file, box_base=box_base, say=say), file, length)


def read_truth(
    path: str | Path,
    *,
    classes: Collection[int] | None = None,
    length: int | None = None,
    box_base: int | None = None,
    say: Callable[[str], None] = _silent,
) -> TruthTable:
    """Read a truth by the benchmarks' rules: rows with flag 0 and of other classes are not to be found.

    Rows without a class count always. Where no classes are named, pedestrians are looked for, in VisDrone's and UAVDT's
    columns all classes, which is said, and so in a file that names classes and has none of pedestrians. With
    pedestrians, rows of the distractor classes of MOT16, 17 and 20 are kept aside. Otherwise as `read_mot`. Raises
    UserError also where rows are there and none counts.
    """
    file = _file(path)
    rows, dialect = read_dialect(file, box_base=box_base, say=say)
    if dialect is not None and classes is None:
        say(f"{file} {dialect.words()}")
    if classes and rows and all(row.kind == NO_CLASS for row in rows):
        say(f"{file} says no classes of its rows; all of them are scored, whatever --classes says")
    wanted = classes or ((PEDESTRIAN,) if dialect is None else dialect.classes)
    scored = [row for row in rows if row.counts]
    left = [row for row in scored if row.kind != NO_CLASS and row.kind not in wanted]
    unknown = any(row.kind < NO_CLASS and row.called for row in left)
    if unknown and not classes and not any(row.kind in wanted for row in scored):
        say(f"{file} has no pedestrians; its rows of all classes are scored ({_kinds(left)})")
        wanted, unknown = {row.kind for row in rows}, False
    kept = [row for row in scored if row.kind == NO_CLASS or row.kind in wanted]
    if rows and not kept:
        asked = ", ".join(map(str, sorted(wanted)))
        raise UserError(
            f"{file} has no row of class {asked} that counts ({_kinds(rows)}); name the classes with --classes"
        )
    if unknown:
        say(
            f"{file} has classes that are not asked for, and they are left out ({_kinds(left)}); a class that "
            "MOTChallenge does not know can be asked for once the file gives it a number (--classes)"
        )
    table = _table(kept, file, length)
    if dialect is None:
        distractors = MOT20_DISTRACTORS if _is_mot20(file) else DISTRACTORS
        aside = [row for row in rows if row.kind in distractors - set(wanted)] if PEDESTRIAN in wanted else []
        return TruthTable(table, _beside(aside, table))
    regions = [row for row in rows if row.kind == dialect.regions and row.kind not in wanted]
    others = [row for row in rows if row.kind != dialect.regions and not (row.counts and row.kind in wanted)]
    aside = [row for row in others if not row.counts or row.kind == dialect.aside]
    return TruthTable(table, _beside(aside, table), _beside(regions, table))


def _kinds(rows: list[Row]) -> str:
    """How many rows there are of which class, in words."""
    kinds = Counter("flag 0" if not row.counts else row.called or f"class {row.kind}" for row in rows)
    shown = [f"{count} rows of {kind}" if count > 1 else f"1 row of {kind}" for kind, count in sorted(kinds.items())]
    return ", ".join(shown[:MOST_KINDS]) + ", ..." * (len(shown) > MOST_KINDS)


def _is_mot20(file: Path) -> bool:
    """Whether the sequence has a name as MOT20-01: in its ``seqinfo.ini``, else that of its folder or file."""
    folder = file.absolute().parent.parent
    name = sequence_info(folder).get("name", folder.name) if file.parent.name == "gt" else file.stem
    return MOT20.match(name) is not None


def _beside(rows: list[Row], table: Tracks) -> Tracks:
    return _tracks(rows, max([table.length, *(row.frame + 1 for row in rows)]))


def _file(path: str | Path) -> Path:
    """What holds the rows: the file itself, that of a sequence folder, or that of a folder of ``scalor track``."""
    path = Path(path)
    if not path.is_dir():
        return path
    tracks, truth = path / "tracks.csv", path / "gt" / "gt.txt"
    if not truth.is_file() and not tracks.is_file():
        raise UserError(f"{path} has neither gt/gt.txt nor tracks.csv; a sequence or tracks are wanted; check the path")
    return truth if truth.is_file() else tracks


def _table(rows: list[Row], file: Path, length: int | None) -> Tracks:
    last = max((row.frame for row in rows), default=-1) + 1
    announced = (
        length if length is not None else sequence_length(file.parent.parent) if file.parent.name == "gt" else None
    )
    if announced is not None and last > announced:
        raise UserError(f"{file} speaks of frame {last} of a video of {announced} frames; give the file of that video")
    return _tracks(list(once_per_frame(rows)), last if announced is None else announced)


def _tracks(rows: list[Row], length: int) -> Tracks:
    cells = [(r.frame, r.id, r.left, r.top, r.width, r.height, r.score, r.visibility) for r in rows]
    return Tracks.from_rows(cells, length=length)
