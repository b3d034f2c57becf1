"""A film of the tracks in a style of one's own, with objects or their surroundings made unrecognisable if wanted."""

from pathlib import Path

import numpy as np

from scalor.outputs.footage import blurred, footage_of, rows_by_frame, without_masks
from scalor.outputs.options import Options
from scalor.outputs.places import ending
from scalor.outputs.tracked import Tracked
from scalor.viz.draw import TRAIL, draw_overlay
from scalor.viz.export import video_writer

SIDES = (256, 1280)
"""The longer side of the film is brought between these two."""


def write(tracked: Tracked, out: Path, options: Options) -> None:
    """Write the mp4; a frame that could not be read repeats the last picture, darkened."""
    source = footage_of(tracked, options.video, "video")
    target = ending(out, ".mp4", "video")
    longer = max(tracked.size)
    zoom = min(SIDES[1] / longer, max(1, SIDES[0] // longer))
    trails: dict[int, list[tuple[float, float]]] = {}
    last = np.zeros((*(round(side * zoom) for side in tracked.size), 3), np.uint8)
    with video_writer(target, fps=source.fps) as film:
        for _, image, rows in rows_by_frame(source, tracked.tracks):
            if image is None:
                film.write(last // 3)
                continue
            here = zip(rows.id.tolist(), rows.center.tolist(), strict=True)
            trails = {name: [*trails.get(name, []), (center[0], center[1])][-TRAIL:] for name, center in here}
            last = draw_overlay(
                blurred(image, rows, options.blur),
                rows if "masks" in options.style else without_masks(rows),
                trails=trails if "trails" in options.style else None,
                zoom=zoom,
                labels="ids" in options.style,
                boxes="boxes" in options.style,
            )
            film.write(last)
