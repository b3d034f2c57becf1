"""movement: a VIA-tracks ``.csv``, read by ``load_bboxes.from_via_tracks_file(..., use_frame_numbers_from_file=True)``.

Without that argument movement counts frames from the first that has a box. Boxes, identities and scores; no masks.
"""

import csv
import io
import json
from pathlib import Path

from scalor.outputs.options import Options
from scalor.outputs.pixels import frames_of
from scalor.outputs.places import ending
from scalor.outputs.tracked import Tracked
from scalor.viz.export import write_text

HEAD = (
    "filename",
    "file_size",
    "file_attributes",
    "region_count",
    "region_id",
    "region_shape_attributes",
    "region_attributes",
)


def write(tracked: Tracked, out: Path, options: Options) -> None:
    """Write the table: one region per row, its frame number (from 0) in the file name."""
    tracks = tracked.tracks
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(HEAD)
    # The reader finds the number by its leading zero, so there is always one.
    digits = max(6, len(str(tracks.length)) + 1)
    for frame, rows in enumerate(frames_of(tracks)):
        for number, row in enumerate(rows.tolist()):
            box = dict(zip(("x", "y", "width", "height"), tracks.box_tlwh[row].tolist(), strict=True))
            about = {"track": str(tracks.id[row]), "confidence": str(tracks.score[row])}
            name = f"{tracked.name}_{frame:0{digits}d}.png"
            cells = [name, 0, "{}", len(rows), number, json.dumps({"name": "rect", **box}), json.dumps(about)]
            table.writerow(cells)
    write_text(ending(out, ".csv", "movement"), text.getvalue())
