"""Tables and masks written row by row, so that no table has to fit into memory."""

import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType

from scalor.core.tracks import FIRST_FRAME, FIRST_PIXEL, Rle, Tracks
from scalor.outputs.pixels import frames_of

TRACKS_TXT, TRACKS_CSV, MASKS, TIMES = "tracks.txt", "tracks.csv", "masks.json", "times.csv"
COLUMNS = "frame,id,left,top,width,height,center_x,center_y,score,visibility,time"
EVEN = 1e-3
"""Seconds; frames that all stand less than this from where an even rate has them need no times of their own."""


class Sheets:
    """``tracks.txt`` (MOTChallenge rows), ``tracks.csv`` and ``masks.json`` (COCO run lengths) of a folder.

    The tables count frames from 1 and call the left and top edge of the picture ``box_base``, 1 or 0. The masks'
    file counts frames from 0 and holds its own boxes, left, top, width and height in source pixels. Where the rate is
    not ``fps`` throughout, ``times.csv`` has the seconds of every frame, those without rows too.
    """

    def __init__(self, folder: Path, *, fps: float, box_base: int = FIRST_PIXEL) -> None:
        self._folder, self._fps, self._base = folder, fps, box_base
        self.rows = self._masks = 0
        self._even = True
        self._txt = (folder / TRACKS_TXT).open("w", encoding="utf-8", newline="\n")
        self._csv = (folder / TRACKS_CSV).open("w", encoding="utf-8", newline="\n")
        self._body = (folder / f".{MASKS}").open("w+", encoding="utf-8", newline="\n")
        self._times = (folder / f".{TIMES}").open("w", encoding="utf-8", newline="\n")
        self._csv.write(COLUMNS + "\n")
        self._times.write("frame,time\n")

    def __enter__(self) -> "Sheets":
        return self

    def add(self, rows: Tracks, rles: Sequence[Rle | None], *, frame: int, time: float) -> None:
        """The rows of one frame, which is shown at ``time`` seconds; a row whose mask is None has none."""
        number, base = frame + FIRST_FRAME, self._base
        self._times.write(f"{number},{time:.6f}\n")
        self._even &= abs(time - frame / self._fps) < EVEN
        columns = (rows.id.tolist(), rows.box_tlwh.tolist(), rows.score.tolist(), rows.visibility.tolist(), rles)
        for name, (left, top, width, height), score, seen, rle in zip(*columns, strict=True):
            box = f"{left + base:.2f},{top + base:.2f},{width:.2f},{height:.2f}"
            self._txt.write(f"{number},{name},{box},{score:.4f},-1,-1,-1\n")
            center = f"{left + width / 2 + base:.2f},{top + height / 2 + base:.2f}"
            self._csv.write(f"{number},{name},{box},{center},{score:.4f},{seen:.4f},{time:.6f}\n")
            self.rows += 1
            if rle is None:
                continue
            annotation = {
                "frame": frame,
                "id": name,
                "bbox": [round(value, 2) for value in (left, top, width, height)],
                "score": round(score, 4),
                "segmentation": rle,
            }
            # One annotation a line: readable, and fit for tools that work by lines.
            self._body.write(",\n" * (self._masks > 0) + json.dumps(annotation, separators=(",", ":")))
            self._masks += 1

    def finish(self, length: int) -> None:
        """The masks' file, which says first how many frames the video has, and the times where the rate varies."""
        self._body.seek(0)
        with (self._folder / MASKS).open("w", encoding="utf-8", newline="\n") as whole:
            whole.write(f'{{"length":{length},"annotations":[\n')
            shutil.copyfileobj(self._body, whole)
            whole.write("\n" * (self._masks > 0) + "]}\n")
        if not self._even:
            self._times.close()
            (self._folder / f".{TIMES}").replace(self._folder / TIMES)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in (self._txt, self._csv, self._body, self._times):
            file.close()
        for name in (MASKS, TIMES):
            (self._folder / f".{name}").unlink(missing_ok=True)


def write_tables(
    folder: Path,
    tracks: Tracks,
    *,
    times: Iterable[float] | None = None,
    fps: float = 25.0,
    box_base: int = FIRST_PIXEL,
) -> None:
    """All files of a whole table; without ``times``, the seconds of every frame, its clock goes at ``fps``."""
    seconds = list(times) if times is not None else [frame / fps for frame in range(tracks.length)]
    with Sheets(folder, fps=fps, box_base=box_base) as sheets:
        for frame, rows in enumerate(frames_of(tracks)):
            here = tracks.select(rows)
            sheets.add(here, here.masks or [None] * len(here), frame=frame, time=seconds[frame])
        sheets.finish(tracks.length)
