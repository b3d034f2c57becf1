"""A folder of short clips with the boxes of what is in them, as data sets of moving balls come."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scalor.core.tracks import Tracks
from scalor.data.motchallenge import read_mot
from scalor.data.video import open_video
from scalor.errors import UserError

FILMS = (".avi", ".mkv", ".mp4")


@dataclass(frozen=True)
class FolderClip:
    """Pictures uint8 [T, H, W, 3] and their truth."""

    name: str
    video: np.ndarray
    truth: Tracks


def read_clips(folder: str | Path, *, frames: int, most: int) -> list[FolderClip]:
    """The first ``frames`` frames of the first ``most`` clips of a folder, in the order of their names.

    Clips are either films beside a text of the same name (``clip_00.avi``, ``clip_00.txt``), whose lines ``frame, id,
    left, top, width, height, ...`` count frames from 1 and pixels from 0, or sequence folders with ``gt/gt.txt``, as
    ``scalor data`` writes them.

    Raises:
        UserError: no clip is there, one is too short or cannot be read whole, or its truth lacks those frames.
    """
    folder = Path(folder)
    places = sorted(place for place in folder.iterdir() if _truth_of(place) is not None) if folder.is_dir() else []
    if not places:
        raise UserError(
            f"{folder} holds no clip with a truth; films beside texts of their names (clip_00.avi, clip_00.txt), or "
            "folders that scalor data wrote, are wanted; check the path"
        )
    return [_read(place, frames) for place in places[:most]]


def _truth_of(place: Path) -> Path | None:
    text = place / "gt" / "gt.txt" if place.is_dir() else place.with_suffix(".txt")
    return text if text.is_file() and (place.is_dir() or place.suffix.lower() in FILMS) else None


def _read(place: Path, frames: int) -> FolderClip:
    pictures = []
    for frame in open_video(place):
        if frame.image is None:
            raise UserError(
                f"frame {frame.index + 1} of {place} cannot be decoded; whole clips are wanted; copy it anew"
            )
        pictures.append(frame.image)
        if len(pictures) == frames:
            break
    if len(pictures) < frames:
        raise UserError(f"{place} has {len(pictures)} frames; {frames} are wanted; use longer clips")
    text = _truth_of(place)
    assert text is not None
    table = read_mot(text, box_base=None if place.is_dir() else 0)
    if len(table) == 0 or table.length < frames:
        raise UserError(f"{text} speaks of {table.length} frames; {frames} are wanted; give the whole truth")
    return FolderClip(place.stem, np.stack(pictures), table.select(table.frame < frames))
