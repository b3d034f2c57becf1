"""trackpy: a ``.csv`` that ``pandas.read_csv`` turns into the table its functions take.

Columns ``frame``, ``particle`` (our identity), ``x``, ``y`` (centre of the box; trackpy calls the centre of the first
pixel 0), ``mass`` (area of the mask, else of the box), ``size`` (radius of a disc of that area), and the box.
"""

import csv
import io
import math
from pathlib import Path

from scalor.core.words import counted
from scalor.outputs.options import Options
from scalor.outputs.pixels import CENTER, areas, without_mask
from scalor.outputs.places import ending
from scalor.outputs.tracked import Tracked
from scalor.viz.export import write_text


def write(tracked: Tracked, out: Path, options: Options) -> None:
    """Write the table, sorted by frame and particle."""
    tracks = tracked.tracks
    if bare := without_mask(tracks):
        rows = f"{counted(bare, 'row')} without a mask, or with an empty one,"
        options.say(f"{rows} among others with masks: mass and size are of the box")
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["frame", "particle", "x", "y", "mass", "size", "left", "top", "width", "height", "score"])
    boxes = zip(tracks.box_tlwh.tolist(), areas(tracks).tolist(), strict=True)
    for row, ((left, top, width, height), mass) in enumerate(boxes):
        x, y = left + width / 2 - CENTER, top + height / 2 - CENTER
        cells = [x, y, mass, math.sqrt(mass / math.pi), left, top, width, height, tracks.score[row]]
        table.writerow([int(tracks.frame[row]), int(tracks.id[row]), *(f"{value:.10g}" for value in cells)])
    write_text(ending(out, ".csv", "trackpy"), text.getvalue())
