"""Whether what was taken for an object is the empty scene under another light.

Where the sun comes out, or a cloth is lit, pixels differ from the empty scene but its edges stay: the slopes of the
frame are those of the scene. An object has slopes of its own, and hides the scene's.
"""

from dataclasses import replace

import numpy as np

from scalor.data.slopes import slopes
from scalor.tracking.report import FrameResult


class SceneSlopes:
    """The slopes of an empty scene uint8 [h, w, 3]."""

    def __init__(self, scene: np.ndarray) -> None:
        self.scene = slopes(scene)

    def compared(self, result: FrameResult, frame: np.ndarray) -> FrameResult:
        """The objects of a frame uint8 [h, w, 3] with ``alike``, in the pixels of their masks and around them."""
        if not len(result):
            return replace(result, alike=np.zeros(0))
        seen = slopes(frame)
        size = np.array(frame.shape[:2])
        found = np.zeros(len(result))
        for number, (patch, corner) in enumerate(zip(result.masks.patch, result.masks.corner, strict=True)):
            rows, columns = np.nonzero(_wider(patch))
            rows, columns = rows + corner[0] - 1, columns + corner[1] - 1
            inside = (rows >= 0) & (columns >= 0) & (rows < size[0]) & (columns < size[1])
            ours, theirs = (each[:, rows[inside], columns[inside]] for each in (seen, self.scene))
            found[number] = (ours * theirs).sum() / np.sqrt((ours**2).sum() * (theirs**2).sum() + 1e-6)
        return replace(result, alike=found)


def _wider(patch: np.ndarray) -> np.ndarray:
    """A mask bool [h, w] grown by a pixel: [h + 2, w + 2]."""
    import cv2

    return cv2.dilate(np.pad(patch, 1).view(np.uint8), np.ones((3, 3), np.uint8)) > 0
