"""MOTChallenge's files: clips as sequence folders, tables of tracks as text.

Files count frames from 1, `Tracks` from 0; nothing else is shifted: the left edge of the first pixel is 0.0 in both,
and identities are kept as they are. One line per object and frame:

    frame, id, left, top, width, height, confidence, class, visibility
"""

import configparser
import math
import os
from collections.abc import Iterator
from pathlib import Path

from scalor.core.files import new_folder
from scalor.core.tracks import Tracks
from scalor.data.clip import Clip
from scalor.errors import UserError

_COLUMNS = range(6, 13)
_Row = tuple[int, int, float, float, float, float, float, float]


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


def write_mot(tracks: Tracks, path: str | Path) -> None:
    """Write the table's rows to a file (boxes to 0.001 px, shares to 0.0001), moved into place when complete.

    The number of frames and the masks are not part of the format. Raises UserError where the place cannot be written.
    """
    path = Path(path)
    rows = zip(tracks.frame, tracks.id, tracks.box_tlwh, tracks.score, tracks.visibility, strict=True)
    lines = [_line(int(frame), int(identity), box.tolist(), score, seen) for frame, identity, box, score, seen in rows]
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
    return ",".join([str(frame + 1), str(identity), *numbers]) + "\n"


def read_mot(path: str | Path, *, length: int | None = None) -> Tracks:
    """Read tracks or ground truth: a text file, or a sequence folder with ``gt/gt.txt``.

    Lines have 6 to 12 columns parted by commas or blanks. Score is 1 where column 7 is missing or negative, visibility
    1 where column 9 is missing or not a share. The number of frames is ``length``, else that of the sequence folder's
    ``seqinfo.ini``, else the last frame that has a line. Raises UserError with the line's number where a line is wrong.
    """
    path = Path(path)
    file = path / "gt" / "gt.txt" if path.is_dir() else path
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"{file} cannot be read as text ({error}); wanted MOTChallenge lines; check the path"
        ) from error
    rows = list(_rows(text, file))
    last = max((row[0] for row in rows), default=-1) + 1
    announced = length if length is not None else _sequence_length(file)
    if announced is not None and last > announced:
        raise UserError(f"{file} speaks of frame {last} of a video of {announced} frames; give the file of that video")
    return Tracks.from_rows(rows, length=last if announced is None else announced)


def _rows(text: str, file: Path) -> Iterator[_Row]:
    first_line: dict[tuple[int, int], int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        place = f"{file} line {number}"
        row = _parse(line, place)
        key = row[:2]
        if key in first_line:
            raise UserError(
                f"{place} gives id {key[1]} in frame {key[0] + 1} again, as line {first_line[key]} does; "
                "wanted each id once per frame; remove one"
            )
        first_line[key] = number
        yield row


def _parse(line: str, place: str) -> _Row:
    cells = [cell.strip() for cell in line.split(",")] if "," in line else line.split()
    if len(cells) not in _COLUMNS:
        raise UserError(
            f"{place} has {len(cells)} columns; wanted frame, id, left, top, width, height and up to 6 more; correct it"
        )
    try:
        values = [float(cell) for cell in cells]
    except ValueError as error:
        raise UserError(f"{place} is {line.strip()[:80]!r}; wanted numbers only; correct it") from error
    if not all(map(math.isfinite, values[:6])):
        raise UserError(f"{place} has a value that is not finite; wanted plain numbers; correct it")
    frame, identity, left, top, width, height = values[:6]
    if not (frame.is_integer() and identity.is_integer() and frame >= 1 and max(frame, abs(identity)) < 2**53):
        raise UserError(
            f"{place} has frame {cells[0]} and id {cells[1]}; wanted whole numbers, frames from 1; correct it"
        )
    if width < 0 or height < 0:
        raise UserError(f"{place} has a box of {cells[4]} x {cells[5]} pixels; wanted no negative sides; correct it")
    score = values[6] if len(values) > 6 else 1.0
    visibility = values[8] if len(values) > 8 else 1.0
    score = min(score, 1.0) if score >= 0 else 1.0
    visibility = visibility if 0 <= visibility <= 1 else 1.0
    return int(frame) - 1, int(identity), left, top, width, height, score, visibility


def _sequence_length(file: Path) -> int | None:
    """What the ``seqinfo.ini`` of the sequence folder round ``gt/gt.txt`` says, None where there is none."""
    info = file.parent.parent / "seqinfo.ini"
    if file.parent.name != "gt" or not info.is_file():
        return None
    parser = configparser.ConfigParser()
    try:
        parser.read_string(info.read_text())
        return parser.getint("Sequence", "seqLength", fallback=None)
    except (configparser.Error, ValueError, OSError) as error:
        raise UserError(
            f"{info} cannot be understood ({error}); wanted [Sequence] with seqLength; correct it"
        ) from error
