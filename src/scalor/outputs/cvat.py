"""CVAT's *MOT 1.1*: a zip of ``gt/gt.txt`` and ``gt/labels.txt``. Boxes and identities; the format has no masks.

Frames and identities count from 1 (a track 0 is no track to its reader), so ours are written plus one.
"""

import zipfile
from pathlib import Path

from scalor.outputs.options import Options
from scalor.outputs.places import ending
from scalor.outputs.tracked import Tracked
from scalor.viz.export import atomic_path


def write(tracked: Tracked, out: Path, options: Options) -> None:
    """Write the zip: frame, id, left, top, width, height, 1, class, visibility."""
    tracks = tracked.tracks
    rows = zip(tracks.frame.tolist(), tracks.id.tolist(), tracks.box_tlwh.tolist(), tracks.visibility, strict=True)
    lines = [
        f"{frame + 1},{identity + 1},{box[0]:.2f},{box[1]:.2f},{box[2]:.2f},{box[3]:.2f},1,1,{seen:.4f}\n"
        for frame, identity, box, seen in rows
    ]
    with (
        atomic_path(ending(out, ".zip", "cvat")) as staging,
        zipfile.ZipFile(staging, "w", zipfile.ZIP_DEFLATED) as pack,
    ):
        pack.writestr("gt/gt.txt", "".join(lines))
        pack.writestr("gt/labels.txt", options.label + "\n")
