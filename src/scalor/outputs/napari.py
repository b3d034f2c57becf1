"""napari: ``labels.tif`` (identity + 1 per pixel), ``tracks.csv`` (track_id, t, y, x), ``boxes.csv``, and ``show.py``.

napari calls the centre of the first pixel 0. ``boxes.csv`` is a Shapes layer as napari itself saves one. ``show.py``
opens all of it; ``python show.py VIDEO_FRAMES`` puts a folder of frames below.
"""

from pathlib import Path

import numpy as np

from scalor.outputs.options import Options
from scalor.outputs.pixels import CENTER, frames_of, label_image, refuse_large
from scalor.outputs.places import library, new_folder
from scalor.outputs.tracked import Tracked
from scalor.viz.export import write_text

SHOW = '''"""Open the tracks beside this file in napari."""

import sys
from pathlib import Path

import napari
import numpy as np
import tifffile

here = Path(__file__).parent
viewer = napari.Viewer()
if len(sys.argv) > 1:
    viewer.open(sys.argv[1:], stack=True)
if (here / "labels.tif").exists():
    viewer.add_labels(tifffile.imread(here / "labels.tif"), name="objects")
viewer.open(here / "boxes.csv")
table = np.loadtxt(here / "tracks.csv", delimiter=",", skiprows=1, ndmin=2)
if len(table):
    viewer.add_tracks(table, name="tracks")
napari.run()
'''


def write(tracked: Tracked, out: Path, options: Options) -> None:
    """Write the folder; without masks there is no ``labels.tif``."""
    tifffile = library("tifffile", extra="export")
    tracks = tracked.tracks
    refuse_large(tracks, np.iinfo(np.uint32).max - 1, "napari")
    with new_folder(out) as folder:
        if tracks.masks is not None and tracks.length:
            shape = (tracks.length, *tracked.size)
            pages = (_page(tracked, rows) for rows in frames_of(tracks))
            tifffile.imwrite(folder / "labels.tif", pages, shape=shape, dtype=np.uint32, compression="zlib")
        order = np.lexsort((tracks.frame, tracks.id))
        x, y = (tracks.center[order] - CENTER).T
        rows = zip(tracks.id[order].tolist(), tracks.frame[order].tolist(), y.tolist(), x.tolist(), strict=True)
        lines = "".join(f"{identity},{frame},{y:.3f},{x:.3f}\n" for identity, frame, y, x in rows)
        write_text(folder / "tracks.csv", "track_id,t,y,x\n" + lines)
        write_text(folder / "boxes.csv", _boxes(tracked))
        write_text(folder / "show.py", SHOW)


def _page(tracked: Tracked, rows: np.ndarray) -> np.ndarray:
    masks = tracked.masks("napari")
    return label_image([masks[row] for row in rows], tracked.tracks.id[rows] + 1, tracked.size)


def _boxes(tracked: Tracked) -> str:
    tracks = tracked.tracks
    lines = ["index,shape-type,vertex-index,axis-0,axis-1,axis-2"]
    for row, (left, top, width, height) in enumerate((tracks.box_tlwh - [CENTER, CENTER, 0, 0]).tolist()):
        corners = ((top, left), (top, left + width), (top + height, left + width), (top + height, left))
        lines += [
            f"{row},rectangle,{corner},{tracks.frame[row]},{y:.3f},{x:.3f}" for corner, (y, x) in enumerate(corners)
        ]
    return "\n".join(lines) + "\n"
