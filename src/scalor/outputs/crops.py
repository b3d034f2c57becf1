"""A folder per track with what is inside its box, frame by frame: ``ID/FRAME.png``, the mask as transparency."""

from pathlib import Path

import numpy as np

from scalor.core.tracks import FIRST_FRAME
from scalor.outputs.footage import footage_of, inner_boxes, rows_by_frame
from scalor.outputs.options import Options
from scalor.outputs.pixels import decoded
from scalor.outputs.places import new_folder
from scalor.outputs.tracked import Tracked


def write(tracked: Tracked, out: Path, options: Options) -> None:
    """Write the folders. Boxes are widened to whole pixels and cut to the frame; transparent pixels keep colours."""
    from PIL import Image

    source = footage_of(tracked, options.video, "crops")
    with new_folder(out) as folder:
        for frame, image, rows in rows_by_frame(source, tracked.tracks):
            if image is None:
                continue
            for number in range(len(rows)):
                row = rows.select(np.array([number]))
                for left, top, right, bottom in inner_boxes(row, image.shape[:2]).tolist():
                    picture = image[top:bottom, left:right]
                    rle = row.masks[0] if row.masks is not None else None
                    if rle is not None:
                        shown = decoded(rle)[top:bottom, left:right]
                        picture = np.dstack([picture, shown.astype(np.uint8) * 255])
                    place = folder / str(row.id[0])
                    place.mkdir(exist_ok=True)
                    Image.fromarray(np.ascontiguousarray(picture)).save(place / f"{frame + FIRST_FRAME:06d}.png")
