"""The Cell Tracking Challenge: ``01_RES/mask000.tif`` ... (uint16 labels) and ``01_RES/res_track.txt``.

A track of the challenge has no gaps, so one of ours that is out of sight for a while becomes several labels, each the
parent of the next. ``labels.csv`` beside the folder says which identity a label is.
"""

from pathlib import Path

import numpy as np

from scalor.errors import UserError
from scalor.outputs.options import Options
from scalor.outputs.pixels import frames_of, label_image
from scalor.outputs.places import library, new_folder
from scalor.outputs.tracked import Tracked
from scalor.viz.export import write_text

MOST = np.iinfo(np.uint16).max


def write(tracked: Tracked, out: Path, options: Options) -> None:
    """Write the folder. Rows whose mask shows no pixel are gaps, since nothing of them could be drawn, and said."""
    tifffile = library("tifffile", extra="export")
    tracks, masks = tracked.tracks, tracked.masks("ctc")
    drawn = _drawn(tracked)
    if hidden := int((~drawn).sum()):
        options.say(f"{hidden} of {len(drawn)} rows show no pixel of their own, and are gaps in ctc")
    labels, lines = labelled(tracks.frame, tracks.id, drawn)
    if len(lines) > MOST:
        raise UserError(f"there are {len(lines)} tracks; ctc has room for {MOST}; export a part of the video")
    with new_folder(out) as folder:
        (folder / "01_RES").mkdir()
        digits = max(3, len(str(tracks.length - 1)))
        for frame, rows in enumerate(frames_of(tracks)):
            picture = label_image([masks[row] for row in rows], labels[rows], tracked.size)
            file = folder / "01_RES" / f"mask{frame:0{digits}d}.tif"
            tifffile.imwrite(file, picture.astype(np.uint16), compression="zlib")
        write_text(folder / "01_RES" / "res_track.txt", "".join(f"{a} {b} {c} {d}\n" for a, b, c, d, _ in lines))
        table = "".join(f"{label},{identity}\n" for label, _, _, _, identity in lines)
        write_text(folder / "labels.csv", "label,id\n" + table)


def _drawn(tracked: Tracked) -> np.ndarray:
    """Rows of which a pixel remains when the later of two overlapping masks wins: bool [R]."""
    masks, tracks = tracked.masks("ctc"), tracked.tracks
    seen = np.zeros(len(tracks), bool)
    for rows in frames_of(tracks):
        numbers = np.arange(1, len(rows) + 1)
        shown = np.unique(label_image([masks[row] for row in rows], numbers, tracked.size))
        seen[rows] = np.isin(numbers, shown)
    return seen


def labelled(frame: np.ndarray, identity: np.ndarray, drawn: np.ndarray) -> tuple[np.ndarray, list[tuple[int, ...]]]:
    """A label from 1 for every row (0 where nothing is drawn), and the lines (label, first, last, parent, identity)."""
    labels = np.zeros(len(frame), np.int64)
    lines: list[list[int]] = []
    current: dict[int, int] = {}
    for row in np.flatnonzero(drawn).tolist():
        name, now = int(identity[row]), int(frame[row])
        known = current.get(name)
        if known is None or lines[known - 1][2] < now - 1:
            lines.append([len(lines) + 1, now, now, known or 0, name])
            current[name] = len(lines)
        labels[row] = current[name]
        lines[current[name] - 1][2] = now
    return labels, [tuple(line) for line in lines]
