"""Boxes end where the empty scene is seen: a strip at an edge of a box in which nothing differs from it is no part."""

from dataclasses import replace

import numpy as np

from scalor.tracking.report import FrameResult


def trimmed(result: FrameResult, faint: np.ndarray) -> FrameResult:
    """The objects with boxes and masks without rows and columns at their edges in which nothing is ``faint``.

    What belongs to others counts as well, so that of what others hide nothing is cut off; a box in which nothing at all
    is seen stays as it is.

    Args:
        result: the objects of one frame.
        faint: bool [h, w], network pixels in view that differ from the empty scene beyond the noise, shadows left out.
    """
    tall, wide = result.masks.scale
    scale = np.array([wide, tall, wide, tall])
    box, patch = result.box_xyxy, result.masks.patch.copy()
    for number, (left, top, right, low) in enumerate((box / scale).tolist()):
        x, y = max(0, int(np.floor(left))), max(0, int(np.floor(top)))
        part = faint[y : max(y, int(np.ceil(low))), x : max(x, int(np.ceil(right)))]
        columns, rows = np.flatnonzero(part.any(axis=0)), np.flatnonzero(part.any(axis=1))
        if not len(columns):
            continue
        ends = np.array([x + columns[0], y + rows[0], x + columns[-1] + 1, y + rows[-1] + 1])
        box[number, :2] = np.maximum(box[number, :2], ends[:2] * scale[:2])
        box[number, 2:] = np.minimum(box[number, 2:], ends[2:] * scale[2:])
        corner = result.masks.corner[number]
        first, last = np.maximum(ends[1::-1] - corner, 0), np.maximum(ends[:1:-1] - corner, 0)
        kept = np.zeros_like(patch[number])
        kept[first[0] : last[0], first[1] : last[1]] = True
        patch[number] &= kept
    tlwh = np.concatenate([box[:, :2], box[:, 2:] - box[:, :2]], axis=1)
    return replace(result, box_tlwh=tlwh, masks=replace(result.masks, patch=patch))


def without_pixels_hidden(result: FrameResult) -> FrameResult:
    """The objects with visibility 0 where their mask has no pixel in the frame: what shows nowhere is hidden.

    How much of an object is seen is the share of its paint; paint may lie where the frame shows the empty scene, or
    others in front, and then grows or is trimmed to nothing.
    """
    seen = result.masks.moved(*result.shift).seen()
    return replace(result, visibility=np.where(seen, result.visibility, 0.0))
