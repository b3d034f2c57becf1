"""The film of a tracking, drawn while it runs: it holds one picture and the trails of the objects in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from scalor.core.tracks import Rle
from scalor.data.source import Frame, VideoSource
from scalor.tracking.report import FrameResult
from scalor.viz.draw import TRAIL, draw_overlay
from scalor.viz.export import VideoWriter, video_writer

OVERLAY = "overlay.mp4"
SIDES = (256, 1280)
"""The longer side of the film is brought between these two."""


class Overlay:
    """Draws frames of ``size`` (height, width) into a film; one without a picture repeats the last, darkened."""

    def __init__(self, film: VideoWriter, size: tuple[int, int]) -> None:
        self._film = film
        self._zoom = min(SIDES[1] / max(size), max(1, SIDES[0] // max(size)))
        self._trails: dict[int, list[tuple[float, float]]] = {}
        self._last = draw_overlay(np.zeros((*size, 3), np.uint8), FrameResult.empty(0, size).tracks(), zoom=self._zoom)

    def add(self, frame: Frame, result: FrameResult, rles: list[Rle]) -> None:
        """The next frame; ``rles`` are the masks of ``result``."""
        if frame.image is None:
            self._film.write(self._last // 3)
            return
        centers = result.box_tlwh[:, :2] + result.box_tlwh[:, 2:] / 2
        here = zip(result.ids.tolist(), centers.tolist(), strict=True)
        self._trails = {i: [*self._trails.get(i, []), (center[0], center[1])][-TRAIL:] for i, center in here}
        self._last = draw_overlay(frame.image, result.tracks(rles), trails=self._trails, zoom=self._zoom)
        self._film.write(self._last)


@contextmanager
def overlay_in(folder: Path, source: VideoSource, *, wanted: bool = True) -> Iterator[Overlay | None]:
    """The overlay of a source as ``overlay.mp4``, complete when the block ends; None where it is not wanted."""
    if not wanted:
        yield None
        return
    with video_writer(folder / OVERLAY, fps=source.fps) as film:
        yield Overlay(film, (source.height, source.width))
