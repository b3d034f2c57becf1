"""TrackMate (Fiji): an ``.xml`` that *Plugins > Tracking > Load a TrackMate file* opens.

A spot is named by our identity and lies at the centre of its box, where TrackMate calls the centre of the first pixel
0; its outline is that of the largest part of the mask. Our box stands in the
features BOX_LEFT, BOX_TOP, BOX_WIDTH and BOX_HEIGHT.
"""

import math
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np

from scalor.outputs.footage import place_of
from scalor.outputs.options import Options
from scalor.outputs.pixels import CENTER, area, decoded, frames_of, outline, refuse_large, steps_of
from scalor.outputs.places import ending
from scalor.outputs.tracked import Tracked
from scalor.viz.export import atomic_path

SPOT = {
    "QUALITY": ("Quality", "QUALITY", False),
    "POSITION_X": ("X", "POSITION", False),
    "POSITION_Y": ("Y", "POSITION", False),
    "POSITION_Z": ("Z", "POSITION", False),
    "POSITION_T": ("T", "TIME", False),
    "FRAME": ("Frame", "NONE", True),
    "RADIUS": ("Radius", "LENGTH", False),
    "VISIBILITY": ("Visibility", "NONE", True),
    "BOX_LEFT": ("Box left", "POSITION", False),
    "BOX_TOP": ("Box top", "POSITION", False),
    "BOX_WIDTH": ("Box width", "LENGTH", False),
    "BOX_HEIGHT": ("Box height", "LENGTH", False),
}
EDGE = {"SPOT_SOURCE_ID": ("Source spot ID", "NONE", True), "SPOT_TARGET_ID": ("Target spot ID", "NONE", True)}
TRACK = {"TRACK_INDEX": ("Track index", "NONE", True), "TRACK_ID": ("Track ID", "NONE", True)}


NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What names of files may hold and XML not: control characters, and bytes of other encodings."""


def write(tracked: Tracked, out: Path, options: Options) -> None:
    """Write the XML in pixels and seconds. A track of one spot has no edge; TrackMate shows its spot alone."""
    refuse_large(tracked.tracks, np.iinfo(np.int32).max, "trackmate")
    root = ET.Element("TrackMate", version="7.11.1")
    model = ET.SubElement(root, "Model", spatialunits="pixel", timeunits="sec")
    declared = ET.SubElement(model, "FeatureDeclarations")
    for name, features in (("SpotFeatures", SPOT), ("EdgeFeatures", EDGE), ("TrackFeatures", TRACK)):
        group = ET.SubElement(declared, name)
        for feature, (title, dimension, whole) in features.items():
            about = {"feature": feature, "name": title, "shortname": title, "dimension": dimension}
            ET.SubElement(group, "Feature", about, isint=str(whole).lower())
    _spots(model, tracked)
    _edges(model, tracked)
    _settings(root, tracked, options)
    ET.indent(root)
    with atomic_path(ending(out, ".xml", "trackmate")) as staging:
        ET.ElementTree(root).write(staging, encoding="UTF-8", xml_declaration=True)


def _spots(model: ET.Element, tracked: Tracked) -> None:
    tracks = tracked.tracks
    everything = ET.SubElement(model, "AllSpots", nspots=str(len(tracks)))
    for frame, rows in enumerate(frames_of(tracks)):
        if not len(rows):
            continue
        group = ET.SubElement(everything, "SpotsInFrame", frame=str(frame))
        for row in rows.tolist():
            _spot(group, tracked, row)


def _spot(group: ET.Element, tracked: Tracked, row: int) -> None:
    tracks = tracked.tracks
    frame = int(tracks.frame[row])
    left, top, width, height = tracks.box_tlwh[row].tolist()
    x, y = left + width / 2, top + height / 2
    rle = tracks.masks[row] if tracks.masks is not None else None
    pixels = area(rle)
    values: dict[str, object] = {
        "ID": row,
        "name": tracks.id[row],
        "QUALITY": tracks.score[row],
        "POSITION_X": x - CENTER,
        "POSITION_Y": y - CENTER,
        "POSITION_Z": 0.0,
        "POSITION_T": tracked.times[frame],
        "FRAME": frame,
        "RADIUS": math.sqrt((pixels or width * height) / math.pi),
        "VISIBILITY": 1,
        "BOX_LEFT": left,
        "BOX_TOP": top,
        "BOX_WIDTH": width,
        "BOX_HEIGHT": height,
    }
    spot = ET.SubElement(group, "Spot", {key: str(value) for key, value in values.items()})
    if rle is not None and pixels:
        corners = outline(decoded(rle)) - np.array([x, y])
        spot.set("ROI_N_POINTS", str(len(corners)))
        spot.text = " ".join(f"{value:.3f}" for value in corners.reshape(-1))


def _edges(model: ET.Element, tracked: Tracked) -> None:
    tracks = tracked.tracks
    by_track: dict[int, list[tuple[int, int]]] = {}
    for source, target in zip(*(side.tolist() for side in steps_of(tracks)), strict=True):
        by_track.setdefault(int(tracks.id[source]), []).append((source, target))
    everything = ET.SubElement(model, "AllTracks")
    filtered = ET.SubElement(model, "FilteredTracks")
    for index, (identity, edges) in enumerate(by_track.items()):
        about = {"name": f"Track_{identity}", "TRACK_INDEX": str(index), "TRACK_ID": str(identity)}
        track = ET.SubElement(everything, "Track", about)
        for source, target in edges:
            ET.SubElement(track, "Edge", SPOT_SOURCE_ID=str(source), SPOT_TARGET_ID=str(target))
        ET.SubElement(filtered, "TrackID", TRACK_ID=str(identity))


def _settings(root: ET.Element, tracked: Tracked, options: Options) -> None:
    height, width = tracked.size
    settings = ET.SubElement(root, "Settings")
    video = options.video or place_of(tracked)
    image = {
        "filename": _spelled(video.name if video else tracked.name),
        "folder": _spelled(str(video.absolute().parent)) if video else "",
        "width": width,
        "height": height,
        "nslices": 1,
        "nframes": tracked.tracks.length,
        "pixelwidth": 1.0,
        "pixelheight": 1.0,
        "voxeldepth": 1.0,
        "timeinterval": 1 / tracked.fps,
    }
    ET.SubElement(settings, "ImageData", {key: str(value) for key, value in image.items()})


def _spelled(name: str) -> str:
    return NO_XML.sub(lambda letter: letter[0].encode("unicode_escape").decode("ascii"), name)
