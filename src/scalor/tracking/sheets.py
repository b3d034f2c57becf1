"""Tables and masks written while a video is tracked, row by row, so that no table has to fit into memory."""

import json
import shutil
from pathlib import Path
from types import TracebackType

from scalor.core.tracks import FIRST_FRAME, FIRST_PIXEL, Rle
from scalor.tracking.report import FrameResult

TRACKS_TXT, TRACKS_CSV, MASKS = "tracks.txt", "tracks.csv", "masks.json"
COLUMNS = "frame,id,left,top,width,height,center_x,center_y,score,visibility,time"


class Sheets:
    """``tracks.txt``, ``tracks.csv`` and ``masks.json`` of a folder, as `viz.export` makes them of whole tables.

    ``box_base`` is what the two tables call the left and top edge of the picture, 1 or 0; they count frames from 1.
    """

    def __init__(self, folder: Path, *, box_base: int = FIRST_PIXEL) -> None:
        self._folder, self._base = folder, box_base
        self.rows = 0
        self._txt = (folder / TRACKS_TXT).open("w", encoding="utf-8", newline="\n")
        self._csv = (folder / TRACKS_CSV).open("w", encoding="utf-8", newline="\n")
        self._body = (folder / f".{MASKS}").open("w+", encoding="utf-8", newline="\n")
        self._csv.write(COLUMNS + "\n")

    def __enter__(self) -> "Sheets":
        return self

    def add(self, result: FrameResult, rles: list[Rle], *, frame: int, time: float) -> None:
        """The rows of one frame, which is shown at ``time`` seconds; ``rles`` are its masks."""
        number, base = frame + FIRST_FRAME, self._base
        for row, rle in zip(result.rows(frame), rles, strict=True):
            _, name, left, top, width, height, score, seen = row
            box = f"{left + base:.2f},{top + base:.2f},{width:.2f},{height:.2f}"
            self._txt.write(f"{number},{name},{box},{score:.4f},-1,-1,-1\n")
            center = f"{left + width / 2 + base:.2f},{top + height / 2 + base:.2f}"
            self._csv.write(f"{number},{name},{box},{center},{score:.4f},{seen:.4f},{time:.6f}\n")
            annotation = {
                "frame": frame,
                "id": name,
                "bbox": [round(value, 2) for value in (left, top, width, height)],
                "score": round(score, 4),
                "segmentation": rle,
            }
            self._body.write(",\n" * (self.rows > 0) + json.dumps(annotation, separators=(",", ":")))
            self.rows += 1

    def finish(self, length: int) -> None:
        """The masks' file, which says first how many frames the video has."""
        self._body.seek(0)
        with (self._folder / MASKS).open("w", encoding="utf-8", newline="\n") as whole:
            whole.write(f'{{"length":{length},"annotations":[\n')
            shutil.copyfileobj(self._body, whole)
            whole.write("\n]}\n")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in (self._txt, self._csv, self._body):
            file.close()
        (self._folder / f".{MASKS}").unlink(missing_ok=True)
