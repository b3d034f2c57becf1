"""The film of tracks, drawn frame by frame: it holds one picture and the trails of the objects in it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from scalor.core.tracks import Tracks
from scalor.data.source import Frame, VideoSource
from scalor.outputs.pixels import decoded
from scalor.tracking.masks import Crops
from scalor.tracking.pipeline import beside
from scalor.viz.draw import TRAIL, draw_boxes, draw_masks, draw_trails, enlarged
from scalor.viz.export import video_writer

OVERLAY = "overlay.mp4"
SIDES = (256, 1280)
"""The longer side of the film is brought between these two."""
PARTS = ("masks", "boxes", "ids", "trails")


class Overlay:
    """Draws frames of ``size`` (height, width); one without a picture repeats the last, darkened."""

    def __init__(self, size: tuple[int, int], parts: Sequence[str] = PARTS) -> None:
        self._zoom = min(SIDES[1] / max(size), max(1, SIDES[0] // max(size)))
        self._parts = frozenset(parts)
        self._trails: dict[int, list[tuple[float, float]]] = {}
        self._last = enlarged(np.zeros((*size, 3), np.uint8), self._zoom)

    def draw(self, image: np.ndarray | None, rows: Tracks, crops: Crops) -> np.ndarray:
        """The next picture, uint8 [H, W, 3], of a frame, its rows and their masks."""
        if image is None:
            return self._last // 3
        here = zip(rows.id.tolist(), rows.center.tolist(), strict=True)
        self._trails = {i: [*self._trails.get(i, []), (center[0], center[1])][-TRAIL:] for i, center in here}
        drawn = enlarged(image, self._zoom)
        if "masks" in self._parts:
            draw_masks(drawn, rows.id, crops.patches, crops.corners, crops.size)
        if "trails" in self._parts:
            draw_trails(drawn, self._trails, zoom=self._zoom)
        draw_boxes(drawn, rows, zoom=self._zoom, labels="ids" in self._parts, boxes="boxes" in self._parts)
        self._last = drawn
        return drawn


def crops_of(rows: Tracks, size: tuple[int, int]) -> Crops:
    """The stored masks of a frame's rows; a row without one has an empty patch."""
    nothing = np.zeros((0, 0), bool)
    patches = tuple(nothing if rle is None else decoded(rle) for rle in rows.masks or [None] * len(rows))
    return Crops(patches, np.zeros((len(rows), 2), np.int64), size)


@contextmanager
def overlay_in(
    folder: Path, source: VideoSource, *, wanted: bool = True
) -> Iterator[Callable[[Frame, Tracks, Crops], None] | None]:
    """Takes one frame after the other into ``overlay.mp4``, complete when the block ends; None where it is not wanted.

    Pictures are drawn where frames are handed over and encoded in a thread beside.
    """
    if not wanted:
        yield None
        return
    overlay = Overlay((source.height, source.width))

    def written(shown: tuple[np.ndarray, float]) -> None:
        film.write(shown[0], time=shown[1])

    with (
        video_writer(folder / OVERLAY, fps=source.fps) as film,
        beside(written) as encoder,
    ):
        yield lambda frame, rows, crops: encoder.put((overlay.draw(frame.image, rows, crops), frame.time))
