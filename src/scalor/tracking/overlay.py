"""The film of a tracking, drawn while it runs: it holds few pictures and the trails of the objects in the last."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from scalor.data.source import Frame, VideoSource
from scalor.tracking.masks import Crops
from scalor.tracking.pipeline import beside
from scalor.tracking.report import FrameResult
from scalor.viz.draw import TRAIL, draw_boxes, draw_masks, draw_trails, enlarged
from scalor.viz.export import video_writer

OVERLAY = "overlay.mp4"
SIDES = (256, 1280)
"""The longer side of the film is brought between these two."""


class Overlay:
    """Draws frames of ``size`` (height, width); one without a picture repeats the last, darkened."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._zoom = min(SIDES[1] / max(size), max(1, SIDES[0] // max(size)))
        self._trails: dict[int, list[tuple[float, float]]] = {}
        self._last = enlarged(np.zeros((*size, 3), np.uint8), self._zoom)

    def draw(self, frame: Frame, result: FrameResult, crops: Crops) -> np.ndarray:
        """The next picture, uint8 [H, W, 3]; ``crops`` are the masks of ``result``."""
        if frame.image is None:
            return self._last // 3
        centers = result.box_tlwh[:, :2] + result.box_tlwh[:, 2:] / 2
        here = zip(result.ids.tolist(), centers.tolist(), strict=True)
        self._trails = {i: [*self._trails.get(i, []), (center[0], center[1])][-TRAIL:] for i, center in here}
        image = enlarged(frame.image, self._zoom)
        draw_masks(image, result.ids, crops.patches, crops.corners, crops.size)
        draw_trails(image, self._trails, zoom=self._zoom)
        draw_boxes(image, result.tracks(), zoom=self._zoom)
        self._last = image
        return image


@contextmanager
def overlay_in(
    folder: Path, source: VideoSource, *, wanted: bool = True
) -> Iterator[Callable[[Frame, FrameResult, Crops], None] | None]:
    """Takes one frame after the other into ``overlay.mp4``, complete when the block ends; None where it is not wanted.

    Pictures are drawn where frames are handed over and encoded in a thread beside.
    """
    if not wanted:
        yield None
        return
    overlay = Overlay((source.height, source.width))
    with video_writer(folder / OVERLAY, fps=source.fps) as film, beside(film.write) as encoder:
        yield lambda frame, result, crops: encoder.put(overlay.draw(frame, result, crops))
