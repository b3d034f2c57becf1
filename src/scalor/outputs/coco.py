"""COCO: one JSON of images and annotations. COCO knows no tracks: ``track_id`` of an annotation is our identity.

``videos`` and ``video_id`` are those of the YouTube-VIS dialect, ``frame_id`` counts from 0. Images and annotations are
numbered from 1, since readers take an annotation 0 for none. Boxes and masks are ours, unchanged.
"""

import json
from pathlib import Path
from typing import Any

from scalor.core.words import counted
from scalor.outputs.options import Options
from scalor.outputs.pixels import area, without_mask
from scalor.outputs.places import ending
from scalor.outputs.tracked import Tracked
from scalor.viz.export import write_text


def write(tracked: Tracked, out: Path, options: Options) -> None:
    """Write the JSON. The ``segmentation`` of a row without a mask, or with one that shows no pixel, is its box, as a
    polygon, which is said."""
    bare = len(tracked.tracks) if tracked.tracks.masks is None else without_mask(tracked.tracks)
    if bare:
        options.say(f"{counted(bare, 'row')} without a mask, or with an empty one: the segmentation there is the box")
    height, width = tracked.size
    name = tracked.name
    content = {
        "info": {"description": f"tracks of {name}"},
        "videos": [{"id": 1, "name": name, "width": width, "height": height, "length": tracked.tracks.length}],
        "categories": [{"id": 1, "name": options.label}],
        "images": [
            {
                "id": frame + 1,
                "video_id": 1,
                "frame_id": frame,
                "file_name": f"{name}/{frame:06d}.jpg",
                "width": width,
                "height": height,
            }
            for frame in range(tracked.tracks.length)
        ],
        "annotations": [_annotation(tracked, row) for row in range(len(tracked.tracks))],
    }
    write_text(ending(out, ".json", "coco"), json.dumps(content, separators=(",", ":")) + "\n")


def _annotation(tracked: Tracked, row: int) -> dict[str, Any]:
    tracks = tracked.tracks
    box = x, y, w, h = tracks.box_tlwh[row].tolist()
    rle = tracks.masks[row] if tracks.masks is not None else None
    pixels = area(rle)
    return {
        "id": row + 1,
        "image_id": int(tracks.frame[row]) + 1,
        "video_id": 1,
        "category_id": 1,
        "track_id": int(tracks.id[row]),
        "bbox": box,
        "area": pixels or box[2] * box[3],
        "iscrowd": 0,
        "score": float(tracks.score[row]),
        "segmentation": rle if pixels else [[x, y, x + w, y, x + w, y + h, x, y + h]],
    }
